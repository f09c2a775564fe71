"""Transactions that wallets sent and that came to nothing, asked for on a real node."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from django_project.core.addresses import parse_hash
from django_project.ledger.models import CampaignLaunched
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tasks.demo.servers import Anvil
from tasks.pledging import DROPPED_AFTER, look_for_missing
from tests.factories import CHAIN_ID, ETHER, World, address, backer_user

pytestmark = pytest.mark.django_db

State = PledgeIntent.State
# The first account of every local node.
SENDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
# Creates a contract whose first instruction is invalid.
REVERTING = {"data": "0xfe", "gas": hex(100_000)}


@pytest.fixture
def campaign(world: World) -> CampaignLaunched:
    return world.campaign()


@pytest.fixture
def pledge(settings: LazySettings, anvil: Anvil, world: World, campaign: CampaignLaunched) -> PledgeIntent:
    settings.RPC_URLS = {CHAIN_ID: [anvil.url]}
    listing = world.listing(campaign)
    return services.create_intent(backer_user(1), listing, ETHER, 0, address(1))


def send(anvil: Anvil, **transaction: str) -> bytes:
    return parse_hash(str(anvil.request("eth_sendTransaction", {"from": SENDER, **transaction})))


def mined(anvil: Anvil, **transaction: str) -> bytes:
    """The hash of a transaction that is in a block: a node that mines by itself answers before it has."""
    tx_hash = send(anvil, **transaction)
    anvil.request("evm_mine")
    return tx_hash


def looked_for(pledge: PledgeIntent, tx_hash: bytes, sent: timedelta = timedelta(0)) -> str:
    """The pledge's state after its transaction was reported so long ago and looked for now."""
    services.report_submitted(pledge, tx_hash)
    PledgeIntent.objects.update(updated_at=timezone.now() - sent)
    look_for_missing()
    pledge.refresh_from_db()
    return pledge.state


def test_a_reverted_transaction_fails_its_pledge_at_once(pledge: PledgeIntent, anvil: Anvil) -> None:
    assert looked_for(pledge, mined(anvil, **REVERTING)) == State.FAILED


def test_one_that_no_node_knows_fails_after_a_while(pledge: PledgeIntent) -> None:
    assert looked_for(pledge, b"\xab" * 32) == State.SUBMITTED
    assert looked_for(pledge, b"\xab" * 32, DROPPED_AFTER + timedelta(seconds=1)) == State.FAILED


def test_one_that_waits_in_the_pool_is_waited_for(pledge: PledgeIntent, anvil: Anvil) -> None:
    anvil.request("evm_setAutomine", *(False,))
    try:
        waiting = send(anvil, to="0x" + "11" * 20, value="0x1")
        assert looked_for(pledge, waiting, DROPPED_AFTER * 10) == State.SUBMITTED
    finally:
        anvil.request("evm_setAutomine", *(True,))


def test_one_that_was_mined_is_left_to_the_indexer(pledge: PledgeIntent, anvil: Anvil) -> None:
    in_a_block = mined(anvil, to="0x" + "11" * 20, value="0x1")
    assert looked_for(pledge, in_a_block, DROPPED_AFTER * 10) == State.SUBMITTED


def test_a_node_that_is_away_changes_nothing(pledge: PledgeIntent, settings: LazySettings) -> None:
    settings.RPC_URLS = {CHAIN_ID: ["http://127.0.0.1:1"]}
    assert looked_for(pledge, b"\xab" * 32, DROPPED_AFTER * 2) == State.SUBMITTED


def test_a_replacement_reported_meanwhile_is_waited_for(pledge: PledgeIntent) -> None:
    services.report_submitted(pledge, b"\xab" * 32)
    stale = PledgeIntent.objects.get(pk=pledge.pk)
    services.report_submitted(pledge, b"\xcd" * 32)
    assert services.give_up(stale).state == State.SUBMITTED


def test_what_turns_up_later_is_confirmed_all_the_same(
    pledge: PledgeIntent, world: World, campaign: CampaignLaunched
) -> None:
    assert looked_for(pledge, b"\xab" * 32, DROPPED_AFTER * 2) == State.FAILED
    world.contribute(campaign, backer=address(1), ref=pledge.ref)
    services.reconcile(CHAIN_ID)
    pledge.refresh_from_db()
    assert pledge.state == State.CONFIRMED
