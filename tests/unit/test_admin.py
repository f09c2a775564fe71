"""The admin: money is read only, decisions are audited."""

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_project.accounts.models import Session, User
from django_project.campaigns.models import Category, Listing
from django_project.core.addresses import format_address, format_hash
from django_project.core.models import AuditEntry
from django_project.discovery import services as discovery
from django_project.discovery.models import ModelVersion, RankingPublication
from tests.factories import World, address, backer_user
from tests.support.staff import staff_client

pytestmark = pytest.mark.django_db

# A session's key, which every link to its row would carry, opens the account.
NOT_THERE = {"Session"}
WRITABLE = {"User", "Group", "Category"}


@pytest.fixture
def admin() -> Client:
    return staff_client(User.objects.create_superuser("admin"))


def test_every_model_of_the_site_is_there() -> None:
    from django.apps import apps

    # The admin registers its models with its URLs.
    reverse("admin:index")
    ours = {
        model
        for config in apps.get_app_configs()
        if config.name.startswith("django_project.")
        for model in config.get_models()
    }
    assert {model.__name__ for model in ours - site._registry.keys()} == NOT_THERE


def test_what_the_system_writes_cannot_be_edited(admin: Client) -> None:
    for model, options in site._registry.items():
        if model.__name__ not in WRITABLE:
            root = f"/admin/{options.opts.app_label}/{options.opts.model_name}/"
            assert admin.get(f"{root}add/").status_code == 403, root


def test_rows_show(admin: Client) -> None:
    world = World()
    campaign = world.campaign()
    row = world.contribute(campaign, backer=address(1))
    listing = world.listing(campaign)
    backer_user(1)
    for url in (
        f"/admin/campaigns/listing/{listing.pk}/change/",
        f"/admin/ledger/contribution/{row.pk}/change/",
        f"/admin/accounts/user/{User.objects.get(username='backer-1').pk}/change/",
        f"/admin/campaigns/category/{Category.objects.all()[0].pk}/change/",
    ):
        assert admin.get(url).status_code == 200, url
    account = User.objects.get(username="backer-1")
    shown = admin.get(f"/admin/accounts/user/{account.pk}/change/").content.decode()
    assert format_address(address(1)) in shown
    assert "b&#x27;" not in shown


def test_what_is_kept_under_a_hash_is_reached_from_list_and_listing(admin: Client) -> None:
    world = World()
    listing = world.listing(world.campaign())
    spelled = format_hash(listing.metadata_id)
    page = f"/admin/campaigns/metadata/{spelled}/change/"
    assert page in admin.get("/admin/campaigns/metadata/").content.decode()
    assert page in admin.get(f"/admin/campaigns/listing/{listing.pk}/change/").content.decode()
    shown = admin.get(page)
    assert shown.status_code == 200
    history = page.replace("change", "history")
    assert history in shown.content.decode()
    assert admin.get(history).status_code == 200


def act(admin: Client, listing: Listing, action: str, reason: str) -> None:
    reply = admin.post(
        "/admin/campaigns/listing/",
        {"action": action, "_selected_action": [listing.pk], "reason": reason, "index": 0},
        follow=True,
    )
    assert reply.status_code == 200
    listing.refresh_from_db()


def test_moderation_needs_a_reason_and_leaves_a_trail(admin: Client) -> None:
    world = World()
    listing = world.listing(world.campaign())
    act(admin, listing, "hide", "  ")
    assert listing.visibility == Listing.Visibility.LISTED
    for action, visibility in (("hide", "hidden"), ("unrank", "unranked"), ("restore", "listed")):
        act(admin, listing, action, f"because {action}")
        assert listing.visibility == visibility
    picks = []
    for action in ("pick", "unpick"):
        act(admin, listing, action, "lovely")
        picks.append(listing.is_staff_pick)
    assert picks == [True, False]
    trail = list(AuditEntry.objects.order_by("id").values_list("action", "actor__username"))
    assert trail == [
        (f"campaigns.listing.{act}", "admin")
        for act in ("hidden", "unranked", "restored", "picked", "unpicked")
    ]


def test_viewers_cannot_moderate() -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_listing"))
    client = staff_client(viewer)
    world = World()
    listing = world.listing(world.campaign())
    act(client, listing, "hide", "because I can")
    assert listing.visibility == Listing.Visibility.LISTED


@pytest.mark.parametrize(("whose", "stays"), [("backer", False), ("clerk", True)])
def test_an_account_is_signed_out_everywhere_with_a_reason_and_staff_by_superusers_alone(
    whose: str, stays: bool
) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_user", "change_user"]))
    User.objects.create_user("backer")
    other = User.objects.create_user("other")
    for user in (User.objects.get(username=whose), other):
        Client().force_login(user)
    chosen = {"action": "end_sessions", "_selected_action": [User.objects.get(username=whose).pk], "index": 0}

    def is_signed_in_after(client: Client, reason: str) -> bool:
        client.post("/admin/accounts/user/", {**chosen, "reason": reason}, follow=True)
        assert Session.objects.filter(user=other).count() == 1
        return Session.objects.filter(user__username=whose).exists()

    assert is_signed_in_after(staff_client(clerk), " ")
    assert is_signed_in_after(staff_client(clerk), "its phone was stolen") == stays
    assert not is_signed_in_after(staff_client(User.objects.create_superuser("root")), "its phone was stolen")
    trail = AuditEntry.objects.filter(action="accounts.sessions.ended").order_by("pk")
    actors = list(trail.values_list("actor__username", flat=True))
    assert actors == (["root"] if stays else ["clerk", "root"])


def test_operators_see_the_roll_out_and_move_it(admin: Client) -> None:
    live, candidate = (
        ModelVersion.objects.create(
            run_id=name,
            model=name,
            snapshot_hash="ab" * 32,
            seed=0,
            trained_at=timezone.now(),
            rankings_hash=bytes(32),
            feedback={"coverage@10": 0.5, "gini@10": 0.25, "top_users_share": 0.125},
        )
        for name in ("twotower", "chainfund")
    )
    discovery.show_version(live)
    discovery.stage_candidate(candidate, RankingPublication.Stage.SHADOW)
    page = "/admin/discovery/rankingpublication/"

    def move(action: str) -> str:
        reply = admin.post(page, {"action": action, "_selected_action": ["1"]}, follow=True)
        return str(next(iter(reply.context["messages"])))

    text = admin.get(page).content.decode()
    assert "clicks 0.00% of 0, contributions 0.00% of 0" in text
    assert "0 on 0 campaigns, Gini 0.00" in text
    assert "0.50" in admin.get("/admin/discovery/modelversion/").content.decode()
    assert move("take_further") == "chainfund goes on."
    assert RankingPublication.objects.get().stage == "canary"
    assert move("take_back") == "chainfund was taken back."
    taken = admin.get(f"/admin/discovery/modelversion/{candidate.pk}/change/").content.decode()
    assert "An operator took it back." in taken
    assert "taken_back_by_operator" not in taken
    assert move("take_back") == "Nothing was done: there is no candidate to take back."
    assert "there is nothing to go back to" in move("roll_back")
    acts = AuditEntry.objects.order_by("pk").values_list("action", "actor__username")
    assert list(acts)[-2:] == [
        ("discovery.rankings.canary", "admin"),
        ("discovery.rankings.withdrawn", "admin"),
    ]
    assert AuditEntry.objects.latest("pk").details["reason"] == "chainfund: An operator took it back."


def test_operators_read_what_gates_found_in_words_and_older_sentences_as_they_were(admin: Client) -> None:
    version = ModelVersion.objects.create(
        run_id="chainfund-new",
        model="chainfund",
        snapshot_hash="ab" * 32,
        seed=0,
        trained_at=timezone.now(),
        reasons=["chainfund-new: <b>a sentence</b> from before codes."],
        gate_results=[
            {"run": "chainfund-new", "code": "users_too_few", "values": {"users": 7, "least": 20}},
            {"run": "pop-other", "code": "weights_finite", "values": {}},
        ],
    )
    text = admin.get(f"/admin/discovery/modelversion/{version.pk}/change/").content.decode()
    assert (
        "chainfund-new: &lt;b&gt;a sentence&lt;/b&gt; from before codes.<br>"
        "Measured on 7 users, fewer than the 20 it takes to tell: refused.<br>"
        "pop-other: All of its weights are numbers."
    ) in text
