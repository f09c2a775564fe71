"""Chain truth against tables, campaign by campaign, at one pinned block.

Three questions, none of which trusts the indexer: do the contracts' own views agree with the totals and with
what the stored rows fold into, are the running numbers complete, and are the rows what a fresh reading of the
logs decodes to. What does not agree becomes a suspect range, which the next tick reads again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from django_project.core.addresses import format_address, selector
from django_project.ledger.clocks import chain_now, database_now, is_off
from django_project.ledger.events import EVENT_MODELS, row_columns
from django_project.ledger.invariants import campaigns_with_gaps
from django_project.ledger.models import Block, Chain, Cursor, RawLog, Token
from django_project.ledger.projection import CampaignStorage, ProjectionError
from django_project.ledger.selectors import campaigns_with_status
from django_project.ledger.services import suspect
from django_project.ledger.symbols import clean_symbol
from tasks.indexing.errors import CallRefusedError, ConfigurationError, DecodeError
from tasks.indexing.node.abilities import Ability
from tasks.indexing.node.calls import At, contract_call
from tasks.indexing.node.rpc import Pool
from tasks.indexing.pipeline.backfill import Span, Threads, cold_ranges
from tasks.indexing.pipeline.events import Event
from tasks.indexing.pipeline.fetch import Fetched, Source
from tasks.indexing.pipeline.match import Batch, Matcher
from tasks.indexing.pipeline.tokens import describe
from tasks.indexing.pipeline.tracking import Tracked, Tracker
from tasks.indexing.repair.folding import folded_campaigns
from tasks.indexing.repair.state import (
    chain_summary,
    differences,
    indexed_summary,
    replayed_summary,
)

_SELECTORS = {view: selector(view) for view in ("seq()", "summary()", "pendingCreator()", "refundsSince()")}


@dataclass
class Verdict:
    """What was compared and what did not agree."""

    chain_id: int
    block: int
    campaigns: int = 0
    events: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_true(self) -> bool:
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        return {
            "chain_id": self.chain_id,
            "block": self.block,
            "campaigns": self.campaigns,
            "events": self.events,
            "problems": self.problems,
            "holds": self.is_true,
        }


class Verifier:
    """Compares one chain; nothing is written but suspect ranges."""

    def __init__(
        self,
        chain: Chain,
        pool: Pool,
        events: Mapping[bytes, Event],
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._chain_id, self._pool, self._events = chain.chain_id, pool, events
        self._source, self._on_progress = Source(pool, events), on_progress

    def verify(self) -> Verdict:
        """Raises ConfigurationError when nothing is indexed, or the chain moved off the pinned block."""
        claims = _read_claims(self._chain_id, self._pool)
        verdict = Verdict(self._chain_id, claims.at.number, campaigns=len(claims.campaigns))
        self._compare_views(verdict, claims)
        self._compare_clock(verdict, claims)
        self._compare_tokens(verdict, claims)
        self._compare_seqs(verdict, claims.tracker)
        self._compare_rows(verdict, claims.tracker)
        return verdict

    def _compare_views(self, verdict: Verdict, claims: "_Claims") -> None:
        tracker = claims.tracker
        self._on_progress(
            f"asking {len(claims.campaigns):,} campaigns for their totals at block {verdict.block:,}"
        )
        addresses = [campaign.address for campaign in claims.campaigns]
        summaries = self._ask(addresses, "summary()", claims.at)
        pending = self._ask(addresses, "pendingCreator()", claims.at)
        since = self._ask(addresses, "refundsSince()", claims.at)
        for campaign in claims.campaigns:
            told = chain_summary(
                campaign.address, *(answers[campaign.address] for answers in (summaries, pending, since))
            )
            folded = claims.folded.get(campaign.pk, replayed_summary(CampaignStorage(), campaign.creator))
            found = [*differences(told, indexed_summary(campaign), "the index has")]
            if isinstance(folded, ProjectionError):
                found.append(str(folded))
            else:
                found += differences(told, folded, "the events lead to")
            if found:
                self._note(verdict, tracker, campaign.address, ", ".join(found))
        factories = [address for address, tracked in tracker.contracts.items() if tracked.row_id is None]
        for address, words in self._ask(factories, "seq()", claims.at).items():
            seq, stored = words[0] if words else 0, tracker.contracts[address].last_seq
            if seq != stored:
                self._note(verdict, tracker, address, f"seq is {seq}, the index has {stored}")

    def _compare_clock(self, verdict: Verdict, claims: "_Claims") -> None:
        """Pages go by the chain's clock as the index knows it: they must show what the contracts say."""
        shown = [each.address for each in claims.campaigns if claims.shown[each.pk] != each.status]
        if not shown or not is_off(claims.clock_error):
            return
        seconds = int(claims.clock_error.total_seconds())
        named = ", ".join(format_address(address) for address in shown[:3])
        verdict.problems.append(
            f"{len(shown)} campaigns are shown in another state than their contract is in ({named}): the "
            f"pages' clock is {abs(seconds):,} s {'ahead of' if seconds > 0 else 'behind'} the chain's; run "
            "`manage.py indexer doctor`"
        )

    def _compare_tokens(self, verdict: Verdict, claims: "_Claims") -> None:
        """What tokens are is no matter of blocks: nothing is suspect for it, but it has to be told."""
        for token in Token.objects.filter(chain_id=self._chain_id).order_by("address"):
            if problem := self._token_problem(token, claims.at):
                verdict.problems.append(f"token {format_address(token.address)} {problem}")

    def _token_problem(self, token: Token, at: At) -> str:
        if token.decimals is None:
            return f"is not known: {token.problem or 'its contract was not asked yet'}"
        if token.source == Token.Source.OPERATOR:
            return ""
        try:
            symbol, decimals = describe(self._pool, token.address, at)
        except DecodeError as error:
            return f"was {token.symbol} with {token.decimals} decimals, and now {error}"
        told, ours = (clean_symbol(symbol).text, decimals), (token.plain_symbol, token.decimals)
        if told == ours:
            return ""
        return f"is {told[0]} with {told[1]} decimals, the index has {ours[0]} with {ours[1]}"

    def _ask(self, addresses: Sequence[bytes], view: str, at: At) -> dict[bytes, list[int]]:
        """What each contract's view answers at the head, as the numbers in its words."""
        calls = [contract_call(address, _SELECTORS[view], at) for address in addresses]
        try:
            results = self._pool.batch(calls).results
        except CallRefusedError as error:
            raise ConfigurationError(
                f"the node does not know the indexed head any more ({error}): run `manage.py indexer run "
                "--once`, then verify again"
            ) from error
        return {address: _words(answer) for address, answer in zip(addresses, results, strict=True)}

    def _compare_seqs(self, verdict: Verdict, tracker: Tracker) -> None:
        ids = [tracked.row_id for tracked in tracker.contracts.values() if tracked.row_id is not None]
        for address in campaigns_with_gaps(self._chain_id, ids):
            start = tracker.contracts[address].start_block
            self._note(verdict, tracker, address, "its running numbers have a gap", from_block=start)

    def _compare_rows(self, verdict: Verdict, tracker: Tracker) -> None:
        """Read all logs again, decode them from nothing, and compare row for row."""
        start = min((tracked.start_block for tracked in tracker.contracts.values()), default=0)
        fresh = _FreshTracker(tracker)
        matcher = Matcher(fresh, self._events, in_sequence=False)
        for fetched in cold_ranges(Threads(self._source), start, verdict.block, Span(), lambda: None):
            batch = matcher.match(fetched)
            fresh.adopt(batch.created, batch.seqs)
            verdict.events += len(batch.logs)
            for problem in self._row_differences(fetched, batch):
                verdict.problems.append(problem)
                suspect(self._chain_id, fetched.from_block, fetched.to_block, problem)
            self._on_progress(f"compared blocks up to {fetched.to_block:,} of {verdict.block:,}")

    def _row_differences(self, fetched: Fetched, batch: Batch) -> Iterable[str]:
        blocks = (fetched.from_block, fetched.to_block)
        scope = {"chain_id": self._chain_id, "block_number__range": blocks}
        stored_logs = {
            (
                row.block_number,
                row.log_index,
                row.block_hash,
                row.tx_hash,
                row.address,
                bytes(row.topics),
                bytes(row.data),
            )
            for row in RawLog.objects.filter(**scope)
        }
        yield from _set_difference("raw logs", blocks, {tuple(log) for log in batch.logs}, stored_logs)
        for model in EVENT_MODELS:
            columns = row_columns(model)
            stored = set(map(_comparable, model._default_manager.filter(**scope).values_list(*columns)))
            # A launch carries its row id as one value more.
            told = {_comparable(row[: len(columns)]) for row in batch.rows.get(model, ())}
            yield from _set_difference(f"{model.__name__} rows", blocks, told, stored)

    def _note(
        self, verdict: Verdict, tracker: Tracker, address: bytes, what: str, from_block: int | None = None
    ) -> None:
        problem = f"{format_address(address)}: {what}"
        verdict.problems.append(problem)
        since = tracker.last_block_of(address) if from_block is None else from_block
        suspect(self._chain_id, min(since, verdict.block), verdict.block, problem)


@dataclass(frozen=True)
class _Claims:
    """What the index says at one moment, while a worker may go on writing.

    The campaigns' states are those at the head's time; `shown` are those that pages tell, by their own clock,
    and `clock_error` is how far it is ahead of the head's time with what has passed since the head came.
    """

    at: At
    shown: Mapping[int, str]
    clock_error: timedelta
    tracker: Tracker
    campaigns: Sequence[Any]
    folded: Mapping[int, Mapping[str, int] | ProjectionError]


def _read_claims(chain_id: int, pool: Pool) -> _Claims:
    with transaction.atomic():
        with connection.cursor() as database:
            database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor = Cursor.objects.filter(chain_id=chain_id).first()
        if cursor is None or cursor.head_hash is None:
            raise ConfigurationError(
                f"chain {chain_id} is not indexed yet: run `manage.py indexer run` first"
            )
        head = Block.objects.filter(chain_id=chain_id, number=cursor.next_block - 1).first()
        pages, site = chain_now(chain_id), database_now()
        now = head.timestamp if head is not None else pages
        campaigns = list(campaigns_with_status(now).filter(chain_id=chain_id).order_by("id"))
        shown = campaigns_with_status(pages).filter(chain_id=chain_id).values_list("pk", "status")
        creators = {campaign.pk: campaign.creator for campaign in campaigns}
        folded = {
            campaign_id: outcome
            if isinstance(outcome, ProjectionError)
            else replayed_summary(outcome, creators[campaign_id])
            for campaign_id, outcome in folded_campaigns(chain_id)
        }
        return _Claims(
            at=At(cursor.next_block - 1, cursor.head_hash, pool.can(Ability.STATE_BY_HASH)),
            shown=dict(shown),
            clock_error=pages - now - (site - (cursor.moved_at or site)),
            tracker=Tracker(chain_id),
            campaigns=campaigns,
            folded=folded,
        )


class _FreshTracker(Tracker):
    """Knows the registry's factories alone, and the ids that launched campaigns already have."""

    def __init__(self, known: Tracker) -> None:
        self.chain_id = known.chain_id
        self._row_ids = {
            address: tracked.row_id
            for address, tracked in known.contracts.items()
            if tracked.row_id is not None
        }
        self.contracts = {
            address: Tracked(tracked.kind, tracked.start_block, None, 0)
            for address, tracked in known.contracts.items()
            if tracked.row_id is None
        }

    def new_row_id(self, address: bytes) -> int:
        """The row that the campaign has; a number that no row has when it is not stored."""
        return self._row_ids.get(address, -1 - len(self.contracts))


def _words(answer: bytes) -> list[int]:
    return [int.from_bytes(answer[start : start + 32], "big") for start in range(0, len(answer), 32)]


def _comparable(row: Sequence[Any]) -> tuple[Any, ...]:
    """Rows as things that a set can hold."""
    return tuple(repr(sorted(value.items())) if isinstance(value, dict) else value for value in row)


def _set_difference(
    what: str, blocks: tuple[int, int], told: set[tuple[Any, ...]], stored: set[tuple[Any, ...]]
) -> Iterable[str]:
    missing, surplus = len(told - stored), len(stored - told)
    if missing or surplus:
        where = f"{what} of blocks {blocks[0]} to {blocks[1]}"
        yield f"{where}: {missing} missing or different, {surplus} not on the chain"
