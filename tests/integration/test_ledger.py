"""The ledger's own guarantees: totals, invariants that find damage, rollbacks, health, the outbox."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from devtools.servers import Anvil
from django_project.campaigns.models import Category, Metadata
from django_project.core.addresses import ZERO_ADDRESS, parse_address
from django_project.core.models import AuditEntry
from django_project.ledger import models, services
from django_project.ledger.errors import RollbackRefusedError, UnknownChainError
from django_project.ledger.invariants import CHECKS, violations
from django_project.ledger.models import (
    CampaignTotals,
    Chain,
    Contribution,
    Cursor,
    Outbox,
    OutboxReader,
    SuspectRange,
)
from django_project.ledger.outbox import take_news, unread
from django_project.ledger.selectors import TokenInfo, finalized_block, index_health, token_of
from django_project.ledger.totals import recompute_totals
from tasks.engagement import outbox
from tasks.engagement.outbox import Reader
from tasks.engagement.tasks import clean, deliver_outbox, settle
from tasks.indexing.errors import ChainRetiredError, LeaseLostError
from tasks.indexing.pipeline.lease import Lease
from tests.factories import ETHER, World, address
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine, node
from tests.support.indexing import index_once
from tests.support.processes import environment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def suite(anvil: Anvil, deployments_dir: Path) -> Suite:
    """A campaign that paid its creator, one that paid its backers, and one that does both and winds down."""
    suite = deploy_suite(anvil, deployments_dir)
    paid = create_campaign(suite, goal=100, mode=1, duration=timedelta(days=2), cap=10**18)
    returned = create_campaign(suite, goal=10**19)
    for campaign in (paid, returned):
        contribute(suite, campaign, backer=suite.accounts[3], amount=40_000)
        contribute(suite, campaign, backer=suite.accounts[3], amount=2)
        contribute(suite, campaign, backer=suite.accounts[4], amount=60_000)
    suite.send(returned.functions.cancel("no"), suite.accounts[2])
    suite.send(returned.functions.refund(), suite.accounts[3])
    node(suite, "evm_increaseTime", 86_400 * 2 + 1)
    mine(suite)
    suite.send(paid.functions.withdraw(suite.accounts[2]), suite.accounts[2])
    suite.send(paid.functions.claimFees(), suite.accounts[9])
    _wind_down(suite)
    index_once(suite)
    return suite


@pytest.mark.usefixtures("suite")
def test_running_totals_are_those_of_the_definition() -> None:
    kept = list(CampaignTotals.objects.order_by("campaign_id").values())
    recompute_totals([row["campaign_id"] for row in kept])
    assert list(CampaignTotals.objects.order_by("campaign_id").values()) == kept
    assert kept[0]["fees_claimed"] == kept[0]["fees"] > 0
    assert kept[1]["refunded"] == 40_002


def _wind_down(suite: Suite) -> None:
    """One milestone paid, evidence for the next refused, and a share of the rest taken."""
    milestones = ((5_000, timedelta(days=9)), (5_000, timedelta(days=18)))
    campaign = create_campaign(
        suite, goal=10, duration=timedelta(days=2), tiers=((10, 2),), milestones=milestones
    )
    contribute(suite, campaign, backer=suite.accounts[3], amount=1_000, tier_id=1)
    contribute(suite, campaign, backer=suite.accounts[4], amount=2_000, tier_id=1)
    node(suite, "evm_increaseTime", 86_400 * 2 + 1)
    mine(suite)
    for _ in milestones:
        suite.send(campaign.functions.submitMilestone("ipfs://evidence", b"\x01" * 32), suite.accounts[2])
        if campaign.functions.milestonesReleased().call():
            suite.send(campaign.functions.object(), suite.accounts[3])
            suite.send(campaign.functions.object(), suite.accounts[4])
        node(suite, "evm_increaseTime", 86_400 * 3 + 1)
        mine(suite)
        if not campaign.functions.milestonesReleased().call():
            suite.send(campaign.functions.release(suite.accounts[2]), suite.accounts[2])
    suite.send(campaign.functions.refund(), suite.accounts[3])


def _learn_a_text() -> None:
    """The words of a launch become known, and nobody lists it."""
    category = Category.objects.create(slug="food", name_en="Food", name_zh_hans="饮食", icon="bowl")
    digest = models.CampaignLaunched.objects.earliest("pk").metadata_hash
    Metadata.objects.create(hash=digest, document=b"{}", title="Honey", category=category, language="en")


DAMAGE: dict[str, Callable[[], object]] = {
    "every event belongs to a campaign": lambda: Contribution.objects.filter(
        pk=Contribution.objects.earliest("pk").pk
    ).update(campaign=10**9),
    "every campaign's events are numbered": lambda: Contribution.objects.filter(seq=2).delete(),
    "every factory's events are numbered": lambda: models.FactoryEvent.objects.filter(seq=2).delete(),
    "every campaign has its row of totals": lambda: CampaignTotals.objects.all()[0].delete(),
    "totals are what the events make": lambda: CampaignTotals.objects.update(backers=9),
    "Σ contributions − Σ taken back": lambda: CampaignTotals.objects.update(raised=1),
    "Σ refunds": lambda: models.Refund.objects.update(amount=1),
    "Σ withdrawals": lambda: models.Withdrawal.objects.update(amount=1),
    "Σ fees accrued": lambda: models.FeeAccrual.objects.update(amount=1),
    "Σ fees claimed": lambda: models.FeeClaim.objects.update(amount=1),
    "no backer was refunded more": lambda: models.Refund.objects.update(backer=b"\x01" * 20),
    "every backer's running total": lambda: Contribution.objects.filter(seq=2).update(backer_total=1),
    "withdrawn + fees ≤ raised": lambda: CampaignTotals.objects.update(withdrawn=10**30),
    "only a wind-down pays both": lambda: CampaignTotals.objects.update(withdrawn=1, refunded=1),
    "Σ shares ≤ what a wind-down": lambda: models.WindDown.objects.update(remaining=1),
    "Σ milestones paid": lambda: models.MilestoneRelease.objects.update(amount=1),
    "a milestone campaign's shares": lambda: models.Milestone.objects.filter(milestone_id=1).update(
        share_bps=1
    ),
    "objections are what": lambda: models.Objection.objects.update(weight=1),
    "backers are those": lambda: CampaignTotals.objects.update(backers=9),
    "no tier has more rewards out": lambda: models.Tier.objects.update(supply=1),
    "fees claimed ≤ fees accrued": lambda: CampaignTotals.objects.update(fees_claimed=10**30),
    "nothing was raised above a cap": lambda: models.CampaignLaunched.objects.filter(cap__gt=0).update(cap=1),
    "every campaign's currency is known": lambda: models.Chain.objects.update(currency_symbol=""),
    "every event is in the currency": lambda: models.Refund.objects.update(token=b"\x01" * 20),
    "every launch whose text is known": _learn_a_text,
}


@pytest.mark.usefixtures("suite")
def test_every_invariant_finds_its_damage() -> None:
    assert violations() == []
    for invariant, damage in DAMAGE.items():
        with transaction.atomic():
            damage()
            found = [violation for violation in violations() if violation.invariant.startswith(invariant)]
            transaction.set_rollback(True)
        assert len(found) == 1, invariant
        assert found[0].campaigns, invariant
    assert violations() == []


def test_a_reward_that_was_taken_back_may_be_had_again(world: World) -> None:
    campaign = world.campaign(tiers=[(ETHER, 2)])
    for backer in (1, 2):
        world.contribute(campaign, backer=address(backer), tier_id=1)
    world.take_pledge_back(campaign, backer=address(1))
    world.contribute(campaign, backer=address(1), tier_id=1)
    rule = "no tier has more rewards out than it offers"
    assert rule not in [violation.invariant for violation in violations()]
    # What the first backer gives after taking back counts, and another's taking back frees nobody else's.
    world.take_pledge_back(campaign, backer=address(2))
    for backer in (3, 4):
        world.contribute(campaign, backer=address(backer), tier_id=1)
    assert rule in [violation.invariant for violation in violations()]


def test_a_tier_without_a_supply_never_has_too_many_rewards_out(world: World) -> None:
    campaign = world.campaign(tiers=[(ETHER, 0), (ETHER, 1)])
    for backer in (1, 2, 3):
        world.contribute(campaign, backer=address(backer), tier_id=1)
    world.contribute(campaign, backer=address(1), tier_id=2)
    rule = "no tier has more rewards out than it offers"
    assert rule not in [violation.invariant for violation in violations()]


def test_there_is_damage_for_every_invariant() -> None:
    assert all(any(check.startswith(start) for start in DAMAGE) for check in CHECKS)
    assert len(DAMAGE) == len(CHECKS)


@pytest.mark.usefixtures("suite")
def test_nothing_can_be_counted_twice() -> None:
    again = Contribution.objects.order_by("id").first()
    assert again is not None
    again.pk, again.log_index = None, again.log_index + 1000
    with pytest.raises(IntegrityError):
        again.save(force_insert=True)


@pytest.mark.usefixtures("suite")
def test_a_rollback_needs_a_transaction_and_a_block_of_the_index() -> None:
    cursor = Cursor.objects.get()
    with pytest.raises(transaction.TransactionManagementError):
        services.roll_back(cursor, 1, bytes(32))
    with transaction.atomic(), pytest.raises(RollbackRefusedError, match="above the index"):
        services.roll_back(cursor, cursor.next_block, bytes(32))


def test_what_is_indexed_of_a_chain_can_be_forgotten_whole(suite: Suite) -> None:
    services.suspect(suite.chain_id, 1, 2, "why not")
    assert services.forget_chain(suite.chain_id) > 0
    left = [
        model.__name__
        for model in vars(models).values()
        if isinstance(model, type) and hasattr(model, "objects") and model.objects.exists()
    ]
    assert left == ["Chain"]
    with pytest.raises(UnknownChainError):
        services.forget_chain(suite.chain_id)


@pytest.mark.parametrize("state", [Chain.State.OK, Chain.State.HALTED, Chain.State.RETIRED])
def test_a_chain_that_is_forgotten_keeps_what_operators_set(suite: Suite, state: Chain.State) -> None:
    kept = {
        "name": "Our own chain",
        "finality_depth": 3,
        "is_test_network": False,
        "explorer_url": "https://explorer.example",
        "currency_symbol": "OWN",
        "currency_decimals": 9,
    }
    Chain.objects.update(**kept, state=state, halt_code="", halt_reason="")
    if state == Chain.State.HALTED:
        services.halt(suite.chain_id, Chain.Halt.CONTRADICTION, "who knows")
    services.forget_chain(suite.chain_id)
    if state != Chain.State.RETIRED:
        index_once(suite)
        assert CampaignTotals.objects.count() == 3
        assert Cursor.objects.get().finalized_block == suite.web3.eth.block_number - 3
    [row] = Chain.objects.values(*kept, "state", "halt_code", "halt_reason")
    left = Chain.State.RETIRED if state == Chain.State.RETIRED else Chain.State.OK
    assert row == {**kept, "state": left, "halt_code": "", "halt_reason": ""}


def test_a_retired_chain_is_kept_and_not_followed(suite: Suite) -> None:
    follower = Lease(suite.chain_id, "somebody")
    follower.acquire()
    services.retire(suite.chain_id, reason="the network closes")
    services.retire(suite.chain_id, reason="said twice")
    with pytest.raises(LeaseLostError):
        follower.read_cursor()
    mine(suite, 30)
    with pytest.raises(ChainRetiredError, match="reinstate-chain --chain 31337"):
        index_once(suite)
    Cursor.objects.update(updated_at=timezone.now() - timedelta(days=9))
    [health] = index_health()
    assert (health.state, health.lag_blocks, health.lag_seconds) == ("retired", 0, 0)
    # Neither a halt nor the end of one brings it back.
    services.halt(suite.chain_id, Chain.Halt.IDENTITY, "another chain")
    services.resume(suite.chain_id)
    assert Chain.objects.get().state == Chain.State.RETIRED
    assert CampaignTotals.objects.count() == 3
    assert violations() == []

    services.reinstate(suite.chain_id, reason="it goes on")
    services.reinstate(suite.chain_id, reason="said twice")
    index_once(suite)
    assert index_health()[0].indexed == suite.web3.eth.block_number
    told = list(AuditEntry.objects.order_by("pk").values_list("action", "details"))
    assert told == [
        ("ledger.chain.retired", {"reason": "the network closes"}),
        ("ledger.chain.reinstated", {"reason": "it goes on"}),
    ]
    with pytest.raises(UnknownChainError, match=r"^chain 5 is not indexed: add deployments/5\.json, run"):
        services.retire(5, reason="never was")


def test_only_what_is_retired_is_reinstated(suite: Suite) -> None:
    services.halt(suite.chain_id, Chain.Halt.DEEP_REORG, "who knows")
    services.reinstate(suite.chain_id, reason="a guess")
    assert Chain.objects.get().state == Chain.State.HALTED
    assert not AuditEntry.objects.exists()


def test_a_chain_that_never_started_is_told(suite: Suite, settings: Any) -> None:
    settings.RPC_URLS = {suite.chain_id: [suite.url], 56: ["http://127.0.0.1:1"]}
    known = [(each.chain_id, each.name, each.state, each.indexed) for each in index_health()]
    head = suite.web3.eth.block_number
    assert known == [(56, "Chain 56", "unstarted", -1), (suite.chain_id, "Local chain", "ok", head)]
    services.forget_chain(suite.chain_id)
    assert [each.state for each in index_health()] == ["unstarted", "unstarted"]


def test_currencies(suite: Suite) -> None:
    assert token_of(suite.chain_id, ZERO_ADDRESS) == TokenInfo("ETH", 18)
    assert token_of(suite.chain_id, parse_address(suite.token.address)) == TokenInfo("TUSD", 6)
    assert token_of(suite.chain_id, b"\x01" * 20) is None
    assert token_of(5, ZERO_ADDRESS) is None
    assert finalized_block(5) == -1


def test_health_tells_silence_lag_halts_and_suspects(suite: Suite) -> None:
    (health,) = index_health()
    assert (health.state, health.lag_blocks, health.lag_seconds, health.open_suspects) == ("ok", 0, 0, 0)

    set_back = timezone.now()
    Cursor.objects.update(updated_at=set_back - timedelta(minutes=5))
    lag = index_health()[0].lag_seconds
    assert 300 <= lag <= 300 + (timezone.now() - set_back).total_seconds()

    Cursor.objects.update(updated_at=timezone.now(), node_head=health.node_head + 7)
    models.Block.objects.update(timestamp=timezone.now() - timedelta(hours=1))
    (late,) = index_health()
    assert (late.lag_blocks, late.lag_seconds // 60) == (7, 60)

    services.suspect(suite.chain_id, 1, 2, "gap")
    services.suspect(suite.chain_id, 1, 2, "gap")
    services.halt(suite.chain_id, Chain.Halt.DEEP_REORG, "it changed")
    (halted,) = index_health()
    assert (halted.state, halted.halt_code, halted.halt_reason) == (
        "halted",
        "deep_reorg",
        "it changed (docs/indexer.md#deep_reorg)",
    )
    assert halted.open_suspects == SuspectRange.objects.count() == 1


@pytest.mark.usefixtures("suite")
def test_health_in_a_fixed_number_of_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):
        index_health()


@pytest.mark.usefixtures("suite")
def test_the_outbox_is_read_once_and_forgotten_later() -> None:
    assert unread().exists()
    deliver_outbox()
    assert not unread().exists()
    settle()
    clean()
    assert Outbox.objects.exists()
    Outbox.objects.update(created_at=timezone.now() - timedelta(days=8))
    OutboxReader.objects.filter(name="pledges").update(position=0)
    clean()
    assert Outbox.objects.exists(), "one reader has not taken them"
    deliver_outbox()
    clean()
    assert not Outbox.objects.exists()


def test_a_reader_that_fails_is_told_again_and_holds_up_no_other(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def refuse(chain_id: int) -> int:
        told.append("first")
        raise RuntimeError(f"chain {chain_id}: not today")

    def take(_chain_id: int) -> int:
        told.append("second")
        return 1

    topics = frozenset({"contributions_changed"})
    readers = (Reader("first", topics, refuse), Reader("second", topics, take))
    monkeypatch.setattr(outbox, "READERS", readers)
    for _ in range(2):
        with pytest.raises(ExceptionGroup, match="not served"):
            deliver_outbox()
    assert told == ["first", "second", "first"]
    newest = Outbox.objects.latest("id").pk
    assert dict(OutboxReader.objects.values_list("name", "position")) == {"first": 0, "second": newest}

    # What is of no concern to a reader is passed over without a word.
    monkeypatch.setattr(outbox, "READERS", (Reader("first", frozenset({"never"}), refuse),))
    deliver_outbox()
    assert not unread().exists()
    assert told.count("first") == 2
    assert suite.chain_id == Chain.objects.get().pk


def test_a_reader_at_work_is_left_alone(suite: Suite) -> None:
    """Another worker has the reader's row: nothing is taken twice at once, nothing is lost."""
    OutboxReader.objects.create(name="slow", chain_id=suite.chain_id)
    topics = {"contributions_changed"}
    seen: list[int] = []
    with psycopg.connect(environment()["DATABASE_URL"]) as other:
        other.execute("SELECT * FROM ledger_outboxreader WHERE name = 'slow' FOR UPDATE")
        assert not take_news("slow", suite.chain_id, topics, seen.append)
    assert take_news("slow", suite.chain_id, topics, seen.append)
    assert not take_news("slow", suite.chain_id, topics, seen.append)
    assert seen == [suite.chain_id]
