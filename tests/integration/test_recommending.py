"""From ledger rows to published rankings: what goes into a snapshot, what is shown, and how it is undone."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from django_project.core.models import AuditEntry, Job
from django_project.discovery.models import (
    AudienceMember,
    ModelVersion,
    NewcomerScore,
    Ranking,
    RankingPublication,
    SimilarCampaign,
)
from django_project.discovery.selectors import recommended_for, similar_to
from django_project.discovery.services import Observation, grant_consent, record, withdraw_consent
from django_project.ledger.services import keep_token
from recommender.data.snapshot import load_snapshot, open_snapshot
from recommender.pipeline import digest, open_ranker, rank_all, run_snapshot
from tasks.recommending import publishing, steps, tasks, versions
from tasks.recommending.tables import is_anything_new, provenance, tables
from tests.factories import CHAIN_ID, ETHER, TOKEN, World, address
from tests.tastes import (
    BACKERS,
    backers_with_tastes,
    campaigns_of_two_tastes,
    command,
    item_of,
    key_of,
    refresh,
    shown,
    snapshot_events,
    view,
    visitor,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("recommender_directory")]


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

    def test_a_card_has_its_slot_and_its_time_on_the_screen_where_that_was_measured(
        self, world: World
    ) -> None:
        campaign, browser = world.campaign(), visitor()
        world.listing(campaign)
        world.mine(8)
        seen = Observation(
            event_id=uuid.uuid4(),
            kind="impression",
            campaign=(campaign.chain_id, bytes(campaign.address)),
            occurred_at=timezone.now(),
            dwell=timedelta(seconds=7),
            slot=3,
        )
        unmeasured = replace(seen, event_id=uuid.uuid4(), dwell=timedelta(0), slot=None)
        assert record(browser, None, [seen, unmeasured]) == 2
        cards = tables(provenance()).impressions
        assert cards is not None
        assert cards.select("item_id", "slot", "dwell").rows() == [
            (item_of(campaign), 3, 7.0),
            (item_of(campaign), None, None),
        ]

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
        full, nearly = world.campaign(cap=ETHER), world.campaign(cap=ETHER)
        for each, amount in ((full, ETHER), (nearly, ETHER - 1)):
            world.listing(each)
            world.contribute(each, backer=address(9), amount=amount)
        world.mine(8)
        items = tables(provenance()).items.rows_by_key("item_id", named=True)
        row = items[item_of(campaign)][0]
        assert row["title"] == "A tea house"
        assert row["description"].startswith("Bees above the tram depot\nWe keep")
        assert (row["language"], row["category"], row["goal"]) == ("zh-hans", "food", 5.0)
        assert row["publisher_id"] == "0x" + bytes(campaign.creator).hex()
        assert row["is_open"]
        assert not items[item_of(cancelled)][0]["is_open"]
        assert not items[item_of(full)][0]["is_open"]
        assert items[item_of(nearly)][0]["is_open"]

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

    def test_campaigns_whose_currency_is_not_known_are_left_out_and_counted(self, world: World) -> None:
        odd_token = b"\x0d" * 20
        world.add_unknown_token(odd_token)
        plain, odd = world.campaign(), world.campaign(token=odd_token)
        for campaign in (plain, odd):
            world.listing(campaign)
            world.contribute(campaign, backer=address(1))
            view(campaign, visitor())
        world.mine(8)
        key = provenance()
        frozen = tables(key)
        assert set(frozen.events["item_id"]) == set(frozen.items["item_id"]) == {item_of(plain)}
        snapshot = open_snapshot(versions.root() / "snapshots" / steps.take_snapshot())
        assert snapshot.manifest.excluded["campaign_of_unknown_currency"] == 1
        assert snapshot.manifest.provenance.unknown_currencies == (f"{CHAIN_ID}:0x{odd_token.hex()}",)
        assert not is_anything_new(snapshot.manifest.provenance)

        keep_token(CHAIN_ID, odd_token, "ODD", 3, block=1)
        assert is_anything_new(snapshot.manifest.provenance)
        assert set(tables(provenance()).items["item_id"]) == {item_of(plain), item_of(odd)}
        # The old provenance still gives what it gave.
        assert set(tables(key).items["item_id"]) == {item_of(plain)}

    def test_a_provenance_in_which_all_is_known_reads_as_it_always_did(self, world: World) -> None:
        world.mine(8)
        assert "unknown_currencies" not in provenance().model_dump()

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
        tasks.snapshot()
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
        found = {each["code"]: each for each in live.findings if not isinstance(each, str)}
        better = found["better_than_baseline"]
        assert (better["run"], better["values"]["baseline"]) == (live.run_id, "recent_pop")
        assert better["values"]["low"] > 0
        assert {"nothing_live", "nothing_live_to_know", "snapshot_verified"} < set(found)
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

    def test_what_newcomers_answer_has_a_score_for_each_campaign(self, refreshed: dict[str, Any]) -> None:
        rows = NewcomerScore.objects.filter(version__run_id=refreshed["live"])
        answers = set(rows.values_list("question", "answer").distinct())
        assert answers == {("", ""), ("category", "food"), ("category", "technology"), ("language", "en")}
        assert rows.count() == len(answers) * len(self.campaigns)
        for number, category in enumerate(("food", "technology")):
            scores = dict.fromkeys((bytes(c.address) for c in self.campaigns), 0.0)
            for row in rows.filter(answer__in=("", category)):
                scores[bytes(row.address)] += row.score
            best = sorted(scores, key=lambda key: -scores[key])[:8]
            wanted = {bytes(c.address) for c in self.campaigns[number::2]}
            assert len(wanted.intersection(best)) >= 7

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
        before = Ranking.objects.count(), sorted(NewcomerScore.objects.values_list("answer", "score"))
        again = steps.publish(str(refreshed["live"]), quiet)
        assert Ranking.objects.count() == before[0]
        assert sorted(NewcomerScore.objects.values_list("answer", "score")) == before[1]
        assert again.rankings_hash == refreshed["rankings_hash"]
        publication = RankingPublication.objects.get()
        assert publication.previous is None

    def test_nothing_new_is_skipped_and_a_view_is_news(self, refreshed: dict[str, Any]) -> None:
        tasks.snapshot()
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


def test_similar_campaigns_reach_their_page(world: World) -> None:
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    refresh()
    cards = similar_to(world.listing(campaigns[0]), 4)
    assert [card.category.slug for card in cards] == ["food"] * 4
