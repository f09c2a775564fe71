"""Asking contracts for their count: hundreds in one call, when it is due, and by whatever a node takes."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now

from devtools.servers import Anvil
from django_project.core.addresses import parse_address, selector
from django_project.ledger.models import CampaignTotals, Cursor, SuspectRange
from tasks.indexing.errors import CallRefusedError
from tasks.indexing.node.calls import At
from tasks.indexing.node.many import MOST_ADDRESSES, NO_ANSWER, numbers_call
from tasks.indexing.node.rpc import Pool
from tests.faults.providers import Habits, Provider, Refusal, is_by_hash, is_method
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine
from tests.support.indexing import index_once

pytestmark = pytest.mark.django_db(transaction=True)

SEQ = selector("seq()")


@pytest.fixture
def suite(anvil: Anvil, deployments_dir: Path) -> Suite:
    return deploy_suite(anvil, deployments_dir)


def here(suite: Suite) -> At:
    head = suite.web3.eth.get_block("latest")
    return At(head["number"], bytes(head["hash"]))


def test_hundreds_of_contracts_answer_in_one_call(suite: Suite) -> None:
    campaigns = [create_campaign(suite) for _ in range(3)]
    for count, campaign in enumerate(campaigns):
        for _ in range(count):
            contribute(suite, campaign)
    addresses = [parse_address(campaign.address) for campaign in campaigns]
    told = [campaign.functions.seq().call() for campaign in campaigns]
    nobody, deaf = b"\x01" * 20, parse_address(suite.token.address)
    with Pool([suite.url]) as pool:
        many = [*addresses, nobody, *addresses[::-1], deaf]
        (found,) = pool.batch([numbers_call(many, SEQ, here(suite))]).results
        assert found == [*told, NO_ANSWER, *told[::-1], NO_ANSWER]
        full = (addresses * MOST_ADDRESSES)[:MOST_ADDRESSES]
        (found,) = pool.batch([numbers_call(full, SEQ, here(suite)._replace(by_hash=False))]).results
        assert found == (told * MOST_ADDRESSES)[:MOST_ADDRESSES]
        with pytest.raises(CallRefusedError):
            pool.batch([numbers_call(addresses, SEQ, At(1, b"\x07" * 32))])


@pytest.mark.parametrize(
    "habits",
    [
        Habits(),
        Habits(rules=[is_by_hash]),
        Habits(rules=[lambda call, _: call["method"] == "eth_call" and "to" not in call["params"][0]]),
        Habits(
            rules=[is_by_hash, lambda call, _: call["method"] == "eth_call" and "to" not in call["params"][0]]
        ),
    ],
    ids=["in one call", "by number", "one by one", "one by one, by number"],
)
def test_an_event_that_is_missing_shows_whatever_the_node_takes(suite: Suite, habits: Habits) -> None:
    contribute(suite, create_campaign(suite))
    index_once(suite)
    CampaignTotals.objects.update(last_seq=0)
    Cursor.objects.update(audited_at=None)
    with Provider(suite.url, habits, words=Refusal(-32000, "not here")) as provider:
        index_once(suite, provider.url)
        assert provider.calls["eth_call"] > 0
    assert "has emitted 1 events, the index has 0" in SuspectRange.objects.latest("id").reason


def test_everything_is_asked_every_ten_minutes_and_not_with_every_run(suite: Suite) -> None:
    contribute(suite, create_campaign(suite))
    mine(suite, 12)
    head = suite.web3.eth.block_number

    def asked() -> int:
        with Provider(suite.url, Habits()) as provider:
            index_once(suite, provider.url)
            return provider.calls["eth_call"]

    index_once(suite)
    assert Cursor.objects.get().next_block == head + 1
    first = Cursor.objects.get().audited_at
    assert first is not None
    # A run that ends by itself asks all the same: who starts it by hand wants to know.
    assert asked() == 1
    Cursor.objects.update(audited_at=Now() - timedelta(minutes=10))
    assert asked() == 1
    assert (Cursor.objects.get().audited_at or first) > first


def test_calls_are_refused_for_good(suite: Suite) -> None:
    """Without this protection the index goes on."""
    contribute(suite, create_campaign(suite))
    with Provider(
        suite.url, Habits(rules=[is_method("eth_call")]), words=Refusal(-32601, "none")
    ) as provider:
        index_once(suite, provider.url)
    assert CampaignTotals.objects.get().last_seq == 1
