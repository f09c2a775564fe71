"""Which event becomes which row: the one table that a new event has to be entered into."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from operator import itemgetter
from typing import Any

from django_project.core.addresses import format_address, format_hash
from django_project.ledger import models
from django_project.ledger.models import Contract, EventRow, FactoryEvent
from tasks.indexing.decode import EventDecoder
from tasks.indexing.errors import ConfigurationError

CREATION = "CampaignCreated"
SEQ = "seq"


def to_time(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


@dataclass(frozen=True)
class Shape:
    """A typed table for one event: its own columns by the ABI's argument names."""

    model: type[EventRow]
    emitter: Contract.Kind
    columns: Mapping[str, str]
    times: frozenset[str] = frozenset()


_CAMPAIGN, _FACTORY = Contract.Kind.CAMPAIGN, Contract.Kind.FACTORY

_OBJECTION = {
    "backer": "backer",
    "milestone_id": "milestoneId",
    "weight": "weight",
    "total_objections": "totalObjections",
}

SHAPES: Mapping[str, Shape] = {
    CREATION: Shape(
        models.CampaignLaunched,
        _FACTORY,
        {
            "address": "campaign",
            "creator": "creator",
            "token": "token",
            "mode": "mode",
            "goal": "goal",
            "start": "start",
            "deadline": "deadline",
            "fee_bps": "feeBps",
            "min_contribution": "minContribution",
            "cap": "cap",
            "metadata_uri": "metadataURI",
            "metadata_hash": "metadataHash",
        },
        times=frozenset({"start", "deadline"}),
    ),
    "TierAdded": Shape(models.Tier, _CAMPAIGN, {"tier_id": "tierId", "price": "price", "supply": "supply"}),
    "Contributed": Shape(
        models.Contribution,
        _CAMPAIGN,
        {
            "backer": "backer",
            "payer": "payer",
            "token": "token",
            "tier_id": "tierId",
            "ref": "ref",
            "amount": "amount",
            "backer_total": "backerTotal",
            "total_raised": "totalRaised",
        },
    ),
    "PledgeTakenBack": Shape(
        models.TakeBack,
        _CAMPAIGN,
        {
            "backer": "backer",
            "recipient": "to",
            "token": "token",
            "amount": "amount",
            "total_raised": "totalRaised",
        },
    ),
    "Refunded": Shape(
        models.Refund,
        _CAMPAIGN,
        {
            "backer": "backer",
            "recipient": "to",
            "token": "token",
            "amount": "amount",
            "total_refunded": "totalRefunded",
        },
    ),
    "Withdrawn": Shape(
        models.Withdrawal,
        _CAMPAIGN,
        {
            "creator": "creator",
            "recipient": "to",
            "token": "token",
            "amount": "amount",
            "total_withdrawn": "totalWithdrawn",
        },
    ),
    "FeeAccrued": Shape(
        models.FeeAccrual, _CAMPAIGN, {"token": "token", "amount": "amount", "total_fees": "totalFees"}
    ),
    "FeeClaimed": Shape(
        models.FeeClaim,
        _CAMPAIGN,
        {
            "treasury": "treasury",
            "token": "token",
            "amount": "amount",
            "total_fees_claimed": "totalFeesClaimed",
        },
    ),
    "Cancelled": Shape(models.Cancellation, _CAMPAIGN, {"by": "by", "reason": "reason"}),
    "UpdatePosted": Shape(
        models.UpdatePost, _CAMPAIGN, {"creator": "creator", "uri": "uri", "content_hash": "contentHash"}
    ),
    "ContributionsPaused": Shape(models.ContributionPause, _CAMPAIGN, {"by": "by", "paused": "paused"}),
    "MilestoneDefined": Shape(
        models.Milestone,
        _CAMPAIGN,
        {
            "milestone_id": "milestoneId",
            "share_bps": "shareBps",
            "due": "due",
            "objection_window": "objectionWindow",
            "objection_threshold_bps": "objectionThresholdBps",
        },
        times=frozenset({"due"}),
    ),
    "MilestoneSubmitted": Shape(
        models.MilestoneSubmission,
        _CAMPAIGN,
        {
            "creator": "creator",
            "milestone_id": "milestoneId",
            "uri": "uri",
            "content_hash": "contentHash",
            "window_end": "windowEnd",
            "objection_limit": "objectionLimit",
        },
        times=frozenset({"window_end"}),
    ),
    "Objected": Shape(models.Objection, _CAMPAIGN, _OBJECTION),
    "ObjectionWithdrawn": Shape(models.ObjectionWithdrawal, _CAMPAIGN, _OBJECTION),
    "MilestoneReleased": Shape(
        models.MilestoneRelease,
        _CAMPAIGN,
        {
            "milestone_id": "milestoneId",
            "token": "token",
            "amount": "amount",
            "total_released": "totalReleased",
        },
    ),
    "WindDownStarted": Shape(
        models.WindDown,
        _CAMPAIGN,
        {"by": "by", "since": "since", "token": "token", "remaining": "remaining"},
        times=frozenset({"since"}),
    ),
    "CreatorTransferStarted": Shape(
        models.CreatorTransferStart, _CAMPAIGN, {"creator": "creator", "new_creator": "newCreator"}
    ),
    "CreatorTransferred": Shape(
        models.CreatorTransfer, _CAMPAIGN, {"old_creator": "oldCreator", "new_creator": "newCreator"}
    ),
    "SurplusSwept": Shape(
        models.SurplusSweep, _CAMPAIGN, {"treasury": "treasury", "token": "token", "amount": "amount"}
    ),
}

FACTORY_ACTS: Mapping[str, FactoryEvent.Kind] = {
    "FeeUpdated": FactoryEvent.Kind.FEE_UPDATED,
    "TreasuryUpdated": FactoryEvent.Kind.TREASURY_UPDATED,
    "TokenAllowed": FactoryEvent.Kind.TOKEN_ALLOWED,
    "CreationPaused": FactoryEvent.Kind.CREATION_PAUSED,
}

COMMON_COLUMNS = ("chain_id", "block_number", "log_index", "block_time", "tx_hash", "seq")
# Children first, so that rows can be deleted in this order.
EVENT_MODELS: tuple[type[EventRow], ...] = (
    *(shape.model for shape in SHAPES.values() if shape.emitter == _CAMPAIGN),
    FactoryEvent,
    models.CampaignLaunched,
)


def row_columns(model: type[EventRow]) -> tuple[str, ...]:
    """The columns of a typed table in the order in which `Event.own_columns` gives their values."""
    if model is FactoryEvent:
        return (*COMMON_COLUMNS, "factory", "kind", "arguments")
    shape = next(shape for shape in SHAPES.values() if shape.model is model)
    owner = "factory" if shape.emitter == _FACTORY else "campaign_id"
    return (*COMMON_COLUMNS, owner, *shape.columns)


@dataclass(frozen=True)
class Event:
    """One event with its decoder and its table."""

    decoder: EventDecoder
    model: type[EventRow]
    emitter: Contract.Kind
    seq_position: int
    own_columns: Callable[[Sequence[Any]], tuple[Any, ...]]

    @cached_property
    def is_creation(self) -> bool:
        """Whether a contract begins with it."""
        return self.decoder.name == CREATION


def bind_events(decoders: Mapping[bytes, EventDecoder]) -> dict[bytes, Event]:
    """Join decoders and tables; raises ConfigurationError when an ABI has an event without a table."""
    return {topic: _bind(decoder) for topic, decoder in decoders.items()}


def _bind(decoder: EventDecoder) -> Event:
    seq_position = decoder.names.index(SEQ)
    if decoder.name in FACTORY_ACTS:
        act = FACTORY_ACTS[decoder.name]
        return Event(decoder, FactoryEvent, _FACTORY, seq_position, _act_columns(decoder, act))
    shape = SHAPES.get(decoder.name)
    missing = set(shape.columns.values()) - set(decoder.names) if shape is not None else set()
    if shape is None or missing:
        raise ConfigurationError(
            f"the ABI's event {decoder.signature} does not fit the ledger: extend tasks/indexing/events.py"
        )
    return Event(decoder, shape.model, shape.emitter, seq_position, _shape_columns(decoder, shape))


def _shape_columns(decoder: EventDecoder, shape: Shape) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    pick = itemgetter(*(decoder.names.index(argument) for argument in shape.columns.values()))
    times = [position for position, column in enumerate(shape.columns) if column in shape.times]
    if not times:
        return pick

    def with_times(values: Sequence[Any]) -> tuple[Any, ...]:
        columns = list(pick(values))
        for position in times:
            columns[position] = to_time(columns[position])
        return tuple(columns)

    return with_times


def _act_columns(decoder: EventDecoder, act: FactoryEvent.Kind) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    def columns(values: Sequence[Any]) -> tuple[Any, ...]:
        arguments = {
            name: _json_value(value) for name, value in zip(decoder.names, values, strict=True) if name != SEQ
        }
        return (act.value, arguments)

    return columns


def _json_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return format_address(value) if len(value) == 20 else format_hash(value)
    return value
