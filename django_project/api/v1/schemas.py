"""What the API answers with. Amounts are base units as decimal text: JSON numbers lose digits."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from django_project.campaigns import refund_words
from django_project.campaigns.selectors import (
    CampaignCard,
    CampaignDetail,
    Closing,
    ContributionRow,
    RefundTerms,
    Status,
)
from django_project.campaigns.selectors.refund_terms import Due, Firm, Reason, Way
from django_project.discovery.selectors import LiveModel, Recommendation
from django_project.ledger.selectors import ChainHealth
from django_project.pledges.following import PledgeStatus
from django_project.studio.checks import Problem
from django_project.studio.models import Draft
from django_project.studio.services import Conflict


class CampaignOut(BaseModel):
    """`closed_by` says why it takes no contributions; empty while it does. `status` is the contract's own."""

    chain_id: int
    network: str
    is_test_network: bool
    address: str
    slug: str
    title: str
    tagline: str
    category: str
    language: str
    publisher: str
    creator: str
    status: Status
    closed_by: Closing
    raised: str
    goal: str
    token_symbol: str | None
    token_decimals: int | None
    backers: int
    contributions: int
    start: datetime
    deadline: datetime

    @classmethod
    def of(cls, card: CampaignCard) -> "CampaignOut":
        return cls(
            chain_id=card.chain_id,
            network=card.network,
            is_test_network=card.is_test_network,
            address=card.address,
            slug=card.slug,
            title=card.title,
            tagline=card.tagline,
            category=card.category.slug,
            language=card.language,
            publisher=card.publisher,
            creator=card.creator,
            status=card.status,
            closed_by=card.closed_by,
            raised=str(card.raised),
            goal=str(card.goal),
            token_symbol=card.token_symbol or None,
            token_decimals=card.token_decimals,
            backers=card.backers,
            contributions=card.contributions,
            start=card.start,
            deadline=card.deadline,
        )


class CampaignPage(BaseModel):
    total: int
    page: int
    pages: int
    results: list[CampaignOut]


class RewardOut(BaseModel):
    tier_id: int
    title: str
    description: str
    price: str
    supply: int
    claimed: int


class RefundTermsOut(BaseModel):
    """What a backer can get back and when, as the contract decides; `sentences` are the reader's language.

    `due` is what a refund sends now: nothing, all that was contributed, or of what was not paid out the share
    that `contributed * unpaid // raised` gives. `ways` is what can still open refunds. `firm` says why
    contributions cannot be taken back by choice; null while they can, until `take_back_until`.
    """

    due: Due
    reason: Reason | None
    since: datetime | None
    anyone_from: datetime | None
    unpaid: str
    ways: list[Way]
    unclaimed_from: datetime | None
    firm: Firm | None
    take_back_until: datetime | None
    sentences: list[str]

    @classmethod
    def of(cls, terms: RefundTerms) -> "RefundTermsOut":
        return cls(
            due=terms.due,
            reason=terms.reason,
            since=terms.since,
            anyone_from=terms.anyone_from,
            unpaid=str(terms.unpaid),
            ways=list(terms.ways),
            unclaimed_from=terms.unclaimed_from,
            firm=terms.firm,
            take_back_until=terms.take_back_until,
            sentences=refund_words.terms_now(terms),
        )


class CampaignDetailOut(BaseModel):
    """`story` is markdown as its creator wrote it, not HTML."""

    campaign: CampaignOut
    story: str
    rewards: list[RewardOut]
    mode: Literal["all_or_nothing", "keep_what_you_raise"]
    refund_terms: RefundTermsOut
    token: str
    fee_bps: int
    min_contribution: str
    cap: str
    refunded: str
    withdrawn: str
    fees: str
    is_paused: bool
    cancelled_at: datetime | None
    cancel_reason: str
    updates: int
    events: int
    factory: str
    launched_block: int
    launched_tx: str
    metadata_uri: str
    metadata_hash: str

    @classmethod
    def of(cls, detail: CampaignDetail) -> "CampaignDetailOut":
        return cls(
            campaign=CampaignOut.of(detail.card),
            story=detail.story,
            rewards=[
                RewardOut(
                    tier_id=reward.tier_id,
                    title=reward.title,
                    description=reward.description,
                    price=str(reward.price),
                    supply=reward.supply,
                    claimed=reward.claimed,
                )
                for reward in detail.rewards
            ],
            mode="all_or_nothing" if detail.is_all_or_nothing else "keep_what_you_raise",
            refund_terms=RefundTermsOut.of(detail.refund_terms),
            token=detail.token,
            fee_bps=detail.fee_bps,
            min_contribution=str(detail.min_contribution),
            cap=str(detail.cap),
            refunded=str(detail.refunded),
            withdrawn=str(detail.withdrawn),
            fees=str(detail.fees),
            is_paused=detail.is_paused,
            cancelled_at=detail.cancelled_at,
            cancel_reason=detail.cancel_reason,
            updates=detail.updates,
            events=detail.events,
            factory=detail.factory,
            launched_block=detail.launched_block,
            launched_tx=detail.launched_tx,
            metadata_uri=detail.metadata_uri,
            metadata_hash=detail.metadata_hash,
        )


class ContributionOut(BaseModel):
    """`went_back` says how its backer got it back, with all else in the campaign; null while it stands."""

    seq: int
    backer: str
    amount: str
    tier_id: int
    block_number: int
    block_time: datetime
    tx_hash: str
    went_back: Literal["taken_back", "refunded"] | None
    went_back_at: datetime | None
    went_back_tx: str | None

    @classmethod
    def of(cls, row: ContributionRow) -> "ContributionOut":
        return cls(
            seq=row.seq,
            backer=row.backer,
            amount=str(row.amount),
            tier_id=row.tier_id,
            block_number=row.block_number,
            block_time=row.block_time,
            tx_hash=row.tx_hash,
            went_back=row.went_back.kind if row.went_back else None,
            went_back_at=row.went_back.block_time if row.went_back else None,
            went_back_tx=row.went_back_tx or None,
        )


class ContributionPage(BaseModel):
    """Newest first; `next_before` goes into `?before=` for the next page, null on the last."""

    results: list[ContributionOut]
    next_before: str | None


class RankedCampaign(BaseModel):
    """`propensity` is the probability with which the campaign was chosen for its slot."""

    campaign: CampaignOut
    reason: str
    similar_to: str | None
    slot: int
    propensity: float
    model_version: str

    @classmethod
    def of(cls, entry: Recommendation) -> "RankedCampaign":
        return cls(
            campaign=CampaignOut.of(entry.card),
            reason=entry.reason,
            similar_to=entry.reason_card.item_id if entry.reason_card else None,
            slot=entry.slot,
            propensity=entry.propensity,
            model_version=entry.model_version,
        )


class ModelOut(BaseModel):
    run_id: str
    model: str
    metrics: dict[str, dict[str, dict[str, float]]]
    snapshot_hash: str
    finalized_blocks: dict[str, dict[str, int | str]]
    trained_at: datetime
    published_at: datetime
    rankings_hash: str

    @classmethod
    def of(cls, live: LiveModel) -> "ModelOut":
        return cls.model_validate(live, from_attributes=True)


class Rankings(BaseModel):
    """`is_personal` is false when the list is everybody's; `model` is null before the first training."""

    is_personal: bool
    model: ModelOut | None
    results: list[RankedCampaign]


class ChainStatus(BaseModel):
    """`lag_seconds` counts from when the index was last complete.

    `clock_offset_seconds` is how far the chain's clock is ahead of the site's, as far as that is known.
    """

    chain_id: int
    name: str
    state: Literal["ok", "stalled", "halted", "retired", "unstarted"]
    halt_reason: str
    node_head: int
    indexed: int
    finalized: int
    lag_blocks: int
    lag_seconds: int
    clock_offset_seconds: int
    reorgs: int
    open_suspects: int

    @classmethod
    def of(cls, health: ChainHealth) -> "ChainStatus":
        return cls.model_validate(health, from_attributes=True)


class IndexerStatus(BaseModel):
    chains: list[ChainStatus]


class PledgeCreated(BaseModel):
    """What goes into the transaction: `amount` in base units, `ref` and `tier_id` as its arguments."""

    id: uuid.UUID
    ref: str
    status_url: str
    chain_id: int
    campaign_address: str
    token: str
    amount: str
    tier_id: int


class PledgeOut(BaseModel):
    id: uuid.UUID
    state: str
    failure: str
    is_settled: bool
    chain_id: int
    campaign_address: str
    backer: str
    ref: str
    token: str
    amount: str
    tier_id: int
    reported_tx_hash: str
    tx_hash: str
    block_number: int | None
    confirmed_amount: str | None
    confirmations: int
    confirmations_needed: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, status: PledgeStatus) -> "PledgeOut":
        return cls(
            id=status.public_id,
            state=status.state,
            failure=status.failure,
            is_settled=status.is_settled,
            chain_id=status.chain_id,
            campaign_address=status.campaign_address,
            backer=status.backer,
            ref=status.ref,
            token=status.token,
            amount=str(status.amount),
            tier_id=status.tier_id,
            reported_tx_hash=status.reported_tx_hash,
            tx_hash=status.tx_hash,
            block_number=status.block_number,
            confirmed_amount=None if status.confirmed_amount is None else str(status.confirmed_amount),
            confirmations=status.confirmations,
            confirmations_needed=status.confirmations_needed,
            created_at=status.created_at,
            updated_at=status.updated_at,
        )


class ConflictOut(BaseModel):
    """What somebody else wrote meanwhile; `text` is null where its row was taken out."""

    text: str | None
    revision: int


class DraftOut(BaseModel):
    """`problems` is what a campaign would not take, by field; `missing` what is still to be filled in."""

    id: uuid.UUID
    revision: int
    saved_at: datetime
    texts: dict[str, str]
    rows: dict[str, list[str]]
    conflicts: dict[str, ConflictOut]
    problems: dict[str, str]
    missing: list[str]

    @classmethod
    def of(cls, draft: Draft, problems: Sequence[Problem], conflicts: Sequence[Conflict]) -> "DraftOut":
        return cls(
            id=draft.public_id,
            revision=draft.revision,
            saved_at=draft.updated_at,
            texts=draft.texts,
            rows=draft.rows,
            conflicts={each.field: ConflictOut(text=each.text, revision=each.revision) for each in conflicts},
            problems={each.field: str(each.message) for each in problems if not each.is_missing},
            missing=[each.field for each in problems if each.is_missing],
        )
