"""Where a campaign stands at the exact moments and amounts that its contract names."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from django_project.core.money import BASIS_POINTS
from django_project.ledger import projection
from django_project.ledger.models import CampaignLaunched, CampaignTotals
from django_project.ledger.selectors import (
    CLAIM_PERIOD,
    CONTRACT_STATES,
    OWING_STATUSES,
    Status,
    campaigns_with_status,
    owed_since,
)
from tests.factories import ETHER, World, address

pytestmark = pytest.mark.django_db

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
START = datetime(2026, 3, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
END = START + 30 * DAY


@pytest.fixture
def world() -> World:
    return World()


def campaign(world: World, raised: int = ETHER, *, all_or_nothing: bool = True) -> CampaignLaunched:
    """Its goal is one ether."""
    made = world.campaign(started=START, lasts=END - START, goal=ETHER, all_or_nothing=all_or_nothing)
    if raised:
        world.contribute(made, backer=address(1), amount=raised, at=START)
    return made


def status(launched: CampaignLaunched, at: datetime) -> str:
    return campaigns_with_status(at).get(pk=launched.pk).status


def under_review(world: World, window_end: datetime, objections: int = 0) -> CampaignLaunched:
    """Of two milestones the first has its evidence; two units of objections are one too many for nobody."""
    made = campaign(world)
    world.milestones(made, (4_000, 10 * DAY), (6_000, 40 * DAY))
    world.submit_milestone(made, limit=2, window_end=window_end)
    CampaignTotals.objects.filter(campaign=made).update(objections=objections)
    return made


def test_the_claim_period_and_the_states_are_the_contracts_own() -> None:
    base = (CONTRACTS / "campaign/CampaignBase.sol").read_text()
    constants = dict(re.findall(r"constant (\w+) = ([\w ]+);", base))
    assert constants["CLAIM_PERIOD"] == f"{CLAIM_PERIOD.days} days"
    assert timedelta(days=CLAIM_PERIOD.days) == CLAIM_PERIOD
    assert int(constants["BASIS_POINTS"]) == BASIS_POINTS
    flags = {name: int(constants[name]) for name in ("CANCELLED", "CONTRIBUTIONS_PAUSED", "WOUND_DOWN")}
    assert flags == {name: getattr(projection, name) for name in flags}
    states = re.findall(r"^ {4}(\w+),?$", (CONTRACTS / "structs/State.sol").read_text(), re.MULTILINE)
    kebab = [re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower() for name in states]
    assert kebab == ["funding", *CONTRACT_STATES[1:]]
    assert CONTRACT_STATES[0] == Status.OPEN


@pytest.mark.parametrize(
    ("raised", "late", "expected"),
    [
        (ETHER, -SECOND, Status.OPEN),
        (ETHER, 0 * SECOND, Status.SUCCEEDED),
        (ETHER - 1, 0 * SECOND, Status.FAILED),
        (ETHER, CLAIM_PERIOD - SECOND, Status.SUCCEEDED),
        (ETHER, CLAIM_PERIOD, Status.EXPIRED),
    ],
)
def test_a_campaign_ends_at_its_deadline_and_its_claim_period_later(
    world: World, raised: int, late: timedelta, expected: str
) -> None:
    assert status(campaign(world, raised), END + late) == expected


def test_whoever_keeps_what_was_raised_needs_no_goal(world: World) -> None:
    assert status(campaign(world, 1, all_or_nothing=False), END) == Status.SUCCEEDED
    assert status(campaign(world, 0, all_or_nothing=False), END) == Status.SUCCEEDED


def test_what_was_paid_out_is_complete_however_late(world: World) -> None:
    made = campaign(world)
    CampaignTotals.objects.filter(campaign=made).update(withdrawn=1)
    assert status(made, END + 2 * CLAIM_PERIOD) == Status.COMPLETED


@pytest.mark.parametrize(
    ("objections", "late", "expected"),
    [
        (9, -SECOND, Status.RELEASING),
        (2, 0 * SECOND, Status.RELEASING),
        (3, 0 * SECOND, Status.WIND_DOWN),
        (2, CLAIM_PERIOD - SECOND, Status.RELEASING),
        (2, CLAIM_PERIOD, Status.WIND_DOWN),
    ],
)
def test_as_many_objections_as_allowed_refuse_nothing(
    world: World, objections: int, late: timedelta, expected: str
) -> None:
    closes = END + 5 * DAY
    assert status(under_review(world, closes, objections), closes + late) == expected


@pytest.mark.parametrize(("late", "expected"), [(-SECOND, Status.RELEASING), (0 * SECOND, Status.WIND_DOWN)])
def test_evidence_is_late_from_the_moment_it_is_due(world: World, late: timedelta, expected: str) -> None:
    made = campaign(world)
    world.milestones(made, (10_000, 10 * DAY))
    assert status(made, END + 10 * DAY + late) == expected


def test_the_last_milestone_paid_completes_a_campaign(world: World) -> None:
    made = under_review(world, END + 5 * DAY)
    CampaignTotals.objects.filter(campaign=made).update(
        milestones_released=1, window_end=None, milestone_due=END + 40 * DAY
    )
    assert status(made, END + 20 * DAY) == Status.RELEASING
    CampaignTotals.objects.filter(campaign=made).update(milestones_released=2)
    assert status(made, END + 20 * DAY) == Status.COMPLETED


def test_the_only_milestone_paid_completes_a_campaign(world: World) -> None:
    made = campaign(world)
    world.milestones(made, (10_000, 10 * DAY))
    CampaignTotals.objects.filter(campaign=made).update(milestones_released=1, milestone_due=None)
    assert status(made, END + 2 * CLAIM_PERIOD) == Status.COMPLETED


def test_what_was_declared_comes_before_what_time_makes_of_it(world: World) -> None:
    made = campaign(world)
    CampaignTotals.objects.filter(campaign=made).update(wound_down_at=END)
    assert status(made, START) == Status.WIND_DOWN
    CampaignTotals.objects.filter(campaign=made).update(cancelled_at=START)
    assert status(made, END + CLAIM_PERIOD) == Status.CANCELLED


def test_every_status_of_owing_says_since_when(world: World) -> None:
    made = campaign(world)
    made.totals.wound_down_at, made.totals.cancelled_at = END + DAY, END - DAY
    assert {each: owed_since(made, each) for each in OWING_STATUSES} == {
        Status.FAILED: END,
        Status.CANCELLED: END - DAY,
        Status.WIND_DOWN: END + DAY,
        Status.EXPIRED: END + CLAIM_PERIOD,
    }
    for other in set(CONTRACT_STATES) - set(OWING_STATUSES):
        with pytest.raises(ValueError, match="owes nothing"):
            owed_since(made, other)
