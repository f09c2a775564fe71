"""Only another block in the place of ours is a reorganisation: what looks like one halts nothing."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devtools.servers import Anvil
from django_project.ledger.models import Chain, Cursor, ReorgEvent
from tasks.indexing.errors import CannotTellError, ChainHaltedError
from tasks.indexing.node import rpc
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating import runner, standstill
from tasks.indexing.operating.registry import read_registry
from tasks.indexing.operating.runner import Runner
from tasks.indexing.pipeline.fetch import Source
from tasks.indexing.repair.reorg import find_ancestor
from tests.faults.histories import busy
from tests.faults.proxy import Answer, Liar, Proxy
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import fresh_picture, index_once, picture

pytestmark = pytest.mark.django_db(transaction=True)

# Of a run that does not come to what it waits for.
PATIENCE = timedelta(minutes=5)


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    """On a chain of its own: what anvil takes back does not mix with what it rewinds between tests."""
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The same retries with shorter pauses."""
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.002)
    monkeypatch.setattr(rpc, "BAN_SECONDS", 0.05)
    monkeypatch.setattr(standstill, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(standstill, "LONGEST_PAUSE_SECONDS", 0.2)
    caplog.set_level(logging.CRITICAL)


class Balancer(Proxy):
    """One URL in front of several nodes; who answers is decided for each request.

    Attributes:
        route: the node that answers some calls.
    """

    def __init__(self, target: str) -> None:
        self.route: Callable[[list[Any]], str | None] = lambda _: target
        super().__init__(target, Liar(0, 0.0))

    def respond(self, calls: list[Any]) -> Answer:
        to = self.route(calls)
        if to is None:
            return hidden(super().respond(calls))
        self._target = to
        return super().respond(calls)


def hidden(answer: Answer) -> Answer:
    """Of a backend that has none of the blocks."""
    replies = json.loads(answer.content)
    for reply in replies:
        if isinstance(reply["result"], dict):
            reply["result"] = None
    return answer._replace(content=json.dumps(replies).encode())


def follow(suite: Suite, *urls: str, **options: Any) -> None:
    with Pool(urls) as pool:
        Runner(read_registry(suite.registry), pool, run_for=PATIENCE, **options).run()


def is_level(head: int) -> bool:
    return Cursor.objects.values_list("next_block", flat=True).get() == head + 1


def walks_down(calls: list[Any]) -> bool:
    """Whether these are the window's headers, from the newest."""
    asked = [call for call in calls if call["method"] != "eth_chainId"]
    numbers = [call["params"][0] for call in asked if call["method"] == "eth_getBlockByNumber"]
    return len(numbers) == len(asked) > 2 and int(numbers[0], 16) > int(numbers[-1], 16)


@pytest.mark.parametrize("hides", [1, 4])
def test_a_reorganisation_seen_through_a_backend_without_the_blocks(suite: Suite, hides: int) -> None:
    busy(suite)
    mine(suite, 30)
    index_once(suite)
    node(suite, "anvil_reorg", 1, [])
    mine(suite, 2)
    left = hides

    def route(calls: list[Any]) -> str | None:
        nonlocal left
        if walks_down(calls) and left:
            left -= 1
            return None
        return suite.url

    with Balancer(suite.url) as balancer:
        balancer.route = route
        follow(suite, balancer.url, until_block=suite.web3.eth.block_number)
    assert left == 0
    assert Chain.objects.get().state == Chain.State.OK
    assert ReorgEvent.objects.get().depth == 1
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_a_backend_that_is_behind_in_the_middle_of_a_reading_takes_nothing_back(suite: Suite) -> None:
    """Its own part of the chain is ours; above that it has nothing, which is no other block."""
    busy(suite)
    index_once(suite)
    head = suite.web3.eth.block_number
    with Balancer(suite.url) as balancer, Pool([balancer.url]) as pool:
        balancer.lag = 4
        with pytest.raises(CannotTellError, match=f"does not have block {head - 3} nor another"):
            find_ancestor(Cursor.objects.get(), Source(pool, []))
    assert not ReorgEvent.objects.exists()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Anvil]:
    """Another chain that is longer."""
    chain = Anvil(tmp_path / "other", chain_id=5)
    yield chain
    chain.stop()


def test_a_url_that_leads_to_another_chain_for_a_while(
    suite: Suite, other: Anvil, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(suite)
    mine(suite, 30)
    index_once(suite)
    other.request("anvil_mine", hex(suite.web3.eth.block_number + 20))
    contribute(suite, create_campaign(suite))
    head = suite.web3.eth.block_number
    requests = 0

    def route(_calls: list[Any]) -> str:
        nonlocal requests
        requests += 1
        return other.url if 4 < requests < 20 else suite.url

    with Balancer(suite.url) as balancer:
        balancer.route = route
        follow(suite, balancer.url, stop=lambda: requests > 20 and is_level(head))
        assert is_level(head)
        assert Chain.objects.get().state == Chain.State.OK

        monkeypatch.setattr(runner, "IDENTITY_PATIENCE_SECONDS", 0.3)
        balancer.route = lambda _: other.url
        with pytest.raises(ChainHaltedError):
            follow(suite, balancer.url)
        assert Chain.objects.get().halt_code == Chain.Halt.IDENTITY
        balancer.route = lambda _: suite.url
        follow(suite, balancer.url, until_block=head)
    assert Chain.objects.get().state == Chain.State.OK
    assert not ReorgEvent.objects.exists()
    assert picture(suite.chain_id) == fresh_picture(suite)


@pytest.mark.parametrize("alien", range(1, 7))
def test_a_backend_of_another_chain_at_first_contact(suite: Suite, other: Anvil, alien: int) -> None:
    """Whichever of the first requests it answers: of identity, code, the block to begin on, or the head."""
    busy(suite)
    head = suite.web3.eth.block_number
    other.request("anvil_mine", hex(head + 20))
    requests = 0

    def route(_calls: list[Any]) -> str:
        nonlocal requests
        requests += 1
        return other.url if requests == alien else suite.url

    with Balancer(suite.url) as balancer:
        balancer.route = route
        follow(suite, balancer.url, until_block=head)
    assert requests > alien
    assert Chain.objects.get().state == Chain.State.OK
    assert not ReorgEvent.objects.exists()
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_an_endpoint_that_was_on_another_chain_is_asked_again(suite: Suite, other: Anvil) -> None:
    """It comes right after the start; then the only other one dies."""
    busy(suite)
    head = suite.web3.eth.block_number
    with Balancer(suite.url) as misled, Proxy(suite.url, Liar(0, 0.0)) as mortal:
        misled.route = lambda _: other.url

        def turn(_commit: Any) -> None:
            misled.route = lambda _: suite.url
            mortal.refuse_with = 503

        follow(suite, misled.url, mortal.url, until_block=head, on_commit=turn)
        contribute(suite, create_campaign(suite))
        follow(suite, misled.url, mortal.url, until_block=head + 2)
    assert Cursor.objects.get().next_block == suite.web3.eth.block_number + 1
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_until_a_block_that_is_indexed_looks_whether_it_is_still_the_chains(suite: Suite) -> None:
    campaign = create_campaign(suite)
    mine(suite, 3)
    snapshot = node(suite, "evm_snapshot")
    contribute(suite, campaign, amount=9)
    mine(suite, 2)
    index_once(suite)
    head = suite.web3.eth.block_number
    node(suite, "evm_revert", snapshot)
    node(suite, "evm_increaseTime", 9)
    contribute(suite, campaign, amount=2)
    mine(suite, 10)
    follow(suite, suite.url, until_block=head)
    assert ReorgEvent.objects.exists()
    index_once(suite)
    assert picture(suite.chain_id) == fresh_picture(suite)
