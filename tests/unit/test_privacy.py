"""What is exported and deleted is one account's, with everything that it has and nothing of another's."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from django_project.accounts import services as accounts
from django_project.accounts.acts import Act
from django_project.accounts.models import User
from django_project.community.models import Follow, Report, SupporterMessage
from django_project.core.addresses import format_address
from django_project.discovery.models import BehaviourEvent, Visitor
from django_project.notifications.models import AccountNotice, Kind, Mailbox, Notification, Preference
from django_project.pledges.models import PledgeIntent
from django_project.privacy import services as privacy
from tests.factories import CHAIN_ID, TOKEN, World, address, backer_user, reference

pytestmark = pytest.mark.django_db

SEEN = datetime(2026, 3, 1, tzinfo=UTC)


def filled(world: World, number: int) -> User:
    """An account with one row in every table, all of them with its number in it."""
    user = backer_user(number, f"Backer {number}")
    campaign = world.campaign(title=f"Roof {number}")
    listing = world.listing(campaign)
    key = {"chain_id": campaign.chain_id, "campaign_address": campaign.address}
    Mailbox.objects.create(user=user, address=f"backer{number}@example.org", confirmed_at=SEEN)
    Follow.objects.create(user=user, listing=listing)
    PledgeIntent.objects.create(
        user=user, **key, backer=address(number), ref=reference(number), token=TOKEN, amount=number, tier_id=0
    )
    Report.objects.create(listing=listing, reporter=user, reason="fraud", text=f"Report {number}")
    SupporterMessage.objects.create(listing=listing, author=user, text=f"Hello {number}", written_at=SEEN)
    Notification.objects.create(
        user=user,
        kind=Kind.REFUND_DUE,
        chain_id=campaign.chain_id,
        address=campaign.address,
        cause=f"cause {number}",
    )
    AccountNotice.objects.create(user=user, act=Act.WALLET_ADDED, subject=f"wallet {number}")
    for kind in (Kind.UPDATE_POSTED, Kind.MILESTONE_REVIEW):
        Preference.objects.create(user=user, kind=kind, by_email=False)
    visitor = Visitor.objects.create(user=user, consented_at=SEEN)
    for minutes in (5, 0):
        BehaviourEvent.objects.create(
            visitor=visitor,
            client_event_id=uuid.uuid4(),
            kind="view",
            dwell_seconds=number,
            occurred_at=SEEN + timedelta(minutes=minutes),
            **key,
        )
    return user


def test_an_export_is_everything_of_an_account_and_nothing_of_anothers() -> None:
    world = World()
    alice, _bob = filled(world, 1), filled(world, 2)
    told: dict[str, Any] = privacy.export(alice)
    pledge = PledgeIntent.objects.get(user=alice)
    assert told["account"]["email"] == "backer1@example.org"
    assert told["account"]["last_sign_in"] is None
    assert told["wallets"] == [format_address(address(1))]
    assert told["saved"] == [Follow.objects.get(user=alice).listing.slug]
    assert told["pledges"] == [
        {
            "id": str(pledge.public_id),
            "chain_id": CHAIN_ID,
            "campaign": format_address(pledge.campaign_address),
            "amount": "1",
            "state": "created",
            "created": pledge.created_at.isoformat(),
        }
    ]
    assert [row["text"] for row in told["reports"]] == ["Report 1"]
    assert [row["text"] for row in told["messages"]] == ["Hello 1"]
    assert [row["kind"] for row in told["notifications"]] == [Kind.REFUND_DUE]
    assert [row["wallet"] for row in told["account_notices"]] == ["wallet 1"]
    assert told["preferences"] == [
        {"kind": "milestone_review", "on_site": True, "by_email": False},
        {"kind": "update_posted", "on_site": True, "by_email": False},
    ]
    assert [(row["seconds"], row["at"]) for row in told["viewed"]] == [
        (1, SEEN.isoformat()),
        (1, (SEEN + timedelta(minutes=5)).isoformat()),
    ]
    assert told["sessions"] == []


def test_an_account_that_wrote_down_nothing_exports_empty_lists() -> None:
    world = World()
    filled(world, 1)
    newcomer = backer_user(3)
    newcomer.last_login = SEEN
    told: dict[str, Any] = privacy.export(newcomer)
    assert (told["account"]["email"], told["account"]["last_sign_in"]) == ("", SEEN.isoformat())
    assert {name for name, rows in told.items() if rows} == {"account", "wallets"}


@pytest.mark.parametrize("confirmed_at", [None, SEEN])
def test_how_long_a_deletion_waits_depends_on_ones_own_confirmed_address(
    confirmed_at: datetime | None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = backer_user(1), backer_user(2)
    Mailbox.objects.create(user=alice, address="alice@example.org", confirmed_at=confirmed_at)
    Mailbox.objects.create(user=bob, address="bob@example.org", confirmed_at=None if confirmed_at else SEEN)
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    wait = settings.DELETION_WAIT if confirmed_at else settings.DELETION_WAIT_UNTOLD
    assert privacy.ask_for_deletion(alice)
    alice.refresh_from_db()
    assert alice.deletion_due_at == now + wait
    assert not privacy.ask_for_deletion(alice)


def test_only_accounts_whose_time_has_come_are_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [backer_user(number) for number in range(1, 6)]
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    for user, late in zip(users, (-1, 0, 1, 2), strict=False):
        user.deletion_due_at = now + timedelta(microseconds=late)
        user.save()
    assert privacy.delete_due() == 2
    assert set(User.objects.values_list("pk", flat=True)) == {user.pk for user in users[2:]}
    assert privacy.delete_due() == 0


@pytest.mark.django_db(transaction=True)
def test_who_calls_it_off_in_time_is_not_deleted_and_holds_up_nobody() -> None:
    users = [backer_user(number) for number in (1, 2)]
    User.objects.update(deletion_due_at=timezone.now())
    deleted: list[int] = []

    def delete() -> None:
        deleted.append(privacy.delete_due())
        connection.close()

    with transaction.atomic():
        accounts.call_deletion_off(users[0])
        worker = threading.Thread(target=delete)
        worker.start()
        worker.join(10)
        assert deleted == [1]
    assert User.objects.get() == users[0]
    # Found due, and called off before its row was held.
    assert privacy._delete_one(users[0].pk) == 0
    assert User.objects.get() == users[0]


def test_a_farewell_goes_to_ones_own_confirmed_address(
    mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    world = World()
    alice, bob = filled(world, 1), filled(world, 2)
    Mailbox.objects.filter(user=bob).update(confirmed_at=None)
    for user in (bob, alice):
        with django_capture_on_commit_callbacks(execute=True):
            privacy.forget(user)
    assert [letter.to for letter in mailoutbox] == [["backer1@example.org"]]


def test_forgetting_one_leaves_the_other_whole() -> None:
    world = World()
    alice, bob = filled(world, 1), filled(world, 2)
    before = privacy.export(bob)
    visitor = Visitor.objects.get(user=bob)
    privacy.forget(alice)
    assert privacy.export(bob) == before
    visitor.refresh_from_db()
    assert (visitor.user, visitor.consented_at, visitor.refused_at) == (bob, SEEN, None)
    assert list(BehaviourEvent.objects.values_list("visitor", flat=True)) == [visitor.pk] * 2
