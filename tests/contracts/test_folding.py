"""The fold of a campaign's events is its storage, and no event can be lost, doubled or altered unseen."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from chain import now, travel_to
from conftest import DAY, DOLLAR, METADATA_HASH, METADATA_URI, NO_REF, Suite
from folding import assert_storage, events_of, words
from witness import PURSE

from django_project.ledger.projection import (
    CampaignStorage,
    Event,
    InconsistentEventError,
    MissingEventError,
    ProjectionError,
    apply,
    project,
)

CONTENT = (METADATA_URI, METADATA_HASH)
# What events tell beyond what the contract keeps; nothing in storage could show that it was altered.
TOLD_ONLY = {
    "MilestoneDefined": {"shareBps", "due", "notBefore", "objectionWindow", "objectionThresholdBps"},
    "Contributed": {"payer", "ref", "token"},
    "PledgeTakenBack": {"to", "token"},
    "Refunded": {"to", "token"},
    "Withdrawn": {"creator", "to", "token"},
    "FeeAccrued": {"token"},
    "FeeClaimed": {"treasury", "token"},
    "MilestoneSubmitted": {"creator", "uri", "contentHash"},
    "MilestoneReleased": {"token"},
    "WindDownStarted": {"by", "token"},
    "Cancelled": {"by", "reason"},
    "UpdatePosted": {"creator", "uri", "contentHash"},
    "ContributionsPaused": {"by"},
    "CreatorTransferStarted": {"creator"},
    "CreatorTransferred": {"oldCreator"},
    "SurplusSwept": {"treasury", "token", "amount"},
}


@pytest.fixture
def wound_down(suite: Suite, launch: Callable[..., Any]) -> Any:
    """A campaign in a token that everything happened to but a cancellation; one backer is still to leave."""
    alice, bob, carol, dave = suite.backers[:4]
    deadline = now() + 5 * DAY
    campaign = launch(
        token=suite.token,
        goal=100,
        deadline=deadline,
        tiers=[(10, 0), (20, 3)],
        milestones=[(3_000, deadline + 30 * DAY), (3_000, deadline + 60 * DAY), (4_000, deadline + 90 * DAY)],
        objection_window=3 * DAY,
        objection_threshold_bps=2_000,
    )
    for backer, amount, tier_id in ((alice, 37, 1), (bob, 20, 2), (carol, 11, 0)):
        suite.token.approve(campaign, DOLLAR, {"from": backer})
        campaign.contributeERC20(amount, tier_id, NO_REF, {"from": backer})
    campaign.takeBack(PURSE, {"from": bob})
    campaign.contributeERC20For(dave, 1_031, 2, NO_REF, {"from": alice})
    for paused in (True, False):
        campaign.setContributionsPaused(paused, {"from": suite.owner})
    campaign.postUpdate(*CONTENT, {"from": suite.creator})
    travel_to(deadline)
    campaign.submitMilestone(*CONTENT, {"from": suite.creator})
    for backer in (alice, carol):
        campaign.object({"from": backer})
    campaign.unobject({"from": carol})
    travel_to(now() + 3 * DAY)
    campaign.release(PURSE, {"from": suite.creator})
    campaign.claimFees({"from": alice})
    suite.token.mint(campaign, 5, {"from": suite.owner})
    campaign.sweepSurplus(suite.token, {"from": alice})
    campaign.transferCreator(bob, {"from": suite.creator})
    campaign.acceptCreator({"from": bob})
    campaign.transferCreator(suite.creator, {"from": bob})
    campaign.submitMilestone(*CONTENT, {"from": bob})
    campaign.object({"from": dave})
    travel_to(now() + 3 * DAY)
    campaign.refund({"from": alice})
    campaign.refund({"from": carol})
    return campaign


@pytest.fixture
def cancelled(suite: Suite, launch: Callable[..., Any]) -> Any:
    campaign = launch()
    campaign.contribute(0, NO_REF, {"from": suite.backers[0], "value": 5})
    campaign.cancel("enough", {"from": suite.creator})
    return campaign


@pytest.fixture
def backers(suite: Suite) -> list[str]:
    return [str(backer) for backer in suite.backers[:5]]


def difference(events: list[Event], people: list[str], truth: list[dict[int, int]]) -> type[Exception] | bool:
    """Which error the fold ends with, or whether storage was ever another than `truth`."""
    try:
        return storages(events, people) != truth
    except ProjectionError as error:
        return type(error)


def storages(events: list[Event], people: list[str]) -> list[dict[int, int]]:
    """The storage after each event."""
    storage = CampaignStorage()
    found = []
    for event in events:
        apply(storage, event)
        found.append(words(storage, people))
    return found


def altered(event: Event) -> Iterator[tuple[str, Event]]:
    for name, value in event.arguments.items():
        if isinstance(value, bytes):
            other: int | bytes | str = value[:-1] + bytes([value[-1] ^ 1])
        else:
            other = value + "x" if isinstance(value, str) else int(value) ^ 1
        yield name, replace(event, arguments={**event.arguments, name: other})


def test_the_fold_is_the_storage(wound_down: Any, cancelled: Any, backers: list[str]) -> None:
    told = set()
    for campaign in (wound_down, cancelled):
        assert project(events_of(campaign)) == assert_storage(campaign, backers)
        told |= {event.name for event in events_of(campaign)}
    assert told == {entry["name"] for entry in wound_down.abi if entry["type"] == "event"}


@pytest.mark.parametrize("history", ["wound_down", "cancelled"])
def test_no_event_is_lost_doubled_or_moved_unseen(
    history: str, backers: list[str], request: pytest.FixtureRequest
) -> None:
    events = events_of(request.getfixturevalue(history))
    truth = storages(events, backers)
    for at in range(len(events)):
        without, twice = events[:at] + events[at + 1 :], events[: at + 1] + events[at:]
        is_last = at == len(events) - 1
        assert difference(without, backers, truth) == (True if is_last else MissingEventError)
        assert difference(twice, backers, truth) is MissingEventError
        assert difference(renumbered(without), backers, truth)
        if not is_last:
            moved = [*events[:at], events[at + 1], events[at], *events[at + 2 :]]
            assert difference(moved, backers, truth) is MissingEventError


def renumbered(events: list[Event]) -> list[Event]:
    return [
        replace(event, arguments={**event.arguments, "seq": seq}) for seq, event in enumerate(events, start=1)
    ]


def test_no_value_is_altered_unseen(wound_down: Any, cancelled: Any, backers: list[str]) -> None:
    """Each value of each event: the fold stumbles over another one, or comes to another storage."""
    unseen: dict[str, set[str]] = {}
    for campaign in (wound_down, cancelled):
        events = events_of(campaign)
        truth = storages(events, backers)
        for at, event in enumerate(events):
            for name, forged in altered(event):
                if not difference([*events[:at], forged, *events[at + 1 :]], backers, truth):
                    unseen.setdefault(event.name, set()).add(name)
    assert unseen == TOLD_ONLY


def test_the_time_of_a_cancellation_is_kept(cancelled: Any, backers: list[str]) -> None:
    *before, last = events_of(cancelled)
    truth = storages([*before, last], backers)
    assert difference([*before, replace(last, time=last.time + 1)], backers, truth)


def test_running_totals_name_what_is_wrong(suite: Suite, launch: Callable[..., Any]) -> None:
    campaign = launch()
    for backer in suite.backers[:2]:
        campaign.contribute(0, NO_REF, {"from": backer, "value": 7})
    first, second = events_of(campaign)
    larger = replace(first, arguments={**first.arguments, "amount": 8, "backerTotal": 8, "totalRaised": 8})
    with pytest.raises(InconsistentEventError) as found:
        project([larger, second])
    error = found.value
    assert (error.seq, error.name, error.quantity) == (2, "Contributed", "totalRaised")
    assert (error.expected, error.found) == (15, 14)
