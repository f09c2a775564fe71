"""A pledge from the wallet to finality: what its page says, and what may still be paid.

What the ledger has is told at once, whatever the stored state still says; `services.reconcile` stores it.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypedDict

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from django_project.accounts.models import User
from django_project.campaigns.selectors import CampaignCard, cards_by_key
from django_project.campaigns.selectors.refund_terms import OWING
from django_project.core.addresses import format_address, format_hash
from django_project.core.money import format_units
from django_project.ledger.models import Chain, Contribution
from django_project.ledger.selectors import TokenInfo, gone_back, token_of
from django_project.pledges.models import PledgeIntent
from django_project.pledges.selectors import owed

if TYPE_CHECKING:
    # Only the type checker has the package.
    from django_stubs_ext import WithAnnotations

    class _Return(TypedDict):
        has_gone_back: bool

    Found = WithAnnotations[Contribution, _Return]

State = PledgeIntent.State

# Paid or perhaps paid, and not settled.
ON_THEIR_WAY = (State.ASKED, State.SUBMITTED, State.REORGED, State.CONFIRMED)
ON_THEIR_WAY_SHOWN = 10
# The wallet is asked right after a pledge was made; so long the report that it was may be late, or lost.
FRESH = timedelta(hours=1)

# What became of money that was given: nothing yet, it can be taken back, or it was.
Sequel = Literal["", "due", "taken-back"]


@dataclass(frozen=True, slots=True)
class PledgeStatus:
    """A pledge as its page shows it. Amounts are base units of the pledge's token.

    The `*_text` of amounts are empty while the token is not known. `indexed_block` is the newest block that
    was searched for it, -1 before there is one.
    """

    public_id: uuid.UUID
    state: str
    failure: str
    is_by_contract: bool
    card: CampaignCard | None
    chain_id: int
    campaign_address: str
    backer: str
    ref: str
    token: str
    token_symbol: str
    amount: int
    amount_text: str
    amount_plain: str
    tier_id: int
    reported_tx_hash: str
    tx_hash: str
    explorer_url: str
    indexed_block: int
    block_number: int | None
    confirmed_amount: int | None
    confirmed_amount_text: str
    confirmations: int
    confirmations_needed: int
    sequel: Sequel
    created_at: datetime
    updated_at: datetime

    @property
    def is_settled(self) -> bool:
        """Nothing more will change by itself, so that the page may stop asking."""
        return self.state in (State.FINAL, State.FAILED)

    @property
    def is_in_a_block(self) -> bool:
        return self.state in (State.CONFIRMED, State.FINAL)

    @property
    def awaits_a_block(self) -> bool:
        """The next block may change it, so that the page asks more often."""
        return self.state in (State.SUBMITTED, State.CONFIRMED, State.REORGED)

    @property
    def watched_tx_hash(self) -> str:
        """The transaction that the wallet named, while no block is known to hold it; else empty."""
        return self.reported_tx_hash if self.state in (State.SUBMITTED, State.REORGED) else ""

    @property
    def stays_given(self) -> bool:
        """Final, and nothing of it went back or is owed."""
        return self.state == State.FINAL and not self.sequel

    @property
    def can_start_again(self) -> bool:
        """Nothing was paid as far as anybody knows, and the campaign may still take a contribution."""
        is_failed = self.state == State.FAILED and self.failure != PledgeIntent.Failure.CLOSED
        return self.state == State.REJECTED or is_failed


@dataclass(frozen=True, slots=True)
class PledgeOnItsWay:
    """A pledge that may be paid and is not final yet. `amount_text` is what was asked for or confirmed."""

    public_id: uuid.UUID
    state: str
    card: CampaignCard
    amount_text: str


def for_user(user: User | AnonymousUser) -> QuerySet[PledgeIntent]:
    """The pledges an account may see: its own."""
    if not isinstance(user, User):
        return PledgeIntent.objects.none()
    return PledgeIntent.objects.filter(user=user)


def fulfilling() -> QuerySet[Contribution]:
    """The contributions that may fulfil the pledge of the outer query."""
    return Contribution.objects.filter(
        chain_id=OuterRef("chain_id"),
        campaign__address=OuterRef("campaign_address"),
        backer=OuterRef("backer"),
        ref=OuterRef("ref"),
    )


def under_way(user: User | AnonymousUser, chain_id: int, campaign_address: bytes) -> QuerySet[PledgeIntent]:
    """An account's pledges to a campaign that its wallet may have paid or may still pay, newest first.

    Those that the ledger has are none of them, whatever their state says.
    """
    asked_lately = Q(state=State.CREATED, created_at__gt=timezone.now() - FRESH)
    return (
        for_user(user)
        .filter(
            asked_lately | Q(state__in=(State.ASKED, State.SUBMITTED, State.REORGED)),
            ~Exists(fulfilling()),
            chain_id=chain_id,
            campaign_address=campaign_address,
        )
        .order_by("-created_at")
    )


def on_their_way(user: User | AnonymousUser) -> list[PledgeOnItsWay]:
    """An account's latest pledges that the network has not settled, newest first, in two queries.

    What went back to its backer meanwhile is left out.
    """
    gone = gone_back().filter(
        chain_id=OuterRef("chain_id"), block_number=OuterRef("block_number"), log_index=OuterRef("log_index")
    )
    unsettled = for_user(user).filter(~Exists(gone), state__in=ON_THEIR_WAY).order_by("-created_at")
    pledges = list(unsettled[:ON_THEIR_WAY_SHOWN])
    cards = cards_by_key((pledge.chain_id, pledge.campaign_address) for pledge in pledges)
    return [
        PledgeOnItsWay(
            public_id=pledge.public_id,
            state=pledge.state,
            card=card,
            amount_text=card.amount_text(
                pledge.amount if pledge.confirmed_amount is None else pledge.confirmed_amount
            ),
        )
        for pledge in pledges
        if (card := cards.get((pledge.chain_id, pledge.campaign_address)))
    ]


def pledge_status(intent: PledgeIntent) -> PledgeStatus:
    """Everything that the status page says about a pledge, in three queries, four without a card."""
    key = (intent.chain_id, intent.campaign_address)
    card = cards_by_key([key]).get(key)
    chain = Chain.objects.select_related("cursor").filter(pk=intent.chain_id).first()
    cursor = chain.cursor if chain is not None and hasattr(chain, "cursor") else None
    indexed, finalized = (cursor.next_block - 1, cursor.finalized_block) if cursor else (-1, -1)
    found = _found(intent)
    state = _state(intent, found, finalized)
    is_in_a_block = state in (State.CONFIRMED, State.FINAL)
    block_number = (found.block_number if found else intent.block_number) if is_in_a_block else None
    amount = (found.amount if found else intent.confirmed_amount) if is_in_a_block else None
    needed = (chain.finality_depth or max(1, indexed - finalized)) if chain is not None and cursor else 0
    confirmations = 0 if block_number is None else max(0, indexed - block_number + 1)
    tx_hash = found.tx_hash if found else intent.tx_hash
    token = card.token if card is not None else token_of(intent.chain_id, intent.token)
    return PledgeStatus(
        public_id=intent.public_id,
        state=state,
        failure=intent.failure if state == State.FAILED else "",
        is_by_contract=intent.is_by_contract,
        card=card,
        chain_id=intent.chain_id,
        campaign_address=format_address(intent.campaign_address),
        backer=format_address(intent.backer),
        ref=format_hash(intent.ref),
        token=format_address(intent.token),
        token_symbol=token.symbol if token else "",
        amount=intent.amount,
        amount_text=_text(intent.amount, token, grouping=True),
        amount_plain=_text(intent.amount, token, grouping=False),
        tier_id=intent.tier_id,
        reported_tx_hash=format_hash(intent.reported_tx_hash) if intent.reported_tx_hash else "",
        tx_hash=format_hash(tx_hash) if tx_hash else "",
        explorer_url=chain.explorer_url if chain else "",
        indexed_block=indexed,
        block_number=block_number,
        confirmed_amount=amount,
        confirmed_amount_text=_text(amount, token, grouping=True),
        confirmations=min(confirmations, needed),
        confirmations_needed=needed,
        sequel=_sequel(found, card),
        created_at=intent.created_at,
        updated_at=intent.updated_at,
    )


def _found(intent: PledgeIntent) -> "Found | None":
    """The contribution that fulfils a pledge, with `has_gone_back`, as far as the ledger goes now."""
    return (
        Contribution.objects.filter(
            chain_id=intent.chain_id,
            campaign__address=intent.campaign_address,
            backer=intent.backer,
            ref=intent.ref,
        )
        .annotate(has_gone_back=Exists(gone_back().filter(pk=OuterRef("pk"))))
        .order_by("block_number", "log_index")
        .first()
    )


def _state(intent: PledgeIntent, found: Contribution | None, finalized: int) -> str:
    """A rolled-back block's pledge is rechecked before anybody has written that down; so is a new block's."""
    if found is not None:
        return State.FINAL if found.block_number <= finalized else State.CONFIRMED
    return State.REORGED if intent.state == State.CONFIRMED else intent.state


def _text(amount: int | None, token: TokenInfo | None, *, grouping: bool) -> str:
    return "" if amount is None or token is None else format_units(amount, token.decimals, grouping=grouping)


def _sequel(found: "Found | None", card: CampaignCard | None) -> Sequel:
    """What became of a pledge's contribution since."""
    if found is None:
        return ""
    if found.has_gone_back:
        return "taken-back"
    if card is not None and card.status not in OWING:
        return ""
    return "due" if owed().filter(campaign=found.campaign_id, backer=found.backer).exists() else ""
