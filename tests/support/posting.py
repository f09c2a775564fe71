"""An HTTP server in a thread of the test, for clients that post JSON."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Response = tuple[int, Mapping[str, str], bytes]
"""Status, headers, body; without a Content-Length the connection's end is the body's."""


class PostServer(ABC):
    """Answers on a free port until it is closed; what it answers is said by `respond`."""

    def __init__(self) -> None:
        respond = self.respond

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                posted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers, body = respond(self.path, dict(self.headers), posted)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @abstractmethod
    def respond(self, path: str, headers: dict[str, str], posted: Any) -> Response:
        """What to answer to one request."""

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def as_bytes(reply: object) -> bytes:
    """JSON of a reply; bytes go out as they are, for what is no JSON."""
    return reply if isinstance(reply, bytes) else json.dumps(reply).encode()
