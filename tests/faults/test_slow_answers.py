"""A request has its time in all, however slowly its answer comes."""

import json
import time
from collections.abc import Callable
from functools import partial
from io import BufferedIOBase
from threading import Event
from typing import Any

import certifi
import pytest

from tasks.indexing.errors import EndpointError
from tasks.indexing.node import endpoint
from tasks.indexing.node.calls import chain_id_call
from tasks.indexing.node.endpoint import Endpoint, Response, Transport
from tests.faults.proxy import Answer, Liar, Proxy

CONTENT = json.dumps({"id": 0, "result": "0x7a69"}).encode()
# Of a clock that only the server moves.
SECONDS_A_BYTE = 10
WHOLE = SECONDS_A_BYTE * len(CONTENT)


class Trickling(Proxy):
    """Sends its answers byte by byte, and does something after each."""

    def __init__(self, after_each: Callable[[], object]) -> None:
        self._after_each = after_each
        super().__init__("", Liar(0, 0.0))

    def respond(self, calls: list[Any]) -> Answer:
        return Answer(200, CONTENT)

    def send(self, stream: BufferedIOBase, content: bytes) -> None:
        for byte in content:
            stream.write(bytes([byte]))
            self._after_each()


class Clock:
    """Stands still by itself."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def advance(self) -> None:
        self.now += SECONDS_A_BYTE


def ask(server: Proxy, seconds: float) -> Response:
    transport = Transport(1, seconds, certifi.where())
    try:
        return transport.post(Endpoint("slow", server.url), [chain_id_call()], None)
    finally:
        transport.close()


def test_an_answer_may_take_the_whole_time_and_not_a_byte_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(endpoint, "time", clock)
    with Trickling(clock.advance) as server:
        assert ask(server, WHOLE + 1).content == CONTENT
        with pytest.raises(EndpointError, match=f"was not complete after {WHOLE - 1} s"):
            ask(server, WHOLE - 1)


def test_bytes_that_keep_coming_buy_no_time() -> None:
    """Each comes well within the time, all of them together do not."""
    with (
        Trickling(partial(time.sleep, 0.02)) as server,
        pytest.raises(EndpointError, match=r"was not complete after 0\.2 s"),
    ):
        ask(server, 0.2)


@pytest.mark.parametrize("sent", [1, len(CONTENT) - 1])
def test_an_answer_that_stops_in_its_middle_is_given_what_is_left_of_the_time(
    monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    clock, is_given_up = Clock(), Event()
    monkeypatch.setattr(endpoint, "time", clock)

    def stop_there() -> None:
        clock.advance()
        if clock.now == sent * SECONDS_A_BYTE:
            is_given_up.wait()

    with Trickling(stop_there) as server:
        try:
            with pytest.raises(EndpointError, match="was not complete after"):
                ask(server, sent * SECONDS_A_BYTE + 0.2)
        finally:
            is_given_up.set()
