"""JSON-RPC over a pool of endpoints: each is asked for what it can do, and every answer is read or refused.

A refusal costs the endpoint that gave it and teaches what it does not do (see `abilities`); the others are
asked for the same. What is answered of a batch is kept, and only the rest asked again. An endpoint that keeps
failing rests while others answer; one that is on another chain is left out until it is on the right one.
URLs may carry providers' keys, so messages name an endpoint by its host alone.
"""

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import certifi

from django_project.core.endpoints import endpoint_name, is_websocket
from tasks.indexing.errors import (
    CallRefusedError,
    ConfigurationError,
    EndpointError,
    NoEndpointError,
    RangeTooLargeError,
    RpcError,
    WrongChainError,
)
from tasks.indexing.node.abilities import LARGEST_BATCH
from tasks.indexing.node.calls import Call
from tasks.indexing.node.endpoint import Endpoint, Transport
from tasks.indexing.node.gathering import LONGEST_WAIT_SECONDS, Gathering

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT_SECONDS = 10.0
# Kept open to each node.
CONNECTIONS = 8
ATTEMPTS = 4
# As many, one after the other, as are answered well within a lease.
REQUESTS_AT_A_TIME = 20
FIRST_BACKOFF_SECONDS = 0.1
STRIKES_TO_QUARANTINE = 3
QUARANTINE_SECONDS = 30.0
# An endpoint that was on another chain is asked again who it is.
BAN_SECONDS = 10.0

# Says what is wrong with who an endpoint is; raises RpcError when it does not tell.
Guard = Callable[[Endpoint], str]


class Reply(NamedTuple):
    """Results in the order of the calls, all from one endpoint, and the seconds that the requests took."""

    results: list[Any]
    endpoint: Endpoint
    seconds: float = 0.0


def _is_rpc_url(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return parts.scheme in {"http", "https", "ws", "wss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Pool:
    """The endpoints of one chain. Threads may share it.

    Websocket URLs are for announcements (see `heads`); requests go by HTTP.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        if not urls:
            raise ConfigurationError("no RPC URL is given: set CHAINFUND_RPC_URLS or pass --rpc-url")
        for url in urls:
            if not _is_rpc_url(url):
                raise ConfigurationError(
                    f"{endpoint_name(url)} is no RPC URL: it has to begin with http:// or https:// (ws:// or "
                    "wss:// for announcements of new heads), then a host and, if any, a port number"
                )
        self.urls = list(urls)
        self.endpoints = [Endpoint(endpoint_name(url), url) for url in urls if not is_websocket(url)]
        if not self.endpoints:
            raise ConfigurationError(
                "no RPC URL to ask is given, only such that announce new heads: add one that begins with "
                "http:// or https://"
            )
        self._transport = Transport(CONNECTIONS, REQUEST_TIMEOUT_SECONDS, certifi.where())
        self._lock = Lock()
        self._reading = Lock()
        self._turn = 0
        self._guard: Guard | None = None

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def requests(self) -> int:
        """HTTP requests made so far."""
        return sum(endpoint.requests for endpoint in self.endpoints)

    @property
    def calls(self) -> int:
        """Calls made so far, those of a batch singly."""
        return sum(endpoint.calls for endpoint in self.endpoints)

    @property
    def longest_range(self) -> int:
        """How many blocks of old logs may be asked for at once."""
        able = [each for each in self.endpoints if not each.is_banned] or self.endpoints
        return max(each.abilities.range.value for each in able)

    @property
    def calls_at_a_time(self) -> int:
        """How many calls are answered without much of a wait, by whoever takes the most."""
        able = [each for each in self.endpoints if not each.is_banned] or self.endpoints
        return max(
            min(LARGEST_BATCH, REQUESTS_AT_A_TIME * each.abilities.batch.value)
            if each.abilities.pace.per_second is None
            else each.abilities.calls_at_a_time
            for each in able
        )

    def can(self, ability: str) -> bool:
        """Whether any endpoint does that, as far as is known."""
        return any(each.abilities.can(ability) for each in self.endpoints if not each.is_banned)

    def hold_to(self, guard: Guard) -> None:
        """Ask each endpoint who it is before anything else, and again after every cause for doubt."""
        self._guard = guard

    def doubt_identities(self) -> None:
        """Have every endpoint asked anew who it is before it is asked for anything else."""
        for endpoint in self.endpoints:
            endpoint.is_verified = False

    def batch(
        self,
        calls: Sequence[Call],
        *,
        endpoint: Endpoint | None = None,
        avoid: Endpoint | None = None,
        most_bytes: int | None = None,
    ) -> Reply:
        """Make the calls on one endpoint that can answer them, preferably the one that is given.

        An HTTP reply of more than `most_bytes` is neither read nor parsed.

        Raises:
            RangeTooLargeError: no endpoint answers a log query of so many blocks.
            CallRefusedError: every endpoint refuses a call, each for the reason that is told.
            ReplyTooLargeError: it has more than `most_bytes`.
            NoEndpointError: no endpoint answers; the message tells how each one did.
        """
        problems: dict[str, str] = {}
        refusals: dict[str, CallRefusedError | RangeTooLargeError] = {}
        excluded: set[Endpoint] = set()
        last: Endpoint | None = None
        for attempt in range(max(ATTEMPTS, 2 * len(self.endpoints))):
            chosen = self._choose(calls, avoid, excluded, None if attempt else endpoint)
            if chosen is None or (attempt and chosen.abilities.pace.wait > LONGEST_WAIT_SECONDS):
                break
            if chosen is last:
                _back_off(attempt - 1)
            last = avoid = chosen
            try:
                if not self._is_accepted(chosen):
                    continue
                results, seconds = self._collect(chosen, calls, most_bytes)
            except EndpointError as error:
                problems[chosen.name] = error.problem
                self._fail(chosen, error)
                continue
            except (RangeTooLargeError, CallRefusedError) as error:
                refusals[str(error)] = error
                if _is_final(error) or len(self.endpoints) > 1:
                    excluded.add(chosen)
                continue
            with self._lock:
                chosen.failures = 0
            return Reply(results, chosen, seconds)
        raise _conclusion(problems, refusals)

    def ask(self, endpoint: Endpoint, calls: Sequence[Call], *, attempts: int = ATTEMPTS) -> list[Any]:
        """Make the calls on this endpoint alone, whoever it is; raises RpcError when it does not answer."""
        problem: RpcError | None = None
        for attempt in range(attempts):
            if attempt:
                _back_off(attempt - 1)
            try:
                results, _ = self._collect(endpoint, calls, None)
            except CallRefusedError as error:
                if error.is_lasting:
                    raise
                problem = error
                continue
            except EndpointError as error:
                problem = error
                self._fail(endpoint, error)
                if endpoint.abilities.pace.wait > LONGEST_WAIT_SECONDS:
                    break
                continue
            with self._lock:
                endpoint.failures = 0
            return results
        raise NoEndpointError(f"no RPC endpoint answers ({problem}): check CHAINFUND_RPC_URLS and the node")

    def refuse(self, endpoint: Endpoint, ability: str, words: str) -> None:
        """What an endpoint answers is not what it is asked for: leave it out of such calls for a while."""
        with self._lock:
            endpoint.abilities.refuse(ability, endpoint.hush(words), is_lasting=False)

    def distrust(self, endpoint: Endpoint, problem: str) -> None:
        """Count a reply of the endpoint that cannot be true; enough of them in a row and it rests."""
        with self._lock:
            endpoint.lies += 1
            self._rest_if(endpoint, endpoint.lies, problem)

    def trust(self, endpoint: Endpoint) -> None:
        """What the endpoint told held together."""
        with self._lock:
            endpoint.lies = 0

    def take_turns(self) -> Endpoint | None:
        """The next endpoint in service, so that one which is behind does not hide what the others know."""
        with self._lock:
            usable = [each for each in self.endpoints if not each.rests_for and not each.abilities.pace.wait]
            self._turn += 1
            return usable[self._turn % len(usable)] if usable else None

    def ban(self, endpoint: Endpoint, reason: str) -> None:
        """Leave out an endpoint that is on another chain, until it says otherwise."""
        with self._lock:
            was_banned, endpoint.is_banned = endpoint.is_banned, True
            endpoint.resting_until, endpoint.reason = time.monotonic() + BAN_SECONDS, reason
            endpoint.is_verified = False
        if not was_banned and any(not each.is_banned for each in self.endpoints):
            logger.error("left out: %s", reason)

    def accept(self, endpoint: Endpoint) -> None:
        """The endpoint is who it has to be."""
        with self._lock:
            if endpoint.is_banned:
                endpoint.is_banned, endpoint.resting_until = False, 0.0
                logger.warning("%s is on the right chain again", endpoint.name)
            endpoint.is_verified = True

    def _fail(self, endpoint: Endpoint, error: EndpointError) -> None:
        with self._lock:
            endpoint.errors += 1
            if error.is_overloaded:
                endpoint.reason = error.problem
            else:
                endpoint.failures += 1
                self._rest_if(endpoint, endpoint.failures, error.problem)

    def _rest_if(self, endpoint: Endpoint, strikes: int, problem: str) -> None:
        endpoint.reason = problem
        if strikes < STRIKES_TO_QUARANTINE or endpoint.is_banned:
            return
        endpoint.resting_until = time.monotonic() + QUARANTINE_SECONDS
        endpoint.failures = endpoint.lies = 0
        # Behind its URL may stand another node when it is back.
        endpoint.is_verified = False
        if len(self.endpoints) > 1:
            logger.warning("%s rests for %.0f s: %s", endpoint.name, QUARANTINE_SECONDS, problem)

    def _is_accepted(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint is who it has to be, asked when there is cause; raises EndpointError."""
        if endpoint.is_verified or self._guard is None:
            return True
        try:
            problem = self._guard(endpoint)
        except RpcError as error:
            raise EndpointError(endpoint.name, endpoint.reason or str(error)) from error
        if problem:
            self.ban(endpoint, problem)
        else:
            self.accept(endpoint)
        return not problem

    def _choose(
        self,
        calls: Sequence[Call],
        avoid: Endpoint | None,
        excluded: Collection[Endpoint],
        preferred: Endpoint | None,
    ) -> Endpoint | None:
        """Who is asked; None when all have refused."""
        needs = {call.needs for call in calls}
        blocks = max((call.blocks for call in calls), default=0)
        usable = [each for each in self.endpoints if not self._is_out(each)]
        if not usable:
            raise WrongChainError("; ".join(endpoint.reason for endpoint in self.endpoints))
        usable = [each for each in usable if each not in excluded]
        if not usable:
            return None
        able = [each for each in usable if all(map(each.abilities.can, needs))] or usable
        if preferred in able and not preferred.rests_for and not preferred.abilities.pace.wait:
            return preferred
        # When all rest, the one that has rested longest is asked: the only node cannot be spared.
        rested = [each for each in able if not each.rests_for] or [
            min(able, key=lambda each: each.resting_until)
        ]
        others = [each for each in rested if each is not avoid] or rested
        wide = [each for each in others if each.abilities.range.value >= blocks] or [
            max(others, key=lambda each: each.abilities.range.value)
        ]
        return min(wide, key=lambda each: (each.latency + each.abilities.pace.wait) / each.weight)

    def _is_out(self, endpoint: Endpoint) -> bool:
        return endpoint.is_banned and (self._guard is None or endpoint.rests_for > 0)

    def _collect(
        self, endpoint: Endpoint, calls: Sequence[Call], most_bytes: int | None
    ) -> tuple[list[Any], float]:
        """All answers of one endpoint, in as many requests as it needs, and the seconds they took."""
        return Gathering(self._transport, self._reading, endpoint, calls, most_bytes).run()


def _conclusion(
    problems: dict[str, str], refusals: dict[str, CallRefusedError | RangeTooLargeError]
) -> RpcError:
    """What it means that nobody has answered."""
    too_large = [each for each in refusals.values() if isinstance(each, RangeTooLargeError)]
    if too_large:
        return max(too_large, key=lambda each: each.hint or 0)
    told = "; ".join([*refusals, *(f"{name}: {problem}" for name, problem in problems.items())])
    if refusals and not problems:
        is_lasting = all(each.is_lasting for each in refusals.values() if isinstance(each, CallRefusedError))
        return CallRefusedError(told, is_lasting=is_lasting)
    return NoEndpointError(f"no RPC endpoint answers ({told}): check CHAINFUND_RPC_URLS and the node")


def _is_final(error: CallRefusedError | RangeTooLargeError) -> bool:
    """Whether asking the same endpoint once more is idle."""
    return isinstance(error, RangeTooLargeError) or error.is_lasting


def _back_off(attempt: int) -> None:
    ceiling = FIRST_BACKOFF_SECONDS * 2 ** min(attempt, 4)
    # Jitter spreads retries of many workers; nothing secret hangs on it.
    time.sleep(random.uniform(ceiling / 2, ceiling))  # noqa: S311
