"""The life of a pledge.

    created, rejected ──▶ asked                     the browser's reports: hints about what the wallet did,
    created, asked ──▶ rejected                     which arrive late, twice, in any order or never
    created, asked, rejected, failed ──▶ submitted
    created, asked, submitted, reorged ──▶ failed   nodes say why it can't come any more
    failed (expired) ──▶ asked                      only nothing had been heard of it, until now
    all but final ──▶ confirmed                     the indexer has the contribution
    confirmed ──▶ reorged                           the chain took it back
    confirmed ──▶ final                             its block can't be taken back

Only `reconcile` confirms a pledge, and only from rows of the ledger. Every change
holds the pledge's row, because a browser's late report and the indexer's finding arrive at once.
"""

import secrets
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from django_project.accounts.models import User, Wallet
from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import CampaignDetail, detail_of, listing_by_key
from django_project.core.addresses import HASH_BYTES, format_address, parse_address
from django_project.core.screening import require_served
from django_project.ledger.models import Contribution
from django_project.ledger.selectors import finalized_block
from django_project.pledges.errors import (
    ClosedError,
    OwnCampaignError,
    PausedError,
    TooManyOpenError,
    UnderWayError,
    UnknownCurrencyError,
    WrongAccountError,
)
from django_project.pledges.following import for_user, fulfilling, under_way
from django_project.pledges.models import PledgeIntent
from django_project.pledges.terms import chosen_reward, require_acceptable

State = PledgeIntent.State

# What the indexer's finding may still confirm: everything but what it has confirmed already.
UNCONFIRMED = (
    State.CREATED,
    State.ASKED,
    State.REJECTED,
    State.SUBMITTED,
    State.FAILED,
    State.REORGED,
)
# While a report that something was sent still says something new.
AWAITING_WALLET = (State.CREATED, State.ASKED, State.REJECTED, State.SUBMITTED, State.FAILED)
# Not in the ledger, and may still come: in a pool of transactions, with a wallet's other signers, or nowhere.
OPEN = (State.CREATED, State.ASKED, State.SUBMITTED, State.REORGED)
# An account's, at a time: nodes are asked about each of them again and again.
MOST_OPEN = 20


@transaction.atomic
def create_intent(
    user: User, listing: Listing, amount: int, tier_id: int, backer: bytes, *, is_further: bool = False
) -> PledgeIntent:
    """Write down what a backer is about to send, before the wallet opens.

    `amount` is in base units of the campaign's token. The checks are the contract's own, made here to spare
    a failing transaction; the chain decides. `is_further` says that the backer knows of pledges to the
    campaign that may still be paid, and wants this one beside them. The wallet's row is held meanwhile, so
    that of two tabs that begin at once the second learns of the first.

    Raises:
        AddressRefusedError: the operator does not serve the address any more.
        WrongAccountError, OwnCampaignError, UnknownCurrencyError, ClosedError, PausedError, AmountError,
        RewardError, UnderWayError, TooManyOpenError: see each.
    """
    require_served(backer)
    detail = detail_of(listing_by_key(listing.chain_id, listing.address))
    wallet = Wallet.objects.select_for_update().filter(user=user, address=backer).first()
    if wallet is None:
        raise WrongAccountError
    if detail.card.creator == format_address(backer):
        raise OwnCampaignError
    _require_open(detail)
    require_acceptable(detail, amount, chosen_reward(detail, tier_id))
    if not is_further and under_way(user, listing.chain_id, listing.address).exists():
        raise UnderWayError
    if for_user(user).filter(~Exists(fulfilling()), state__in=OPEN).count() >= MOST_OPEN:
        raise TooManyOpenError
    return PledgeIntent.objects.create(
        user=user,
        chain_id=listing.chain_id,
        campaign_address=listing.address,
        backer=backer,
        ref=secrets.token_bytes(HASH_BYTES),
        token=parse_address(detail.token),
        amount=amount,
        tier_id=tier_id,
        is_by_contract=wallet.is_contract,
    )


@transaction.atomic
def report_opened(intent: PledgeIntent) -> PledgeIntent:
    """The browser says that it asks the wallet now: from here on it may be paid without another word.

    One that was rejected before is asked anew, or this report is late: what the wallet did is not known.
    """
    pledge = _locked(intent)
    if pledge.state in (State.CREATED, State.REJECTED) or pledge.failure == PledgeIntent.Failure.EXPIRED:
        pledge.state, pledge.failure = State.ASKED, ""
        pledge.save(update_fields=["state", "failure", "updated_at"])
    return pledge


@transaction.atomic
def report_submitted(intent: PledgeIntent, tx_hash: bytes) -> PledgeIntent:
    """The browser says that the wallet sent a transaction, or replaced it by another.

    A hash that nodes have judged already is no news.
    """
    pledge = _locked(intent)
    is_judged = pledge.state == State.FAILED and pledge.reported_tx_hash == tx_hash
    if pledge.state in AWAITING_WALLET and not is_judged:
        if pledge.reported_tx_hash != tx_hash:
            pledge.reported_nonce = pledge.missing_since = pledge.outrun_since = None
        pledge.state, pledge.failure, pledge.reported_tx_hash = State.SUBMITTED, "", tx_hash
        pledge.save(
            update_fields=[
                *("state", "failure", "reported_tx_hash", "reported_nonce"),
                *("missing_since", "outrun_since", "updated_at"),
            ]
        )
    return pledge


@transaction.atomic
def report_rejected(intent: PledgeIntent) -> PledgeIntent:
    """The browser says that the wallet's owner declined."""
    pledge = _locked(intent)
    if pledge.state in (State.CREATED, State.ASKED):
        pledge.state = State.REJECTED
        pledge.save(update_fields=["state", "updated_at"])
    return pledge


def record_findings(intent: PledgeIntent, now: datetime) -> None:
    """Keep what nodes told of a pledge's transaction, unless another one was reported meanwhile."""
    PledgeIntent.objects.filter(pk=intent.pk).update(looked_at=now)
    PledgeIntent.objects.filter(pk=intent.pk, reported_tx_hash=intent.reported_tx_hash).update(
        is_by_contract=intent.is_by_contract,
        reported_nonce=intent.reported_nonce,
        missing_since=intent.missing_since,
        outrun_since=intent.outrun_since,
    )


@transaction.atomic
def give_up(intent: PledgeIntent, failure: PledgeIntent.Failure) -> PledgeIntent:
    """It can't come any more, unless another transaction was reported meanwhile or the ledger has it."""
    pledge = _locked(intent)
    is_same = pledge.state in OPEN and pledge.reported_tx_hash == intent.reported_tx_hash
    if is_same and not PledgeIntent.objects.filter(Exists(fulfilling()), pk=pledge.pk).exists():
        pledge.state, pledge.failure = State.FAILED, failure
        pledge.save(update_fields=["state", "failure", "updated_at"])
    return pledge


@transaction.atomic
def reconcile(chain_id: int) -> int:
    """Bring a chain's pledges in line with its ledger; says how many changed.

    A contribution fulfils the one pledge with the same chain, campaign, backer and reference: a stranger who
    copies the reference is another backer, and a second contribution with it is an ordinary one. Running it
    again changes nothing.
    """
    _one_at_a_time(chain_id)
    pledges = PledgeIntent.objects.filter(chain_id=chain_id)
    return _take_back(pledges) + _confirm(pledges) + _finalize(pledges, finalized_block(chain_id))


def _locked(intent: PledgeIntent) -> PledgeIntent:
    return PledgeIntent.objects.select_for_update().get(pk=intent.pk)


def _one_at_a_time(chain_id: int) -> None:
    """Two reconciliations of a chain wait for each other instead of for each other's rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"pledges.reconcile:{chain_id}"]
        )


def _take_back(pledges: QuerySet[PledgeIntent]) -> int:
    same = fulfilling().filter(
        block_number=OuterRef("block_number"), log_index=OuterRef("log_index"), tx_hash=OuterRef("tx_hash")
    )
    return (
        pledges.filter(state=State.CONFIRMED)
        .exclude(Exists(same))
        .update(
            state=State.REORGED,
            block_number=None,
            log_index=None,
            confirmed_amount=None,
            updated_at=timezone.now(),
        )
    )


def _confirm(pledges: QuerySet[PledgeIntent]) -> int:
    first = fulfilling().order_by("block_number", "log_index").values("pk")[:1]
    found = (
        pledges.filter(state__in=UNCONFIRMED)
        .filter(Exists(fulfilling()))
        .annotate(contribution_id=Subquery(first))
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    confirmed = list(found)
    contributions = Contribution.objects.in_bulk([pledge.contribution_id for pledge in confirmed])
    for pledge in confirmed:
        contribution = contributions[pledge.contribution_id]
        pledge.state, pledge.failure = State.CONFIRMED, ""
        pledge.tx_hash = contribution.tx_hash
        pledge.block_number, pledge.log_index = contribution.block_number, contribution.log_index
        pledge.confirmed_amount = contribution.amount
        pledge.save(
            update_fields=[
                *(
                    "state",
                    "failure",
                    "tx_hash",
                    "block_number",
                    "log_index",
                    "confirmed_amount",
                    "updated_at",
                )
            ]
        )
    return len(confirmed)


def _finalize(pledges: QuerySet[PledgeIntent], finalized: int) -> int:
    return pledges.filter(state=State.CONFIRMED, block_number__lte=finalized).update(
        state=State.FINAL, updated_at=timezone.now()
    )


def _require_open(detail: CampaignDetail) -> None:
    if detail.card.token is None:
        raise UnknownCurrencyError
    if detail.card.closed_by == "paused":
        raise PausedError
    if not detail.accepts_contributions:
        raise ClosedError
