"""Two that change a pledge at once: the second waits for the first, and sees what it did."""

import threading
from collections.abc import Callable

import pytest
from django.db import transaction
from django.db.models import QuerySet

from django_project.core.errors import UserError
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tests.factories import CHAIN_ID, ETHER, World, address, backer_user, reference
from tests.support.pledging import ALICE, fulfil, pledge, state
from tests.support.racing import in_thread, somebody_waits_for_a_lock

pytestmark = pytest.mark.django_db(transaction=True)
State = PledgeIntent.State


def unlocked(intent: PledgeIntent) -> PledgeIntent:
    return PledgeIntent.objects.get(pk=intent.pk)


@pytest.mark.parametrize(
    ("lock", "ends_as"), [(services._locked, State.CONFIRMED), (unlocked, State.SUBMITTED)], ids=["on", "off"]
)
def test_a_late_report_races_the_indexer(
    monkeypatch: pytest.MonkeyPatch, lock: Callable[[PledgeIntent], PledgeIntent], ends_as: str
) -> None:
    """A report read the pledge before the indexer confirmed it, and writes after: only the lock saves it."""
    world, alice = World(), backer_user(ALICE)
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    fulfil(world, campaign, intent)
    monkeypatch.setattr(services, "_locked", lock)
    has_read, may_write, is_reconciled = threading.Event(), threading.Event(), threading.Event()
    save = PledgeIntent.save

    def slow_save(self: PledgeIntent, **arguments: object) -> None:
        if self.state == State.SUBMITTED:
            has_read.set()
            assert may_write.wait(10)
        save(self, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PledgeIntent, "save", slow_save)

    def reconcile() -> None:
        services.reconcile(world.chain.chain_id)
        is_reconciled.set()

    reporter = in_thread(lambda: services.report_submitted(intent, reference(5)))
    assert has_read.wait(10)
    indexer = in_thread(reconcile)
    while not is_reconciled.wait(0.01) and not somebody_waits_for_a_lock():
        pass
    may_write.set()
    reporter.join(10)
    indexer.join(10)
    assert state(intent) == ends_as


@pytest.mark.parametrize("has_lock", [True, False], ids=["on", "off"])
def test_two_tabs_that_begin_at_once(monkeypatch: pytest.MonkeyPatch, *, has_lock: bool) -> None:
    """The first has looked for earlier pledges and not written its own: only the lock stops the second."""
    world, alice = World(), backer_user(ALICE)
    listing = world.listing(world.campaign())
    if not has_lock:
        monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    has_looked, may_write = threading.Event(), threading.Event()
    save, outcomes = PledgeIntent.save, []

    def slow_save(self: PledgeIntent, **arguments: object) -> None:
        if not has_looked.is_set():
            has_looked.set()
            assert may_write.wait(10)
        save(self, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PledgeIntent, "save", slow_save)

    def begin() -> None:
        try:
            services.create_intent(alice, listing, ETHER, 0, address(ALICE))
            outcomes.append("made")
        except UserError as refusal:
            outcomes.append(refusal.code)

    first = in_thread(begin)
    assert has_looked.wait(10)
    second = in_thread(begin)
    while second.is_alive() and not somebody_waits_for_a_lock():
        second.join(0.01)
    may_write.set()
    first.join(10)
    second.join(10)
    assert sorted(outcomes) == (["made", "pledge_under_way"] if has_lock else ["made", "made"])


def test_reconciliations_of_a_chain_wait_for_each_other_and_for_no_other_chains() -> None:
    def reconciling(chain_id: int) -> threading.Thread:
        return in_thread(lambda: services.reconcile(chain_id))

    with transaction.atomic():
        services.reconcile(CHAIN_ID)
        waits, passes = reconciling(CHAIN_ID), reconciling(CHAIN_ID + 1)
        passes.join(10)
        while waits.is_alive() and not somebody_waits_for_a_lock():
            waits.join(0.01)
        assert (waits.is_alive(), passes.is_alive()) == (True, False)
    waits.join(10)
    assert not waits.is_alive()


def test_what_is_heard_of_a_pledge_is_written_down_as_a_whole_each() -> None:
    world, alice = World(), backer_user(ALICE)
    intent = pledge(world, alice, world.campaign())
    assert services.report_opened(intent).state == State.ASKED
    assert services.report_rejected(intent).state == State.REJECTED
    submitted = services.report_submitted(intent, reference(5))
    assert submitted.state == State.SUBMITTED
    assert services.give_up(submitted, PledgeIntent.Failure.DROPPED).state == State.FAILED
    assert (state(intent), intent.failure) == (State.FAILED, PledgeIntent.Failure.DROPPED)
