"""The public reading part of the API."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from django_project.community import moderation
from django_project.core.addresses import format_address, format_hash
from tests.factories import ETHER, World, address, backer_user

pytestmark = pytest.mark.django_db


def test_campaigns_are_listed_by_the_filters_of_explore(world: World) -> None:
    campaign = world.campaign(title="Bread", category="food", goal=3 * ETHER)
    world.campaign(title="Dice", category="games")
    world.contribute(campaign, backer=address(1), amount=2**70)
    world.listing(campaign)
    reply = Client().get("/api/v1/campaigns", {"category": "food"}).json()
    assert (reply["total"], reply["pages"]) == (1, 1)
    [found] = reply["results"]
    assert (found["title"], found["raised"], found["status"]) == ("Bread", str(2**70), "open")


def test_campaigns_are_listed_by_goal_time_left_and_network(world: World) -> None:
    started = timezone.now() - timedelta(hours=1)
    world.campaign(title="Bread", goal=3 * ETHER, started=started, lasts=timedelta(days=2))
    world.campaign(title="Dice", goal=10 * ETHER + 1, started=started, lasts=timedelta(days=20))
    world.listing(world.campaign(title="Ended", goal=3 * ETHER, started=started - timedelta(days=60)))

    def listed(query: str) -> list[str]:
        return [each["title"] for each in Client().get(f"/api/v1/campaigns?{query}").json()["results"]]

    assert listed("goal=10") == ["Dice"]
    assert listed("goal=1&ending=1&ending=7") == ["Bread"]
    assert sorted(listed("ending=1&ending=7")) == ["Bread", "Dice"]
    assert len(listed("network=31337")) == 3


def test_one_campaign_and_its_text(world: World) -> None:
    campaign = world.campaign(
        tiers=[(ETHER, 5)], rewards=[{"tier": 1, "title": "A jar"}], story="蜂蜜 **ok**"
    )
    listing = world.listing(campaign)
    url = f"/api/v1/campaigns/{campaign.chain_id}/{format_address(campaign.address)}"
    body = Client().get(url).json()
    assert body["campaign"]["slug"] == listing.slug
    assert (body["mode"], body["rewards"][0]["price"]) == ("all_or_nothing", str(ETHER))
    document = Client().get(f"/metadata/{body['metadata_hash']}.json")
    assert json.loads(document.content)["story"] == "蜂蜜 **ok**"
    assert document["Access-Control-Allow-Origin"] == "*"
    assert "immutable" in document["Cache-Control"]


def test_etags_spare_the_body(world: World) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    url = f"/api/v1/campaigns/{campaign.chain_id}/{format_address(campaign.address)}"
    first = Client().get(url)
    again = Client().get(url, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    world.contribute(campaign, backer=address(1))
    assert Client().get(url, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_contributions_page_by_seq(world: World) -> None:
    campaign = world.campaign()
    for number in range(103):
        world.contribute(campaign, backer=address(number), amount=number + 1)
    world.listing(campaign)
    url = f"/api/v1/campaigns/{campaign.chain_id}/{format_address(campaign.address)}/contributions"
    first = Client().get(url).json()
    world.contribute(campaign, backer=address(7))
    second = Client().get(url, {"before": first["next_before"]}).json()
    seqs = [row["seq"] for row in (*first["results"], *second["results"])]
    assert seqs == list(range(103, 0, -1))
    assert second["next_before"] is None


def test_similar_falls_back_to_category_and_language(world: World) -> None:
    one = world.campaign(category="food")
    world.campaign(title="also food", category="food")
    world.campaign(title="Chinese food", category="food", language="zh-hans")
    world.campaign(title="closed food", category="food", started=timezone.now() - timedelta(days=40))
    world.listing(one)
    url = f"/api/v1/campaigns/{one.chain_id}/{format_address(one.address)}/similar"
    assert [c["title"] for c in Client().get(url).json()["results"]] == ["also food"]


@pytest.mark.parametrize(
    "url",
    [
        "/api/v1/campaigns/31337/0x1234",
        "/api/v1/campaigns/31337/" + format_address(address(1)),
        "/api/v1/campaigns/99999999999999999999999999/" + format_address(address(1)),
        "/metadata/0x12.json",
        "/metadata/" + format_hash(bytes(32)) + ".json",
        "/api/v1/nothing",
    ],
)
@pytest.mark.usefixtures("world")
def test_what_is_not_there_is_a_404(url: str) -> None:
    assert Client().get(url).status_code == 404


def test_hidden_campaigns_are_gone_with_their_text(world: World) -> None:
    campaign = world.campaign()
    listing = world.listing(campaign)
    moderation.hide(listing, actor=backer_user(1), reason="stolen")
    url = f"/api/v1/campaigns/{campaign.chain_id}/{format_address(campaign.address)}"
    assert Client().get(url).status_code == 404
    assert Client().get(f"/metadata/{format_hash(campaign.metadata_hash)}.json").status_code == 404
    assert Client().get("/api/v1/campaigns").json()["total"] == 0


def test_indexer_status(world: World) -> None:
    world.mine(5)
    [chain] = Client().get("/api/v1/indexer/status").json()["chains"]
    assert (chain["chain_id"], chain["indexed"], chain["state"]) == (31337, 5, "ok")


@pytest.mark.usefixtures("world")
def test_errors_have_one_shape() -> None:
    reply = Client().get("/api/v1/campaigns/31337/0x1234")
    assert reply.json()["error"] == {
        "code": "not_found",
        "message": "There is nothing here.",
        "documentation_url": "/api/v1/docs#error-not_found",
    }
    reply = Client().put("/api/v1/campaigns")
    assert (reply.status_code, reply.json()["error"]["code"]) == (405, "method_not_allowed")
    reply = Client().get("/api/v1/campaigns/31337/0x1234", headers={"Accept-Language": "zh-hans"})
    assert reply.json()["error"]["code"] == "not_found"
