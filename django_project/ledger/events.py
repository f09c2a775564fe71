"""The one registry of contract events: what each is called, who emits it, and what it means to the tables.

Decoding, writing, totals, folding, rollbacks, checks and lists of events follow from it. Two places write
about each event in their own way and are held equal to it by tests: what it does to a campaign's storage
(`projection.EFFECTS`, which knows no Django) and what people call it (`web.words.EVENT`).

A name may have several signatures, one for each version of the contracts that emits it: their topics differ,
their table is the same. A column that may be null is one that an older version does not tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import DateTimeField

from django_project.ledger import models
from django_project.ledger.models import CampaignEvent, Contract, EventRow, FactoryEvent

CREATION = "CampaignCreated"
SEQ = "seq"
# What every typed row begins with, before its contract and its own columns.
COMMON_COLUMNS = ("chain_id", "block_number", "log_index", "block_time", "tx_hash", SEQ)


def _camel_case(column: str) -> str:
    first, *rest = column.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _columns(*told_alike: str, **told_otherwise: str) -> dict[str, str]:
    """The ABI's argument for each column: the column's own name in camel case, or the one that is given."""
    return {column: _camel_case(column) for column in told_alike} | told_otherwise


@dataclass(frozen=True)
class EventSpec:
    """One event of the contracts.

    Attributes:
        name: as in the ABI.
        model: the table of its rows.
        emitter: the kind of contract that it counts for; from any other it is a stranger's.
        columns: the table's own columns, each with the ABI's name of the argument that it keeps.
        carries: columns of `CampaignTotals` that the newest such event tells, with the row's column.
        moves_milestones: whether what totals say of milestones (`totals.MILESTONE_COLUMNS`) follows from it.
        act: how `FactoryEvent` calls it, which keeps all arguments of a factory's acts as they come.
    """

    name: str
    model: type[EventRow]
    emitter: Contract.Kind
    columns: Mapping[str, str] = field(default_factory=dict)
    carries: Mapping[str, str] = field(default_factory=dict)
    moves_milestones: bool = False
    act: FactoryEvent.Kind | None = None

    @cached_property
    def times(self) -> frozenset[str]:
        """Columns that keep a time, which events tell in seconds since 1970."""
        return frozenset(
            column for column in self.columns if isinstance(self.model._meta.get_field(column), DateTimeField)
        )

    @cached_property
    def optional(self) -> frozenset[str]:
        """Columns that are null in rows of a version that does not tell them."""
        return frozenset(column for column in self.columns if self.model._meta.get_field(column).null)


def _of_campaign(
    name: str,
    model: type[CampaignEvent],
    columns: Mapping[str, str],
    *,
    carries: Mapping[str, str] | None = None,
    moves_milestones: bool = False,
) -> EventSpec:
    return EventSpec(name, model, Contract.Kind.CAMPAIGN, columns, carries or {}, moves_milestones)


def _act(name: str, kind: FactoryEvent.Kind) -> EventSpec:
    return EventSpec(name, FactoryEvent, Contract.Kind.FACTORY, act=kind)


_VOTE = _columns("backer", "milestone_id", "weight", "total_objections")

CAMPAIGN_EVENTS: tuple[EventSpec, ...] = (
    _of_campaign("TierAdded", models.Tier, _columns("tier_id", "price", "supply")),
    _of_campaign(
        "MilestoneDefined",
        models.Milestone,
        _columns(
            "milestone_id", "share_bps", "due", "not_before", "objection_window", "objection_threshold_bps"
        ),
        moves_milestones=True,
    ),
    _of_campaign(
        "Contributed",
        models.Contribution,
        _columns("backer", "payer", "token", "tier_id", "ref", "amount", "backer_total", "total_raised"),
        carries={"raised": "total_raised", "last_contribution_at": "block_time"},
    ),
    _of_campaign(
        "PledgeTakenBack",
        models.TakeBack,
        _columns("backer", "token", "amount", "total_raised", recipient="to"),
        carries={"raised": "total_raised"},
    ),
    _of_campaign(
        "Refunded",
        models.Refund,
        _columns("backer", "token", "amount", "total_refunded", recipient="to"),
        carries={"refunded": "total_refunded"},
    ),
    _of_campaign(
        "Withdrawn",
        models.Withdrawal,
        _columns("creator", "token", "amount", "total_withdrawn", recipient="to"),
        carries={"withdrawn": "total_withdrawn"},
    ),
    _of_campaign(
        "FeeAccrued",
        models.FeeAccrual,
        _columns("token", "amount", "total_fees"),
        carries={"fees": "total_fees"},
    ),
    _of_campaign(
        "FeeClaimed",
        models.FeeClaim,
        _columns("treasury", "token", "amount", "total_fees_claimed"),
        carries={"fees_claimed": "total_fees_claimed"},
    ),
    _of_campaign(
        "MilestoneSubmitted",
        models.MilestoneSubmission,
        _columns("creator", "milestone_id", "uri", "content_hash", "window_end", "objection_limit"),
        moves_milestones=True,
    ),
    _of_campaign("Objected", models.Objection, _VOTE, moves_milestones=True),
    _of_campaign("ObjectionWithdrawn", models.ObjectionWithdrawal, _VOTE, moves_milestones=True),
    _of_campaign(
        "MilestoneReleased",
        models.MilestoneRelease,
        _columns("milestone_id", "token", "amount", "total_released", "next_due"),
        moves_milestones=True,
    ),
    _of_campaign(
        "WindDownStarted",
        models.WindDown,
        _columns("by", "since", "token", "remaining"),
        carries={"wound_down_at": "since"},
    ),
    _of_campaign(
        "Cancelled", models.Cancellation, _columns("by", "reason"), carries={"cancelled_at": "block_time"}
    ),
    _of_campaign("UpdatePosted", models.UpdatePost, _columns("creator", "uri", "content_hash")),
    _of_campaign(
        "ContributionsPaused",
        models.ContributionPause,
        _columns("by", "paused"),
        carries={"paused": "paused"},
    ),
    _of_campaign("CreatorTransferStarted", models.CreatorTransferStart, _columns("creator", "new_creator")),
    _of_campaign(
        "CreatorTransferred",
        models.CreatorTransfer,
        _columns("old_creator", "new_creator"),
        carries={"creator": "new_creator"},
    ),
    _of_campaign("SurplusSwept", models.SurplusSweep, _columns("treasury", "token", "amount")),
)

FACTORY_EVENTS: tuple[EventSpec, ...] = (
    EventSpec(
        CREATION,
        models.CampaignLaunched,
        Contract.Kind.FACTORY,
        _columns(
            "creator",
            "token",
            "mode",
            "goal",
            "start",
            "deadline",
            "fee_bps",
            "min_contribution",
            "cap",
            "metadata_hash",
            address="campaign",
            metadata_uri="metadataURI",
        ),
    ),
    _act("FeeUpdated", FactoryEvent.Kind.FEE_UPDATED),
    _act("TreasuryUpdated", FactoryEvent.Kind.TREASURY_UPDATED),
    _act("TokenAllowed", FactoryEvent.Kind.TOKEN_ALLOWED),
    _act("CreationPaused", FactoryEvent.Kind.CREATION_PAUSED),
)

EVENTS: Mapping[str, EventSpec] = {event.name: event for event in (*CAMPAIGN_EVENTS, *FACTORY_EVENTS)}

# Children first, so that rows can be deleted in this order.
EVENT_MODELS: tuple[type[EventRow], ...] = (
    *(event.model for event in CAMPAIGN_EVENTS),
    FactoryEvent,
    models.CampaignLaunched,
)


def row_columns(model: type[EventRow]) -> tuple[str, ...]:
    """The columns of a typed table in the order in which its rows are written."""
    if model is FactoryEvent:
        return (*COMMON_COLUMNS, "factory", "kind", "arguments")
    event = next(event for event in EVENTS.values() if event.model is model)
    owner = "factory" if event.emitter == Contract.Kind.FACTORY else "campaign_id"
    return (*COMMON_COLUMNS, owner, *event.columns)
