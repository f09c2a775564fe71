"""A list for who has none in the published rankings: from what they backed, and looked at today."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import BooleanField, Value
from django.utils import timezone

from django_project.campaigns.selectors import CampaignKey, key_filter
from django_project.discovery.models import BehaviourEvent, ModelVersion, SimilarCampaign
from django_project.discovery.user_keys import read_user_key
from django_project.ledger.models import Contribution

SESSION = timedelta(days=1)
ALIKE_IN_WORDS = 400
BACKED_WEIGHT = 3.0
"""A contribution says as much as three visits."""


_Pair = tuple[int, bytes, int, bytes, float]
"""A campaign of the history, one near to it, and how near."""

_YES, _NO = (Value(flag, BooleanField()) for flag in (True, False))


@dataclass(frozen=True, slots=True)
class History:
    """What somebody did, by campaign."""

    backed: frozenset[CampaignKey] = frozenset()
    viewed: frozenset[CampaignKey] = frozenset()
    """In the last SESSION, with consent."""

    @property
    def keys(self) -> set[CampaignKey]:
        return {*self.backed, *self.viewed}


def history_of(user_key: str | None) -> History:
    """What a backer (0x address) or a visitor (`visitor:<id>`) did, in one query; empty for nobody."""
    if not user_key:
        return History()
    views = BehaviourEvent.objects.filter(
        kind=BehaviourEvent.Kind.VIEW,
        occurred_at__gte=timezone.now() - SESSION,
        visitor__consented_at__isnull=False,
    )
    seen = views.order_by().values_list("chain_id", "campaign_address", _NO)
    whose = read_user_key(user_key)
    if not isinstance(whose, bytes):
        found = list(seen.filter(visitor__public_id=whose).distinct())
    else:
        given = Contribution.objects.filter(backer=whose).order_by()
        backed = given.values_list("campaign__chain_id", "campaign__address", _YES)
        found = list(backed.union(seen.filter(wallet_address=whose)))
    pairs = [((chain_id, bytes(address)), is_backed) for chain_id, address, is_backed in found]
    supported = frozenset(key for key, is_backed in pairs if is_backed)
    return History(supported, frozenset(key for key, _ in pairs) - supported)


def nearest(version: ModelVersion, past: History) -> dict[CampaignKey, CampaignKey | None]:
    """Campaigns near to a history, nearest first, each with the backed one it is nearest to, if any is.

    The user's vector is the sum of the vectors of what they did; its product with a campaign's is the sum of
    the products, of which the published neighbours are the large ones. Where nothing of the history was there
    yet when the model learnt, the words of its titles stand in. One query or two, none without a
    history.
    """
    if not past.keys:
        return {}
    rows = SimilarCampaign.objects.filter(
        key_filter(past.keys, "of_chain_id", "of_address"), version=version
    ).values_list("of_chain_id", "of_address", "chain_id", "address", "score")
    return _combined(list(rows) or _alike_in_words(past), past)


def _combined(rows: Iterable[_Pair], past: History) -> dict[CampaignKey, CampaignKey | None]:
    scores: dict[CampaignKey, float] = {}
    origin: dict[CampaignKey, tuple[float, CampaignKey]] = {}
    for of_chain_id, of_address, chain_id, address, score in rows:
        key, of = (chain_id, bytes(address)), (of_chain_id, bytes(of_address))
        is_backed = of in past.backed
        scores[key] = scores.get(key, 0.0) + (BACKED_WEIGHT if is_backed else 1.0) * score
        if is_backed:
            origin[key] = max(origin.get(key, (score, of)), (score, of))
    order = sorted(scores, key=lambda key: (-scores[key], key))
    return {key: origin[key][1] if key in origin else None for key in order if scores[key] > 0}


_WORDS = r"""
WITH past AS (
    SELECT listing.chain_id, listing.address, (
        SELECT string_agg(
            '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''', ' | '
        )::tsquery
        FROM unnest(ts_filter(text.search, '{a}'))
    ) AS words
    FROM campaigns_listing listing JOIN campaigns_metadata text ON text.hash = listing.metadata_id
    WHERE (listing.chain_id, listing.address) IN (SELECT * FROM unnest(%s::bigint[], %s::bytea[]))
)
SELECT past.chain_id, past.address, other.chain_id, other.address, ts_rank(text.search, past.words, 1)
FROM past
JOIN campaigns_metadata text ON text.search @@ past.words
JOIN campaigns_listing other ON other.metadata_id = text.hash AND other.visibility = 'listed'
ORDER BY 5 DESC, 3, 4
LIMIT %s
"""


def _alike_in_words(past: History) -> list[_Pair]:
    """Listed campaigns whose texts hold words of a history's titles, by ts_rank over the text's length."""
    chains, addresses = zip(*past.keys, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_WORDS, [list(chains), list(addresses), ALIKE_IN_WORDS])
        return [row for row in cursor.fetchall() if (row[2], bytes(row[3])) not in past.keys]
