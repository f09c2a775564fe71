"""The site's own questions to a node: which endpoint is asked, and what counts as an answer."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.servers import free_port
from django_project.core import node
from tests.factories import CHAIN_ID
from tests.support.posting import PostServer, Response, as_bytes

Reply = tuple[int, object]
ANSWER: Reply = (200, {"jsonrpc": "2.0", "id": 1, "result": "0x01"})


def failure(code: int, message: str) -> Reply:
    return 200, {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}


class Endpoint(PostServer):
    """A node that answers every call the same, and remembers them."""

    def __init__(self, reply: Reply = ANSWER) -> None:
        self.reply = reply
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, Any]] = []
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}/key"

    def respond(self, path: str, headers: dict[str, str], posted: Any) -> Response:
        self.asked.append((path, posted))
        self.headers = headers
        status, reply = self.reply
        body = as_bytes(reply)
        return status, {"Location": "/elsewhere", "Content-Length": str(len(body))}, body


@pytest.fixture
def first() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def second() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def ask(seconds: float = 30.0) -> str:
    return node.call(CHAIN_ID, "eth_call", {"data": "0x00"}, "latest", until=time.monotonic() + seconds)


def test_the_first_endpoint_is_asked_and_believed(settings: Any, first: Endpoint, second: Endpoint) -> None:
    settings.RPC_URLS = {CHAIN_ID: [first.url, second.url]}
    assert ask() == "0x01"
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"data": "0x00"}, "latest"]}
    assert first.asked == [("/key", call)]
    assert not second.asked


@pytest.mark.parametrize(
    "reply",
    [
        (500, b"busy"),
        (302, b""),
        (200, b"{no json"),
        (200, b"[]"),
        (200, {"jsonrpc": "2.0", "id": 1}),
        (200, {"result": None}),
        (200, {"result": "0x" + "00" * node.REPLY_BYTES_LIMIT}),
        failure(-32005, "rate limit exceeded"),
        failure(-32603, "internal error"),
    ],
)
def test_after_no_answer_the_next_one_is_asked_once(
    settings: Any, first: Endpoint, second: Endpoint, reply: Reply
) -> None:
    first.reply = reply
    settings.RPC_URLS = {CHAIN_ID: [first.url, second.url]}
    assert ask() == "0x01"
    assert [path for path, _ in first.asked] == ["/key"]
    assert len(second.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        failure(3, "execution reverted"),
        failure(-32000, "execution reverted: no"),
        failure(-32000, "out of gas"),
        failure(-32003, "EVM error OutOfGas"),
        failure(-32015, "VM execution error."),
    ],
)
def test_a_call_that_fails_is_not_tried_elsewhere(
    settings: Any, first: Endpoint, second: Endpoint, reply: Reply
) -> None:
    first.reply = reply
    settings.RPC_URLS = {CHAIN_ID: [first.url, second.url]}
    with pytest.raises(node.CallFailedError):
        ask()
    assert not second.asked


def test_endpoints_that_are_down_or_silent_are_passed_over(
    settings: Any, first: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "REQUEST_TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        quiet = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings.RPC_URLS = {CHAIN_ID: [f"http://127.0.0.1:{free_port()}", quiet, first.url]}
        assert ask() == "0x01"


def test_websocket_urls_and_other_chains_are_not_asked(settings: Any, first: Endpoint) -> None:
    settings.RPC_URLS = {CHAIN_ID: [f"ws://127.0.0.1:{first.port}"], 1: [first.url]}
    with pytest.raises(node.NoAnswerError):
        ask()
    assert not first.asked


def test_nobody_is_asked_too_late(settings: Any, first: Endpoint) -> None:
    settings.RPC_URLS = {CHAIN_ID: [first.url]}
    with pytest.raises(node.NoAnswerError):
        ask(seconds=0)
    assert not first.asked


def test_name_and_password_go_into_the_headers(settings: Any, first: Endpoint) -> None:
    settings.RPC_URLS = {CHAIN_ID: [f"http://us%40er:s3cret@127.0.0.1:{first.port}"]}
    assert ask() == "0x01"
    assert first.headers["Authorization"] == "Basic dXNAZXI6czNjcmV0"


def test_what_is_logged_has_no_keys(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.RPC_URLS = {CHAIN_ID: [f"http://user:s3cret@127.0.0.1:{free_port()}/s3cret"]}
    with pytest.raises(node.NoAnswerError, match=r"127\.0\.0\.1:\d+: NewConnectionError") as told:
        ask()
    assert "s3cret" not in str(told.value) + caplog.text
