"""Small HTTP servers that stand in for what is out of reach: explorers, nodes of another make or in need."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Quiet."""

    def answer(self, document: object, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def explorers(sourcify: list[Any], etherscan: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Answers each explorer's requests in turn; gives the address and what was asked."""
    asked: list[Any] = []
    answers = {"sourcify": iter(sourcify), "etherscan": iter(etherscan)}

    class Explorers(_Handler):
        def do_GET(self) -> None:
            self.reply(None)

        def do_POST(self) -> None:
            self.reply(self.body())

        def reply(self, body: bytes | None) -> None:
            parts = urlsplit(self.path)
            name = parts.path.split("/")[1]
            if name == "etherscan":
                form = parse_qs(body.decode()) if body else {}
                asked.append(
                    (name, {key: value[0] for key, value in {**parse_qs(parts.query), **form}.items()})
                )
            else:
                asked.append((parts.path.removeprefix("/sourcify"), json.loads(body) if body else None))
            status, document = next(answers[name])
            self.answer(document, status)

    with _serving(Explorers) as url:
        yield url, asked


@dataclass
class Proxy:
    """A node seen through a proxy, and what is changed on the way; may be set between two runs.

    client: What it calls itself instead of anvil.
    cuts: Where the connection is cut, once: at the n-th call from now of a method, before or (True) after the
        call is passed on.
    log_range: Most blocks that one question about events may span.
    """

    url: str = ""
    client: str | None = None
    cuts: list[tuple[str, int, bool]] = field(default_factory=list)
    log_range: int | None = None

    def is_cut(self, method: str, *, passed_on: bool) -> bool:
        for index, (name, countdown, after) in enumerate(self.cuts):
            if name == method and after == passed_on:
                self.cuts[index] = (name, countdown - 1, after)
                if countdown == 1:
                    del self.cuts[index]
                    return True
        return False

    def own_answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """What the proxy says instead of the node."""
        if self.client and request["method"] == "web3_clientVersion":
            return {"result": self.client}
        if self.log_range and request["method"] == "eth_getLogs":
            first, last = (int(request["params"][0][key], 16) for key in ("fromBlock", "toBlock"))
            if last - first > self.log_range:
                return {"error": {"code": -32005, "message": f"range is limited to {self.log_range} blocks"}}
        return None


@contextmanager
def proxied(url: str, client: str | None = None) -> Iterator[Proxy]:
    """The same node, behind an address of its own."""
    proxy = Proxy(client=client)

    class Pass(_Handler):
        def do_POST(self) -> None:
            body = self.body()
            request = json.loads(body)
            if own := proxy.own_answer(request):
                self.answer({"jsonrpc": "2.0", "id": request["id"], **own})
                return
            if proxy.is_cut(request["method"], passed_on=False):
                return
            answer = requests.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=60)
            if not proxy.is_cut(request["method"], passed_on=True):
                self.answer(answer.json())

    with _serving(Pass) as proxy.url:
        yield proxy
