"""New heads as nodes announce them, so that nobody has to ask twenty times a second.

An announcement (geth's `eth_subscribe`, "newHeads") only wakes the follower: what it says is not believed,
and what it does not say is found by asking, as on a node without subscriptions.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from statistics import median_low
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import orjson

from django_project.core.endpoints import is_websocket
from django_project.ledger.models import Block

logger = logging.getLogger(__name__)

# While a subscription is silent the node is asked all the same, this often at least and at most.
SUBSCRIBED_POLL_SECONDS = (1.0, 15.0)
# Without one it is asked at the pace of the chain's blocks, this often at most and at least.
POLL_SECONDS = (0.2, 2.0)
UNKNOWN_POLL_SECONDS = 1.0
# A node on the same machine costs nothing to ask.
LOOPBACK_POLL_SECONDS = 0.05
# An announcement may be a little ahead of what the same node answers, and more of what its neighbour does.
RECHECKS = 5
RECHECK_SECONDS = 0.1
LOOPBACK_RECHECK_SECONDS = 0.01

OPEN_TIMEOUT_SECONDS = 5.0
RETRY_SECONDS = 5.0
# Between two looks at whether to go on listening.
LISTEN_SECONDS = 1.0
_SUBSCRIBE = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def subscription_urls(urls: Sequence[str]) -> list[str]:
    """The websocket URLs among them; without any, the same addresses, where many nodes serve both."""
    given = [url for url in urls if is_websocket(url)]
    return given or [url.replace("http", "ws", 1) for url in urls]


def recent_times(chain_id: int) -> list[int]:
    """When the last indexed blocks were mined, in order."""
    newest = Block.objects.filter(chain_id=chain_id).order_by("-number").values_list("timestamp", flat=True)
    return [int(moment.timestamp()) for moment in reversed(newest[: BlockPace.SEEN + 1])]


class BlockPace:
    """How often a chain has blocks, by the times of those that were seen, and when to ask for the next."""

    SEEN = 9
    # Of the time between two blocks: so long before one is due, and so often after, the node is asked.
    STEP = 1 / 12

    def __init__(self, block_times: Sequence[int] = ()) -> None:
        self._gaps: deque[int] = deque(maxlen=self.SEEN)
        self._last_time: int | None = None
        self._seen_at = time.monotonic()
        for block_time in block_times:
            self.note(block_time)
        if block_times:
            # As far as this machine's clock tells; the next block does.
            self._seen_at -= min(max(0.0, time.time() - block_times[-1]), self.seconds)

    def note(self, block_time: int) -> None:
        """A new head of this time was seen."""
        if self._last_time is not None and block_time >= self._last_time:
            self._gaps.append(block_time - self._last_time)
        self._last_time, self._seen_at = block_time, time.monotonic()

    @property
    def seconds(self) -> float:
        """Between two blocks, as the median of late has it: 0 while nothing is known."""
        return float(median_low(self._gaps)) if self._gaps else 0.0

    def patience(self) -> float:
        """Seconds until the node is asked again: none of them while no block is due."""
        if not self._gaps:
            return UNKNOWN_POLL_SECONDS
        shortest, longest = POLL_SECONDS
        step = min(longest, max(shortest, self.seconds * self.STEP))
        due_in = self._seen_at + self.seconds - step - time.monotonic()
        return max(step, due_in)


class Heads:
    """A subscription to new heads in a thread of its own, for as long as it is a context.

    Args:
        urls: of the chain's nodes, by HTTP or websocket.
        block_times: of the chain's last blocks, in order.
    """

    def __init__(self, urls: Sequence[str], block_times: Sequence[int] = ()) -> None:
        self._urls = subscription_urls(urls)
        # A guessed address that takes no subscription is left alone.
        self._is_guess = not any(is_websocket(url) for url in urls)
        self._is_local = all(urlsplit(url).hostname in _LOOPBACK for url in urls)
        self._pace = BlockPace(block_times)
        self._announced, self._ended = threading.Event(), threading.Event()
        self._is_subscribed = self._is_greeting = False
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
            time.sleep(LOOPBACK_RECHECK_SECONDS if self._is_local else RECHECK_SECONDS)
            return
        if self._announced.wait(self._patience()):
            self._announced.clear()
            self._rechecks = 0 if self._is_greeting else RECHECKS
            self._is_greeting = False

    def advanced(self, block_time: int) -> None:
        """What was announced is indexed, up to a block of this time."""
        self._rechecks = 0
        self._pace.note(block_time)

    def _patience(self) -> float:
        if self._is_subscribed:
            shortest, longest = SUBSCRIBED_POLL_SECONDS
            return shortest if self._is_local else min(longest, max(shortest, 2 * self._pace.seconds))
        return LOOPBACK_POLL_SECONDS if self._is_local else self._pace.patience()

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
                self._is_subscribed = self._is_greeting = True
                # Whatever came before is found by asking once.
                self._announced.set()
                while not self._ended.is_set():
                    try:
                        socket.recv(LISTEN_SECONDS)
                    except TimeoutError:
                        continue
                    self._announced.set()
        except WebSocketException as error:
            raise ConnectionError(str(error)) from error
