"""One node: who it is, how it has behaved, and one HTTP request to it."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import orjson
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

from django_project.core.endpoints import request_address, request_headers
from tasks.indexing.errors import EndpointError, ReplyTooLargeError
from tasks.indexing.node.abilities import LONGEST_WORDS, Abilities
from tasks.indexing.node.calls import Call

LATENCY_SMOOTHING = 0.2
# Parts of a URL that are long enough to be a key, and are never repeated.
SHORTEST_SECRET = 8
_PIECE = 64 * 1024


@dataclass(eq=False)
class Endpoint:
    """What a pool remembers of a node."""

    name: str
    url: str = field(repr=False)
    weight: int = 1
    latency: float = 0.0
    # In a row: requests that failed, and replies that could not be true.
    failures: int = 0
    lies: int = 0
    # Monotonic seconds until which it rests.
    resting_until: float = 0.0
    reason: str = ""
    # Whether it was asked who it is since it last gave cause for doubt, and whether it is on another chain.
    is_verified: bool = False
    is_banned: bool = False
    # In all: HTTP requests, the calls in them, and requests that failed.
    requests: int = 0
    calls: int = 0
    errors: int = 0
    abilities: Abilities = field(default_factory=Abilities)

    @cached_property
    def address(self) -> str:
        return request_address(self.url)

    @cached_property
    def headers(self) -> Mapping[str, str]:
        return request_headers(self.url)

    @property
    def rests_for(self) -> float:
        """Seconds until it is asked again: 0 for one in service."""
        return max(0.0, self.resting_until - time.monotonic())

    @cached_property
    def _secrets(self) -> list[str]:
        parts = urlsplit(self.url)
        values = [value for _, value in parse_qsl(parts.query)]
        found = [*parts.path.split("/"), *values, parts.password or "", parts.username or ""]
        return sorted((each for each in found if len(each) >= SHORTEST_SECRET), key=len, reverse=True)

    def hush(self, words: str) -> str:
        """What a node has said, in short and without the key that it was asked with."""
        for secret in self._secrets:
            words = words.replace(secret, "…")
        return words[:LONGEST_WORDS]


class Response(NamedTuple):
    """An HTTP response, read to its end."""

    status: int
    content: bytes
    retry_after: float


class Transport:
    """HTTP to all endpoints of a pool, with a limit on the time that a request takes in all."""

    def __init__(self, connections: int, seconds: float, ca_certs: str) -> None:
        # Of connecting and the wait for an answer together.
        timeout = urllib3.Timeout(total=seconds)
        self._client = urllib3.PoolManager(
            maxsize=connections, timeout=timeout, retries=False, ca_certs=ca_certs
        )
        self._seconds = seconds
        self._counting = Lock()

    def close(self) -> None:
        self._client.clear()

    def post(self, endpoint: Endpoint, calls: Sequence[Call], most_bytes: int | None) -> Response:
        """Send the calls, a single one as no batch.

        Raises:
            EndpointError: nothing came, or not in time.
            ReplyTooLargeError: more than `most_bytes` came, and was left unread.
        """
        body = [
            {"jsonrpc": "2.0", "id": index, "method": call.method, "params": call.params}
            for index, call in enumerate(calls)
        ]
        with self._counting:
            endpoint.requests += 1
            endpoint.calls += len(calls)
        started = time.monotonic()
        try:
            response = self._client.request(
                "POST",
                endpoint.address,
                body=orjson.dumps(body if len(body) > 1 else body[0]),
                headers=endpoint.headers,
                redirect=False,
                preload_content=False,
            )
            content = self._read(response, endpoint, most_bytes, started + self._seconds)
        except HTTPError as error:
            raise EndpointError(endpoint.name, endpoint.hush(_in_short(error))) from error
        seconds = time.monotonic() - started
        endpoint.latency += (seconds - endpoint.latency) * (LATENCY_SMOOTHING if endpoint.latency else 1.0)
        return Response(response.status, content, _retry_after(response))

    def _read(
        self,
        response: urllib3.BaseHTTPResponse,
        endpoint: Endpoint,
        most_bytes: int | None,
        deadline: float,
    ) -> bytes:
        """The whole body; one that is larger than `most_bytes` is left unread, its connection closed."""
        told = response.headers.get("Content-Length", "")
        size = int(told) if told.isdecimal() else None
        if size is not None and most_bytes is not None and size > most_bytes:
            response.close()
            raise ReplyTooLargeError(endpoint.name, most_bytes, size)
        pieces: list[bytes] = []
        length = 0
        while piece := self._piece(response, endpoint, deadline):
            pieces.append(piece)
            length += len(piece)
            if most_bytes is not None and length > most_bytes:
                response.close()
                # What was told is the size on the wire, if anything.
                raise ReplyTooLargeError(endpoint.name, most_bytes, None)
        response.release_conn()
        return b"".join(pieces)

    def _piece(self, response: urllib3.BaseHTTPResponse, endpoint: Endpoint, deadline: float) -> bytes:
        """What has come of the body; nothing at its end."""
        left = deadline - time.monotonic()
        connection = response.connection
        # One that ends with this response has no socket any more, and the wait stays as it was.
        if isinstance(connection, HTTPConnection) and connection.sock is not None and left > 0:
            connection.sock.settimeout(left)
        with suppress(ReadTimeoutError):
            if left > 0:
                return response.read1(_PIECE)
        response.close()
        raise EndpointError(endpoint.name, f"its answer was not complete after {self._seconds:g} s")


def _in_short(error: HTTPError) -> str:
    """Without the library's own account of host and port, which a message begins with already."""
    return f"{type(error).__name__} {str(error).rpartition(': ')[2]}".strip()


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0
