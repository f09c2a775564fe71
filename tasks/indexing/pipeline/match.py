"""From logs to rows: creations in log order, strangers left out, running numbers without a gap."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django_project.ledger.models import CampaignLaunched, Contract, Contribution, EventRow, UpdatePost
from tasks.indexing.errors import BadReplyError, SeqGapError
from tasks.indexing.node.codec import Header, Log
from tasks.indexing.pipeline import running_totals
from tasks.indexing.pipeline.events import Event, to_time
from tasks.indexing.pipeline.fetch import Fetched
from tasks.indexing.pipeline.running_totals import TotalsChange
from tasks.indexing.pipeline.tracking import Tracked, Tracker

_TOPIC = 32


@dataclass
class Batch:
    """What one commit writes. Typed rows are in the order of `ledger.events.row_columns`."""

    chain_id: int
    from_block: int
    to_block: int
    parent_hash: bytes
    head: Header
    headers: list[Header] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    rows: dict[type[EventRow], list[tuple[Any, ...]]] = field(default_factory=dict)
    launched: dict[bytes, int] = field(default_factory=dict)
    launched_blocks: dict[bytes, int] = field(default_factory=dict)
    contributed: set[bytes] = field(default_factory=set)
    updated: set[bytes] = field(default_factory=set)
    totals: dict[int, TotalsChange] = field(default_factory=dict)
    # Contracts that begin here, and the running number that each touched contract has come to.
    created: dict[bytes, Tracked] = field(default_factory=dict)
    seqs: dict[bytes, int] = field(default_factory=dict)


class Matcher:
    """Applies logs to what is tracked, without changing it: the commit decides whether it becomes true."""

    def __init__(self, tracker: Tracker, events: Mapping[bytes, Event], *, in_sequence: bool = True) -> None:
        self._tracker, self._events, self._in_sequence = tracker, events, in_sequence

    def match(self, fetched: Fetched) -> Batch:
        """Rows for the logs of known contracts, among them those that the same logs create.

        Raises:
            SeqGapError: a contract's events are not complete.
            BadReplyError: an event was told that is already indexed.
        """
        batch = Batch(
            self._tracker.chain_id, fetched.from_block, fetched.to_block, fetched.parent_hash, fetched.head
        )
        times: dict[int, datetime] = {}
        known, events = self._tracker.contracts, self._events
        for log in fetched.logs:
            event = events[log.topics[:_TOPIC]]
            emitter = known.get(log.address) or batch.created.get(log.address)
            if emitter is None or emitter.kind != event.emitter:
                continue
            time = times.get(log.block_number)
            if time is None:
                time = times[log.block_number] = to_time(fetched.headers[log.block_number].timestamp)
            self._take(batch, log, event, emitter, time)
        batch.headers = [fetched.headers[number] for number in sorted(fetched.headers)]
        return batch

    def _take(self, batch: Batch, log: Log, event: Event, emitter: Tracked, time: datetime) -> None:
        # The hot path, as `match` is: names instead of attributes, for it runs once for every event there is.
        number, index, _, tx_hash, address, topics, data = log
        model = event.model
        values = event.decoder.decode(topics, data)
        seq = values[event.seq_position]
        last_seq = batch.seqs.get(address, emitter.last_seq)
        if seq != last_seq + 1 and self._in_sequence:
            if seq <= last_seq:
                raise BadReplyError(
                    f"event {seq} of a contract came again in block {number}; it has {last_seq}"
                )
            raise SeqGapError(address, last_seq + 1, seq, number)
        owner = address if emitter.row_id is None else emitter.row_id
        row = (batch.chain_id, number, index, time, tx_hash, seq, owner, *event.own_columns(values))
        batch.logs.append(log)
        batch.seqs[address] = max(seq, last_seq)
        if event.is_creation:
            row = (*row, self._launch(batch, log, values[event.decoder.names.index("campaign")]))
        elif emitter.row_id is not None:
            change = batch.totals.get(emitter.row_id)
            if change is None:
                change = batch.totals[emitter.row_id] = TotalsChange()
            running_totals.add(change, model, row)
            if model is Contribution:
                batch.contributed.add(address)
            elif model is UpdatePost:
                batch.updated.add(address)
        rows = batch.rows.get(model)
        if rows is None:
            rows = batch.rows[model] = []
        rows.append(row)

    def _launch(self, batch: Batch, log: Log, address: bytes) -> int:
        """Start to follow a new campaign; return the id that its row will have."""
        row_id = self._tracker.new_row_id(address)
        batch.launched[address] = row_id
        batch.launched_blocks[address] = log.block_number
        batch.created[address] = Tracked(Contract.Kind.CAMPAIGN, log.block_number, row_id, 0)
        return row_id


def copy_columns(model: type[EventRow], columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a batch's rows: a launch carries the id it was given as its last value."""
    return (*columns, "id") if model is CampaignLaunched else columns
