"""New heads as nodes announce them, so that nobody has to ask twenty times a second.

An announcement (geth's `eth_subscribe`, "newHeads") only wakes the follower: what it says is not believed,
and what it does not say is found by asking, as on a node without subscriptions.
"""

import logging
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import orjson

from django_project.core.endpoints import is_websocket

logger = logging.getLogger(__name__)

SUBSCRIBED_POLL_SECONDS = 1.0
POLL_SECONDS = 0.2
# A node on the same machine costs nothing to ask.
LOOPBACK_POLL_SECONDS = 0.05
# An announcement may be a little ahead of what the same node answers.
RECHECKS = 5
RECHECK_SECONDS = 0.01

OPEN_TIMEOUT_SECONDS = 5.0
RETRY_SECONDS = 5.0
_SUBSCRIBE = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def subscription_urls(urls: Sequence[str]) -> list[str]:
    """The websocket URLs among them; without any, the same addresses, where many nodes serve both."""
    given = [url for url in urls if is_websocket(url)]
    return given or [url.replace("http", "ws", 1) for url in urls]


class Heads:
    """A subscription to new heads in a thread of its own, for as long as it is a context.

    Args:
        urls: of the chain's nodes, by HTTP or websocket.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = subscription_urls(urls)
        # A guessed address that takes no subscription is left alone.
        self._is_guess = not any(is_websocket(url) for url in urls)
        is_local = all(urlsplit(url).hostname in _LOOPBACK for url in urls)
        self._poll = LOOPBACK_POLL_SECONDS if is_local else POLL_SECONDS
        self._announced, self._ended = threading.Event(), threading.Event()
        self._is_subscribed = False
        self._rechecks = 0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._listen, name="heads", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._announced.set()

    @property
    def is_subscribed(self) -> bool:
        """Whether a node announces its heads right now."""
        return self._is_subscribed

    def wait(self) -> None:
        """Return when it is worth asking again: after an announcement, or after a while."""
        if self._rechecks:
            self._rechecks -= 1
            time.sleep(RECHECK_SECONDS)
            return
        if self._announced.wait(SUBSCRIBED_POLL_SECONDS if self._is_subscribed else self._poll):
            self._announced.clear()
            self._rechecks = RECHECKS

    def advanced(self) -> None:
        """What was announced is indexed."""
        self._rechecks = 0

    def _listen(self) -> None:
        turn = 0
        while not self._ended.is_set():
            url = self._urls[turn % len(self._urls)]
            turn += 1
            try:
                self._subscribe(url)
            except (OSError, ValueError, TimeoutError) as error:
                logger.debug("no announcements from %s: %s", urlsplit(url).hostname, error)
                if self._is_guess and turn >= len(self._urls):
                    return
            finally:
                self._is_subscribed = False
            self._ended.wait(RETRY_SECONDS)

    def _subscribe(self, url: str) -> None:
        """Listen until the connection ends; raises OSError or ValueError when there is nothing to hear."""
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        try:
            with connect(
                url, open_timeout=OPEN_TIMEOUT_SECONDS, close_timeout=0.1, compression=None
            ) as socket:
                socket.send(_SUBSCRIBE, text=True)
                if "result" not in orjson.loads(socket.recv(OPEN_TIMEOUT_SECONDS)):
                    raise ValueError("the node takes no subscriptions")
                self._is_subscribed = True
                # Whatever came before is found by asking once.
                self._announced.set()
                while not self._ended.is_set():
                    try:
                        socket.recv(SUBSCRIBED_POLL_SECONDS)
                    except TimeoutError:
                        continue
                    self._announced.set()
        except WebSocketException as error:
            raise ConnectionError(str(error)) from error
