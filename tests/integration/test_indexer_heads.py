"""New heads: announced where a node does that, found by asking where it does not."""

import time
from pathlib import Path

import pytest

from tasks.demo.servers import Anvil
from tasks.indexing.errors import ConfigurationError
from tasks.indexing.heads import Heads, subscription_urls
from tasks.indexing.rpc import Pool
from tests.faults.proxy import Liar, Proxy

PATIENCE_SECONDS = 20.0


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
            heads.advanced()
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
    heads.advanced()
    assert heads._rechecks == 0


def test_websocket_addresses_are_given_or_guessed() -> None:
    assert subscription_urls(["https://node.example/key"]) == ["wss://node.example/key"]
    assert subscription_urls(["https://node.example", "wss://heads.example"]) == ["wss://heads.example"]


def test_announcements_alone_are_not_enough() -> None:
    with pytest.raises(ConfigurationError, match="add one that begins with http"):
        Pool(["ws://node.example"])
    with Pool(["http://node.example", "ws://node.example"]) as pool:
        assert [endpoint.url for endpoint in pool.endpoints] == ["http://node.example"]
