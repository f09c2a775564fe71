"""New heads: announced where a node does that, found by asking where it does not."""

import time
from pathlib import Path
from statistics import median

import pytest

from devtools.servers import Anvil
from tasks.indexing.errors import ConfigurationError
from tasks.indexing.node.heads import BlockPace, Heads, subscription_urls
from tasks.indexing.node.rpc import Pool
from tests.faults.proxy import Liar, Proxy

PATIENCE_SECONDS = 120.0


def wait_until_subscribed(heads: Heads) -> None:
    """Its own first announcement included."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not heads.is_subscribed:
        heads.wait()
        assert time.monotonic() < deadline, "the node took no subscription"


def test_a_block_is_announced_and_a_restarted_node_too(tmp_path: Path) -> None:
    node = Anvil(tmp_path)
    with Heads([node.url.replace("http", "ws")]) as heads:
        for _ in range(2):
            wait_until_subscribed(heads)
            heads.advanced(1_700_000_000)
            heads._announced.clear()
            node.request("evm_mine")
            assert heads._announced.wait(PATIENCE_SECONDS)
            node.stop()
            node = Anvil(tmp_path, port=node.port)
    node.stop()


def test_a_node_that_announces_nothing_is_asked(tmp_path: Path) -> None:
    node = Anvil(tmp_path)
    with Proxy(node.url, Liar(0, 0.0)) as deaf, Heads([deaf.url]) as heads:
        assert heads._thread is not None
        heads._thread.join(PATIENCE_SECONDS)
        assert not heads._thread.is_alive(), "a guessed address is not tried for ever"
        heads.wait()
        assert not heads.is_subscribed
    node.stop()


def test_an_announcement_is_rechecked_for_a_moment() -> None:
    """A node may announce a block before it answers with it."""
    heads = Heads(["http://127.0.0.1:1"])
    heads._announced.set()
    heads.wait()
    assert heads._rechecks > 0
    heads.advanced(1_700_000_000)
    assert heads._rechecks == 0


class Chain:
    """Blocks at given times, and a clock that only moves while somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: list[float]) -> None:
        self.now, self.times = 0.0, times
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def follow(self, pace: BlockPace) -> tuple[int, list[float]]:
        """How often the node was asked, and how late each block was seen."""
        asked, late = 0, []
        waiting = list(self.times)
        while waiting:
            self.now += pace.patience()
            asked += 1
            seen = [at for at in waiting if at <= self.now]
            if seen:
                late += [self.now - at for at in seen]
                waiting = waiting[len(seen) :]
                pace.note(int(seen[-1]))
        return asked, late


@pytest.mark.parametrize(("seconds", "most_looks"), [(12, 3.0), (2, 3.0), (30, 3.0), (1, 6.0)])
def test_a_chain_is_asked_at_the_pace_of_its_blocks(
    monkeypatch: pytest.MonkeyPatch, seconds: int, most_looks: float
) -> None:
    chain = Chain(monkeypatch, [100.0 + seconds * number for number in range(100)])
    pace = BlockPace()
    chain.now = 99.0
    asked, late = chain.follow(pace)
    assert asked / 100 <= most_looks
    assert median(late[10:]) <= min(2.0, seconds / 4)
    assert max(late[10:]) <= 2.0


def test_a_block_that_comes_sooner_than_the_others_is_seen_soon_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A chain of a developer, whose blocks come whenever somebody sends something."""
    gaps = [5, 1, 40, 2, 90, 1, 3, 300, 1, 7] * 3
    chain = Chain(monkeypatch, [100.0 + sum(gaps[:number]) for number in range(len(gaps))])
    chain.now = 99.0
    _, late = chain.follow(BlockPace())
    assert median(late) <= 2.0
    assert max(late) <= 10.0


def test_a_worker_begins_with_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    assert BlockPace().patience() == pytest.approx(1.0)
    begun_again = BlockPace([100, 112, 124])
    assert begun_again.seconds == 12
    # The last of them is long ago: a block is due.
    assert begun_again.patience() == pytest.approx(1.0)


def test_websocket_addresses_are_given_or_guessed() -> None:
    assert subscription_urls(["https://node.example/key"]) == ["wss://node.example/key"]
    assert subscription_urls(["https://node.example", "wss://heads.example"]) == ["wss://heads.example"]


def test_announcements_alone_are_not_enough() -> None:
    with pytest.raises(ConfigurationError, match="add one that begins with http"):
        Pool(["ws://node.example"])
    with Pool(["http://node.example", "ws://node.example"]) as pool:
        assert [endpoint.url for endpoint in pool.endpoints] == ["http://node.example"]
