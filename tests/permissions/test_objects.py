"""What is one account's own or hidden, asked for by others: by its address and by its fields."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.forms.models import model_to_dict
from django.test import Client
from django.utils import timezone

from django_project.accounts.models import Session, User, Wallet
from django_project.api.v1.examples import BODIES
from django_project.campaigns.models import Listing
from django_project.community import moderation
from django_project.community.models import Follow, SupporterMessage
from django_project.core.addresses import format_address, format_hash
from django_project.notifications.models import Notification
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tests.factories import World, address, backer_user
from tests.support.browser import Browser, wallet
from tests.support.staff import staff_client

pytestmark = pytest.mark.django_db

OWNER_WORDS = {"display_name": "Olga Owner", "bio": "Only words of Olga."}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def owner() -> User:
    owner = backer_user(1)
    Wallet.objects.create(user=owner, address=address(11))
    return owner


@pytest.fixture
def stranger() -> Client:
    client = Client()
    client.force_login(backer_user(2))
    return client


@pytest.fixture
def listing(world: World) -> Listing:
    campaign = world.campaign(title="Hidden honey", story="What nobody shall read.")
    world.contribute(campaign, backer=address(1))
    world.contribute(campaign, backer=address(2))
    return world.listing(campaign)


def state(rows: Iterator[Model] | list[Model]) -> list[dict[str, object]]:
    return [model_to_dict(row) for row in rows]


def owned(owner: User) -> list[dict[str, object]]:
    """All that a stranger could try to change of an account."""
    owner.refresh_from_db()
    return state(
        [
            owner,
            *Wallet.objects.filter(user=owner).order_by("pk"),
            *PledgeIntent.objects.filter(user=owner),
            *Follow.objects.filter(user=owner),
            *SupporterMessage.objects.filter(author=owner),
            *Notification.objects.filter(user=owner),
        ]
    )


def test_nothing_that_a_stranger_posts_changes_what_is_the_owners(
    owner: User, stranger: Client, listing: Listing
) -> None:
    Client().force_login(owner)
    intent = services.create_intent(owner, listing, 1, 0, address(1))
    Follow.objects.create(user=owner, listing=listing)
    SupporterMessage.objects.create(author=owner, listing=listing, text="mine", written_at=timezone.now())
    before = owned(owner)
    pledge, own = f"/api/v1/pledges/{intent.public_id}", format_address(address(11))
    session = Session.objects.get(user=owner)
    tried = {
        stranger.post(url, body, content_type="application/json").status_code
        for url in (f"{pledge}/opened", f"{pledge}/submitted", f"{pledge}/rejected")
        for body in (
            {"ref": format_hash(bytes(32)), "tx_hash": format_hash(bytes(32))},
            {"ref": "", "tx_hash": format_hash(bytes(32))},
            {},
        )
    }
    assert tried <= {400, 404}
    for url in (
        f"/me/settings/sessions/{session.public_id}/end/",
        "/me/settings/sessions/end/",
        f"/campaigns/{listing.slug}/save/",
        "/me/settings/profile/",
        "/me/settings/notifications/",
        "/me/notifications/read/",
        "/me/deletion/",
    ):
        stranger.post(url, {"user": owner.pk, "id": owner.pk, "pk": owner.pk, "address": own, "remove": "1"})
    assert owned(owner) == before
    assert Session.objects.filter(user=owner).count() == 1


def test_no_form_writes_a_field_that_is_not_the_accounts_to_write(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    kept = (
        "username",
        "is_staff",
        "is_superuser",
        "is_active",
        "password",
        "email",
        "last_login",
        "date_joined",
    )
    before = {name: getattr(owner, name) for name in kept if hasattr(owner, name)}
    hostile = {
        "is_staff": "on",
        "is_superuser": "on",
        "is_active": "",
        "username": "admin",
        "email": "a@example.org",
    }
    for url in ("/me/settings/profile/", "/me/settings/notifications/", "/me/settings/mail/"):
        client.post(url, {**OWNER_WORDS, **hostile, "password": "x", "user_permissions": "1", "groups": "1"})
    owner.refresh_from_db()
    assert owner.display_name == OWNER_WORDS["display_name"]
    assert not owner.user_permissions.exists()
    after = {name: getattr(owner, name) for name in before}
    # Asking for the page of the form is a sign of life, and no field that anybody filled in.
    assert {**after, "last_login": None} == {**before, "last_login": None}


@pytest.mark.parametrize("operation", BODIES, ids=lambda each: each[1])
def test_no_body_of_the_api_takes_a_field_that_it_does_not_name(operation: tuple[str, str]) -> None:
    World()
    alice = Browser()
    alice.sign_in(wallet(1), 31337)
    url = operation[1].replace("{public_id}", "00000000-0000-0000-0000-000000000000")
    for name in ("user", "user_id", "is_staff", "state", "amount_wei", "confirmed_amount", "__proto__", "id"):
        reply = alice.client.post(
            url,
            {**BODIES[operation], name: 1},
            content_type="application/json",
            headers={"X-CSRFToken": alice.csrf_token, "Origin": "http://testserver"},
        )
        if operation[1] == "/api/v1/beacon":
            # Without consent nothing is read, and nobody is told.
            assert reply.status_code == 204
            continue
        assert (reply.status_code, name in reply.json()["error"]["fields"]) == (400, True), (url, name)


def test_what_moderators_hide_is_at_none_of_its_addresses(
    world: World, listing: Listing, stranger: Client
) -> None:
    moderator = User.objects.create_user("moderator", is_staff=True)
    other = world.listing(world.campaign(title="Seen"))
    moderation.hide(listing, actor=moderator, reason="stolen")
    key = f"{listing.chain_id}/{format_address(listing.address)}"
    of_it = [
        *(f"/api/v1/campaigns/{key}{part}" for part in ("", "/contributions", "/similar")),
        f"/metadata/{format_hash(bytes(listing.metadata_id))}.json",
        *(
            f"/campaigns/{listing.slug}/{part}"
            for part in (
                *("", "rewards/", "milestones/", "updates/", "updates.atom", "messages/", "contributors/"),
                *("contributors.csv", "contract/", "pledge/", "report/", "card.png"),
            )
        ),
    ]
    for client in (Client(), stranger):
        assert {url: client.get(url).status_code for url in of_it} == dict.fromkeys(of_it, 404)
        for url in ("/", "/explore/", "/feeds/campaigns.atom", "/sitemap-campaigns.xml", "/api/v1/campaigns"):
            text = client.get(url).content.decode()
            assert listing.slug not in text, url
            assert other.slug in text or url == "/", url


def test_a_right_that_is_taken_away_is_gone_with_the_next_request(owner: User, listing: Listing) -> None:
    client = Client()
    client.force_login(owner)
    intent = services.create_intent(owner, listing, 1, 0, address(1))
    own = (f"/api/v1/pledges/{intent.public_id}", "/me/")
    assert [client.get(url).status_code for url in own] == [200, 200]
    owner.is_active = False
    owner.save()
    assert [client.get(url).status_code for url in own] == [401, 302]
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_listing"))
    door = staff_client(staff)
    assert door.get("/admin/campaigns/listing/").status_code == 200
    staff.user_permissions.clear()
    assert door.get("/admin/campaigns/listing/").status_code == 403
    staff.is_staff = False
    staff.save()
    assert door.get("/admin/").status_code == 302


def test_what_an_account_keeps_to_itself_is_in_no_answer_to_others(
    owner: User, stranger: Client, listing: Listing
) -> None:
    User.objects.filter(pk=owner.pk).update(**OWNER_WORDS, anonymous_backer=True)
    key = f"{listing.chain_id}/{format_address(listing.address)}"
    for url in (
        *(f"/api/v1/campaigns/{key}{part}" for part in ("", "/contributions", "/similar")),
        *("/api/v1/campaigns", "/api/v1/rankings", "/api/v1/session"),
        *(
            f"/campaigns/{listing.slug}/{part}"
            for part in ("", "contributors/", "contributors.csv", "messages/")
        ),
        f"/people/{format_address(address(1))}/",
    ):
        reply = stranger.get(url)
        text = b"".join(reply) if reply.streaming else reply.content
        assert b"Olga" not in text, url
        assert format_address(address(11)).encode() not in text, url
