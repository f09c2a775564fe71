"""The pool of endpoints: what it checks, what it asks again, whom it asks, what it never shows."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tasks.indexing.errors import (
    BadReplyError,
    CallRefusedError,
    ConfigurationError,
    NoEndpointError,
    RangeTooLargeError,
    ReplyTooLargeError,
)
from tasks.indexing.node import rpc
from tasks.indexing.node.calls import Call
from tasks.indexing.node.rpc import STRIKES_TO_QUARANTINE, Pool
from tests.faults.proxy import RATE_LIMITS
from tests.support.posting import PostServer, Response, as_bytes

Answer = Callable[[list[Any]], tuple[int, Any]]


class Node(PostServer):
    """Answers batches as a test says."""

    def __init__(self) -> None:
        self.answer: Answer = lambda calls: (
            200,
            [{"id": call["id"], "result": call["method"]} for call in calls],
        )
        self.batches: list[list[Any]] = []
        # Without, the size of a reply shows only when all of it is there.
        self.tells_size = True
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def respond(self, _path: str, _headers: dict[str, str], posted: Any) -> Response:
        """A single call comes as no batch, and gets none."""
        calls = posted if isinstance(posted, list) else [posted]
        self.batches.append(calls)
        status, reply = self.answer(calls)
        if isinstance(posted, dict) and isinstance(reply, list) and len(reply) == 1:
            reply = reply[0]
        body = as_bytes(reply)
        return status, {"Content-Length": str(len(body))} if self.tells_size else {}, body


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Node, Node]]:
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.001)
    pair = Node(), Node()
    yield pair
    for node in pair:
        node.close()


def call(method: str, *, blocks: int = 0) -> Call:
    return Call(method, (), lambda result: result, blocks=blocks)


def results(calls: list[Any]) -> list[Any]:
    return [{"id": call["id"], "result": call["method"]} for call in calls]


def error(code: int, message: str) -> Answer:
    return lambda calls: (
        200,
        [{"id": call["id"], "error": {"code": code, "message": message}} for call in calls],
    )


def test_results_come_in_the_order_of_the_calls(nodes: tuple[Node, Node]) -> None:
    nodes[0].answer = lambda calls: (200, list(reversed(results(calls))))
    with Pool([nodes[0].url]) as pool:
        assert pool.batch([call("a"), call("b"), call("c")]).results == ["a", "b", "c"]


def test_large_batches_are_split(nodes: tuple[Node, Node]) -> None:
    with Pool([nodes[0].url]) as pool:
        assert len(pool.batch([call("a")] * 250).results) == 250
    assert [len(batch) for batch in nodes[0].batches] == [100, 100, 50]


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: (429, b""),
        lambda _: (503, b"busy"),
        lambda _: (200, b"{no json"),
        lambda calls: (200, results(calls)[:-1]),
        lambda calls: (200, [{"id": 7, "result": None} for _ in calls]),
        lambda _: (200, {"error": {"code": -32000, "message": "no batches today"}}),
        lambda calls: (200, [{"id": call["id"]} for call in calls]),
        error(-32603, "internal error"),
        error(-32005, "rate limit exceeded, too many requests"),
        error(429, "compute units"),
    ],
)
def test_what_passes_is_asked_again_elsewhere(nodes: tuple[Node, Node], answer: Answer) -> None:
    broken, good = nodes
    broken.answer = answer
    with Pool([broken.url, good.url]) as pool:
        reply = pool.batch([call("a"), call("b")])
        assert reply.results == ["a", "b"]
        assert reply.endpoint.url == good.url


def test_what_does_not_pass_is_asked_once(nodes: tuple[Node, Node]) -> None:
    nodes[0].answer = error(-32601, "the method does not exist")
    with Pool([nodes[0].url]) as pool, pytest.raises(CallRefusedError, match="refused b: the method"):
        pool.batch([call("b")])
    assert len(nodes[0].batches) == 1


@pytest.mark.parametrize("tells_size", [True, False])
def test_a_reply_that_is_too_large_is_left_unread(nodes: tuple[Node, Node], *, tells_size: bool) -> None:
    nodes[0].tells_size = tells_size
    size = len(json.dumps(results([{"id": 0, "method": "a" * 1000}])[0]))
    calls = [call("a" * 1000)]
    with Pool([nodes[0].url]) as pool:
        assert pool.batch(calls, most_bytes=size).results == ["a" * 1000]
        with pytest.raises(ReplyTooLargeError) as caught:
            pool.batch(calls, most_bytes=size - 1)
        assert caught.value.size == (size if tells_size else None)
        assert pool.batch(calls).results == ["a" * 1000]
    assert len(nodes[0].batches) == 3


def test_a_result_that_cannot_be_read_is_asked_for_elsewhere(nodes: tuple[Node, Node]) -> None:
    broken, good = nodes
    broken.answer = lambda calls: (200, [{"id": call["id"], "result": None} for call in calls])

    def read(result: Any) -> int:
        if result is None:
            raise BadReplyError("there is nothing")
        return len(result)

    with Pool([broken.url, good.url]) as pool:
        reply = pool.batch([Call("four", (), read)])
        assert reply.results == [4]
        assert reply.endpoint.url == good.url
        assert pool.endpoints[0].reason == "there is nothing"


def test_a_limit_on_log_queries_is_told_with_its_hint(nodes: tuple[Node, Node]) -> None:
    nodes[0].answer = error(-32005, "Log response size exceeded. Try this block range: [0x0, 0xff]")
    with Pool([nodes[0].url]) as pool, pytest.raises(RangeTooLargeError) as caught:
        pool.batch([call("eth_getLogs", blocks=1_000)])
    assert caught.value.hint == 256


@pytest.mark.parametrize("message", [*RATE_LIMITS, "request rate limited to 10 per second"])
def test_a_limit_on_the_rate_of_log_queries_is_none_on_their_size(
    nodes: tuple[Node, Node], message: str
) -> None:
    limited, good = nodes
    limited.answer = error(-32005, message)
    with Pool([limited.url, good.url]) as pool:
        assert pool.batch([call("eth_getLogs", blocks=1_000)]).endpoint.url == good.url


def test_an_endpoint_that_keeps_failing_rests_while_another_answers(
    nodes: tuple[Node, Node], caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = nodes
    broken.answer = lambda _: (500, b"")
    with Pool([broken.url, good.url]) as pool, caplog.at_level(logging.WARNING):
        for _ in range(STRIKES_TO_QUARANTINE):
            pool.endpoints[1].latency = 1.0
            pool.batch([call("a")])
        asked = len(broken.batches)
        assert pool.endpoints[0].rests_for > 0
        for _ in range(3):
            pool.endpoints[1].latency = 1.0
            pool.batch([call("a")])
        assert len(broken.batches) == asked
    assert "rests for 30 s: HTTP 500" in caplog.text


def test_the_only_endpoint_is_asked_even_while_it_rests(nodes: tuple[Node, Node]) -> None:
    nodes[0].answer = lambda _: (500, b"")
    with Pool([nodes[0].url]) as pool:
        with pytest.raises(NoEndpointError, match="HTTP 500"):
            pool.batch([call("a")])
        nodes[0].answer = lambda calls: (200, results(calls))
        assert pool.batch([call("a")]).results == ["a"]


def test_an_endpoint_on_another_chain_is_never_asked(nodes: tuple[Node, Node]) -> None:
    with Pool([nodes[0].url]) as pool:
        pool.ban(pool.endpoints[0], "it is on chain 5")
        with pytest.raises(NoEndpointError, match="it is on chain 5"):
            pool.batch([call("a")])
    assert nodes[0].batches == []


def test_the_quicker_endpoint_is_preferred(nodes: tuple[Node, Node]) -> None:
    with Pool([nodes[0].url, nodes[1].url]) as pool:
        pool.endpoints[0].latency, pool.endpoints[1].latency = 0.5, 0.01
        assert pool.batch([call("a")]).endpoint.url == nodes[1].url


def test_keys_in_urls_are_never_shown(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.001)
    with Pool(["http://user:hunter2@127.0.0.1:1/v3/SECRETKEY"]) as pool:
        with pytest.raises(NoEndpointError) as caught, caplog.at_level(logging.DEBUG, logger="tasks"):
            pool.batch([call("a")])
        told = f"{caught.value} {pool.endpoints} {caplog.text}"
    assert "127.0.0.1:1" in told
    assert "SECRETKEY" not in told
    assert "hunter2" not in told


@pytest.mark.parametrize("urls", [[], ["localhost:8545"], ["ws://127.0.0.1:8545"]])
def test_what_is_no_rpc_url_is_refused(urls: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        Pool(urls)
