"""JSON-RPC over a pool of endpoints: batches, checked replies, retries, quarantine.

Only what can be cured by asking again is asked again: no answer, 429, 5xx, a malformed or partial batch.
An endpoint that keeps failing rests while others answer; one that is on another chain is never asked again.
URLs may carry providers' keys, so messages name an endpoint by its host alone.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import certifi
import orjson
import urllib3
from urllib3.exceptions import HTTPError

from django_project.core.endpoints import endpoint_name, is_websocket, request_address, request_headers
from tasks.indexing.errors import (
    BadReplyError,
    CallRefusedError,
    ConfigurationError,
    EndpointError,
    NoEndpointError,
    RangeTooLargeError,
    ReplyTooLargeError,
    RpcError,
)

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT_SECONDS = 10.0
# Kept open to each node.
CONNECTIONS = 8
# Calls in one HTTP request; providers commonly refuse more.
BATCH_LIMIT = 100
ATTEMPTS = 4
FIRST_BACKOFF_SECONDS = 0.1
STRIKES_TO_QUARANTINE = 3
QUARANTINE_SECONDS = 30.0
LATENCY_SMOOTHING = 0.2

_INVALID_CALL_CODES = {-32600, -32601, -32602}
_TOO_LARGE = re.compile(
    r"query returned more than|block range|range (is )?too|too (many|large)|response size|result (set|window)"
    r"|limited to|exceeds? (the )?(max|limit)|limit exceeded.*(log|range|result)",
    re.IGNORECASE,
)
_UNKNOWN_BLOCK = re.compile(
    r"(block|header|hash|resource).{0,20}not found|unknown block|BlockNotFound", re.IGNORECASE
)
_RATE_LIMITED = re.compile(r"rate|too many requests|capacity|throttl", re.IGNORECASE)
# The code that nodes have in common for it (geth's `rpc/errors.go`), and the words of those that use another.
_REVERTED = 3
_REVERT = re.compile(
    r"revert|out of gas|gas required exceeds|invalid (opcode|jump)|stack (under|over)flow|vm execution"
    r"|bad instruction|EVM error",
    re.IGNORECASE,
)
_TOO_FAST = re.compile(r"too many requests|rate.?limit|(per |/)(minute|second)", re.IGNORECASE)
_SUGGESTED_RANGE = re.compile(r"\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]", re.IGNORECASE)
_NAMED_SPAN = re.compile(
    r"(?:up to|limited to|max(?:imum)?(?: of| is)?)[^0-9]{0,30}([0-9][0-9_,]*)", re.IGNORECASE
)


def _as_it_is(result: Any) -> Any:
    return result


class Call(NamedTuple):
    """A call, and how its result is read; `read` raises BadReplyError when it is not what was asked for.

    One to a stranger's contract `may_revert`: its result is None then, and the node is not to blame.
    """

    method: str
    params: tuple[Any, ...] = ()
    read: Callable[[Any], Any] = _as_it_is
    may_revert: bool = False


@dataclass
class Endpoint:
    """One node and how it has behaved."""

    name: str
    url: str = field(repr=False)
    weight: int = 1
    latency: float = 0.0
    # In a row: requests that failed, and replies that could not be true.
    failures: int = 0
    lies: int = 0
    # Monotonic seconds until which it rests; infinity for one that is on another chain.
    resting_until: float = 0.0
    reason: str = ""
    # In all.
    requests: int = 0
    errors: int = 0

    @cached_property
    def address(self) -> str:
        return request_address(self.url)

    @cached_property
    def headers(self) -> Mapping[str, str]:
        return request_headers(self.url)

    @property
    def rests_for(self) -> float:
        """Seconds until it is asked again: 0 for one in service, infinity for one that is left out."""
        return max(0.0, self.resting_until - time.monotonic())

    @property
    def is_banned(self) -> bool:
        return self.resting_until == float("inf")


class Reply(NamedTuple):
    """Results in the order of the calls, all from one endpoint."""

    results: list[Any]
    endpoint: Endpoint


def _is_rpc_url(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return parts.scheme in {"http", "https", "ws", "wss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def suggested_span(message: str) -> int | None:
    """The number of blocks that a provider's error message asks for, if it names one."""
    bounds = _SUGGESTED_RANGE.search(message)
    if bounds is not None:
        span = int(bounds[2], 16) - int(bounds[1], 16) + 1
        return span if span > 0 else None
    named = _NAMED_SPAN.search(message)
    if named is not None and "block" in message.lower():
        return int(re.sub(r"[_,]", "", named[1])) or None
    return None


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
        self._client = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            timeout=REQUEST_TIMEOUT_SECONDS,
            retries=False,
            ca_certs=certifi.where(),
        )
        self._lock = Lock()
        self._reading = Lock()
        self._turn = 0

    def close(self) -> None:
        self._client.clear()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def requests(self) -> int:
        """HTTP requests made so far."""
        return sum(endpoint.requests for endpoint in self.endpoints)

    def batch(
        self,
        calls: Sequence[Call],
        *,
        endpoint: Endpoint | None = None,
        avoid: Endpoint | None = None,
        most_bytes: int | None = None,
    ) -> Reply:
        """Make the calls on one endpoint, chosen by weight and latency unless it is given.

        An HTTP reply of more than `most_bytes` is neither read nor parsed.

        Raises:
            RangeTooLargeError, CallRefusedError: as the node says; asking again would not help.
            ReplyTooLargeError: it has more than `most_bytes`.
            NoEndpointError: all attempts failed; the message tells how each endpoint did.
        """
        problems: dict[str, str] = {}
        for attempt in range(ATTEMPTS):
            chosen = endpoint if endpoint is not None and attempt == 0 else self._choose(avoid)
            try:
                results = self._ask_in_chunks(chosen, calls, most_bytes)
            except EndpointError as error:
                problems[chosen.name] = error.problem
                self._fail(chosen, error.problem)
                avoid = chosen
                if attempt + 1 < ATTEMPTS:
                    _back_off(attempt, error.retry_after)
                continue
            with self._lock:
                chosen.failures = 0
            return Reply(results, chosen)
        told = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise NoEndpointError(f"no RPC endpoint answers ({told}): check CHAINFUND_RPC_URLS and the node")

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
            usable = [each for each in self.endpoints if not each.rests_for]
            self._turn += 1
            return usable[self._turn % len(usable)] if usable else None

    def _fail(self, endpoint: Endpoint, problem: str) -> None:
        with self._lock:
            endpoint.failures += 1
            endpoint.errors += 1
            self._rest_if(endpoint, endpoint.failures, problem)

    def _rest_if(self, endpoint: Endpoint, strikes: int, problem: str) -> None:
        endpoint.reason = problem
        if strikes < STRIKES_TO_QUARANTINE or endpoint.is_banned:
            return
        endpoint.resting_until = time.monotonic() + QUARANTINE_SECONDS
        endpoint.failures = endpoint.lies = 0
        if len(self.endpoints) > 1:
            logger.warning("%s rests for %.0f s: %s", endpoint.name, QUARANTINE_SECONDS, problem)

    def ban(self, endpoint: Endpoint, reason: str) -> None:
        """Never ask the endpoint again in this run."""
        with self._lock:
            endpoint.resting_until, endpoint.reason = float("inf"), reason
        if any(not each.is_banned for each in self.endpoints):
            logger.error("left out: %s", reason)

    def _choose(self, avoid: Endpoint | None) -> Endpoint:
        now = time.monotonic()
        usable = [endpoint for endpoint in self.endpoints if not endpoint.is_banned]
        if not usable:
            raise NoEndpointError("; ".join(endpoint.reason for endpoint in self.endpoints))
        rested = [endpoint for endpoint in usable if endpoint.resting_until <= now]
        # When all rest, the one that has rested longest is asked: the only node cannot be spared.
        candidates = rested or [min(usable, key=lambda each: each.resting_until)]
        others = [endpoint for endpoint in candidates if endpoint is not avoid]
        return min(others or candidates, key=lambda each: each.latency / each.weight)

    def _ask_in_chunks(self, endpoint: Endpoint, calls: Sequence[Call], most_bytes: int | None) -> list[Any]:
        results: list[Any] = []
        for start in range(0, len(calls), BATCH_LIMIT):
            results += self._ask(endpoint, calls[start : start + BATCH_LIMIT], most_bytes)
        return results

    def _ask(self, endpoint: Endpoint, calls: Sequence[Call], most_bytes: int | None) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": index, "method": call.method, "params": call.params}
            for index, call in enumerate(calls)
        ]
        started = time.monotonic()
        endpoint.requests += 1
        try:
            response = self._client.request(
                "POST",
                endpoint.address,
                body=orjson.dumps(body),
                headers=endpoint.headers,
                redirect=False,
                preload_content=False,
            )
            content = _read(response, endpoint, most_bytes)
        except HTTPError as error:
            raise EndpointError(endpoint.name, _in_short(error)) from error
        if response.status != HTTPStatus.OK:
            raise EndpointError(endpoint.name, f"HTTP {response.status}", _retry_after(response))
        seconds = time.monotonic() - started
        endpoint.latency += (seconds - endpoint.latency) * (LATENCY_SMOOTHING if endpoint.latency else 1.0)
        # JSON takes several times the memory of what is read from it, so there is one reply of it at a time;
        # threads would not be quicker, for Python runs one of them at a time anyway.
        with self._reading:
            try:
                reply = orjson.loads(content)
            except orjson.JSONDecodeError as error:
                raise EndpointError(endpoint.name, "the reply is no JSON") from error
            del content
            return _results(endpoint, calls, reply)


def _read(response: urllib3.BaseHTTPResponse, endpoint: Endpoint, most_bytes: int | None) -> bytes:
    """The whole body; one that is larger than `most_bytes` is left unread, its connection closed."""
    if most_bytes is None:
        return response.read()
    told = response.headers.get("Content-Length", "")
    size = int(told) if told.isdecimal() else None
    if size is None or size <= most_bytes:
        content = response.read(most_bytes + 1)
        if len(content) <= most_bytes:
            return content
        # What was told is the size on the wire, if anything.
        size = None
    response.close()
    raise ReplyTooLargeError(endpoint.name, most_bytes, size)


def _results(endpoint: Endpoint, calls: Sequence[Call], reply: Any) -> list[Any]:
    if not isinstance(reply, list):
        raise _refusal(endpoint, "a batch", reply.get("error") if isinstance(reply, dict) else None)
    by_id = {item.get("id"): item for item in reply if isinstance(item, dict)}
    if len(reply) != len(calls) or by_id.keys() != set(range(len(calls))):
        raise EndpointError(endpoint.name, f"{len(calls)} calls were answered by {len(reply)} replies")
    results: list[Any] = []
    for index, call in enumerate(calls):
        item = by_id[index]
        if call.may_revert and _is_revert(item.get("error")):
            results.append(None)
            continue
        if "result" not in item:
            raise _refusal(endpoint, call.method, item.get("error"))
        try:
            results.append(call.read(item["result"]))
        except BadReplyError as error:
            raise EndpointError(endpoint.name, str(error)) from error
    return results


def _is_revert(error: Any) -> bool:
    """Whether the code that was called has failed, and not the node."""
    if not isinstance(error, dict):
        return False
    return error.get("code") == _REVERTED or bool(_REVERT.search(str(error.get("message"))))


def _refusal(endpoint: Endpoint, method: str, error: Any) -> RpcError:
    if not isinstance(error, dict):
        return EndpointError(endpoint.name, f"{method} was answered by neither a result nor an error")
    code, message = error.get("code"), str(error.get("message"))
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return EndpointError(endpoint.name, message)
    if method == "eth_getLogs" and _TOO_LARGE.search(message) and not _TOO_FAST.search(message):
        return RangeTooLargeError(endpoint.name, message, suggested_span(message))
    if _UNKNOWN_BLOCK.search(message):
        return CallRefusedError(endpoint.name, method, message)
    if code in _INVALID_CALL_CODES and not _RATE_LIMITED.search(message):
        return CallRefusedError(endpoint.name, method, message)
    return EndpointError(endpoint.name, f"{method}: {message}")


def _in_short(error: HTTPError) -> str:
    """Without the library's own account of host and port, which a message begins with already."""
    return f"{type(error).__name__} {str(error).rpartition(': ')[2]}".strip()


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _back_off(attempt: int, at_least: float) -> None:
    ceiling = FIRST_BACKOFF_SECONDS * 2**attempt
    # Jitter spreads retries of many workers; nothing secret hangs on it.
    time.sleep(max(at_least, random.uniform(ceiling / 2, ceiling)))  # noqa: S311
