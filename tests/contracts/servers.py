"""Small HTTP servers that stand in for what is out of reach: two explorers, and a node of another make."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def node_of_another_make(url: str) -> Iterator[str]:
    """The same node, except that it does not call itself anvil: for what scripts do off anvil."""

    class Disguise(_Handler):
        def do_POST(self) -> None:
            body = self.body()
            request = json.loads(body)
            if isinstance(request, dict) and request["method"] == "web3_clientVersion":
                self.answer({"jsonrpc": "2.0", "id": request["id"], "result": "Geth/v1.15.0"})
                return
            headers = {"Content-Type": "application/json"}
            self.answer(requests.post(url, data=body, headers=headers, timeout=60).json())

    with _serving(Disguise) as disguised:
        yield disguised
