"""How much a request may carry: no address of the site takes files.

Django keeps a body's form fields in memory and spools files, and under ASGI every body, to the disk before
any view or permission is asked. A body above the limit of its address (`BODY_LIMIT`, or what `BODY_LIMITS`
has for the beginning of its path) is answered with 413 instead (`web/bodies.py`), unread, whether its length
is told or it comes in chunks.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from django_project.core.numbers import whole_number

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

# In an ASGI scope: the body was too large, and nothing of it was kept.
TOO_LARGE = "chainfund.body_too_large"


def limit_of(path: str) -> int:
    """How many bytes a body to this address may have; `path` is without the site's own prefix."""
    longer: dict[str, int] = settings.BODY_LIMITS
    limit: int = settings.BODY_LIMIT
    return next((most for prefix, most in longer.items() if path.startswith(prefix)), limit)


def is_longer_than(limit: int, content_length: str) -> bool:
    """Whether a Content-Length header tells of more than so many bytes."""
    return whole_number(content_length, 0, limit + 1) > limit


class BoundedBodies:
    """An ASGI application that is handed whole bodies of at most `limit_of` their path, held in memory."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        first = await _whole(scope, receive)
        if first is None:
            scope = {**scope, TOO_LARGE: True}
            first = {"type": "http.request", "body": b"", "more_body": False}
        waiting = [first]

        async def replay() -> Message:
            if waiting:
                return waiting.pop()
            # What is left of a body that was too large is passed over: the application waits for the end.
            while (message := await receive())["type"] == "http.request":
                pass
            return message

        await self._application(scope, replay, send)


async def _whole(scope: Any, receive: Receive) -> Message | None:
    """A request's body in one message, or the news that the client left; None for one that is too large."""
    limit = limit_of(scope["path"].removeprefix(scope.get("root_path", "")))
    if is_longer_than(limit, dict(scope["headers"]).get(b"content-length", b"").decode("latin-1")):
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body"):
            return {"type": "http.request", "body": bytes(body), "more_body": False}
