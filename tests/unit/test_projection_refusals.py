"""Whole histories of a campaign, and that no number in them may differ by one."""

import pytest

from django_project.ledger.projection import (
    CONTRIBUTIONS_PAUSED,
    WOUND_DOWN,
    CampaignStorage,
    Event,
    InconsistentEventError,
    MissingEventError,
    Payouts,
    Review,
    Totals,
    project,
)

ALICE, BOB, CAROL, DAVE = (bytes([number]) * 20 for number in (1, 2, 3, 4))

Value = int | bytes | str
Told = tuple[str, dict[str, Value]]


def event(name: str, **arguments: Value) -> Told:
    return name, arguments


def gift(backer: bytes, amount: int, backer_total: int, raised: int, tier: int = 0) -> Told:
    return event(
        "Contributed", backer=backer, tierId=tier, amount=amount, backerTotal=backer_total, totalRaised=raised
    )


def vote(name: str, backer: bytes, weight: int, total: int, milestone: int) -> Told:
    return event(name, backer=backer, milestoneId=milestone, weight=weight, totalObjections=total)


def evidence(milestone: int, window_end: int) -> Told:
    return event("MilestoneSubmitted", milestoneId=milestone, windowEnd=window_end, objectionLimit=9)


def release(milestone: int, amount: int, total: int) -> Told:
    return event("MilestoneReleased", milestoneId=milestone, amount=amount, totalReleased=total)


# Two of three backers stay, and 40 % of their 80 are paid, of which 1 is a fee.
FIRST_PAID: list[Told] = [
    event("TierAdded", tierId=1, price=10, supply=1),
    event("TierAdded", tierId=2, price=10, supply=1),
    event("MilestoneDefined", milestoneId=1, shareBps=4_000, due=2_000, objectionWindow=500),
    event("MilestoneDefined", milestoneId=2, shareBps=6_000, due=4_000, objectionWindow=500),
    gift(ALICE, 10, 10, 10),
    gift(BOB, 50, 50, 60),
    gift(ALICE, 20, 30, 80, tier=2),
    gift(CAROL, 20, 20, 100),
    event("PledgeTakenBack", backer=CAROL, amount=20, totalRaised=80),
    event("ContributionsPaused", paused=True),
    event("ContributionsPaused", paused=False),
    event("CreatorTransferStarted", newCreator=CAROL),
    event("CreatorTransferred", oldCreator=DAVE, newCreator=CAROL),
    event("CreatorTransferStarted", newCreator=BOB),
    event("CreatorTransferred", oldCreator=CAROL, newCreator=BOB),
    evidence(1, 5_000),
    vote("Objected", ALICE, 30, 30, 1),
    vote("Objected", BOB, 50, 80, 1),
    vote("ObjectionWithdrawn", BOB, 50, 30, 1),
    release(1, 32, 32),
    event("Withdrawn", amount=31, totalWithdrawn=31),
    event("FeeAccrued", amount=1, totalFees=1),
    event("FeeClaimed", amount=1, totalFeesClaimed=1),
    evidence(2, 6_000),
]
ALL_PAID = [
    *FIRST_PAID,
    release(2, 48, 80),
    event("Withdrawn", amount=46, totalWithdrawn=77),
    event("FeeAccrued", amount=2, totalFees=3),
    event("FeeClaimed", amount=2, totalFeesClaimed=3),
]
WOUND_UP = [
    *FIRST_PAID,
    vote("Objected", ALICE, 30, 30, 2),
    event("WindDownStarted", since=900, remaining=48),
    # 48 of 80, for each as much as it gave.
    event("Refunded", backer=ALICE, amount=18, totalRefunded=18),
    event("Refunded", backer=BOB, amount=30, totalRefunded=48),
]
FAILED = [
    gift(ALICE, 7, 7, 7),
    gift(BOB, 4, 4, 11),
    event("Refunded", backer=BOB, amount=4, totalRefunded=4),
    event("Refunded", backer=ALICE, amount=7, totalRefunded=11),
]

# What each event is held to, with the quantity that is named when it is one more.
HELD_TO: dict[str, dict[str, str]] = {
    "TierAdded": {"tierId": "tierId"},
    "MilestoneDefined": {"milestoneId": "milestoneId"},
    "Contributed": {"amount": "backerTotal", "backerTotal": "backerTotal", "totalRaised": "totalRaised"},
    "PledgeTakenBack": {"amount": "amount", "totalRaised": "totalRaised"},
    "ContributionsPaused": {"paused": "paused"},
    "CreatorTransferStarted": {},
    "CreatorTransferred": {"newCreator": "newCreator"},
    "MilestoneSubmitted": {"milestoneId": "milestoneId"},
    "Objected": {"milestoneId": "milestoneId", "weight": "weight", "totalObjections": "totalObjections"},
    "ObjectionWithdrawn": {
        "milestoneId": "milestoneId",
        "weight": "weight",
        "totalObjections": "totalObjections",
    },
    "MilestoneReleased": {
        "milestoneId": "milestoneId",
        "amount": "amount",
        "totalReleased": "totalReleased",
    },
    "Withdrawn": {"amount": "totalWithdrawn", "totalWithdrawn": "totalWithdrawn"},
    "FeeAccrued": {"amount": "totalFees", "totalFees": "totalFees"},
    "FeeClaimed": {"amount": "totalFeesClaimed", "totalFeesClaimed": "totalFeesClaimed"},
    "WindDownStarted": {"remaining": "remaining"},
    "Refunded": {"amount": "amount", "totalRefunded": "totalRefunded"},
}


def fold(history: list[Told]) -> CampaignStorage:
    return project(
        Event(name, 1_000 + seq, {"seq": seq, **arguments})
        for seq, (name, arguments) in enumerate(history, start=1)
    )


def test_histories_that_add_up_are_folded_to_the_end() -> None:
    paid = fold(ALL_PAID)
    assert paid.totals == Totals(seq=28, raised=80, refunded=0, flags=0)
    assert paid.payouts == Payouts(withdrawn=77, fees=3, ended_at=0, released=2)
    assert (paid.fees_claimed, paid.unpaid, paid.new_creator) == (3, 0, BOB)
    assert paid.review == Review(objections=0, limit=0, window_end=0)
    shared = fold(WOUND_UP)
    assert shared.totals == Totals(seq=28, raised=80, refunded=48, flags=WOUND_DOWN)
    assert shared.payouts == Payouts(withdrawn=31, fees=1, ended_at=900, released=1)
    assert shared.review == Review(objections=30, limit=9, window_end=6_000)
    assert shared.backers == {}
    assert fold(FAILED).totals == Totals(seq=4, raised=11, refunded=11, flags=0)
    assert fold(ALL_PAID[:10]).totals.flags == CONTRIBUTIONS_PAUSED


@pytest.mark.parametrize("history", [ALL_PAID, WOUND_UP, FAILED], ids=["all paid", "wound up", "failed"])
def test_no_number_that_an_event_is_held_to_may_be_another(history: list[Told]) -> None:
    for position, (name, arguments) in enumerate(history):
        for argument, quantity in HELD_TO[name].items():
            value = arguments[argument]
            wrong = DAVE if isinstance(value, bytes) else int(value) + 1
            told = [*history[:position], event(name, **{**arguments, argument: wrong})]
            with pytest.raises(InconsistentEventError) as caught:
                fold(told)
            assert (caught.value.seq, caught.value.name) == (position + 1, name)
            assert caught.value.quantity == quantity, (name, argument)


def refusal(history: list[Told]) -> str:
    with pytest.raises(InconsistentEventError) as caught:
        fold(history)
    assert caught.value.seq == len(history)
    return f"{caught.value.name}: {caught.value.quantity}"


def test_what_was_told_and_what_follows_are_kept_apart() -> None:
    with pytest.raises(InconsistentEventError) as differing:
        fold([gift(ALICE, 3, 3, 4)])
    assert (differing.value.expected, differing.value.found) == (3, 4)
    with pytest.raises(MissingEventError) as missing:
        project([Event("Withdrawn", 1_000, {"seq": 2, "amount": 1, "totalWithdrawn": 1})])
    assert (missing.value.expected, missing.value.found, missing.value.name) == (1, 2, "Withdrawn")


def test_a_creator_can_only_hand_over_what_is_its_own() -> None:
    told = [*FIRST_PAID[:14], event("CreatorTransferred", oldCreator=DAVE, newCreator=BOB)]
    assert refusal(told) == "CreatorTransferred: oldCreator"


def test_who_gave_nothing_has_no_say() -> None:
    assert refusal([*FIRST_PAID, vote("Objected", DAVE, 1, 1, 2)]) == "Objected: weight"
    of_nobody = vote("ObjectionWithdrawn", DAVE, 0, 0, 2)
    assert refusal([*FIRST_PAID, of_nobody]) == "ObjectionWithdrawn: milestoneId"


def test_an_objection_to_what_was_paid_cannot_be_withdrawn_any_more() -> None:
    assert refusal([*FIRST_PAID, vote("ObjectionWithdrawn", ALICE, 30, 0, 1)]) == (
        "ObjectionWithdrawn: milestoneId"
    )


@pytest.mark.parametrize(
    ("argument", "value", "sentence"),
    [
        ("amount", b"\x01", "Contributed.amount is a bytes, not a number"),
        ("backer", 7, "Contributed.backer is a int, not the bytes of an address"),
    ],
)
def test_an_argument_of_another_type_is_named(argument: str, value: Value, sentence: str) -> None:
    name, arguments = gift(ALICE, 1, 1, 1)
    with pytest.raises(TypeError, match=sentence):
        fold([event(name, **{**arguments, argument: value})])
