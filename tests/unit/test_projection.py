"""Folding a campaign's events: what they add up to, and that a history with a hole or a lie is refused."""

from collections.abc import Sequence

import pytest

from django_project.ledger.projection import (
    CANCELLED,
    WOUND_DOWN,
    Backer,
    CampaignStorage,
    Event,
    InconsistentEventError,
    MissingEventError,
    Review,
    UnknownEventError,
    project,
)

ALICE, BOB, CAROL = (bytes([number]) * 20 for number in (1, 2, 3))

Told = tuple[str, dict[str, int | bytes | str]]


def fold(*told: Told) -> CampaignStorage:
    return project(
        Event(name, 1_000 + seq, {"seq": seq, **arguments})
        for seq, (name, arguments) in enumerate(told, start=1)
    )


def gift(backer: bytes, amount: int, backer_total: int, raised: int, tier_id: int = 0) -> Told:
    arguments: dict[str, int | bytes | str] = {
        "backer": backer,
        "tierId": tier_id,
        "amount": amount,
        "backerTotal": backer_total,
        "totalRaised": raised,
    }
    return "Contributed", arguments


def milestones(*shares: int) -> Sequence[Told]:
    return [
        (
            "MilestoneDefined",
            {"milestoneId": number, "shareBps": share, "due": 2_000 * number, "objectionWindow": 500},
        )
        for number, share in enumerate(shares, start=1)
    ]


TIER: Told = ("TierAdded", {"tierId": 1, "price": 5, "supply": 2})
SUBMITTED: Told = ("MilestoneSubmitted", {"milestoneId": 1, "windowEnd": 5_000, "objectionLimit": 3})


def objection(backer: bytes, weight: int, total: int, name: str = "Objected", milestone_id: int = 1) -> Told:
    return name, {"backer": backer, "milestoneId": milestone_id, "weight": weight, "totalObjections": total}


def test_a_pledge_taken_back_leaves_neither_money_nor_rewards() -> None:
    taken_back: Told = ("PledgeTakenBack", {"backer": ALICE, "amount": 12, "totalRaised": 5})
    storage = fold(TIER, gift(ALICE, 6, 6, 6, 1), gift(ALICE, 6, 12, 12), gift(BOB, 5, 5, 17, 1), taken_back)
    assert storage.backers == {BOB: Backer(5, {1: 1})}
    assert (storage.totals.raised, storage.totals.refunded, storage.tiers[1].sold) == (5, 0, 1)


def test_a_milestone_through_objections_to_its_release() -> None:
    storage = fold(
        *milestones(4_000, 6_000),
        gift(ALICE, 3, 3, 3),
        gift(BOB, 4, 4, 7),
        SUBMITTED,
        objection(ALICE, 3, 3),
        objection(BOB, 4, 7),
        objection(BOB, 4, 3, name="ObjectionWithdrawn"),
    )
    assert storage.review == Review(objections=3, limit=3, window_end=5_000)
    assert [storage.backers[backer].objected_to for backer in (ALICE, BOB)] == [1, 0]

    storage = fold(
        *milestones(4_000, 6_000),
        gift(BOB, 7, 7, 7),
        SUBMITTED,
        ("MilestoneReleased", {"milestoneId": 1, "amount": 2, "totalReleased": 2}),
        ("Withdrawn", {"amount": 1, "totalWithdrawn": 1}),
        ("FeeAccrued", {"amount": 1, "totalFees": 1}),
        ("FeeClaimed", {"amount": 1, "totalFeesClaimed": 1}),
        ("WindDownStarted", {"since": 900, "remaining": 5}),
        ("Refunded", {"backer": BOB, "amount": 5, "totalRefunded": 5}),
    )
    assert (storage.payouts.released, storage.payouts.ended_at, storage.review) == (1, 900, Review())
    assert (storage.totals.flags, storage.totals.refunded, storage.fees_claimed) == (WOUND_DOWN, 5, 1)
    assert storage.backers == {}


@pytest.mark.parametrize(
    ("paid_at", "next_due"),
    # The terms put 2,000 s between the two dates, of which the window takes 500.
    [(2_500, 4_000), (2_501, 4_001), (9_000, 10_500)],
)
def test_a_late_payment_moves_the_next_date_in_the_second_version(paid_at: int, next_due: int) -> None:
    def paid(**more: int) -> CampaignStorage:
        told = [*milestones(4_000, 6_000), gift(BOB, 7, 7, 7), SUBMITTED]
        events = [
            Event(name, 1_000, {"seq": seq, **arguments}) for seq, (name, arguments) in enumerate(told, 1)
        ]
        release = {"seq": 5, "milestoneId": 1, "amount": 2, "totalReleased": 2, **more}
        return project([*events, Event("MilestoneReleased", paid_at, release)])

    assert paid().payouts.ended_at == 0
    assert paid(nextDue=next_due).payouts.ended_at == paid_at
    with pytest.raises(InconsistentEventError, match=f"nextDue is {next_due + 1}, .* lead to {next_due}"):
        paid(nextDue=next_due + 1)


def test_nothing_is_due_after_the_last_payment() -> None:
    def paid(next_due: int) -> CampaignStorage:
        arguments = {"milestoneId": 1, "amount": 7, "totalReleased": 7, "nextDue": next_due}
        last: Told = ("MilestoneReleased", {**arguments})
        return fold(*milestones(10_000), gift(BOB, 7, 7, 7), SUBMITTED, last)

    assert paid(0).payouts.released == 1
    with pytest.raises(InconsistentEventError, match="nextDue is 1, the events before it lead to 0"):
        paid(1)


def test_a_wind_down_shares_what_is_left() -> None:
    history: Sequence[Told] = (
        *milestones(5_000, 5_000),
        gift(ALICE, 3, 3, 3),
        gift(BOB, 7, 7, 10),
        SUBMITTED,
        ("MilestoneReleased", {"milestoneId": 1, "amount": 5, "totalReleased": 5}),
        ("Withdrawn", {"amount": 5, "totalWithdrawn": 5}),
        ("WindDownStarted", {"since": 900, "remaining": 5}),
    )
    assert (
        fold(*history, ("Refunded", {"backer": ALICE, "amount": 1, "totalRefunded": 1})).totals.refunded == 1
    )
    with pytest.raises(InconsistentEventError, match=r"amount is 2, the events before it lead to 1"):
        fold(*history, ("Refunded", {"backer": ALICE, "amount": 2, "totalRefunded": 2}))


def test_a_campaign_changes_hands_in_two_steps() -> None:
    offered: Told = ("CreatorTransferStarted", {"creator": ALICE, "newCreator": BOB})
    accepted: Told = ("CreatorTransferred", {"oldCreator": ALICE, "newCreator": BOB})
    assert fold(offered).pending_creator == BOB
    storage = fold(offered, accepted)
    assert (storage.new_creator, storage.pending_creator) == (BOB, bytes(20))
    with pytest.raises(InconsistentEventError, match="newCreator"):
        fold(accepted)


def test_cancelling_keeps_its_time() -> None:
    storage = fold(gift(ALICE, 1, 1, 1), ("Cancelled", {"by": CAROL, "reason": ""}))
    assert (storage.totals.flags, storage.payouts.ended_at) == (CANCELLED, 1_002)


def test_a_hole_in_the_running_numbers_is_named() -> None:
    first, third = gift(ALICE, 1, 1, 1), gift(ALICE, 1, 3, 3)
    events = [Event(first[0], 0, {"seq": 1, **first[1]}), Event(third[0], 0, {"seq": 3, **third[1]})]
    with pytest.raises(
        MissingEventError, match="event 2 is missing: Contributed carries the running number 3"
    ):
        project(events)


@pytest.mark.parametrize(
    ("told", "quantity"),
    [
        ([gift(ALICE, 1, 2, 1)], "backerTotal"),
        ([gift(ALICE, 1, 1, 2)], "totalRaised"),
        ([gift(ALICE, 1, 1, 1, 1)], "tierId"),
        ([TIER, *(gift(ALICE, 5, 5 * n, 5 * n, 1) for n in (1, 2, 3))], "rewards sold"),
        ([("PledgeTakenBack", {"backer": ALICE, "amount": 1, "totalRaised": 0})], "amount"),
        ([("Withdrawn", {"amount": 1, "totalWithdrawn": 2})], "totalWithdrawn"),
        ([("FeeClaimed", {"amount": 1, "totalFeesClaimed": 1})], "totalFeesClaimed"),
        ([gift(ALICE, 1, 1, 1), SUBMITTED, objection(ALICE, 1, 1), objection(ALICE, 1, 2)], "objectedTo"),
        ([gift(ALICE, 1, 1, 1), SUBMITTED, objection(ALICE, 1, 0, name="ObjectionWithdrawn")], "milestoneId"),
        ([SUBMITTED, SUBMITTED], "windowEnd"),
        ([("ContributionsPaused", {"by": ALICE, "paused": False})], "paused"),
    ],
)
def test_what_does_not_follow_is_refused(told: Sequence[Told], quantity: str) -> None:
    with pytest.raises(InconsistentEventError) as caught:
        fold(*told)
    assert (caught.value.quantity, caught.value.seq) == (quantity, len(told))


def test_strangers_events_are_refused() -> None:
    with pytest.raises(UnknownEventError, match="Transfer"):
        fold(("Transfer", {}))


def test_as_many_rewards_as_were_taken_go_back_with_a_pledge() -> None:
    three: Told = ("TierAdded", {"tierId": 1, "price": 5, "supply": 3})
    taken_back: Told = ("PledgeTakenBack", {"backer": ALICE, "amount": 10, "totalRaised": 5})
    history = (three, gift(ALICE, 5, 5, 5, 1), gift(ALICE, 5, 10, 10, 1), gift(BOB, 5, 5, 15, 1), taken_back)
    assert fold(*history[:-1]).backers[ALICE] == Backer(10, {1: 2})
    storage = fold(*history)
    assert (storage.tiers[1].sold, storage.backers) == (1, {BOB: Backer(5, {1: 1})})
    # All that went back can be had again, and no more.
    again = (gift(CAROL, 5, 5, 10, 1), gift(CAROL, 5, 10, 15, 1))
    assert fold(*history, *again).tiers[1].sold == 3
    with pytest.raises(InconsistentEventError, match="at most 3"):
        fold(*history, *again, gift(CAROL, 5, 15, 20, 1))


def test_a_tier_without_a_supply_never_runs_out() -> None:
    endless: Told = ("TierAdded", {"tierId": 1, "price": 5, "supply": 0})
    assert fold(endless, *(gift(ALICE, 5, 5 * n, 5 * n, 1) for n in range(1, 9))).tiers[1].sold == 8


@pytest.mark.parametrize("number", [0, 2, 3])
def test_tiers_and_milestones_are_numbered_from_one(number: int) -> None:
    with pytest.raises(InconsistentEventError, match=f"tierId is {number}, .* lead to 1"):
        fold(("TierAdded", {"tierId": number, "price": 5, "supply": 0}))
    terms: Told = (
        "MilestoneDefined",
        {"milestoneId": number, "shareBps": 1, "due": 1, "objectionWindow": 1},
    )
    with pytest.raises(InconsistentEventError, match=f"milestoneId is {number}, .* lead to 1"):
        fold(terms)
