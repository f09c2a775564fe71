"""The ledger's finalized rows and the consented behaviour as the recommender's tables.

Users are called by their wallet's lower-case address, visitors without one `visitor:<id>`; campaigns by
`<chain id>:<lower-case address>`. No name, e-mail address or IP address is among the columns.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC
from functools import lru_cache
from typing import Any

import polars as pl
from django.db.models import F, Max, Q
from django.utils import timezone

from django_project.campaigns.models import Listing, Metadata
from django_project.core.addresses import format_hash
from django_project.discovery.models import BehaviourEvent, Erasure
from django_project.discovery.services import erasure_hash
from django_project.discovery.user_keys import visitor_key, wallet_key
from django_project.ledger.models import (
    Block,
    CampaignLaunched,
    Cancellation,
    Contribution,
    Cursor,
    Refund,
    TakeBack,
)
from django_project.ledger.selectors import currencies, currency_is_known
from recommender.data.dataset import item_text
from recommender.data.schema import EVENTS, IMPRESSIONS, ITEMS, TableFormat, Tables
from recommender.data.snapshot import ChainHead, Provenance
from recommender.registry.artifact_gates import ErasedUsers
from tasks.recommending.jobs import SkippedError

LEARNT_FROM = (CampaignLaunched, Contribution, Refund, TakeBack, Cancellation)


def provenance() -> Provenance:
    """What a snapshot taken now would hold.

    Raises:
        SkippedError: no chain has a finalized block yet.
    """
    finalized: dict[str, ChainHead] = {}
    newest = timezone.now()
    for cursor in Cursor.objects.filter(finalized_block__gte=0).select_related("chain").order_by("chain_id"):
        known = Block.objects.filter(chain=cursor.chain_id, number__lte=cursor.finalized_block)
        # Below the window blocks without events are not kept: the newest kept one has seen the same events.
        block = known.order_by("-number").first()
        digest = block.hash if block else cursor.chain.genesis_hash
        finalized[str(cursor.chain_id)] = ChainHead(
            number=cursor.finalized_block, hash=format_hash(digest) if digest else ""
        )
        # A local chain's clock may be ahead of ours.
        newest = max(newest, block.timestamp) if block else newest
    if not finalized:
        raise SkippedError("no chain has a finalized block yet: index one first")
    # Grows with each erasure and never falls, so that no two sets of people share a number.
    erasures = Erasure.objects.aggregate(last=Max("pk"))["last"] or 0
    return Provenance(
        finalized=finalized,
        behaviour_until=newest.astimezone(UTC),
        erasure_version=erasures,
        unknown_currencies=_unknown_currencies(),
    )


def is_anything_new(since: Provenance) -> bool:
    """Whether a snapshot taken now would hold other rows than one with this provenance.

    Blocks that became final without an event of ours are nothing new.
    """
    now = provenance()
    if (
        now.erasure_version != since.erasure_version
        or now.unknown_currencies != since.unknown_currencies
        or now.finalized.keys() != since.finalized.keys()
    ):
        return True
    behaviour = BehaviourEvent.objects.filter(
        received_at__gt=since.behaviour_until, visitor__consented_at__isnull=False
    )
    later = _final_rows(now) & ~_final_rows(since)
    texts_stored = Metadata.objects.filter(stored_at__gt=since.behaviour_until)
    found = (behaviour, texts_stored, *(model.objects.filter(later) for model in LEARNT_FROM))
    return any(rows.exists() for rows in found)


def tables(key: Provenance) -> Tables:
    """The rows that belong to a provenance, without those of whoever asked to be forgotten.

    Campaigns whose currency was not known then are left out, with all that was seen and done there.
    """
    final = _final_rows(key)
    forgotten, unpriced = erased_users().erased, _unpriced(key)
    return Tables(
        events=_frame(_kept(_events(key, final, unpriced), forgotten), EVENTS),
        items=_frame(_items(key, final, forgotten, unpriced), ITEMS),
        impressions=_frame(_kept(_impressions(key, unpriced), forgotten), IMPRESSIONS),
    )


def left_out(key: Provenance) -> dict[str, int]:
    """How many campaigns of a provenance are left out, by rule."""
    return {"campaign_of_unknown_currency": len(_unpriced(key))}


def erased_users() -> ErasedUsers:
    """Who asked to be forgotten, and who may have nothing left in a snapshot."""
    hashes = dict(Erasure.objects.order_by("is_whole").values_list("user_hash", "is_whole"))
    refunded = {
        erasure_hash(_hex(backer))
        for model in (Refund, TakeBack)
        for backer in model.objects.values_list("backer", flat=True).distinct().order_by()
    }
    return ErasedUsers(
        frozenset(digits for digits, is_whole in hashes.items() if is_whole), frozenset({*hashes, *refunded})
    )


def _kept(rows: Iterable[dict[str, Any]], forgotten: frozenset[str]) -> Iterator[dict[str, Any]]:
    if not forgotten:
        yield from rows
        return
    yield from (row for row in rows if _cached_hash(row["user_id"]) not in forgotten)


_cached_hash = lru_cache(maxsize=1 << 17)(erasure_hash)


def _final_rows(key: Provenance) -> Q:
    final = Q(pk__in=[])
    for chain_id, head in key.finalized.items():
        final |= Q(chain_id=int(chain_id), block_number__lte=head.number)
    return final


def _frame(rows: Iterable[dict[str, Any]], form: TableFormat) -> pl.DataFrame:
    listed = list(rows)
    schema = {name: kind for name, kind in form.columns.items() if not listed or name in listed[0]}
    return pl.DataFrame(listed, schema=schema)


def _events(key: Provenance, final: Q, unpriced: frozenset[str]) -> Iterator[dict[str, Any]]:
    known = currencies()
    # Who takes a pledge back has thought better of it: for learning that is a refund.
    for kind, model in (("contribute", Contribution), ("refund", TakeBack), ("refund", Refund)):
        rows = model.objects.filter(final).order_by("block_time", "chain_id", "block_number", "log_index")
        for chain_id, address, backer, token, amount, number, when in rows.values_list(
            "chain_id", "campaign__address", "backer", "token", "amount", "block_number", "block_time"
        ).iterator():
            item_id = _item_id(chain_id, address)
            if item_id in unpriced:
                continue
            yield {
                "user_id": _hex(backer),
                "item_id": item_id,
                "timestamp": when,
                "kind": kind,
                # How much, for learning; sums of money are made from base units elsewhere.
                "amount": int(amount) / 10 ** known[chain_id, bytes(token)].decimals,
                "minutes": None,
                "chain_id": chain_id,
                "block_number": number,
            }
    for row in _behaviour(key, BehaviourEvent.Kind.VIEW, unpriced):
        yield {
            "user_id": _user_id(row),
            "item_id": _item_id(row.chain_id, row.campaign_address),
            "timestamp": row.occurred_at,
            "kind": "view",
            "amount": None,
            "minutes": row.dwell_seconds / 60 if row.dwell_seconds else None,
            "chain_id": row.chain_id,
            "block_number": None,
        }


def _items(
    key: Provenance, final: Q, forgotten: frozenset[str], unpriced: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """Campaigns; whoever asked to be forgotten is not named as a publisher either."""
    closed = _closed_for_good(final)
    known = currencies()
    listings = Listing.objects.filter(
        launched__block_number__lte=_height(key), chain_id__in=[int(c) for c in key.finalized]
    ).select_related("launched", "metadata__category")
    for listing in listings.order_by("chain_id", "address"):
        launched, text = listing.launched, listing.metadata
        head = key.finalized.get(str(listing.chain_id))
        if launched is None or head is None or launched.block_number > head.number:
            continue
        address, publisher = bytes(listing.address), _hex(launched.creator)
        if _item_id(listing.chain_id, address) in unpriced:
            continue
        yield {
            "item_id": _item_id(listing.chain_id, address),
            "publisher_id": None if _cached_hash(publisher) in forgotten else publisher,
            "title": text.title,
            "description": _description(text),
            "category": text.category.slug,
            "language": text.language,
            "created_at": launched.start,
            "deadline": launched.deadline,
            "goal": int(launched.goal) / 10 ** known[listing.chain_id, bytes(launched.token)].decimals,
            "is_open": launched.deadline > key.behaviour_until and (listing.chain_id, address) not in closed,
        }


def _closed_for_good(final: Q) -> set[tuple[int, bytes]]:
    """Campaigns that are cancelled or have reached their cap, from which nobody can take anything back.

    A pause may end before the next training, and retiring a chain changes no finalized row: whoever shows a
    list leaves out what takes no contributions.
    """
    full = Contribution.objects.filter(final, campaign__cap__gt=0, total_raised__gte=F("campaign__cap"))
    return {
        (chain_id, bytes(address))
        for rows in (Cancellation.objects.filter(final), full)
        for chain_id, address in rows.values_list("campaign__chain_id", "campaign__address").order_by()
    }


def texts() -> list[str]:
    """Every stored campaign's text as encoders will read it."""
    return [item_text(text.title, _description(text)) for text in Metadata.objects.order_by("pk")]


def _description(text: Metadata) -> str:
    return f"{text.tagline}\n{text.story}".strip()


def _impressions(key: Provenance, unpriced: frozenset[str]) -> Iterator[dict[str, Any]]:
    for row in _behaviour(key, BehaviourEvent.Kind.IMPRESSION, unpriced):
        yield {
            "user_id": _user_id(row),
            "item_id": _item_id(row.chain_id, row.campaign_address),
            "timestamp": row.occurred_at,
            "slot": row.slot,
            "propensity": row.propensity,
            "model_version": row.model_version,
            # Whoever reported nothing, as pages once did, did not measure.
            "dwell": row.dwell_seconds or None,
        }


def _behaviour(key: Provenance, kind: str, unpriced: frozenset[str]) -> Iterator[BehaviourEvent]:
    """Observations of browsers that agree today, received before the cut-off, of priced campaigns."""
    rows = (
        BehaviourEvent.objects.filter(
            kind=kind, received_at__lte=key.behaviour_until, visitor__consented_at__isnull=False
        )
        .select_related("visitor")
        .order_by("occurred_at", "pk")
        .iterator(chunk_size=5_000)
    )
    return (row for row in rows if _item_id(row.chain_id, row.campaign_address) not in unpriced)


def _height(key: Provenance) -> int:
    return max(head.number for head in key.finalized.values())


def _unknown_currencies() -> tuple[str, ...]:
    """Those that campaigns are in and that are not known, as `<chain id>:<lower-case address>`."""
    unpriced = CampaignLaunched.objects.exclude(currency_is_known()).order_by()
    named = unpriced.values_list("chain_id", "token").distinct()
    return tuple(sorted(_item_id(chain_id, token) for chain_id, token in named))


def _unpriced(key: Provenance) -> frozenset[str]:
    """The campaigns of a provenance in a currency that was not known then."""
    if not key.unknown_currencies:
        return frozenset()
    launched = CampaignLaunched.objects.filter(_final_rows(key)).values_list("chain_id", "address", "token")
    return frozenset(
        _item_id(chain_id, address)
        for chain_id, address, token in launched
        if _item_id(chain_id, token) in key.unknown_currencies
    )


def _user_id(row: BehaviourEvent) -> str:
    return wallet_key(row.wallet_address) if row.wallet_address else visitor_key(row.visitor.public_id)


def _item_id(chain_id: int, address: bytes) -> str:
    return f"{chain_id}:{_hex(address)}"


def _hex(address: bytes) -> str:
    return "0x" + bytes(address).hex()
