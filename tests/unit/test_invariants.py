"""What `ledger check` finds wrong about money, at the exact amount from which it is, and whom it names."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from django_project.core.addresses import format_address
from django_project.ledger.invariants import CHECKS, violations
from django_project.ledger.models import (
    CampaignLaunched,
    CampaignTotals,
    FactoryEvent,
    Objection,
    Refund,
    WindDown,
)
from tests.factories import FACTORY, TOKEN, World, address, reference

pytestmark = pytest.mark.django_db

MONTH = timedelta(days=30)
NUMBERED = "every campaign's events are numbered 1, 2, 3 … without a gap"
OF_FACTORY = "every factory's events are numbered 1, 2, 3 … without a gap"
AS_EVENTS = "totals are what the events make of them"
REFUNDS = "Σ refunds = total refunded"
WITHDRAWALS = "Σ withdrawals = total withdrawn"
PAID_OUT = "withdrawn + fees ≤ raised, and refunded ≤ raised"
PAYS_BOTH = "only a wind-down pays both the creator and the backers, and never more than was raised"
SHARES = "Σ shares ≤ what a wind-down has to share"
MILESTONES = "Σ milestones paid = withdrawn + fees"


def launch(world: World, **terms: object) -> CampaignLaunched:
    campaign = world.campaign(**terms)  # type: ignore[arg-type]
    world.listing(campaign)
    return campaign


@pytest.fixture
def world() -> World:
    """An unremarkable one: every kind of history, and every limit that may be reached reached."""
    world = World()
    capped = launch(world, cap=30, tiers=[(10, 2)])
    # The same twice, taken back and given again.
    for _ in range(2):
        world.contribute(capped, backer=address(1), amount=10, tier_id=1)
    world.take_pledge_back(capped, backer=address(1))
    world.contribute(capped, backer=address(3), amount=5)
    world.take_pledge_back(capped, backer=address(3))
    for _ in range(2):
        world.contribute(capped, backer=address(2), amount=10, tier_id=1)
    world.contribute(capped, backer=address(1), amount=10)
    shared = launch(world, goal=100, token=TOKEN, started=timezone.now() - 2 * MONTH)
    world.contribute(shared, backer=address(1), amount=100)
    world.milestones(shared, (4_000, MONTH), (6_000, 2 * MONTH))
    world.submit_milestone(shared)
    world.release_milestone(shared)
    world.wind_down(shared, timezone.now())
    world.add_unknown_token(b"\x07" * 20)
    launch(world)
    return world


def found() -> dict[str, list[str]]:
    return {violation.invariant: violation.campaigns for violation in violations()}


def found_after(damage: Callable[[], object]) -> dict[str, list[str]]:
    with transaction.atomic():
        damage()
        after = found()
        transaction.set_rollback(True)
    return after


def of(campaign: CampaignLaunched) -> list[str]:
    return [format_address(campaign.address)]


def totals(campaign: CampaignLaunched, **columns: object) -> Callable[[], int]:
    return lambda: CampaignTotals.objects.filter(campaign=campaign).update(**columns)


@pytest.fixture
def campaigns(world: World) -> list[CampaignLaunched]:
    """A capped one that is open, one that winds down with 40 of 100 paid, and one that nobody has backed."""
    assert found() == {}
    return list(CampaignLaunched.objects.filter(chain=world.chain).order_by("seq"))


def test_what_was_paid_to_nobody_is_found_where_nobody_was_ever_paid(
    campaigns: list[CampaignLaunched],
) -> None:
    untouched = campaigns[2]
    assert found_after(totals(untouched, refunded=1))[REFUNDS] == of(untouched)
    assert found_after(totals(untouched, withdrawn=1))[WITHDRAWALS] == of(untouched)
    backers = "backers are those whose pledge was not taken back"
    assert found_after(totals(untouched, backers=1))[backers] == of(untouched)


def test_objections_that_nobody_raised_are_found(world: World, campaigns: list[CampaignLaunched]) -> None:
    rule = "objections are what their objectors gave"
    shared = campaigns[1]
    world.submit_milestone(shared)
    assert rule not in found()
    assert not Objection.objects.exists()
    assert found_after(totals(shared, objections=1))[rule] == of(shared)


def test_no_unit_more_leaves_a_campaign_than_came_in(campaigns: list[CampaignLaunched]) -> None:
    shared = campaigns[1]
    assert PAID_OUT not in found_after(totals(shared, withdrawn=60, fees=40, refunded=100))
    assert found_after(totals(shared, withdrawn=60, fees=41))[PAID_OUT] == of(shared)
    assert found_after(totals(shared, refunded=101))[PAID_OUT] == of(shared)

    assert PAYS_BOTH not in found_after(totals(shared, withdrawn=30, fees=10, refunded=60))
    assert found_after(totals(shared, withdrawn=30, fees=11, refunded=60))[PAYS_BOTH] == of(shared)
    assert found_after(totals(shared, withdrawn=1, fees=0, refunded=100))[PAYS_BOTH] == of(shared)
    capped = campaigns[0]
    assert found_after(totals(capped, withdrawn=1, refunded=1))[PAYS_BOTH] == of(capped)
    for one in ({"withdrawn": 1}, {"refunded": 1}):
        assert PAYS_BOTH not in found_after(totals(capped, **one))


def test_a_wind_down_shares_what_was_left_and_no_more(campaigns: list[CampaignLaunched]) -> None:
    shared = campaigns[1]
    assert SHARES not in found_after(totals(shared, refunded=60))
    assert found_after(totals(shared, refunded=61))[SHARES] == of(shared)
    assert found_after(lambda: WindDown.objects.update(remaining=61))[SHARES] == of(shared)
    assert found_after(totals(shared, withdrawn=39))[MILESTONES] == of(shared)
    assert MILESTONES not in found_after(totals(shared, withdrawn=39, fees=1))


def test_who_gave_nothing_is_refunded_nothing(campaigns: list[CampaignLaunched], world: World) -> None:
    rule = "no backer was refunded more than was contributed"
    capped = campaigns[0]

    def refund(backer: bytes, amount: int) -> Callable[[], object]:
        more = {"backer": backer, "recipient": backer, "token": capped.token}
        return lambda: Refund.objects.create(
            **world._event(capped), **more, amount=amount, total_refunded=amount
        )

    assert found_after(refund(address(4), 1))[rule] == of(capped)
    assert rule not in found_after(refund(address(2), 20))
    assert found_after(refund(address(2), 21))[rule] == of(capped)


def test_a_number_that_came_twice_in_place_of_another_is_found(
    world: World, campaigns: list[CampaignLaunched]
) -> None:
    """So that first, last and count agree."""
    first = campaigns[0]
    world.pause(first)
    world.cancel(first)
    assert NUMBERED not in found()
    last = CampaignTotals.objects.get(campaign=first).last_seq
    assert found_after(lambda: first.contributionpauses.update(seq=last - 2))[NUMBERED] == of(first)

    def act(*seqs: int) -> Callable[[], object]:
        return lambda: [
            FactoryEvent.objects.create(
                chain=world.chain,
                block_number=1_000 + number,
                log_index=0,
                block_time=timezone.now(),
                tx_hash=reference(number),
                seq=seq,
                factory=FACTORY,
                kind=FactoryEvent.Kind.FEE_UPDATED,
                arguments={},
            )
            for number, seq in enumerate(seqs)
        ]

    # The campaigns are its events 1 to 3, and the first of them stands for it.
    assert OF_FACTORY not in found_after(act(4, 5))
    for seqs in ((4, 4), (3, 5), (5,)):
        assert found_after(act(*seqs))[OF_FACTORY] == of(first), seqs


@pytest.mark.usefixtures("campaigns")
def test_of_many_campaigns_five_are_named(world: World) -> None:
    for _ in range(3):
        launch(world)
    assert len(found_after(lambda: CampaignTotals.objects.update(backers=9))[AS_EVENTS]) == 5


def check(*words: str) -> str:
    out = StringIO()
    try:
        call_command("ledger", "check", *words, stdout=out)
    except CommandError as error:
        out.write(str(error))
    return out.getvalue()


def test_the_command_says_of_every_invariant_whether_it_holds(campaigns: list[CampaignLaunched]) -> None:
    assert check() == "".join(f"holds  {invariant}\n" for invariant in CHECKS)
    assert json.loads(check("--json")) == {"checked": len(CHECKS), "violations": []}
    totals(campaigns[2], refunded=1)()
    broken = [AS_EVENTS, REFUNDS, PAID_OUT]
    at = format_address(campaigns[2].address)
    *lines, said = check().splitlines()
    expected = (
        [f"FAILS  {name}", f"       {at}"] if name in broken else [f"holds  {name}"] for name in CHECKS
    )
    assert lines == [line for block in expected for line in block]
    assert said.startswith(f"3 of {len(CHECKS)} invariants do not hold: run `manage.py indexer verify`")
    told = json.loads(check("--json").splitlines()[0])
    assert told["violations"] == [{"invariant": name, "campaigns": [at]} for name in broken]


def test_the_command_wants_to_know_what_to_do() -> None:
    with pytest.raises(CommandError, match="required: action"):
        call_command("ledger")
