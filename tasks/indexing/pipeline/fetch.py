"""Blocks and logs from the nodes, checked against each other before anybody believes them.

What can be checked without the tables is checked here: a log's block hash is its header's, headers stand on
each other, a log query and the block it reached come from the same endpoint in one batch, and a hot block
whose bloom says that it may hold our events is asked a second way when no log came.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from django_project.core.addresses import format_hash
from tasks.indexing.errors import (
    BadReplyError,
    CallRefusedError,
    NoEndpointError,
    ParentMismatchError,
    ReplyTooLargeError,
    TooManyLogsError,
)
from tasks.indexing.node.abilities import Ability
from tasks.indexing.node.calls import Call, header_call, logs_by_hash_call, logs_call, receipts_call
from tasks.indexing.node.chain_guard import ask_on_chain
from tasks.indexing.node.codec import Header, Log
from tasks.indexing.node.endpoint import Endpoint
from tasks.indexing.node.rpc import Pool, Reply
from tasks.indexing.pipeline.bloom import TopicBloom

CONTENT_ATTEMPTS = 4
# Of the answer to a log query: 6,000 contributions in JSON, which take three times as much when parsed.
MOST_LOG_BYTES = 7_000_000
# What of a query is asked next when its answer was too large: so much that it surely fits.
SAFE_SHARE = 0.7
SHARE_OF_UNTOLD = 0.25
# Of PostgreSQL's `integer`.
LARGEST_LOG_INDEX = 2**31 - 1
_TOPIC = 32


@dataclass
class Fetched:
    """Consecutive blocks with the logs that carry our topics, whoever emitted them, in chain order.

    `headers` holds the last block and every block with a log; all blocks where the range is hot.
    """

    from_block: int
    to_block: int
    parent_hash: bytes
    headers: dict[int, Header]
    logs: list[Log]
    endpoint: Endpoint
    seconds: float = field(default=0.0, compare=False)

    @property
    def head(self) -> Header:
        return self.headers[self.to_block]


class Source:
    """One chain's blocks and logs. Threads may share it."""

    def __init__(self, pool: Pool, topics: Collection[bytes]) -> None:
        self.pool = pool
        self._topics = [[format_hash(topic) for topic in sorted(topics)]]
        self._wanted = frozenset(topics)
        self._bloom = TopicBloom(topics)

    def header(self, block: int | str) -> Header | None:
        """The header by number or tag; None when the node has no such block."""
        found: Header | None = self.pool.batch([header_call(block)]).results[0]
        return found

    def header_hashes(
        self,
        chain_id: int,
        numbers: Sequence[int],
        *,
        endpoint: Endpoint | None = None,
        avoid: Endpoint | None = None,
    ) -> tuple[list[bytes | None], Endpoint]:
        """Hashes by number on one endpoint of the chain, None for blocks it does not have."""
        calls = list(map(header_call, numbers))
        reply = ask_on_chain(self.pool, chain_id, calls, endpoint=endpoint, avoid=avoid)
        return [None if block is None else block.hash for block in reply.results], reply.endpoint

    def cold_range(
        self, from_block: int, to_block: int, avoid: Endpoint | None = None, *, whole: bool = False
    ) -> Fetched:
        """A range at or below finality, its last block confirmed by the one after it where there is one.

        Raises:
            RangeTooLargeError: the provider wants a smaller one.
            TooManyLogsError: it is not to be held at once; never when `whole` is asked for.
            NoEndpointError: no endpoint gave an answer that holds together.
        """
        problem = ""
        for _ in range(CONTENT_ATTEMPTS):
            calls = [
                logs_call(self._topics, from_block, to_block, Ability.OLD_LOGS),
                *map(header_call, sorted({from_block, to_block, to_block + 1})),
            ]
            reply = self._ask_for_logs(calls, from_block, to_block, avoid=avoid, whole=whole)
            try:
                fetched = self._assemble_cold(from_block, to_block, reply)
            except BadReplyError as error:
                problem, avoid = str(error), reply.endpoint
                self.pool.distrust(reply.endpoint, problem)
                continue
            return fetched
        raise NoEndpointError(f"blocks {from_block} to {to_block} cannot be read: {problem}")

    def _assemble_cold(self, from_block: int, to_block: int, reply: Reply) -> Fetched:
        unfiltered, *around = reply.results
        first, (last, after) = around[0], around[-2:]
        endpoint = reply.endpoint
        if first is None or last is None:
            raise BadReplyError(f"{endpoint.name} does not have block {to_block}")
        if after is not None:
            _check_links([last, after])
        headers = {first.number: first, last.number: last}
        if headers.keys() != {from_block, to_block}:
            raise BadReplyError(
                f"{endpoint.name} answered with other blocks than {from_block} and {to_block}"
            )
        logs = self._ordered(unfiltered, from_block, to_block)
        wanted = sorted({log.block_number for log in logs} - headers.keys())
        more = self.pool.batch([header_call(number) for number in wanted], endpoint=endpoint)
        for number, header in zip(wanted, more.results, strict=True):
            if header is None:
                raise BadReplyError(f"{more.endpoint.name} does not have block {number}")
            headers[header.number] = header
        _check_hashes(logs, headers)
        parent_hash = headers[from_block].parent_hash
        if from_block != to_block and all(log.block_number != from_block for log in logs):
            del headers[from_block]
        seconds = reply.seconds + more.seconds
        return Fetched(from_block, to_block, parent_hash, headers, logs, endpoint, seconds)

    def hot_range(
        self,
        latest: Header,
        from_block: int,
        parent_hash: bytes,
        *,
        endpoint: Endpoint | None = None,
        avoid: Endpoint | None = None,
        whole: bool = False,
    ) -> Fetched:
        """The blocks from `from_block` up to `latest`, logs by block hash, preferably from `endpoint`.

        Raises:
            ParentMismatchError: the first block does not stand on `parent_hash`.
            TooManyLogsError: they are not to be held at once; never when all are to be had as a `whole`.
            NoEndpointError: no endpoint gave an answer that holds together.
        """
        problem = ""
        for _ in range(CONTENT_ATTEMPTS):
            numbers = range(from_block, latest.number)
            reply = self.pool.batch(list(map(header_call, numbers)), endpoint=endpoint, avoid=avoid)
            endpoint = None
            try:
                headers = [*_present(numbers, reply), latest]
                _check_links(headers)
                if headers[0].parent_hash != parent_hash:
                    raise ParentMismatchError(
                        f"block {from_block} of {reply.endpoint.name} does not stand on the indexed head"
                    )
                logs = self._logs_of(headers, reply.endpoint, whole=whole)
            except BadReplyError as error:
                problem, avoid = str(error), reply.endpoint
                self.pool.distrust(reply.endpoint, problem)
                refreshed = self.header(latest.number)
                latest = refreshed or latest
                continue
            by_number = {header.number: header for header in headers}
            return Fetched(from_block, latest.number, parent_hash, by_number, logs, reply.endpoint)
        raise NoEndpointError(f"blocks {from_block} to {latest.number} cannot be read: {problem}")

    def _logs_of(self, headers: Sequence[Header], endpoint: Endpoint, *, whole: bool) -> list[Log]:
        try:
            reply = self._ask_for_logs(
                self._logs_calls(headers, by_hash=self.pool.can(Ability.LOGS_BY_HASH)),
                headers[0].number,
                headers[-1].number,
                endpoint=endpoint,
                whole=whole,
            )
        except CallRefusedError as error:
            raise BadReplyError(
                f"{endpoint.name} gave headers of blocks whose logs it refuses: {error}"
            ) from error
        logs: list[Log] = []
        doubtful = []
        for header, unfiltered in zip(headers, reply.results, strict=True):
            found = self._ordered(unfiltered, header.number, header.number)
            _check_hashes(found, {header.number: header})
            logs += found
            if not found and self._bloom.may_contain(header.bloom):
                doubtful.append(header)
        for header in doubtful:
            logs += self._logs_of_receipts(header, reply.endpoint)
        logs.sort(key=lambda log: (log.block_number, log.log_index))
        return logs

    def _logs_calls(self, headers: Sequence[Header], *, by_hash: bool) -> list[Call]:
        """By block hash, which a node without the block refuses; else block for block by number."""
        if by_hash:
            return [logs_by_hash_call(self._topics, header.hash) for header in headers]
        return [
            logs_call(self._topics, header.number, header.number, Ability.RECENT_LOGS) for header in headers
        ]

    def _logs_of_receipts(self, header: Header, endpoint: Endpoint) -> list[Log]:
        """Our logs as the block's receipts have them: a bloom may be wrong, a log index may be too.

        Not every node offers receipts; running numbers still tell what is missing, only later.
        """
        if not self.pool.can(Ability.RECEIPTS):
            return []
        try:
            reply = self.pool.batch([receipts_call(header.number)], endpoint=endpoint)
        except CallRefusedError:
            return []
        except NoEndpointError as error:
            for each in self.pool.endpoints:
                self.pool.refuse(each, Ability.RECEIPTS, str(error))
            return []
        logs = self._ordered(reply.results[0], header.number, header.number)
        _check_hashes(logs, {header.number: header})
        return logs

    def _ask_for_logs(
        self,
        calls: Sequence[Call],
        from_block: int,
        to_block: int,
        *,
        endpoint: Endpoint | None = None,
        avoid: Endpoint | None = None,
        whole: bool,
    ) -> Reply:
        """Make the calls unless the answer is too large to hold; a single block is taken as it comes."""
        blocks = to_block - from_block + 1
        most_bytes = None if whole or blocks == 1 else MOST_LOG_BYTES
        try:
            return self.pool.batch(calls, endpoint=endpoint, avoid=avoid, most_bytes=most_bytes)
        except ReplyTooLargeError as error:
            share = SHARE_OF_UNTOLD if error.size is None else SAFE_SHARE * error.most_bytes / error.size
            raise TooManyLogsError(from_block, to_block, max(1, int(blocks * share))) from error

    def _ordered(self, unfiltered: Sequence[Log], from_block: int, to_block: int) -> list[Log]:
        """Our logs in chain order, each once; what was not asked for is nobody's fault and left out.

        Raises:
            BadReplyError: two claim one place, or one is outside of the blocks.
        """
        placed: dict[tuple[int, int], Log] = {}
        for log in unfiltered:
            if log.topics[:_TOPIC] not in self._wanted:
                continue
            place = (log.block_number, log.log_index)
            if not from_block <= log.block_number <= to_block:
                raise BadReplyError(f"a log of block {log.block_number} came for {from_block} to {to_block}")
            if placed.setdefault(place, log) != log:
                raise BadReplyError(f"two logs claim place {log.log_index} of block {log.block_number}")
        if any(index > LARGEST_LOG_INDEX for _, index in placed):
            raise BadReplyError(
                f"a log of blocks {from_block} to {to_block} claims a place that no block has"
            )
        return [placed[place] for place in sorted(placed)]


def linked_header(pool: Pool, chain_id: int, number: int) -> Header:
    """A header whose hash the next block confirms, where there is one.

    Raises:
        BadReplyError: the node does not have it, or its child stands on another block.
    """
    reply = ask_on_chain(pool, chain_id, [header_call(number), header_call(number + 1)])
    header, child = reply.results
    if header is None:
        raise BadReplyError(f"{reply.endpoint.name} does not have block {number}: is it still syncing?")
    if child is not None:
        _check_links([header, child])
    return Header(*header)


def _present(numbers: Sequence[int], reply: Reply) -> list[Header]:
    for number, header in zip(numbers, reply.results, strict=True):
        if header is None:
            raise BadReplyError(f"{reply.endpoint.name} does not have block {number}")
    return reply.results


def _check_hashes(logs: Sequence[Log], headers: dict[int, Header]) -> None:
    for log in logs:
        header = headers.get(log.block_number)
        if header is None or log.block_hash != header.hash:
            raise BadReplyError(f"a log's block hash is not that of block {log.block_number}")


def _check_links(headers: Sequence[Header]) -> None:
    for parent, child in pairwise(headers):
        if child.number != parent.number + 1 or child.parent_hash != parent.hash:
            raise BadReplyError(f"block {child.number} does not stand on the block before it")
