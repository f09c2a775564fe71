"""Whatever lies at the head of a queue, what stands behind it is served."""

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMessage
from django.utils import timezone

from django_project.accounts.models import User
from django_project.community import moderation
from django_project.community import services as community_services
from django_project.community.models import Report
from django_project.core.errors import ConflictError
from django_project.ledger.models import CampaignLaunched, Chain, Outbox, Token
from django_project.ledger.outbox import unread_counts
from django_project.notifications import letters, mail
from django_project.notifications.models import Kind, Mailbox, Notification
from django_project.pledges import services as pledging
from django_project.pledges.models import PledgeIntent
from django_project.web.home_data import LATEST_CANDIDATES, home_data
from tasks.chains import for_each_chain
from tasks.engagement import outbox as readers_of_news
from tasks.engagement import tasks
from tasks.engagement.missing_pledges import BATCH, next_to_look_for
from tasks.indexing.pipeline.tokens import TOKENS_AT_A_TIME, waiting_tokens
from tests.factories import CHAIN_ID, ETHER, World, address, backer_user, reference
from tests.support.staff import staff_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def open_pledges(user: User | None, numbers: range, **more: Any) -> None:
    PledgeIntent.objects.bulk_create(
        PledgeIntent(
            user=user,
            chain_id=CHAIN_ID,
            campaign_address=address(77),
            backer=address(number),
            ref=reference(number),
            token=bytes(20),
            amount=1,
            **more,
        )
        for number in numbers
    )


def test_pledges_of_one_account_after_another_are_looked_for() -> None:
    """One account has hundreds, all older; another goes on making new ones."""
    stuffer, maker, backer = (User.objects.create_user(name) for name in ("stuffer", "maker", "backer"))
    open_pledges(stuffer, range(1, 400))
    PledgeIntent.objects.update(created_at=timezone.now() - timedelta(days=3))
    open_pledges(backer, range(400, 402))
    open_pledges(None, range(402, 404))
    served: list[int] = []
    for turn in range(4):
        open_pledges(maker, range(1000 + 100 * turn, 1100 + 100 * turn))
        batch = list(next_to_look_for(CHAIN_ID)[:BATCH])
        assert len(batch) == BATCH
        served += [pledge.user_id or 0 for pledge in batch]
        PledgeIntent.objects.filter(pk__in=[pledge.pk for pledge in batch]).update(looked_at=timezone.now())
        assert {stuffer.pk, maker.pk, backer.pk, 0} <= set(served)
    # Those of whoever has a few are looked for in each run, and nobody's are never looked for.
    assert served.count(backer.pk) == served.count(0) == 8
    while (left := PledgeIntent.objects.filter(user=stuffer, looked_at=None).count()) > 0:
        batch = list(next_to_look_for(CHAIN_ID)[:BATCH])
        PledgeIntent.objects.filter(pk__in=[pledge.pk for pledge in batch]).update(looked_at=timezone.now())
        assert PledgeIntent.objects.filter(user=stuffer, looked_at=None).count() < left


def test_a_new_pledge_waits_behind_those_that_were_looked_for_before_it_was_made() -> None:
    first, second = (User.objects.create_user(name) for name in ("first", "second"))
    open_pledges(first, range(1, 2), looked_at=timezone.now() - timedelta(minutes=1))
    open_pledges(second, range(2, 3))
    assert [pledge.user_id for pledge in next_to_look_for(CHAIN_ID)] == [first.pk, second.pk]


def test_an_account_has_so_many_open_pledges_and_is_told_what_to_do(world: World) -> None:
    campaign = world.campaign()
    user, other = backer_user(1), backer_user(2)
    listing = world.listing(campaign)

    def make(of: User, number: int) -> PledgeIntent:
        return pledging.create_intent(of, listing, ETHER, 0, address(number), is_further=True)

    made = [make(user, 1) for _ in range(20)]
    with pytest.raises(ConflictError) as refusal:
        make(user, 1)
    assert (refusal.value.code, refusal.value.status) == ("too_many_open_pledges", 409)
    assert "close by themselves within a week" in str(refusal.value.message)
    make(other, 2)
    # What the ledger has, though nobody wrote it down yet, and what ended in the wallet are open no more.
    world.contribute(campaign, backer=address(1), ref=made[0].ref)
    make(user, 1)
    with pytest.raises(ConflictError):
        make(user, 1)
    pledging.report_rejected(made[1])
    make(user, 1)


def notice(user: User, number: int) -> Notification:
    return Notification.objects.create(
        user=user,
        kind=Kind.UPDATE_POSTED,
        chain_id=CHAIN_ID,
        address=CampaignLaunched.objects.get().address,
        cause=f"test:{number}",
    )


@pytest.fixture
def readers(world: World) -> list[User]:
    """Three accounts that read mail, and a campaign that they are told about."""
    world.listing(world.campaign())
    users = [backer_user(number) for number in (1, 2, 3)]
    for user in users:
        Mailbox.objects.create(user=user, address=f"{user.username}@example.org", confirmed_at=timezone.now())
    return users


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """What the mail server answers to letters to an address, instead of taking them."""
    answers: dict[str, Exception] = {}
    send = EmailMessage.send

    def answer(letter: EmailMessage, *, fail_silently: bool = False) -> int:
        if error := answers.get(letter.to[0]):
            raise error
        return send(letter, fail_silently)

    monkeypatch.setattr(EmailMessage, "send", answer)
    return answers


def sent_to() -> list[str]:
    return [letter.to[0].partition("@")[0] for letter in outbox.outbox]


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPRecipientsRefused({"backer-1@example.org": (550, b"no such mailbox")}),
        smtplib.SMTPDataError(451, b"try later"),
    ],
)
def test_an_address_that_refuses_keeps_no_other_from_its_letters(
    error: Exception, readers: list[User], refusing: dict[str, Exception]
) -> None:
    refusing["backer-1@example.org"] = error
    for number, user in enumerate([readers[0], *readers]):
        notice(user, number)
    assert mail.deliver() == 2
    assert sent_to() == ["backer-2", "backer-3"]
    refusing.clear()
    assert mail.deliver() == 2
    assert sent_to()[2:] == ["backer-1", "backer-1"]


def test_a_server_that_takes_nothing_is_left_alone_and_letters_take_turns(
    readers: list[User], refusing: dict[str, Exception]
) -> None:
    for user in readers:
        refusing[f"{user.username}@example.org"] = smtplib.SMTPServerDisconnected("closed")
    tried = [notice(user, number) for number, user in enumerate(readers)]
    for number in range(3):
        assert mail.deliver() == 0
        after = Notification.objects.exclude(email_tried_at=None)
        assert [row.pk for row in after.order_by("pk")] == [row.pk for row in tried[: number + 1]]


def test_a_letter_that_cannot_be_written_holds_up_one_run(
    readers: list[User], refusing: dict[str, Exception]
) -> None:
    for number, user in enumerate(readers):
        notice(user, number)
    refusing["backer-1@example.org"] = ValueError("a mistake of ours")
    with pytest.raises(ValueError, match="a mistake of ours"):
        mail.deliver()
    assert [row.user for row in letters.in_turn(mail._due(), "email_tried_at")][-1] == readers[0]
    with pytest.raises(ValueError, match="a mistake of ours"):
        mail.deliver()
    assert sent_to() == ["backer-2", "backer-3"]


def test_whoever_is_told_a_lot_waits_for_others(readers: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "BATCH", 4)
    for number in range(6):
        notice(readers[0], number)
    for number, user in enumerate(readers[1:], 6):
        notice(user, number)
    assert mail.deliver() == 4
    assert sorted(sent_to()) == ["backer-1", "backer-1", "backer-2", "backer-3"]


def test_a_chain_that_fails_keeps_no_other_from_its_turn() -> None:
    done = []

    def work(chain_id: int) -> None:
        if chain_id % 2:
            raise ValueError(str(chain_id))
        done.append(chain_id)

    with pytest.raises(ExceptionGroup) as failures:
        for_each_chain(work, range(1, 6))
    assert done == [2, 4]
    assert [str(error) for error in failures.value.exceptions] == ["1", "3", "5"]
    for_each_chain(done.append, [8])
    assert done == [2, 4, 8]


@pytest.mark.usefixtures("world")
def test_the_outbox_of_one_chain_is_delivered_beside_anothers_that_cannot_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Chain.objects.create(chain_id=1, name="Another", finality_depth=1)
    for chain_id in (1, CHAIN_ID):
        Outbox.objects.create(chain_id=chain_id, topic="contributions_changed", payload={})

    def reconcile(chain_id: int) -> int:
        if chain_id == 1:
            raise ValueError("a row that nobody foresaw")
        return 0

    pledges = readers_of_news.Reader("pledges", frozenset({"contributions_changed"}), reconcile)
    monkeypatch.setattr(readers_of_news, "READERS", (pledges,))
    with pytest.raises(ExceptionGroup):
        tasks.deliver_outbox()
    assert unread_counts() == {1: 1}


def test_tokens_that_strangers_bring_keep_none_from_being_asked_again(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=1)
    Token.objects.all().delete()
    asked = Token.objects.create(chain=world.chain, address=address(1), asked_at=long_ago)
    Token.objects.bulk_create(
        Token(chain=world.chain, address=address(number)) for number in range(2, 2 + 3 * TOKENS_AT_A_TIME)
    )
    batch = list(waiting_tokens(CHAIN_ID, may_prove=False))
    assert len(batch) == TOKENS_AT_A_TIME
    assert asked in batch
    Token.objects.filter(asked_at=None).update(asked_at=long_ago - timedelta(hours=1))
    new = Token.objects.create(chain=world.chain, address=address(900))
    assert new in list(waiting_tokens(CHAIN_ID, may_prove=False))


def test_contributions_to_what_nobody_sees_hide_no_others(world: World) -> None:
    seen, hidden = world.campaign(), world.campaign()
    listing = world.listing(seen)
    moderator = User.objects.create_superuser("moderator")
    moderation.hide(world.listing(hidden), actor=moderator, reason="a copy")
    world.contribute(seen, backer=address(1), amount=ETHER)
    for number in range(LATEST_CANDIDATES):
        world.contribute(hidden, backer=address(2), amount=1 + number)
    assert [row.card.slug for row in home_data().latest] == [listing.slug]


def test_moderators_meet_the_report_that_waits_for_longest_first(world: World) -> None:
    listing = world.listing(world.campaign())
    texts = ["the first of them", *(f"one of many, {number}" for number in range(120))]
    for text in texts:
        community_services.file_report(listing, reason=Report.Reason.OTHER, text=text, reporter=None)
    admin = User.objects.create_superuser("admin")
    client = staff_client(admin)
    page = client.get("/admin/community/report/").content.decode()
    assert "the first of them" in page
    assert "one of many, 119" not in page
    moderation.dismiss_report(Report.objects.get(text=texts[0]), actor=admin, reason="not so")
    page = client.get("/admin/community/report/").content.decode()
    assert "the first of them" not in page
    assert "one of many, 0" in page
