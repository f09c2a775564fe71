"""Every page of the admin, and whether it asks for the second factor once more. An unlisted page fails."""

import time
from datetime import timedelta

import pytest
from django.contrib.admin.sites import site as admin_site
from django.test import Client
from django.urls import get_resolver, reverse

from django_project.accounts.models import User
from django_project.campaigns.models import Category, Listing
from django_project.core.admin_site import OperationsSite
from django_project.core.models import AuditEntry
from tests.factories import World, backer_user
from tests.permissions.test_urls import urls
from tests.support.staff import code_at, staff_client

pytestmark = pytest.mark.django_db

STALE = timedelta(minutes=10, seconds=1)
AGAIN = "/staff/second-factor/again/"

# What asks already when its page is opened. Posting asks everywhere, whether or not it would do anything.
ASKS_TO_OPEN = {
    "accounts.user": {"add", "change"},
    "auth.group": {"add", "change"},
    "campaigns.category": {"add", "change", "delete"},
    "ledger.token": {"change"},
}
# Everyday decisions that hide no campaign and move no money.
NEVER_ASKS = {"community.report", "community.supportermessage"}

# Pages of the admin that belong to no model: asks when opened, asks when posted to.
OTHERS = {
    "admin:index": (False, True),
    "admin:login": (False, False),
    "admin:logout": (False, False),
    # Leads to staff's own page, which asks.
    "admin:password_change": (False, True),
    "admin:password_change_done": (False, True),
    "admin:autocomplete": (False, True),
    "admin:jsi18n": (False, True),
    "admin:view_on_site": (False, True),
    "admin:app_list": (False, True),
}
SPECIAL = {"admin:view_on_site", "admin:app_list", "admin:logout"}
PAGES = ("changelist", "add", "history", "delete", "change")


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin")


def address(model: str, page: str) -> str:
    root = f"/admin/{model.replace('.', '/')}/"
    return {"changelist": root, "add": f"{root}add/"}.get(page, f"{root}1/{page}/")


def asks(client: Client, method: str, url: str) -> bool:
    reply = getattr(client, method)(url)
    return bool(reply.status_code == 302 and reply["Location"].split("?")[0] == AGAIN)


def models() -> list[str]:
    reverse("admin:index")
    return [f"{model._meta.app_label}.{model._meta.model_name}" for model in admin_site._registry]


def test_no_page_of_the_admin_is_unlisted() -> None:
    known = {f"admin:{model.replace('.', '_')}_{page}" for model in models() for page in PAGES}
    found = {name for route, name in urls(get_resolver()) if name.startswith("admin:")}
    assert found == known | OTHERS.keys()
    assert isinstance(admin_site._wrapped, OperationsSite)  # type: ignore[attr-defined]  # made on demand


def test_what_asks_for_the_second_factor_once_more() -> None:
    # Who may do nothing is asked as well, before anybody looks at what they may do: no page is drawn.
    stale = staff_client(User.objects.create_user("helper", is_staff=True), shown=STALE)
    expected = {
        (model, page): (page in ASKS_TO_OPEN.get(model, set()), model not in NEVER_ASKS)
        for model in models()
        for page in PAGES
    }
    found = {
        (model, page): tuple(asks(stale, method, address(model, page)) for method in ("get", "post"))
        for model, page in expected
    }
    assert found == expected


def test_pages_without_a_model(admin: User) -> None:
    stale = staff_client(admin, shown=STALE)
    paths = {
        "admin:view_on_site": "/admin/r/1/1/",
        "admin:app_list": "/admin/campaigns/",
        # The last one signs out.
        **{name: reverse(name) for name in OTHERS if name not in SPECIAL},
        "admin:logout": "/admin/logout/",
    }
    found = {
        name: tuple(asks(stale, method, url) for method in ("get", "post")) for name, url in paths.items()
    }
    assert found == OTHERS


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "get"])
def test_a_factor_of_ten_minutes_ago_is_too_old(admin: User, method: str) -> None:
    url = "/admin/auth/group/add/"
    assert asks(staff_client(admin, shown=STALE), method, url)
    assert not asks(staff_client(admin, shown=timedelta(minutes=9, seconds=55)), method, url)


@pytest.fixture
def listing() -> Listing:
    world = World()
    return world.listing(world.campaign())


def hide(client: Client, listing: Listing) -> str:
    reply = client.post(
        "/admin/campaigns/listing/?visibility__exact=listed",
        {"action": "hide", "_selected_action": [listing.pk], "reason": "copied", "index": 0},
    )
    return str(reply.headers.get("Location"))


def test_what_was_chosen_is_done_after_the_factor_was_shown_and_once(admin: User, listing: Listing) -> None:
    now = time.time()
    client = staff_client(admin, shown=STALE)
    assert hide(client, listing) == AGAIN
    listing.refresh_from_db()
    assert listing.visibility == Listing.Visibility.LISTED
    assert client.post(AGAIN, {"code": "12345"}).status_code == 200
    reply = client.post(AGAIN, {"code": code_at(now)})
    assert (reply.status_code, reply["Location"]) == (
        302,
        "/admin/campaigns/listing/?visibility__exact=listed",
    )
    listing.refresh_from_db()
    assert listing.visibility == Listing.Visibility.HIDDEN
    entry = AuditEntry.objects.get(action="campaigns.listing.hidden")
    assert (entry.actor, entry.details["reason"]) == (admin, "copied")
    assert client.post(AGAIN, {"code": code_at(now + 30)})["Location"] == "/admin/"
    assert AuditEntry.objects.filter(action="campaigns.listing.hidden").count() == 1


def test_what_was_left_lying_is_not_done(admin: User, listing: Listing) -> None:
    client = staff_client(admin, shown=STALE)
    hide(client, listing)
    # Another page asks meanwhile.
    assert asks(client, "get", "/admin/auth/group/add/")
    wanted = {"code": code_at(time.time()), "next": "/admin/auth/group/add/"}
    assert client.post(AGAIN, wanted)["Location"] == "/admin/auth/group/add/"
    listing.refresh_from_db()
    assert listing.visibility == Listing.Visibility.LISTED


def test_what_waited_too_long_is_not_done(admin: User, listing: Listing) -> None:
    client = staff_client(admin, shown=STALE)
    hide(client, listing)
    session = client.session
    session["account_reauthentication_state"]["state"]["at"] -= 601
    session.save()
    reply = client.post(AGAIN, {"code": code_at(time.time())}, follow=True)
    assert "Nothing was changed" in reply.content.decode()
    listing.refresh_from_db()
    assert listing.visibility == Listing.Visibility.LISTED


def test_who_lost_the_right_meanwhile_does_nothing(listing: Listing) -> None:
    moderator = User.objects.create_superuser("moderator")
    client = staff_client(moderator, shown=STALE)
    hide(client, listing)
    User.objects.filter(pk=moderator.pk).update(is_superuser=False)
    client.post(AGAIN, {"code": code_at(time.time())})
    listing.refresh_from_db()
    assert listing.visibility == Listing.Visibility.LISTED


def test_a_wallets_session_has_nothing_to_show(listing: Listing) -> None:
    client = Client()
    client.force_login(backer_user(1))
    hide(client, listing)
    assert client.post(AGAIN, {"code": "123456"}).status_code == 403
    assert Category.objects.exists()
