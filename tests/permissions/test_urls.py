"""Every URL of the site against every kind of person. An unlisted URL fails: add its row."""

import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.contrib.admin.sites import site as admin_site
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from django_project.accounts.models import User
from django_project.core.addresses import format_address, format_hash
from django_project.pledges import services
from django_project.studio.services import create_draft
from tests.factories import World, address, backer_user
from tests.support.staff import add_app, staff_client

pytestmark = pytest.mark.django_db

ROLES = ("visitor", "stranger", "owner", "half", "staff", "admin")

OPEN = dict.fromkeys(ROLES, 200)
SIGNED_IN = {**OPEN, "visitor": 302}
OWN = {**dict.fromkeys(ROLES, 404), "visitor": 302, "owner": 200}
API_OWN = {**OWN, "visitor": 401}
POST_ONLY = dict.fromkeys(ROLES, 405)
API_POST_ONLY = {**POST_ONLY}
# "half" gave staff's password, and has a second factor that this session has not shown.
OPERATORS = {"visitor": 302, "stranger": 302, "owner": 302, "half": 302, "staff": 200, "admin": 200}
ADMINS = {**OPERATORS, "staff": 403}
# Of their own accounts; wallets are told that this is not their door.
STAFF = {**OPERATORS, "stranger": 403, "owner": 403}
SIGNING_IN = {"visitor": 302, "stranger": 403, "owner": 403, "half": 302, "staff": 302, "admin": 302}
AGAIN = {**STAFF, "half": 200}

# GET by role. In a row's URL, {names} are filled in from the world of the test.
TABLE: dict[str, tuple[str, dict[str, int]]] = {
    "web:home": ("/", OPEN),
    "web:explore": ("/explore/", OPEN),
    "web:about-rankings": ("/about/rankings/", OPEN),
    "web:campaign": ("/campaigns/{slug}/", OPEN),
    "web:campaign-rewards": ("/campaigns/{slug}/rewards/", OPEN),
    "web:campaign-milestones": ("/campaigns/{slug}/milestones/", OPEN),
    "web:campaign-updates": ("/campaigns/{slug}/updates/", OPEN),
    "web:campaign-messages": ("/campaigns/{slug}/messages/", OPEN),
    "web:campaign-contributors": ("/campaigns/{slug}/contributors/", OPEN),
    "web:campaign-contributors-csv": ("/campaigns/{slug}/contributors.csv", OPEN),
    "web:campaign-contract": ("/campaigns/{slug}/contract/", OPEN),
    "web:pledge": ("/campaigns/{slug}/pledge/", OPEN),
    # Without an amount the form comes back with its message.
    "web:pledge-review": ("/campaigns/{slug}/pledge/review/", dict.fromkeys(ROLES, 422)),
    "web:profile": ("/people/{creator}/", OPEN),
    "web:pledge-status": ("/pledges/{pledge}/", OWN),
    "web:me": ("/me/", SIGNED_IN),
    "web:settings": ("/me/settings/", SIGNED_IN),
    "web:settings-profile": ("/me/settings/profile/", POST_ONLY),
    "web:settings-mail": ("/me/settings/mail/", POST_ONLY),
    "web:settings-notifications": ("/me/settings/notifications/", POST_ONLY),
    "web:session-end": ("/me/settings/sessions/{pledge}/end/", POST_ONLY),
    "web:sessions-end": ("/me/settings/sessions/end/", POST_ONLY),
    "web:studio": ("/studio/", SIGNED_IN),
    "web:draft-new": ("/studio/new/", POST_ONLY),
    "web:draft": ("/studio/{draft}/story/", OWN),
    "web:draft-delete": ("/studio/{draft}/delete/", OWN),
    "web:draft-story-preview": ("/studio/{draft}/story-preview/", POST_ONLY),
    "web:notifications": ("/me/notifications/", SIGNED_IN),
    "web:notifications-read": ("/me/notifications/read/", POST_ONLY),
    "web:receipts-csv": ("/me/receipts.csv", SIGNED_IN),
    "web:receipts-pdf": ("/me/receipts.pdf", SIGNED_IN),
    "web:export": ("/me/data.json", SIGNED_IN),
    "web:deletion": ("/me/deletion/", POST_ONLY),
    "web:deletion-off": ("/me/deletion/off/", POST_ONLY),
    # Without a signed token there is nothing.
    "web:mail-confirm": ("/mail/confirm/none/", dict.fromkeys(ROLES, 404)),
    "web:mail-unsubscribe": ("/mail/unsubscribe/none/", dict.fromkeys(ROLES, 404)),
    "web:keep-account": ("/mail/keep/none/", dict.fromkeys(ROLES, 404)),
    "web:follow": ("/campaigns/{slug}/save/", POST_ONLY),
    "web:campaign-updates-feed": ("/campaigns/{slug}/updates.atom", OPEN),
    "web:feed": ("/feeds/campaigns.atom", OPEN),
    "web:feed-category": ("/feeds/categories/food.atom", OPEN),
    "web:sitemap": ("/sitemap.xml", OPEN),
    "web:sitemap-section": ("/sitemap-campaigns.xml", OPEN),
    "web:report": ("/campaigns/{slug}/report/", OPEN),
    "web:campaign-picture": ("/campaigns/{slug}/card.png", OPEN),
    "web:site-picture": ("/card-en.png", OPEN),
    "web:robots": ("/robots.txt", OPEN),
    "web:sign-in": ("/sign-in/", {**dict.fromkeys(ROLES, 302), "visitor": 200}),
    "web:sign-out": ("/sign-out/", POST_ONLY),
    "web:consent": ("/consent/", POST_ONLY),
    "web:theme": ("/theme/", POST_ONLY),
    "web:interests": ("/interests/", OPEN),
    "web:cover": ("/covers/food/{address}.svg", OPEN),
    "web:mark": ("/mark.svg", OPEN),
    "set_language": ("/i18n/setlang/", dict.fromkeys(ROLES, 302)),
    "metadata": ("/metadata/{hash}.json", OPEN),
    "api:session": ("/api/v1/session", OPEN),
    "api:wallets": ("/api/v1/account/wallets", API_POST_ONLY),
    "api:wallet-removal": ("/api/v1/account/wallets/removal", API_POST_ONLY),
    "api:email": ("/api/v1/account/email", API_POST_ONLY),
    "api:deletion": ("/api/v1/account/deletion", API_POST_ONLY),
    "api:challenge": ("/api/v1/session/challenge", API_POST_ONLY),
    "api:consent": ("/api/v1/consent", API_POST_ONLY),
    "api:beacon": ("/api/v1/beacon", dict.fromkeys(ROLES, 403)),
    "api:pledges": ("/api/v1/pledges", API_POST_ONLY),
    "api:pledge": ("/api/v1/pledges/{pledge}", API_OWN),
    "api:pledge-opened": ("/api/v1/pledges/{pledge}/opened", API_POST_ONLY),
    "api:pledge-submitted": ("/api/v1/pledges/{pledge}/submitted", API_POST_ONLY),
    "api:pledge-rejected": ("/api/v1/pledges/{pledge}/rejected", API_POST_ONLY),
    "api:draft": ("/api/v1/drafts/{draft}", API_OWN),
    "api:campaigns": ("/api/v1/campaigns", OPEN),
    "api:campaign": ("/api/v1/campaigns/31337/{address}", OPEN),
    "api:contributions": ("/api/v1/campaigns/31337/{address}/contributions", OPEN),
    "api:similar": ("/api/v1/campaigns/31337/{address}/similar", OPEN),
    "api:rankings": ("/api/v1/rankings", OPEN),
    "api:indexer-status": ("/api/v1/indexer/status", OPEN),
    "api:schema": ("/api/v1/schema", OPEN),
    "api:docs": ("/api/v1/docs", OPEN),
    "api-nothing": ("/api/v1/nothing", dict.fromkeys(ROLES, 404)),
    "ops:livez": ("/livez", OPEN),
    "ops:readyz": ("/readyz", OPEN),
    "ops:metrics": ("/metrics", OPEN),
    # Nobody said whom to write to.
    "ops:security-txt": ("/.well-known/security.txt", dict.fromkeys(ROLES, 404)),
    "admin:index": ("/admin/", OPERATORS),
    "former-admin": ("/admin/campaigns/report/?q=x", dict.fromkeys(ROLES, 302)),
    "admin:login": ("/admin/login/", dict.fromkeys(ROLES, 302)),
    "admin:logout": (
        "/admin/logout/",
        {**POST_ONLY, "visitor": 302, "stranger": 302, "owner": 302, "half": 302},
    ),
    "admin:password_change": ("/admin/password_change/", dict.fromkeys(ROLES, 302)),
    "admin:password_change_done": ("/admin/password_change/done/", OPERATORS),
    "admin:jsi18n": ("/admin/jsi18n/", OPERATORS),
    "admin:autocomplete": (
        "/admin/autocomplete/",
        {**dict.fromkeys(ROLES, 302), "staff": 403, "admin": 403},
    ),
    "admin:view_on_site": ("/admin/r/1/1/", {**dict.fromkeys(ROLES, 302), "staff": 404, "admin": 404}),
    "admin:app_list": ("/admin/campaigns/", {**ADMINS, "staff": 404}),
    "account_login": ("/staff/sign-in/", {**SIGNING_IN, "visitor": 200}),
    "mfa_authenticate": ("/staff/sign-in/second-factor/", SIGNING_IN),
    # Without a good link there is nothing.
    "staff-enrol": ("/staff/enrol/{unknown}/none/", dict.fromkeys(ROLES, 404)),
    "staff-first-password": ("/staff/enrol/", dict.fromkeys(ROLES, 404)),
    "staff-password": ("/staff/password/", STAFF),
    "mfa_index": ("/staff/second-factor/", STAFF),
    "mfa_reauthenticate": ("/staff/second-factor/again/", AGAIN),
    # They have no key, and are led to the page for codes.
    "mfa_reauthenticate_webauthn": (
        "/staff/second-factor/again/key/",
        {**AGAIN, "half": 302, "staff": 302, "admin": 302},
    ),
    # They have an app already, and are led to where it is removed.
    "mfa_activate_totp": ("/staff/second-factor/app/", {**STAFF, "staff": 302, "admin": 302}),
    "mfa_deactivate_totp": ("/staff/second-factor/app/remove/", STAFF),
    "mfa_list_webauthn": ("/staff/second-factor/keys/", STAFF),
    "mfa_add_webauthn": ("/staff/second-factor/keys/add/", STAFF),
    "mfa_remove_webauthn": ("/staff/second-factor/keys/0/remove/", {**STAFF, "staff": 404, "admin": 404}),
    "mfa_view_recovery_codes": (
        "/staff/second-factor/recovery-codes/",
        {**STAFF, "staff": 404, "admin": 404},
    ),
    "mfa_generate_recovery_codes": ("/staff/second-factor/recovery-codes/renew/", STAFF),
}


def urls(resolver: URLResolver, prefix: str = "", namespace: str = "") -> Iterator[tuple[str, str]]:
    """(route, qualified name) of every pattern below a resolver."""
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route, f"{namespace}{entry.name}" if entry.name else ""
        else:
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from urls(entry, route, inner)


def model_admin_names() -> set[str]:
    """The pages that every registered model has; covered by the tests below instead of rows."""
    return {
        f"admin:{options.opts.app_label}_{options.opts.model_name}_{page}"
        for options in admin_site._registry.values()
        for page in ("changelist", "add", "history", "delete", "change")
    }


@pytest.fixture
def people() -> dict[str, Client]:
    owner = backer_user(1)
    stranger = backer_user(2)
    half = User.objects.create_superuser("half")
    add_app(half)
    clients = {
        "visitor": Client(),
        "half": staff_client(half, shown=None),
        "staff": staff_client(User.objects.create_user("staff", is_staff=True)),
        "admin": staff_client(User.objects.create_superuser("admin")),
    }
    for role, user in (("owner", owner), ("stranger", stranger)):
        clients[role] = Client()
        clients[role].force_login(user)
        session = clients[role].session
        session["wallet"] = format_address(user.wallets.get().address)
        session.save()
    return clients


@pytest.fixture
def places() -> dict[str, str]:
    world = World()
    campaign = world.campaign()
    world.contribute(campaign, backer=address(1))
    listing = world.listing(campaign)
    owner = User.objects.get(username="backer-1")
    intent = services.create_intent(owner, listing, 1, 0, address(1))
    return {
        "slug": listing.slug,
        "address": format_address(campaign.address),
        "creator": format_address(campaign.creator),
        "hash": format_hash(campaign.metadata_hash),
        "pledge": str(intent.public_id),
        "draft": str(create_draft(owner).public_id),
        "owner": str(owner.pk),
        "unknown": str(uuid.uuid4()),
    }


def test_no_url_is_unlisted() -> None:
    # Reading the URLs is what registers the admin's models.
    patterns = list(urls(get_resolver()))
    known = TABLE.keys() | model_admin_names()
    unlisted = [
        (route, name)
        for route, name in patterns
        if name not in known and not (name == "" and is_admins_own(route))
    ]
    assert not unlisted, f"add a row to TABLE for {unlisted}"


def is_admins_own(route: str) -> bool:
    """The unnamed redirects and the catch-all of Django's admin."""
    return route.startswith("admin/")


def test_who_may_get_what(people: dict[str, Client], places: dict[str, str]) -> None:
    answered = {
        name: {role: people[role].get(url.format(**places)).status_code for role in ROLES}
        for name, (url, _) in TABLE.items()
    }
    assert answered == {name: expected for name, (_, expected) in TABLE.items()}


# Numbers that are none, or more than a column or Python's `int` takes, and the NUL that no text column holds.
HOSTILE = ("9" * 5000, "-1", "１２", "²", "1e999", "\0")
# What pages, the API and the admin read from a query.
READ = (
    "page",
    "p",
    "before",
    "after",
    "limit",
    "cursor",
    "seed",
    "tier",
    "amount",
    "q",
    "o",
    "all",
    "e",
    "saved",
)
FACETS_READ = (
    "category",
    "status",
    "funded",
    "network",
    "sort",
    "next",
    "state",
    "state__exact",
    "id__exact",
)
# They read none of it, and take long.
SLOW = ("api:schema", "api:docs", "web:receipts-pdf", "web:campaign-picture", "web:site-picture")


def test_no_query_breaks_a_page(people: dict[str, Client], places: dict[str, str]) -> None:
    pages = {name: url.format(**places) for name, (url, _) in TABLE.items() if name not in SLOW}
    pages |= {
        f"admin:{options.opts.label}": f"/admin/{options.opts.app_label}/{options.opts.model_name}/"
        for options in admin_site._registry.values()
    }
    broken = {}
    for value in (HOSTILE[0], HOSTILE[2], HOSTILE[-1]):
        query = dict.fromkeys((*READ, *FACETS_READ), value)
        for name, url in pages.items():
            if (status := people["admin"].get(url, query).status_code) >= 500:
                broken[name, value[:6]] = status
    assert not broken


def test_no_part_of_a_path_breaks_a_page(people: dict[str, Client], places: dict[str, str]) -> None:
    broken = {}
    for value in HOSTILE:
        for name, (url, _) in TABLE.items():
            for part in (part for part in places if f"{{{part}}}" in url):
                path = quote(url.format(**{**places, part: value}))
                if (status := people["admin"].get(path).status_code) >= 500:
                    broken[name, part, value[:6]] = status
    assert not broken


PLEDGE_REPORTS = ("api:pledge-opened", "api:pledge-submitted", "api:pledge-rejected")

# What a visitor's POST with its form token is answered with; everything else that takes a POST asks for a
# wallet first. Forms without their fields are refused beside them (422) or lead back.
VISITORS_POSTS = {
    "web:sign-out": 302,
    "web:consent": 302,
    "web:theme": 302,
    "web:interests": 422,
    "web:report": 422,
    "web:campaign-messages": 401,
    "web:mail-confirm": 404,
    "web:mail-unsubscribe": 404,
    "web:keep-account": 404,
    "set_language": 302,
    "staff-first-password": 404,
    "api:challenge": 400,
    "api:consent": 400,
    "api-nothing": 404,
    # A report of a pledge has its secret reference in the body, and changes what that pledge's page says.
    **dict.fromkeys(PLEDGE_REPORTS, 400),
}
# Behind an API that asks for nothing but a body; who may post is tested with each.
SESSIONS_OWN = ("api:session", "api:beacon", "admin:login", "account_login", "mfa_authenticate")


def test_a_visitors_posts_change_nothing_but_their_own_choices(
    people: dict[str, Client], places: dict[str, str]
) -> None:
    answered = {}
    for name, (url, _) in TABLE.items():
        reply = people["visitor"].post(url.format(**places), {}, content_type="application/json")
        if name.startswith(("web:", "set_language")):
            reply = people["visitor"].post(url.format(**places))
        if reply.status_code == 405 or name.startswith("admin:") or name in SESSIONS_OWN:
            continue
        is_sent_to_sign_in = reply.status_code == 302 and "/sign-in/" in reply["Location"]
        if not is_sent_to_sign_in and reply.status_code != 401:
            answered[name] = reply.status_code
    assert answered == {name: status for name, status in VISITORS_POSTS.items() if status != 401}


@pytest.mark.usefixtures("people")
def test_no_post_passes_without_its_token(places: dict[str, str]) -> None:
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(User.objects.get(username="backer-1"))
    passed = {
        name: status
        for name, (url, _) in TABLE.items()
        if (status := guarded.post(url.format(**places), {}, content_type="application/json").status_code)
        not in (403, 404, 405)
    }
    # One-click unsubscription by a mail program (RFC 8058) has a signed token instead, and 404 without; what
    # a wallet did is reported after the session ended, with the pledge's secret reference instead.
    assert passed == dict.fromkeys(PLEDGE_REPORTS, 400)


def test_model_pages_of_the_admin_are_the_admins(people: dict[str, Client]) -> None:
    for options in admin_site._registry.values():
        root = f"/admin/{options.opts.app_label}/{options.opts.model_name}/"
        for url in (root, f"{root}add/", f"{root}1/change/", f"{root}1/delete/", f"{root}1/history/"):
            for role in ("visitor", "stranger", "owner"):
                reply = people[role].get(url)
                assert (reply.status_code, reply["Location"].split("?")[0]) == (302, "/admin/login/"), url
            # Staff without a permission: refused, or sent to the index for a row that is not there.
            assert people["staff"].get(url).status_code in (302, 403), url
        assert people["admin"].get(root).status_code == 200, root
        assert people["half"].get(root)["Location"].startswith("/admin/login/"), root


def test_a_random_pledge_id_tells_nothing(people: dict[str, Client]) -> None:
    for role in ("stranger", "owner", "admin"):
        assert people[role].get(f"/api/v1/pledges/{uuid.uuid4()}").status_code == 404
