"""How the index of each chain is doing, to the second and the block, and nothing of another chain in it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_project.ledger import services
from django_project.ledger.models import Block, Chain, Cursor, FactoryEvent, ReorgEvent, SuspectRange
from django_project.ledger.selectors import ChainHealth, event_counts, finalized_block, index_health
from tests.factories import CHAIN_ID, FACTORY, World, address, reference

pytestmark = pytest.mark.django_db

OTHER = CHAIN_ID + 1
SECOND = timedelta(seconds=1)
WELL = ChainHealth(
    chain_id=CHAIN_ID,
    name=f"Test chain ({CHAIN_ID})",
    state="ok",
    halt_code="",
    halt_reason="",
    node_head=0,
    indexed=0,
    finalized=-1,
    lag_blocks=0,
    lag_seconds=0,
    clock_offset_seconds=0,
    reorgs=0,
    open_suspects=0,
    unknown_tokens=0,
    problem="",
    problem_seconds=0,
)


@pytest.fixture
def world(settings: Any) -> World:
    """Beside another of the same name that stays well."""
    settings.RPC_URLS = {}
    World(OTHER)
    return World()


def health() -> ChainHealth:
    here, there = index_health()
    assert there == replace(WELL, chain_id=OTHER, name=f"Test chain ({OTHER})")
    return here


def cursor(**columns: object) -> None:
    Cursor.objects.filter(pk=CHAIN_ID).update(**columns)


def head(world: World, age: timedelta) -> None:
    """The newest indexed block, and one before and after it that tell nothing."""
    for number, time in ((world.block, age), (world.block - 1, 99 * age), (world.block + 1, 77 * age)):
        Block.objects.create(
            chain=world.chain,
            number=number,
            hash=reference(number),
            parent_hash=reference(number),
            timestamp=timezone.now() - time,
        )


@pytest.mark.usefixtures("world")
def test_a_chain_that_is_level_is_well() -> None:
    assert health() == WELL
    assert (WELL.is_started, WELL.is_retired, WELL.is_stalled, WELL.is_clock_off) == (True,) + 3 * (False,)


def test_how_far_it_is_is_read_from_the_cursor(world: World) -> None:
    world.mine(20)
    assert health() == replace(WELL, node_head=20, indexed=20, finalized=12)
    assert (finalized_block(CHAIN_ID), finalized_block(OTHER), finalized_block(5)) == (12, -1, -1)


def test_blocks_behind_the_node_are_a_lag_since_the_head(world: World) -> None:
    world.mine(20)
    head(world, timedelta(seconds=40, milliseconds=500))
    assert health().lag_seconds == 0
    cursor(node_head=23)
    assert (health().lag_blocks, health().lag_seconds) == (3, 40)
    # A node that is behind the index itself is no lag.
    cursor(node_head=19)
    assert (health().lag_blocks, health().lag_seconds) == (0, 0)


def test_silence_counts_only_beyond_the_heartbeat_and_the_longer_delay_is_told(world: World) -> None:
    world.mine(20)
    for silence, lag in ((9.0, 0), (10.5, 10), (30.5, 30)):
        cursor(updated_at=timezone.now() - silence * SECOND)
        assert health().lag_seconds == lag
    head(world, 20.5 * SECOND)
    cursor(node_head=21)
    assert health().lag_seconds == 30
    Block.objects.filter(number=world.block).update(timestamp=timezone.now() - 50.5 * SECOND)
    assert health().lag_seconds == 50


def test_a_lag_counts_from_the_chains_own_head(world: World) -> None:
    """Though the other has blocks of the same number."""
    there = Cursor.objects.get(pk=OTHER)
    world.mine(20)
    head(world, 40.5 * SECOND)
    Cursor.objects.filter(pk=OTHER).update(next_block=31, node_head=32)
    for number, age in ((30, 50.5), (20, 900.5)):
        Block.objects.create(
            chain=there.chain,
            number=number,
            hash=reference(number),
            parent_hash=reference(number),
            timestamp=timezone.now() - age * SECOND,
        )
    cursor(node_head=21)
    assert [each.lag_seconds for each in index_health()] == [40, 50]


@pytest.mark.usefixtures("world")
def test_a_problem_of_a_minute_is_a_standstill() -> None:
    for seconds, state in ((59.0, "ok"), (60.5, "stalled")):
        cursor(problem="no node answers", problem_since=timezone.now() - seconds * SECOND)
        found = health()
        assert (found.state, found.problem, found.problem_seconds) == (
            state,
            "no node answers",
            int(seconds),
        )
        assert found.is_stalled == (state == "stalled")
        assert found.is_started
    services.halt(CHAIN_ID, Chain.Halt.IDENTITY, "another genesis")
    assert health().state == "halted"


def test_a_retired_chain_is_late_for_nothing(world: World) -> None:
    world.mine(20)
    head(world, timedelta(hours=1))
    long_ago = timezone.now() - timedelta(hours=2)
    cursor(node_head=25, updated_at=long_ago, problem="no node answers", problem_since=long_ago)
    services.retire(CHAIN_ID, reason="the network closes")
    assert health() == replace(WELL, state="retired", node_head=25, indexed=20, finalized=12)
    assert health().is_retired
    Cursor.objects.filter(pk=CHAIN_ID).delete()
    assert health() == replace(WELL, state="retired", indexed=-1)


@pytest.mark.usefixtures("world")
def test_what_happened_is_counted_by_chain_and_apart() -> None:
    for number in range(3):
        ReorgEvent.objects.create(
            chain_id=CHAIN_ID, ancestor_block=number, depth=1, old_head_hash=bytes(32), logs_removed=0
        )
    for number in range(3):
        services.suspect(CHAIN_ID, number, number, "a gap")
    SuspectRange.objects.filter(from_block=1).update(resolved_at=timezone.now())
    services.create_tokens(CHAIN_ID, {address(number) for number in range(4)})
    assert health() == replace(WELL, reorgs=3, open_suspects=2, unknown_tokens=4)
    Chain.objects.filter(pk=CHAIN_ID).update(currency_symbol="")
    assert health().unknown_tokens == 5


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("offset", "seconds", "is_off"), [(-61.5, -61, True), (60.5, 60, False), (61, 61, True)]
)
def test_a_clock_is_off_beyond_a_minute_in_whole_seconds(
    offset: float, seconds: int, *, is_off: bool
) -> None:
    cursor(clock_offset=offset * SECOND)
    assert health() == replace(WELL, clock_offset_seconds=seconds)
    assert health().is_clock_off == is_off


def test_a_chain_that_settings_name_and_nobody_has_started(world: World, settings: Any) -> None:
    settings.RPC_URLS = {56: ["http://127.0.0.1:1"], CHAIN_ID: ["http://127.0.0.1:1"]}
    Chain.objects.filter(pk=OTHER).delete()
    Cursor.objects.all().delete()
    new, here = index_health()
    assert new == replace(WELL, chain_id=56, name="Chain 56", state="unstarted", indexed=-1, unknown_tokens=1)
    assert not new.is_started
    assert here == replace(WELL, name=world.chain.name, state="unstarted", indexed=-1)


def test_events_are_counted_by_chain_with_launches_and_acts(world: World) -> None:
    campaign = world.campaign()
    world.contribute(campaign, backer=address(1))
    world.contribute(campaign, backer=address(2))
    world.campaign()
    assert event_counts() == {CHAIN_ID: 4}
    there = World(5)
    there.campaign()
    for seq in (2, 3):
        FactoryEvent.objects.create(
            chain=there.chain,
            block_number=100 + seq,
            log_index=0,
            block_time=timezone.now(),
            tx_hash=reference(seq),
            seq=seq,
            factory=FACTORY,
            kind=FactoryEvent.Kind.FEE_UPDATED,
            arguments={},
        )
    assert event_counts() == {CHAIN_ID: 4, 5: 3}
