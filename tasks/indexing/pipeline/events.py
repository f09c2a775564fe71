"""Decoders joined with the ledger's registry of events: how a log becomes the columns of a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from operator import itemgetter
from typing import Any

from django_project.core.addresses import format_address, format_hash
from django_project.ledger.events import CREATION, EVENTS, SEQ, EventSpec
from django_project.ledger.models import Contract, EventRow, FactoryEvent
from tasks.indexing.errors import ConfigurationError
from tasks.indexing.pipeline.decode import EventDecoder


def to_time(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


def _time_or_none(timestamp: int | None) -> datetime | None:
    """Of a time that need not be: older versions leave it out, newer ones tell 0."""
    return to_time(timestamp) if timestamp else None


@dataclass(frozen=True)
class Event:
    """One event of one version of the contracts, with its decoder and its table."""

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
    """Join decoders and tables; raises ConfigurationError when an ABI has an event that no table fits."""
    return {topic: _bind(decoder) for topic, decoder in decoders.items()}


def _bind(decoder: EventDecoder) -> Event:
    spec = EVENTS.get(decoder.name)
    if spec is None or not _fits(spec, decoder):
        raise ConfigurationError(
            f"the ABI's event {decoder.signature} does not fit the ledger: extend "
            "django_project/ledger/events.py"
        )
    columns = _spec_columns(decoder, spec) if spec.act is None else _act_columns(decoder, spec.act)
    return Event(decoder, spec.model, spec.emitter, decoder.names.index(SEQ), columns)


def _fits(spec: EventSpec, decoder: EventDecoder) -> bool:
    """Whether the event tells every column, but for those that some version leaves out."""
    missing = {column for column, argument in spec.columns.items() if argument not in decoder.names}
    return missing <= spec.optional


def _spec_columns(decoder: EventDecoder, spec: EventSpec) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    arguments = [argument for argument in spec.columns.values() if argument in decoder.names]
    pick: Callable[[Sequence[Any]], tuple[Any, ...]] = itemgetter(*map(decoder.names.index, arguments))
    untold = [position for position, name in enumerate(spec.columns.values()) if name not in arguments]
    times = [
        (position, _time_or_none if column in spec.optional else to_time)
        for position, column in enumerate(spec.columns)
        if column in spec.times
    ]
    if not times and not untold:
        return pick

    def completed(values: Sequence[Any]) -> tuple[Any, ...]:
        columns = list(pick(values))
        for position in untold:
            columns.insert(position, None)
        for position, convert in times:
            columns[position] = convert(columns[position])
        return tuple(columns)

    return completed


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
