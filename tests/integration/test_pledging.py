"""What nodes say of pledges that the chain does not show, asked of a real one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from devtools.servers import Anvil
from django_project.accounts.models import User, Wallet
from django_project.core.addresses import parse_address, parse_hash
from django_project.ledger.models import CampaignLaunched, CampaignTotals, Cursor
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tasks.engagement.missing_pledges import ASKED_KEPT, BATCH, CREATED_KEPT, DROPPED_AFTER, look_for_missing
from tests.factories import CHAIN_ID, ETHER, World, address, reference

pytestmark = pytest.mark.django_db

State, Failure = PledgeIntent.State, PledgeIntent.Failure
# The first two accounts of every local node.
SENDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
RELAYER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SOMEWHERE = "0x" + "11" * 20
UNKNOWN, UNKNOWN_TOO = b"\xab" * 32, b"\xcd" * 32
# Creates a contract whose first instruction is invalid.
REVERTING = {"data": "0xfe", "gas": hex(100_000)}
FINALITY = 4


@pytest.fixture
def campaign(world: World, anvil: Anvil) -> CampaignLaunched:
    """A campaign that by the node's clock has a week left."""
    campaign = world.campaign()
    deadline = datetime.fromtimestamp(chain_time(anvil), UTC)
    CampaignLaunched.objects.update(deadline=deadline + timedelta(days=7))
    return campaign


@pytest.fixture
def pledge(settings: LazySettings, anvil: Anvil, world: World, campaign: CampaignLaunched) -> PledgeIntent:
    """A pledge of the node's first account, on a chain whose last few blocks may still be replaced."""
    settings.RPC_URLS = {CHAIN_ID: [anvil.url]}
    user = User.objects.create_user(username="sender")
    Wallet.objects.create(user=user, address=parse_address(SENDER))
    anvil.request("anvil_mine", hex(FINALITY))
    return services.create_intent(user, world.listing(campaign), ETHER, 0, parse_address(SENDER))


def chain_time(anvil: Anvil) -> int:
    block: Any = anvil.request("eth_getBlockByNumber", *("latest", False))
    return int(block["timestamp"], 16)


def final_time(anvil: Anvil) -> int:
    """The time of the block that is final while the index keeps up."""
    block: Any = anvil.request("eth_getBlockByNumber", hex(Cursor.objects.get().finalized_block), False)  # noqa: FBT003
    return int(block["timestamp"], 16)


def send(anvil: Anvil, sender: str = SENDER, **transaction: str) -> bytes:
    return parse_hash(str(anvil.request("eth_sendTransaction", {"from": sender, **transaction})))


def mined(anvil: Anvil, sender: str = SENDER, **transaction: str) -> bytes:
    """The hash of a transaction that is in a block: a node that mines by itself answers before it has."""
    tx_hash = send(anvil, sender, **transaction)
    anvil.request("evm_mine")
    return tx_hash


def deployed(anvil: Anvil, code: str) -> str:
    """The address of a contract with this code."""
    size = len(code) // 2
    # Copies what follows these nine bytes, and returns it.
    creation = f"0x60{size:02x}8060095f395ff3{code.removeprefix('0x')}"
    tx_hash = mined(anvil, data=creation)
    receipt: Any = anvil.request("eth_getTransactionReceipt", f"0x{tx_hash.hex()}")
    return str(receipt["contractAddress"])


def give_code(anvil: Anvil, account: str = SENDER, code: str = "0x00") -> None:
    anvil.request("anvil_setCode", account, code)


def indexed_to(anvil: Anvil, blocks: int = FINALITY) -> None:
    """The index is at the node's head, all but its last blocks final."""
    head = int(str(anvil.request("eth_blockNumber")), 16)
    Cursor.objects.update(next_block=head + 1, finalized_block=head - blocks)


def later(anvil: Anvil, passed: timedelta, *, finally_: bool = True) -> None:
    """So much time goes by on the chain, and so many blocks that what was before is final."""
    anvil.request("evm_increaseTime", int(passed.total_seconds()))
    anvil.request("anvil_mine", hex(FINALITY + 1 if finally_ else 1))


def looked_for(anvil: Anvil, pledge: PledgeIntent) -> tuple[str, str]:
    """The pledge's state, and why it failed if it did, after nodes were asked."""
    indexed_to(anvil)
    look_for_missing()
    pledge.refresh_from_db()
    return pledge.state, pledge.failure


WAITING = (State.SUBMITTED, "")


def test_a_reverted_transaction_fails_its_pledge_at_once(pledge: PledgeIntent, anvil: Anvil) -> None:
    services.report_submitted(pledge, mined(anvil, **REVERTING))
    assert looked_for(anvil, pledge) == (State.FAILED, Failure.REVERTED)


def test_one_that_no_node_knows_is_dropped_after_a_while_of_the_chains_time(
    pledge: PledgeIntent, anvil: Anvil
) -> None:
    services.report_submitted(pledge, UNKNOWN)
    PledgeIntent.objects.update(created_at=timezone.now() - DROPPED_AFTER * 10)
    assert looked_for(anvil, pledge) == WAITING
    assert looked_for(anvil, pledge) == WAITING
    # The clock starts with the first look, and only blocks that are final count.
    later(anvil, DROPPED_AFTER - timedelta(seconds=1), finally_=False)
    assert looked_for(anvil, pledge) == WAITING
    later(anvil, timedelta(seconds=1), finally_=False)
    assert looked_for(anvil, pledge) == WAITING
    later(anvil, timedelta(0))
    assert looked_for(anvil, pledge) == (State.FAILED, Failure.DROPPED)


def test_the_while_begins_anew_when_a_node_knows_it_again(pledge: PledgeIntent, anvil: Anvil) -> None:
    services.report_submitted(pledge, UNKNOWN)
    looked_for(anvil, pledge)
    assert pledge.missing_since is not None
    PledgeIntent.objects.update(reported_tx_hash=mined(anvil, to=SOMEWHERE))
    looked_for(anvil, pledge)
    assert pledge.missing_since is None


def test_one_that_waits_in_the_pool_is_waited_for(pledge: PledgeIntent, anvil: Anvil) -> None:
    anvil.request("evm_setAutomine", *(False,))
    try:
        services.report_submitted(pledge, send(anvil, to=SOMEWHERE, value="0x1"))
        assert looked_for(anvil, pledge) == WAITING
        PledgeIntent.objects.update(created_at=timezone.now() - DROPPED_AFTER * 10)
        assert looked_for(anvil, pledge) == WAITING
    finally:
        anvil.request("evm_setAutomine", *(True,))


def test_one_whose_place_another_took_fails_once_that_is_final(pledge: PledgeIntent, anvil: Anvil) -> None:
    anvil.request("evm_setAutomine", *(False,))
    try:
        tx_hash = send(anvil, to=SOMEWHERE, value="0x1")
        services.report_submitted(pledge, tx_hash)
        assert looked_for(anvil, pledge) == WAITING
        anvil.request("anvil_dropTransaction", f"0x{tx_hash.hex()}")
        # Gone from the pool, its place still free: the wallet may send it again.
        assert looked_for(anvil, pledge) == WAITING
        send(anvil, to=SENDER)
        anvil.request("evm_mine")
        assert looked_for(anvil, pledge) == WAITING
        later(anvil, timedelta(seconds=1))
        assert looked_for(anvil, pledge) == (State.FAILED, Failure.REPLACED)
    finally:
        anvil.request("evm_setAutomine", *(True,))


def test_one_in_a_final_block_without_the_contribution_has_failed(pledge: PledgeIntent, anvil: Anvil) -> None:
    services.report_submitted(pledge, mined(anvil, to=SOMEWHERE, value="0x1"))
    assert looked_for(anvil, pledge) == WAITING
    later(anvil, timedelta(seconds=1))
    assert looked_for(anvil, pledge) == (State.FAILED, Failure.WITHOUT)


@pytest.mark.parametrize("code", ["0x00", "0xef0100" + "22" * 20], ids=["wallet", "delegation"])
def test_with_code_an_unknown_hash_is_waited_for_until_the_campaign_is_over(
    code: str, pledge: PledgeIntent, anvil: Anvil, campaign: CampaignLaunched
) -> None:
    give_code(anvil, code=code)
    services.report_submitted(pledge, UNKNOWN)
    assert looked_for(anvil, pledge) == WAITING
    assert pledge.is_by_contract
    later(anvil, DROPPED_AFTER * 20)
    assert looked_for(anvil, pledge) == WAITING
    campaign.refresh_from_db()
    left = campaign.deadline.timestamp() - chain_time(anvil) - 1
    anvil.request("evm_increaseTime", int(left) - FINALITY)
    anvil.request("anvil_mine", hex(FINALITY))
    assert looked_for(anvil, pledge) == WAITING
    later(anvil, timedelta(seconds=FINALITY + 1))
    assert looked_for(anvil, pledge) == (State.FAILED, Failure.CLOSED)


def test_a_wallet_that_signed_in_by_contract_is_waited_for_before_it_has_code(
    pledge: PledgeIntent, anvil: Anvil
) -> None:
    PledgeIntent.objects.update(is_by_contract=True)
    services.report_submitted(pledge, UNKNOWN)
    looked_for(anvil, pledge)
    later(anvil, DROPPED_AFTER * 2)
    assert looked_for(anvil, pledge) == WAITING


def test_an_operation_that_reverts_inside_a_bundle_has_failed_once_final(
    pledge: PledgeIntent, anvil: Anvil
) -> None:
    refusing = deployed(anvil, "fe")
    # Calls it, whatever comes of that, and ends well.
    bundle = deployed(anvil, f"5f5f5f5f5f73{refusing.removeprefix('0x')}5af15000")
    give_code(anvil)
    services.report_submitted(pledge, mined(anvil, RELAYER, to=bundle))
    assert looked_for(anvil, pledge) == WAITING
    later(anvil, timedelta(seconds=1))
    assert looked_for(anvil, pledge) == (State.FAILED, Failure.WITHOUT)


def test_what_somebody_else_sent_in_vain_can_be_sent_again(pledge: PledgeIntent, anvil: Anvil) -> None:
    give_code(anvil)
    services.report_submitted(pledge, mined(anvil, RELAYER, **REVERTING))
    later(anvil, DROPPED_AFTER * 2)
    assert looked_for(anvil, pledge) == WAITING


@pytest.mark.parametrize("state", [State.CREATED, State.ASKED, State.SUBMITTED, State.REORGED])
def test_nothing_comes_of_a_pledge_whose_campaign_is_over(
    state: str, pledge: PledgeIntent, anvil: Anvil, campaign: CampaignLaunched, world: World
) -> None:
    PledgeIntent.objects.update(state=state, tx_hash=UNKNOWN if state == State.REORGED else None)
    assert looked_for(anvil, pledge) == (state, "")
    world.cancel(campaign)
    moment = datetime.fromtimestamp(chain_time(anvil) + 1, UTC)
    CampaignTotals.objects.filter(campaign=campaign).update(cancelled_at=moment)
    assert looked_for(anvil, pledge) == (state, "")
    later(anvil, timedelta(seconds=2))
    assert looked_for(anvil, pledge) == (State.FAILED, Failure.CLOSED)


@pytest.mark.parametrize("state", [State.REJECTED, State.CONFIRMED, State.FINAL])
def test_what_is_decided_is_left_alone(state: str, pledge: PledgeIntent, anvil: Anvil) -> None:
    PledgeIntent.objects.update(state=state, reported_tx_hash=mined(anvil, **REVERTING))
    assert looked_for(anvil, pledge) == (state, "")


def test_the_ledger_overrules_what_nodes_say(
    pledge: PledgeIntent, anvil: Anvil, world: World, campaign: CampaignLaunched
) -> None:
    services.report_submitted(pledge, mined(anvil, **REVERTING))
    world.contribute(campaign, backer=parse_address(SENDER), ref=pledge.ref)
    assert looked_for(anvil, pledge) == WAITING
    services.reconcile(CHAIN_ID)
    pledge.refresh_from_db()
    assert pledge.state in (State.CONFIRMED, State.FINAL)


def test_a_node_that_is_away_changes_nothing(
    pledge: PledgeIntent, anvil: Anvil, settings: LazySettings
) -> None:
    settings.RPC_URLS = {CHAIN_ID: ["http://127.0.0.1:1"]}
    services.report_submitted(pledge, UNKNOWN)
    assert looked_for(anvil, pledge) == WAITING
    assert pledge.looked_at is None


def test_a_replacement_reported_meanwhile_is_waited_for(pledge: PledgeIntent) -> None:
    services.report_submitted(pledge, UNKNOWN)
    stale = PledgeIntent.objects.get(pk=pledge.pk)
    services.report_submitted(pledge, UNKNOWN_TOO)
    assert services.give_up(stale, Failure.DROPPED).state == State.SUBMITTED
    stale.missing_since = timezone.now()
    services.record_findings(stale, timezone.now())
    pledge.refresh_from_db()
    assert pledge.missing_since is None


def test_what_turns_up_later_is_confirmed_all_the_same(
    pledge: PledgeIntent, anvil: Anvil, world: World, campaign: CampaignLaunched
) -> None:
    services.report_submitted(pledge, mined(anvil, **REVERTING))
    looked_for(anvil, pledge)
    world.contribute(campaign, backer=parse_address(SENDER), ref=pledge.ref)
    services.reconcile(CHAIN_ID)
    pledge.refresh_from_db()
    assert (pledge.failure, pledge.state in (State.CONFIRMED, State.FINAL)) == ("", True)


def test_those_that_wait_for_long_do_not_keep_others_from_being_looked_for(
    pledge: PledgeIntent, anvil: Anvil, campaign: CampaignLaunched
) -> None:
    """A stranger's open pledges, each of them as old; the accounts take turns."""
    stranger = User.objects.create_user(username="stranger")
    waiting = [
        PledgeIntent(
            user=stranger,
            chain_id=CHAIN_ID,
            campaign_address=campaign.address,
            backer=address(number),
            ref=reference(number),
            token=bytes(20),
            amount=1,
        )
        for number in range(BATCH)
    ]
    PledgeIntent.objects.bulk_create(waiting)
    PledgeIntent.objects.filter(user=stranger).update(created_at=pledge.created_at - timedelta(days=1))
    services.report_submitted(pledge, mined(anvil, **REVERTING))
    assert looked_for(anvil, pledge) == (State.FAILED, Failure.REVERTED)


@pytest.mark.parametrize(("is_asked", "kept"), [(False, CREATED_KEPT), (True, ASKED_KEPT)])
def test_one_of_which_nothing_is_heard_expires(
    pledge: PledgeIntent, anvil: Anvil, *, is_asked: bool, kept: timedelta
) -> None:
    if is_asked:
        services.report_opened(pledge)
    waiting = (State.ASKED if is_asked else State.CREATED, "")
    later(anvil, timedelta(0))
    indexed_to(anvil)
    final = datetime.fromtimestamp(final_time(anvil), UTC)

    def looked_for_since(moment: datetime) -> tuple[str, str]:
        PledgeIntent.objects.update(updated_at=moment)
        return looked_for(anvil, pledge)

    assert looked_for_since(final - kept + timedelta(seconds=1)) == waiting
    # One that a contract's signers may still confirm, and one whose transaction is known, wait on.
    PledgeIntent.objects.update(is_by_contract=True)
    assert looked_for_since(final - kept) == waiting
    PledgeIntent.objects.update(is_by_contract=False)
    assert looked_for_since(final - kept) == (State.FAILED, Failure.EXPIRED)
    assert services.report_opened(pledge).state == State.ASKED
    assert looked_for(anvil, pledge) == (State.ASKED, "")
    assert services.report_submitted(pledge, UNKNOWN).state == State.SUBMITTED
    assert looked_for_since(final - 2 * kept) == WAITING


def test_one_that_expired_is_confirmed_by_its_contribution(
    pledge: PledgeIntent, world: World, campaign: CampaignLaunched
) -> None:
    services.give_up(pledge, Failure.EXPIRED)
    world.contribute(campaign, backer=parse_address(SENDER), ref=pledge.ref)
    services.reconcile(CHAIN_ID)
    pledge.refresh_from_db()
    assert (pledge.state, pledge.failure) == (State.CONFIRMED, "")
