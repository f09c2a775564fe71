"""What accounts are told about money and milestones: news when it is final, and reminders of what is left."""

from datetime import datetime, timedelta

import pytest
from django.core import mail as outbox
from django.utils import timezone

from django_project.accounts.acts import Act
from django_project.accounts.models import User, Wallet
from django_project.ledger.models import (
    Block,
    CampaignLaunched,
    CampaignTotals,
    Cursor,
    MilestoneSubmission,
    UpdatePost,
)
from django_project.ledger.selectors import CLAIM_PERIOD, Status, owed_since
from django_project.notifications import account_notices, letters, mail, services
from django_project.notifications.models import AccountNotice, Kind, Mailbox, Notification, Preference
from django_project.notifications.selectors import notices
from django_project.notifications.triggers import NEWS_AGE
from django_project.pledges import selectors
from django_project.web import labels
from tests.factories import ETHER, World, address, backer_user, reference

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice() -> User:
    return backer_user(1, "Alice")


def ended(world: World, ago: timedelta, goal: int = 10 * ETHER) -> CampaignLaunched:
    """A campaign whose deadline was so long ago, with an ether of Alice's."""
    start = timezone.now() - ago - 30 * DAY
    campaign = world.campaign(started=start, goal=goal)
    world.listing(campaign)
    world.contribute(campaign, backer=address(1), amount=ETHER, at=start)
    return campaign


def settle(world: World) -> None:
    """Everything so far becomes final, and the time of the first block after it is known."""
    world.mine(20)
    number = world.cursor.finalized_block + 1
    Block.objects.update_or_create(
        chain=world.chain,
        number=number,
        defaults={
            "hash": reference(number),
            "parent_hash": reference(number - 1),
            "timestamp": timezone.now(),
        },
    )


def told(user: User) -> list[tuple[str, bool]]:
    return list(Notification.objects.filter(user=user).order_by("pk").values_list("kind", "is_reminder"))


def test_success_that_nobody_collected_is_told_when_it_is_the_backers_again(
    world: World, alice: User
) -> None:
    ended(world, CLAIM_PERIOD + DAY, goal=ETHER)
    ended(world, CLAIM_PERIOD - DAY, goal=ETHER)
    settle(world)
    assert services.notify(world.chain.chain_id) == 1
    assert services.notify(world.chain.chain_id) == 0
    assert told(alice) == [(Kind.REFUND_DUE, False)]


def test_a_milestone_that_was_missed_is_told_once_also_when_somebody_declares_it(
    world: World, alice: User
) -> None:
    campaign = ended(world, 10 * DAY, goal=ETHER)
    world.milestones(campaign, (10_000, 9 * DAY))
    settle(world)
    assert services.notify(world.chain.chain_id) == 1
    world.wind_down(campaign, timezone.now() - DAY)
    settle(world)
    assert services.notify(world.chain.chain_id) == 0
    assert told(alice) == [(Kind.REFUND_DUE, False)]


def test_whoever_took_the_pledge_back_is_told_nothing(world: World, alice: User) -> None:
    campaign = world.campaign()
    world.contribute(campaign, backer=address(1), amount=ETHER)
    world.take_pledge_back(campaign, backer=address(1))
    world.contribute(campaign, backer=address(2), amount=ETHER)
    bob = backer_user(2)
    world.cancel(campaign)
    settle(world)
    services.notify(world.chain.chain_id)
    assert (told(alice), told(bob)) == ([], [(Kind.REFUND_DUE, False)])


def test_a_refund_of_one_wallet_leaves_the_others_due(world: World, alice: User) -> None:
    Wallet.objects.create(user=alice, address=address(2))
    campaign = ended(world, DAY)
    world.contribute(campaign, backer=address(2), amount=ETHER, at=campaign.start)
    world.refund(campaign, backer=address(1))
    settle(world)
    assert services.notify(world.chain.chain_id) == 1
    other = ended(world, DAY)
    world.refund(other, backer=address(1))
    settle(world)
    assert services.notify(world.chain.chain_id) == 0


def told_long_ago(world: World, ago: timedelta) -> None:
    """Everything due so far is told, and was told so long ago."""
    settle(world)
    services.notify(world.chain.chain_id)
    Notification.objects.filter(is_reminder=False).update(created_at=timezone.now() - ago)


@pytest.mark.parametrize(("ago", "reminders"), [(29, 0), (31, 1), (59, 1), (61, 1), (400, 1)])
def test_money_left_alone_is_reminded_of_by_the_month(
    ago: int, reminders: int, world: World, alice: User
) -> None:
    ended(world, ago * DAY)
    told_long_ago(world, ago * DAY)
    assert services.remind(world.chain.chain_id) == reminders
    assert services.remind(world.chain.chain_id) == 0
    assert told(alice) == [(Kind.REFUND_DUE, False)] + [(Kind.REFUND_DUE, True)] * reminders


def test_reminders_count_from_when_the_backer_was_told(world: World, alice: User) -> None:
    ended(world, 100 * DAY)
    assert services.remind(world.chain.chain_id) == 0
    settle(world)
    assert services.notify(world.chain.chain_id) == 1
    assert services.remind(world.chain.chain_id) == 0
    Notification.objects.update(created_at=timezone.now() - 30 * DAY)
    assert services.remind(world.chain.chain_id) == 1
    assert told(alice) == [(Kind.REFUND_DUE, False), (Kind.REFUND_DUE, True)]


def test_reminders_end_after_three_months_or_the_refund(world: World, alice: User) -> None:
    campaign = ended(world, 150 * DAY)
    counts = []
    for months in range(1, 6):
        told_long_ago(world, (30 * months + 1) * DAY)
        counts.append(services.remind(world.chain.chain_id))
    assert counts == [1, 1, 1, 0, 0]
    again = ended(world, 31 * DAY)
    told_long_ago(world, 31 * DAY)
    world.refund(again, backer=address(1))
    world.refund(campaign, backer=address(1))
    assert services.remind(world.chain.chain_id) == 0
    assert len(told(alice)) == 5


@pytest.mark.parametrize(
    "way", ["missed goal", "cancelled", "never collected", "missed milestone", "stopped"]
)
def test_money_that_is_found_late_is_told_once(way: str, world: World, alice: User) -> None:
    """Due for three months when the chain is first indexed, or before the account was made."""
    match way:
        case "missed goal":
            ended(world, 90 * DAY)
        case "cancelled":
            campaign = world.campaign(started=timezone.now() - 120 * DAY, lasts=60 * DAY)
            world.contribute(campaign, backer=address(1), at=campaign.start)
            world.cancel(campaign)
        case "never collected":
            ended(world, CLAIM_PERIOD + 90 * DAY, goal=ETHER)
        case "missed milestone":
            world.milestones(ended(world, 120 * DAY, goal=ETHER), (10_000, 30 * DAY))
        case "stopped":
            campaign = ended(world, 120 * DAY, goal=ETHER)
            world.milestones(campaign, (10_000, 300 * DAY))
            world.wind_down(campaign, timezone.now() - 90 * DAY)
    settle(world)
    assert [services.notify(world.chain.chain_id) for _ in range(2)] == [1, 0]
    late = backer_user(2)
    Wallet.objects.filter(user=alice).update(user=late)
    assert [services.notify(world.chain.chain_id) for _ in range(2)] == [1, 0]
    assert told(alice) == told(late) == [(Kind.REFUND_DUE, False)]


def test_a_chain_indexed_from_its_beginning_tells_what_is_owed_today(world: World, alice: User) -> None:
    taken, owing = ended(world, 300 * DAY), ended(world, 200 * DAY)
    world.refund(taken, backer=address(1))
    world.post_update(owing)
    settle(world)
    assert services.notify(world.chain.chain_id) == 1
    notice = Notification.objects.get(user=alice)
    assert (notice.kind, bytes(notice.address)) == (Kind.REFUND_DUE, owing.address)


def test_what_was_told_by_its_event_is_not_told_again_by_its_state(world: World, alice: User) -> None:
    campaign = ended(world, DAY)
    Notification.objects.create(
        user=alice,
        kind=Kind.REFUND_DUE,
        chain_id=campaign.chain_id,
        address=campaign.address,
        cause="refund_due:31337:7:0",
    )
    settle(world)
    assert services.notify(world.chain.chain_id) == 0


def test_an_end_that_can_still_change_is_not_told(world: World, alice: User) -> None:
    cancelled, stopped = world.campaign(), ended(world, 10 * DAY, goal=ETHER)
    settle(world)
    world.contribute(cancelled, backer=address(1))
    world.cancel(cancelled)
    world.milestones(stopped, (10_000, 90 * DAY))
    world.wind_down(stopped, timezone.now() - DAY)
    Block.objects.update(timestamp=timezone.now() - 2 * DAY)
    ended(world, DAY)
    assert services.notify(world.chain.chain_id) == 0
    settle(world)
    assert services.notify(world.chain.chain_id) == 3
    assert told(alice) == [(Kind.REFUND_DUE, False)] * 3


@pytest.mark.parametrize(("given", "is_due"), [(2, False), (3, True)])
def test_a_share_that_rounds_to_nothing_is_never_due(
    given: int, *, is_due: bool, world: World, alice: User
) -> None:
    """Two thirds of what was raised are paid out: of 2 units a third is 0, of 3 it is 1."""
    start = timezone.now() - 100 * DAY
    campaign = world.campaign(started=start, goal=1)
    world.milestones(campaign, (6_667, 10 * DAY), (3_333, 20 * DAY))
    world.contribute(campaign, backer=address(1), amount=given, at=start)
    world.contribute(campaign, backer=address(2), amount=30_000 - given, at=start)
    world.listing(campaign)
    CampaignTotals.objects.filter(campaign=campaign).update(milestones_released=1, withdrawn=20_000)
    settle(world)
    assert services.notify(world.chain.chain_id) == is_due
    Notification.objects.update(created_at=timezone.now() - 40 * DAY)
    assert services.remind(world.chain.chain_id) == is_due
    assert selectors.refunds_to_claim(alice).count() == is_due
    assert [each.refund_due for each in selectors.refunds_due(alice)] == [1] * is_due


def test_a_window_is_told_as_long_as_it_is_open(world: World, alice: User) -> None:
    closing(world, ends=10 * DAY, opened=20 * DAY)
    closing(world, ends=-timedelta(seconds=1), opened=20 * DAY)
    settle(world)
    assert services.notify(world.chain.chain_id) == 1
    assert told(alice) == [(Kind.MILESTONE_REVIEW, False)]


def closing(world: World, *, ends: timedelta, opened: timedelta) -> CampaignLaunched:
    """A funded campaign whose evidence was handed in so long ago and whose window ends so soon."""
    campaign = ended(world, 10 * DAY, goal=ETHER)
    world.milestones(campaign, (10_000, 60 * DAY))
    row = world.submit_milestone(campaign, window_end=timezone.now() + ends)
    MilestoneSubmission.objects.filter(pk=row.pk).update(block_time=timezone.now() - opened)
    return campaign


@pytest.mark.parametrize(
    ("ends", "opened", "is_reminded"),
    [
        (timedelta(hours=23), 3 * DAY, True),
        (timedelta(hours=25), 3 * DAY, False),
        (timedelta(hours=-1), 3 * DAY, False),
        (timedelta(hours=23), timedelta(hours=20), False),
    ],
)
def test_the_last_day_of_a_window_is_reminded_of(
    ends: timedelta, opened: timedelta, *, is_reminded: bool, world: World, alice: User
) -> None:
    closing(world, ends=ends, opened=opened)
    settle(world)
    services.notify(world.chain.chain_id)
    services.notify(world.chain.chain_id)
    assert ((Kind.MILESTONE_REVIEW, True) in told(alice)) is is_reminded
    assert told(alice).count((Kind.MILESTONE_REVIEW, True)) <= 1


def test_whoever_objects_is_not_reminded_to_judge(world: World, alice: User) -> None:
    campaign = closing(world, ends=timedelta(hours=20), opened=3 * DAY)
    world.raise_objection(campaign, backer=address(1))
    settle(world)
    services.notify(world.chain.chain_id)
    assert told(alice) == [(Kind.MILESTONE_REVIEW, False)]
    world.withdraw_objection(campaign, backer=address(1))
    services.notify(world.chain.chain_id)
    assert told(alice) == [(Kind.MILESTONE_REVIEW, False), (Kind.MILESTONE_REVIEW, True)]


def test_a_reminder_has_words_of_its_own(world: World, alice: User) -> None:
    Mailbox.objects.create(user=alice, address="alice@example.org", confirmed_at=timezone.now())
    ended(world, 31 * DAY)
    closing(world, ends=timedelta(hours=20), opened=3 * DAY)
    told_long_ago(world, 31 * DAY)
    services.remind(world.chain.chain_id)
    mail.deliver()
    letters = {str(letter.subject).split(":")[0]: str(letter.body) for letter in outbox.outbox}
    refund = letters["Reminder, claim your refund"]
    assert "The goal was missed. You can claim a refund of 1 ETH from" in refund
    assert "with no deadline" in refund
    assert "Less than a day is left" in letters["Less than a day left to object"]
    assert {notice.kind for notice in notices(alice).rows if notice.is_reminder} == set(labels.REMINDER_TEXT)


def test_no_letter_asks_for_what_was_done_since(world: World, alice: User) -> None:
    Mailbox.objects.create(user=alice, address="alice@example.org", confirmed_at=timezone.now())
    due, judged = ended(world, DAY), closing(world, ends=2 * DAY, opened=3 * DAY)
    settle(world)
    assert services.notify(world.chain.chain_id) == 2
    world.refund(due, backer=address(1))
    world.raise_objection(judged, backer=address(1))
    assert mail.deliver() == 0
    assert outbox.outbox == []
    settled = {notice.kind: notice.is_settled for notice in notices(alice).rows}
    assert settled == {Kind.REFUND_DUE: True, Kind.MILESTONE_REVIEW: False}


def since(status: str, **totals: object) -> datetime:
    campaign = CampaignLaunched(deadline=timezone.now())
    campaign.totals = CampaignTotals(**totals)
    return owed_since(campaign, status)


def test_a_campaign_owes_from_the_moment_that_its_contract_says() -> None:
    moment = timezone.now() - 5 * DAY
    assert since(Status.CANCELLED, cancelled_at=moment) == moment
    assert since(Status.WIND_DOWN, wound_down_at=moment, window_end=timezone.now()) == moment
    assert since(Status.WIND_DOWN, milestone_due=moment) == moment
    refused = {"window_end": moment, "objections": 3, "objection_limit": 2}
    assert since(Status.WIND_DOWN, **refused) == moment
    assert since(Status.WIND_DOWN, **{**refused, "objections": 2}) == moment + CLAIM_PERIOD
    with pytest.raises(ValueError, match="owes nothing"):
        since(Status.OPEN)


def test_a_closed_account_gets_no_letter(world: World, alice: User) -> None:
    Mailbox.objects.create(user=alice, address="alice@example.org", confirmed_at=timezone.now())
    ended(world, DAY)
    settle(world)
    services.notify(world.chain.chain_id)
    User.objects.update(is_active=False)
    assert mail.deliver() == 0
    assert outbox.outbox == []
    User.objects.update(is_active=True)
    assert mail.deliver() == 1


def test_an_address_that_nobody_confirmed_gets_no_letter(world: World, alice: User) -> None:
    Mailbox.objects.create(user=alice, address="alice@example.org")
    ended(world, DAY)
    settle(world)
    services.notify(world.chain.chain_id)
    assert mail.deliver() == 0
    Mailbox.objects.update(confirmed_at=timezone.now())
    Preference.objects.create(user=alice, kind=Kind.REFUND_DUE, by_email=False)
    assert mail.deliver() == 0
    Preference.objects.update(by_email=True)
    assert mail.deliver() == 1


@pytest.mark.parametrize(
    ("age", "is_sent"),
    [(letters.UNSENT_KEPT, True), (letters.UNSENT_KEPT + timedelta(microseconds=1), False)],
)
def test_a_letter_that_waited_too_long_is_not_sent_any_more(
    age: timedelta, *, is_sent: bool, world: World, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Mailbox.objects.create(user=alice, address="alice@example.org", confirmed_at=timezone.now())
    ended(world, DAY)
    settle(world)
    services.notify(world.chain.chain_id)
    account_notices.notify(User, alice, Act.DATA_EXPORTED)
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    for model in (Notification, AccountNotice):
        model.objects.update(created_at=now - age)
    assert (mail.deliver(), account_notices.deliver()) == (int(is_sent), int(is_sent))


def test_news_of_a_block_is_told_when_that_block_is_final_and_not_before(world: World, alice: User) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    world.contribute(campaign, backer=address(1))
    block = world.post_update(campaign).block_number
    for final, told_by_then in ((block - 1, 0), (block, 1), (block + 1, 0)):
        Cursor.objects.update(finalized_block=final)
        assert services.notify(world.chain.chain_id) == told_by_then
    assert told(alice) == [(Kind.UPDATE_POSTED, False)]


@pytest.mark.parametrize(("age", "is_news"), [(NEWS_AGE - DAY, True), (NEWS_AGE + DAY, False)])
def test_an_old_update_is_no_news(age: timedelta, *, is_news: bool, world: World, alice: User) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    world.contribute(campaign, backer=address(1))
    row = world.post_update(campaign)
    UpdatePost.objects.filter(pk=row.pk).update(block_time=timezone.now() - age)
    settle(world)
    services.notify(world.chain.chain_id)
    assert told(alice) == [(Kind.UPDATE_POSTED, False)] * is_news


@pytest.mark.parametrize(("declared_in", "is_told"), [(0, True), (1, False)])
def test_an_end_is_told_from_the_final_block_on(
    declared_in: int, *, is_told: bool, world: World, alice: User
) -> None:
    campaign = world.campaign()
    world.contribute(campaign, backer=address(1))
    block = world.cancel(campaign).block_number
    Cursor.objects.update(finalized_block=block - declared_in)
    assert services.notify(world.chain.chain_id) == int(is_told)
    assert told(alice) == [(Kind.REFUND_DUE, False)] * is_told


@pytest.mark.parametrize(("later", "is_told"), [(timedelta(0), True), (timedelta(microseconds=1), False)])
def test_a_missed_goal_is_told_once_the_deadline_cannot_be_taken_back(
    later: timedelta, *, is_told: bool, world: World, alice: User
) -> None:
    """The first block that is not final has to come at the deadline or after it."""
    campaign = ended(world, DAY)
    settle(world)
    Block.objects.update(timestamp=campaign.deadline - later)
    assert services.notify(world.chain.chain_id) == int(is_told)
    assert told(alice) == [(Kind.REFUND_DUE, False)] * is_told
