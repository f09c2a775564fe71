"""The admin: money is read only, decisions are audited."""

from base64 import b64encode

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth.models import Permission
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_project.accounts.models import Session, User
from django_project.campaigns.models import Category, Listing
from django_project.core.addresses import format_address, format_hash
from django_project.core.models import AuditEntry
from django_project.discovery import services as discovery
from django_project.discovery.models import Interpretation, ModelVersion, RankingPublication
from tests.factories import World, address, backer_user
from tests.support.staff import staff_client

pytestmark = pytest.mark.django_db

# A session's key, which every link to its row would carry, opens the account. A draft is its writer's alone.
NOT_THERE = {"Draft", "Session"}
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


def interpretation(**findings: object) -> Interpretation:
    told = {"item_id": "1:0xab", "title": "<b>蜂箱</b> & honey", "bias": 0.5, "match": -0.25,
            "mean_rating": 3.5, "ratings": 12}  # fmt: skip
    version = ModelVersion.objects.create(
        run_id="dot_product_bias-1", model="dot_product_bias", snapshot_hash="ab" * 32, seed=0,
        trained_at=timezone.now(),
    )  # fmt: skip
    return Interpretation.objects.create(
        version=version,
        findings={
            "users": 40, "items": 8, "edges": [0.1, 0.2, 0.3, 0.4],
            "components": [{"share": 0.5, "lowest": [told], "highest": [told]}],
            "highest": [told], "lowest": [told], "matched_but_low": [],
            "likenesses": [{"item": told, "by_distance": [{"item": told, "value": 1.25}],
                            "by_cosine": [{"item": told, "value": 0.75}]}],
            **findings,
        },
        factors=b"\x89PNG factors", biases=b"\x89PNG biases", neighbours=b"\x89PNG neighbours",
    )  # fmt: skip


def test_operators_read_what_a_version_has_learnt_in_both_languages(admin: Client) -> None:
    row = interpretation()
    page = f"/admin/discovery/interpretation/{row.pk}/change/"
    assert page in admin.get(f"/admin/discovery/modelversion/{row.version_id}/change/").content.decode()
    reply = admin.get(page, headers={"accept-language": "en"})
    text = reply.content.decode()
    assert "Learnt from the ratings of 40 people for 8 campaigns." in text
    assert "A rating is the fifth of all amounts" in text
    assert "&lt;b&gt;蜂箱&lt;/b&gt; &amp; honey" in text
    assert "<b>蜂箱" not in text
    for picture in (row.factors, row.biases, row.neighbours):
        assert f'src="data:image/png;base64,{b64encode(picture).decode()}"' in text
    assert "img-src 'self' data:" in reply.headers["Content-Security-Policy"]
    # Pictures keep within the page by a style sheet, as no style may stand in it.
    assert 'href="/static/discovery/interpretation.css"' in text
    assert finders.find("discovery/interpretation.css")
    read = text[text.index("Directions of taste") :]
    assert "style=" not in read[: read.index("Nearest neighbours")]
    admin.cookies["django_language"] = "zh-hans"
    chinese = admin.get(page, headers={"accept-language": "zh-hans"}).content.decode()
    assert "口味的方向" in chinese
    assert "Directions of taste" not in chinese


def test_stars_are_told_as_the_amount_itself(admin: Client) -> None:
    row = interpretation(edges=[])
    text = admin.get(f"/admin/discovery/interpretation/{row.pk}/change/").content.decode()
    assert "A rating is the amount itself." in text


def test_nobody_but_staff_reads_what_a_version_has_learnt(client: Client) -> None:
    row = interpretation()
    page = f"/admin/discovery/interpretation/{row.pk}/change/"
    assert client.get(page).status_code == 302
    client.force_login(User.objects.create_user("somebody"))
    assert client.get(page).status_code == 302


def test_a_version_that_nothing_was_read_off_has_no_link(admin: Client) -> None:
    version = ModelVersion.objects.create(
        run_id="pop-1", model="pop", snapshot_hash="ab" * 32, seed=0, trained_at=timezone.now()
    )
    text = admin.get(f"/admin/discovery/modelversion/{version.pk}/change/").content.decode()
    assert "/admin/discovery/interpretation/" not in text.split("hat it has learnt")[1]
