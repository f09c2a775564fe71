"""The site behind its own servers, asked through raw sockets: what headers and bodies strangers may send."""

import asyncio
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from devtools.servers import PROJECT_ROOT, free_port
from django_project.core.bodies import TOO_LARGE, BoundedBodies
from tests.support.processes import environment, wait_until

# The pages need the tables.
pytestmark = pytest.mark.django_db

LIMIT: int = settings.BODY_LIMIT


@dataclass(frozen=True)
class Answer:
    status: int
    body: str


@dataclass(frozen=True)
class Server:
    """A server whose processes can write no byte to any file: whoever spools a body ends in an error."""

    port: int

    def ask(self, head: str, *body: bytes) -> Answer:
        """Send a request as it stands, the body piece by piece, and read until the server has answered."""
        lines = [*head.strip().splitlines(), "Host: 127.0.0.1", "Connection: close"]
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall("\r\n".join(line.strip() for line in lines).encode() + b"\r\n\r\n")
            sender = threading.Thread(target=self._send, args=(connection, body))
            sender.start()
            answer = b""
            try:
                while received := connection.recv(65536):
                    answer += received
            except ConnectionResetError:
                pass
            sender.join()
        top, _, text = answer.partition(b"\r\n\r\n")
        return Answer(int(top.split()[1]), text.decode(errors="replace"))

    @staticmethod
    def _send(connection: socket.socket, body: tuple[bytes, ...]) -> None:
        try:
            for piece in body:
                connection.sendall(piece)
        except OSError:
            # It answered and closed before it had everything, as it should.
            return


def write_nothing() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.fixture(scope="module")
def server_environment(
    django_db_setup: None,  # noqa: ARG001  # it names the database
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    return environment(PYTHONDONTWRITEBYTECODE="1", TMPDIR=str(tmp_path_factory.mktemp("spool")))


def serve(command: list[str], port: int, env: dict[str, str]) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env=env,
        cwd=PROJECT_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=write_nothing,  # no thread of ours holds a lock that it takes
    )

    def answers() -> bool:
        assert process.poll() is None, "the server did not start"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers, command[0])
    yield Server(port)
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def gunicorn(server_environment: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    command = ["gunicorn", "-c", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    yield from serve(command, port, server_environment)


@pytest.fixture(scope="module")
def uvicorn(server_environment: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    command = ["uvicorn", "django_project.asgi:application", "--port", str(port), "--log-level", "error"]
    yield from serve(command, port, server_environment)


@pytest.fixture(params=["gunicorn", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Server:
    served: Server = request.getfixturevalue(request.param)
    return served


def chunks(size: int, pieces: int) -> list[bytes]:
    return [*(b"%x\r\n%s\r\n" % (size, b"x" * size) for _ in range(pieces)), b"0\r\n\r\n"]


def multipart(*fields: bytes) -> bytes:
    return (
        b"".join(b"--b\r\nContent-Disposition: form-data; " + field + b"\r\n" for field in fields)
        + b"--b--\r\n"
    )


FORM = "Content-Type: application/x-www-form-urlencoded"
FILES = "Content-Type: multipart/form-data; boundary=b"


def test_a_process_that_may_write_nothing_shows_that_nothing_is_written(tmp_path: Path) -> None:
    """What the servers of these tests run under: a spooled body would have ended in an error."""
    program = "import tempfile\nfile = tempfile.TemporaryFile()\nfile.write(b'x')\nfile.flush()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"TMPDIR": str(tmp_path)},
        preexec_fn=write_nothing,
        capture_output=True,
        check=False,
    )
    assert b"No usable temporary directory" in done.stderr


@pytest.mark.parametrize("kind", [FORM, FILES, "Content-Type: application/json", "X-No: type"])
def test_a_body_that_is_too_long_is_refused_unread(kind: str, server: Server) -> None:
    """Its length is told, and not a byte of it has come when the answer is there."""
    for path in ("/theme/", "/explore/", "/api/v1/session", "/admin/login/", "/nothing/"):
        for length in (LIMIT + 1, 10**9):
            answer = server.ask(f"POST {path} HTTP/1.1\nContent-Length: {length}\n{kind}")
            assert answer.status == 413, path
            assert ("body_too_large" in answer.body) == path.startswith("/api/")


@pytest.mark.parametrize("length", ["-1", "+5", "0x10", "１２", "9" * 40, "9" * 5000])
def test_no_length_is_believed_that_is_none(length: str, server: Server) -> None:
    answer = server.ask(f"POST /theme/ HTTP/1.1\nContent-Length: {length}\n{FORM}", b"theme=night")
    assert answer.status in (400, 413)


@pytest.mark.parametrize("kind", [FORM, FILES, "Content-Type: application/json"])
def test_a_body_in_chunks_is_read_up_to_the_limit(kind: str, server: Server) -> None:
    head = f"POST /api/v1/session HTTP/1.1\nTransfer-Encoding: chunked\n{kind}"
    answer = server.ask(head, *chunks(16_000, 60))
    assert answer.status == 413
    assert "body_too_large" in answer.body
    assert server.ask(head, *chunks(1_000, 3)).status in (400, 403, 415)


@pytest.mark.parametrize("chunk", [b"-1\r\n\r\n", b"zz\r\nhello\r\n", b"\r\n", b"5;a\nb\r\nhello\r\n"])
def test_chunks_that_are_none_are_a_bad_request(chunk: bytes, server: Server) -> None:
    head = f"POST /theme/ HTTP/1.1\nTransfer-Encoding: chunked\n{FORM}"
    assert server.ask(head, chunk + b"0\r\n\r\n").status == 400


def test_what_fits_is_read_however_it_comes(server: Server) -> None:
    """A body of just the limit: its form has no token, which nobody can say who did not read it."""
    body = (b'{"nonce": "' + b"x" * LIMIT)[: LIMIT - 2] + b'"}'
    told = "POST /api/v1/beacon HTTP/1.1\nContent-Type: application/json\nSec-Fetch-Site: same-origin"
    assert server.ask(f"{told}\nContent-Length: {len(body)}", body).status == 204
    piece = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert server.ask(f"{told}\nTransfer-Encoding: chunked", piece).status == 204
    form = b"theme=night"
    small = f"POST /theme/ HTTP/1.1\n{FORM}\nTransfer-Encoding: chunked"
    assert server.ask(small, b"%x\r\n%s\r\n0\r\n\r\n" % (len(form), form)).status == 403


def test_no_file_is_taken_anywhere(server: Server) -> None:
    """Not even a small one of somebody who may post; nor does a field pass for a file."""
    file = multipart(b'name="a"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n' + b"x" * 5_000)
    field = multipart(b'name="theme"\r\n\r\nnight')
    for path, refused in (("/theme/", 400), ("/sign-in/", 400), ("/api/v1/session", 403)):
        answer = server.ask(f"POST {path} HTTP/1.1\n{FILES}\nContent-Length: {len(file)}", file)
        assert answer.status == refused, path
    assert server.ask(f"POST /theme/ HTTP/1.1\n{FILES}\nContent-Length: {len(field)}", field).status == 403


@pytest.mark.parametrize(
    "name", ["Script_Name", "SCRIPT_NAME", "Script-Name", "X-Forwarded-Prefix", "X-Script-Name"]
)
def test_no_header_moves_the_site(name: str, server: Server) -> None:
    for path in ("/", "/explore/"):
        plain = server.ask(f"GET {path} HTTP/1.1")
        moved = server.ask(f"GET {path} HTTP/1.1\n{name}: /explore")
        assert plain.status == moved.status == 200
        assert "/explore/explore" not in moved.body
        own = f'<link rel="canonical" href="{settings.SITE_URL}{path}">'
        assert own in moved.body
        assert own in server.ask(f"GET {path} HTTP/1.1").body


@pytest.mark.parametrize(
    "header",
    [
        *("Path_Info: /admin/", "PATH_INFO: /admin/", "Remote_User: admin", "Remote_Addr: 127.0.0.1"),
        *("Request_Method: POST", "Wsgi_Url_Scheme: https", "Query_String: q=x", "Content_Length: 5"),
        *("X_Forwarded_For: 203.0.113.9", "X_Forwarded_Proto: https", "Http_Host: evil.example"),
    ],
)
def test_headers_with_underscores_say_nothing(header: str, server: Server) -> None:
    answer = server.ask(f"GET /explore/ HTTP/1.1\n{header}")
    assert answer.status == 200
    assert "evil" not in answer.body
    assert '"explore"' in answer.body or "/explore/" in answer.body


def test_what_is_left_of_a_body_is_passed_over_until_the_client_leaves() -> None:
    """As Django waits for it while it answers; anything else than the end would be an error."""
    pieces = [{"type": "http.request", "body": b"x" * LIMIT, "more_body": True}] * 3
    coming = iter([*pieces, {"type": "http.disconnect"}])
    heard = []

    async def receive() -> Any:
        return next(coming)

    async def application(scope: Any, receive: Any, _send: Any) -> None:
        heard.extend([scope[TOO_LARGE], await receive(), await receive()])

    asyncio.run(BoundedBodies(application)({"type": "http", "path": "/", "headers": []}, receive, None))
    assert heard == [
        True,
        {"type": "http.request", "body": b"", "more_body": False},
        {"type": "http.disconnect"},
    ]
