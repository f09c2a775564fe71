"""What a milestone's page says of each state, of late payments and of objections."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from django_project.community import milestone_words
from django_project.community.milestones import (
    Evidence,
    LatePayment,
    MilestoneState,
    MilestoneView,
    Objections,
)
from django_project.web import labels

END = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
AT_THE_LIMIT = Objections(total=200, total_text="2", limit=200, limit_text="2")
ABOVE_THE_LIMIT = replace(AT_THE_LIMIT, total=201, total_text="2.01")
EVIDENCE = Evidence(
    uri="https://example.org/report",
    content_hash="0x" + "ab" * 32,
    submitted_at=END,
    block_number=7,
    tx_hash="0x" + "cd" * 32,
    window_end=END,
    title="The report",
    body="It is done.",
    is_text_known=True,
)
MILESTONE = MilestoneView(
    milestone_id=2,
    state=MilestoneState.REVIEW,
    share_bps=3_000,
    amount=3,
    amount_text="3",
    later_text="2",
    due=END,
    promised_due=END,
    not_before=None,
    evidence=EVIDENCE,
    objections=AT_THE_LIMIT,
    payment=None,
    late_payment=None,
)
LATE = LatePayment(next_milestone_id=3, next_due=END, later_text="2.5", is_certain=False)


def outlook(state: str, *, is_raising: bool = False, objections: Objections | None = AT_THE_LIMIT) -> str:
    milestone = replace(MILESTONE, state=state, objections=objections)
    return milestone_words.outlook(milestone, is_raising=is_raising)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MilestoneState.UPCOMING, "Starts once the milestone before it is paid."),
        (MilestoneState.AWAITED, "The creator has not submitted evidence yet."),
        (MilestoneState.REVIEW, "the creator can collect this part afterwards."),
        (MilestoneState.PAYABLE, "The objection period is over and too few objected."),
        (MilestoneState.PAID, "Paid to the creator, less the platform fee."),
        (MilestoneState.MISSED, "No evidence was submitted in time. Payouts have stopped"),
        (MilestoneState.REFUSED, "Backers refused it. Payouts have stopped"),
        (MilestoneState.UNCLAIMED, "The creator did not collect it within 180 days."),
        (MilestoneState.STOPPED, "The creator has stopped the payouts."),
        (MilestoneState.VOID, "This part will not be paid. Backers can claim it."),
        (MilestoneState.EMPTY, "Nothing was raised, so there is nothing to pay"),
    ],
)
def test_each_state_says_what_it_means(state: str, words: str) -> None:
    assert words in outlook(state)


def test_no_two_states_say_the_same() -> None:
    assert len({outlook(state) for state in labels.MILESTONE}) == len(labels.MILESTONE)


def test_only_what_is_to_come_depends_on_whether_money_is_still_raised() -> None:
    told = {state for state in labels.MILESTONE if outlook(state) != outlook(state, is_raising=True)}
    assert told == {MilestoneState.UPCOMING}
    assert outlook("upcoming", is_raising=True) == "Starts once funding has ended successfully."


def test_a_review_says_until_when_and_how_it_stands() -> None:
    assert outlook("review") == (
        "Backers can object or withdraw objections until 4 Mar 2026, 05:06 UTC. As it stands, the creator "
        "can collect this part afterwards."
    )
    assert outlook("review", objections=ABOVE_THE_LIMIT) == (
        "Backers can object or withdraw objections until 4 Mar 2026, 05:06 UTC. As it stands, payouts stop "
        "then and backers can claim what is left."
    )


def test_what_a_late_payment_leads_to_is_said_as_far_as_it_is_certain() -> None:
    open_still = milestone_words.late_payment(LATE, "tUSD")
    assert open_still == (
        "This contract does not move later dates. Unless this part is paid and the evidence for milestone 3 "
        "is shown before 2026-03-04 05:06 UTC, payouts stop, and the 2.5 tUSD of later milestones are left "
        "for backers to claim."
    )
    certain = milestone_words.late_payment(replace(LATE, is_certain=True), "tUSD")
    assert certain == (
        "The evidence for milestone 3 was due before 2026-03-04 05:06 UTC, and this contract does not move "
        "that date. Once this part is paid, payouts stop, and the 2.5 tUSD of later milestones are left for "
        "backers to claim."
    )


def test_objections_stand_beside_what_may_object() -> None:
    at, above = (milestone_words.objections(each, "ETH") for each in (AT_THE_LIMIT, ABOVE_THE_LIMIT))
    assert at == "Objections: 2 ETH, 100% of the limit of 2 ETH"
    assert above == "Objections: 2.01 ETH, above the limit of 2 ETH"


def test_the_reader_s_language_is_spoken() -> None:
    with override("zh-hans"):
        assert outlook("paid") == "已拨付给发起人，并扣除平台手续费。"
