"""A candidate's way from the shadow to everybody, and back when people turn away: on real rows."""

import json
import uuid
from datetime import datetime, timedelta
from io import StringIO
from itertools import count
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F
from django.utils import timezone

from django_project.core.models import AuditEntry
from django_project.discovery import rollout
from django_project.discovery import services as discovery
from django_project.discovery.errors import RolloutError
from django_project.discovery.experiment_statistics import (
    CLICK_WITHIN,
    CONTRIBUTION_WITHIN,
    Rate,
    has_fallen,
    rates,
)
from django_project.discovery.models import (
    BehaviourEvent,
    ExplorationArm,
    ModelVersion,
    Ranking,
    RankingPublication,
    Visitor,
)
from django_project.discovery.rollout import CANARY_PERCENT, bucket
from django_project.discovery.selectors import recommended_for
from django_project.ledger.models import CampaignLaunched, Contribution
from tasks.recommending.rollout import review
from tasks.recommending.tasks import watch
from tasks.recommending.thompson import best_of
from tests.factories import World, address

pytestmark = pytest.mark.django_db

USERS = [f"0x{address(number).hex()}" for number in range(1, 301)]
FEW = [user for user in USERS if bucket(user) < CANARY_PERCENT]
MANY = [user for user in USERS if bucket(user) >= CANARY_PERCENT]
PUBLICATION = RankingPublication.objects


@pytest.fixture
def campaigns(world: World) -> list[CampaignLaunched]:
    made = [world.campaign(title=f"c{number}") for number in range(10)]
    for campaign in made:
        world.listing(campaign)
    return made


@pytest.fixture
def versions(campaigns: list[CampaignLaunched]) -> tuple[ModelVersion, ModelVersion]:
    """What is live lists the campaigns in their order, the candidate backwards."""
    live, candidate = ranked("twotower", campaigns), ranked("chainfund", campaigns[::-1])
    discovery.show_version(live)
    return live, candidate


def ranked(model: str, campaigns: list[CampaignLaunched], users: list[str] = USERS[:40]) -> ModelVersion:
    version = ModelVersion.objects.create(
        run_id=f"{model}-{uuid.uuid4().hex[:6]}",
        model=model,
        snapshot_hash="ab" * 32,
        seed=0,
        trained_at=timezone.now(),
        rankings_hash=bytes(32),
    )
    Ranking.objects.bulk_create(
        Ranking(
            version=version,
            user_key=user,
            chain_id=campaign.chain_id,
            address=campaign.address,
            rank=place,
            score=1 / place,
            reason="popular",
        )
        for user in sorted({*users, FEW[0], MANY[0], ""})
        for place, campaign in enumerate(campaigns, start=1)
    )
    return version


def age(**spent: float) -> None:
    """Let time pass since the current stage began, or since what is live was shown."""
    publication = PUBLICATION.get()
    if publication.stage_since:
        PUBLICATION.update(stage_since=publication.stage_since - timedelta(**spent))
    version = publication.version
    if version.promoted_at:
        version.promoted_at -= timedelta(**spent)
        version.save()


def visits(version: ModelVersion, campaign: CampaignLaunched, shown: int, clicked: int) -> None:
    """So many browsers were shown a campaign by a version in the last hour, and so many opened it."""
    browsers = Visitor.objects.bulk_create(Visitor(consented_at=timezone.now()) for _ in range(shown))
    then = timezone.now() - timedelta(minutes=30)

    def event(browser: Visitor, kind: str, **more: object) -> BehaviourEvent:
        return BehaviourEvent(
            visitor=browser,
            client_event_id=uuid.uuid4(),
            kind=kind,
            chain_id=campaign.chain_id,
            campaign_address=campaign.address,
            **{"occurred_at": then, **more},
        )

    shows = [event(each, "impression", slot=0, model_version=version.run_id) for each in browsers]
    opens = [event(each, "view", occurred_at=then + timedelta(minutes=1)) for each in browsers[:clicked]]
    BehaviourEvent.objects.bulk_create([*shows, *opens])


def first_seen(user: str) -> tuple[str, str]:
    """The run and the campaign in a user's first slot that does not explore."""
    entry = next(e for e in recommended_for(user, 5, seed="still") if e.reason != "exploration")
    return entry.model_version, entry.card.title


def test_from_the_shadow_to_a_tenth_to_all(
    versions: tuple[ModelVersion, ModelVersion], campaigns: list[CampaignLaunched]
) -> None:
    live, candidate = versions
    few, many = FEW[0], MANY[0]
    assert review().endswith("there is nothing to go back to")

    discovery.stage_candidate(candidate, RankingPublication.Stage.SHADOW)
    assert first_seen(few) == first_seen(many) == (live.run_id, "c0")
    assert "its time is not over" in review()
    age(days=1)
    assert review().endswith("it goes on")

    assert first_seen(few) == (candidate.run_id, "c9")
    assert first_seen(many) == (live.run_id, "c0")
    age(days=4)
    assert "fewer than the 200 impressions on 30 visitors it takes to tell" in review()
    visits(candidate, campaigns[9], shown=250, clicked=30)
    visits(live, campaigns[0], shown=250, clicked=28)
    assert review().endswith("clicks 12.00% of 250, contributions 0.00% of 250: it goes on")

    assert first_seen(few) == first_seen(many) == (candidate.run_id, "c9")
    publication = PUBLICATION.get()
    assert (publication.candidate, publication.stage, publication.previous) == (None, "", live)
    assert dict(ModelVersion.objects.values_list("model", "state")) == {
        "twotower": "retired",
        "chainfund": "live",
    }
    acts = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert [act.rsplit(".")[-1] for act in acts] == ["shown", "shadow", "canary", "shown"]


def test_a_candidate_that_people_turn_away_from_is_taken_back_at_once(
    versions: tuple[ModelVersion, ModelVersion], campaigns: list[CampaignLaunched]
) -> None:
    live, candidate = versions
    discovery.stage_candidate(candidate, RankingPublication.Stage.CANARY)
    age(hours=2)
    visits(candidate, campaigns[9], shown=250, clicked=5)
    visits(live, campaigns[0], shown=600, clicked=72)
    assert "clicks fell to 2.00% of 250 from 12.00% of 600: taken back" in review()
    assert first_seen(FEW[0]) == (live.run_id, "c0")
    candidate.refresh_from_db()
    assert candidate.state == "refused"
    assert candidate.gate_results[-1] == {
        "run": candidate.run_id,
        "code": "canary_clicks_fell",
        "values": {"share": 0.02, "trials": 250, "live_share": 0.12, "live_trials": 600},
    }
    assert candidate.reasons == []


def test_what_is_live_is_rolled_back_when_contributions_fall(
    world: World, versions: tuple[ModelVersion, ModelVersion], campaigns: list[CampaignLaunched]
) -> None:
    live, candidate = versions
    visits(live, campaigns[0], shown=300, clicked=60)
    shown = BehaviourEvent.objects.filter(kind="impression").order_by("pk")
    for number, event in enumerate(shown[:40]):
        event.wallet_address = address(400 + number)
        event.save()
        world.contribute(
            campaigns[0], backer=address(400 + number), at=timezone.now() - timedelta(minutes=20)
        )
    found = rates([live.run_id], timezone.now() - timedelta(hours=1), timezone.now())
    assert [(rate.hits, rate.trials, rate.people) for rate in (found.clicks, found.contributions)] == [
        (60, 300, 300),
        (40, 300, 300),
    ]
    # The day before, at the same hour.
    for rows, field in ((BehaviourEvent.objects, "occurred_at"), (Contribution.objects, "block_time")):
        rows.update(**{field: F(field) - timedelta(days=1)})
    discovery.show_version(candidate)
    age(hours=1)
    visits(candidate, campaigns[9], shown=300, clicked=60)
    assert f"contributions fell to 0.00% of 300 from 13.33% of 300: rolled back to {live.run_id}." in review()
    assert first_seen(MANY[0]) == (live.run_id, "c0")
    candidate.refresh_from_db()
    assert candidate.state == "refused"
    assert candidate.gate_results[-1]["code"] == "live_contributions_fell"
    assert candidate.gate_results[-1]["values"]["live_run"] == live.run_id
    # What was refused is not gone back to in turn.
    age(minutes=30)
    assert "there is nothing to go back to" in review()


def test_lists_that_nobody_was_shown_are_scored_by_what_people_did(
    world: World, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    live, candidate = versions
    discovery.stage_candidate(candidate, RankingPublication.Stage.SHADOW)
    age(hours=1)
    new = [world.campaign(title=f"new {number}") for number in range(6)]
    for version, ranks in ((live, range(1, 7)), (candidate, range(50, 56))):
        Ranking.objects.filter(version=version).delete()
        Ranking.objects.bulk_create(
            Ranking(
                version=version,
                user_key=user,
                chain_id=each.chain_id,
                address=each.address,
                rank=rank,
                score=1,
                reason="new",
            )
            for user in USERS[:40]
            for each, rank in zip(new, ranks, strict=True)
        )
    for number in range(1, 41):
        for campaign in new:
            world.contribute(campaign, backer=address(number), at=timezone.now())
    said = review()
    assert (
        f"its first ten held 0.00% of 240 contributions, those of {live.run_id} 100.00% of 240: worse" in said
    )
    assert PUBLICATION.get().candidate is None


def test_each_step_waits_for_a_human_where_that_is_wanted(
    versions: tuple[ModelVersion, ModelVersion], settings: Any
) -> None:
    settings.RECOMMENDER_NEEDS_APPROVAL = True
    _, candidate = versions
    discovery.stage_candidate(candidate, RankingPublication.Stage.SHADOW)
    age(days=9)
    assert review().endswith(f"waits for `manage.py recommend promote {candidate.run_id}`")
    assert PUBLICATION.get().stage == "shadow"
    discovery.advance_candidate()
    assert PUBLICATION.get().stage == "canary"
    discovery.advance_candidate()
    assert PUBLICATION.get().version == candidate
    with pytest.raises(RolloutError, match="there is no candidate"):
        discovery.advance_candidate()


def test_a_newer_run_of_the_candidates_kind_keeps_its_place(
    versions: tuple[ModelVersion, ModelVersion], campaigns: list[CampaignLaunched]
) -> None:
    _, candidate = versions
    discovery.stage_candidate(candidate, RankingPublication.Stage.CANARY)
    age(days=2)
    since = PUBLICATION.get().stage_since
    newer = ranked("chainfund", campaigns)
    discovery.stage_candidate(newer, RankingPublication.Stage.CANARY)
    publication = PUBLICATION.get()
    assert (publication.candidate, publication.stage_since) == (newer, since)
    candidate.refresh_from_db()
    assert candidate.state == "retired"


def test_what_cannot_be_staged_says_why(versions: tuple[ModelVersion, ModelVersion]) -> None:
    live, candidate = versions
    with pytest.raises(RolloutError, match="is live: it cannot be a candidate"):
        discovery.stage_candidate(live, RankingPublication.Stage.SHADOW)
    ModelVersion.objects.filter(pk=candidate.pk).update(rankings_hash=None)
    candidate.refresh_from_db()
    with pytest.raises(RolloutError, match="has no lists yet"):
        discovery.show_version(candidate)
    with pytest.raises(CommandError, match="nothing to go back to"):
        call_command("recommend", "rollback")


def test_status_shows_the_stage_and_the_rates(
    versions: tuple[ModelVersion, ModelVersion], campaigns: list[CampaignLaunched]
) -> None:
    live, candidate = versions
    discovery.stage_candidate(candidate, RankingPublication.Stage.CANARY)
    visits(candidate, campaigns[9], shown=20, clicked=5)
    out = StringIO()
    call_command("recommend", "status", "--json", stdout=out)
    status = json.loads(out.getvalue())
    assert (status["live"], status["candidate"], status["stage"]) == (
        live.run_id,
        candidate.run_id,
        "canary",
    )
    assert status["rates"][candidate.run_id]["clicks"] == {"hits": 5, "trials": 20, "people": 20}
    assert status["exposure"] == {"impressions": 20, "campaigns": 1, "gini": 0.0}


def test_buckets_are_even_and_stay() -> None:
    share = sum(bucket(f"user {number}") < CANARY_PERCENT for number in range(20_000)) / 20_000
    assert share == pytest.approx(0.1, abs=0.01)
    assert bucket("0xab") == bucket("0xab")


def people(hits: int, trials: int, each: int = 1) -> Rate:
    """So many trials by people who made `each` of them, and hit with all or with none."""
    return Rate.of((each if number < hits // each else 0, each) for number in range(trials // each))


def test_few_trials_and_small_gaps_are_no_fall() -> None:
    assert not has_fallen(people(0, 199), people(100, 200))
    assert not has_fallen(people(20, 200), people(30, 200))
    assert has_fallen(people(5, 200), people(30, 200))
    assert not has_fallen(people(0, 200), people(0, 200))
    assert not has_fallen(people(0, 290, each=10), people(145, 290, each=5))


def test_ten_slots_seen_by_one_person_are_not_ten_answers() -> None:
    assert has_fallen(people(30, 600), people(80, 600))
    assert not has_fallen(people(30, 600, each=10), people(80, 600, each=10))


def test_false_alarms_are_rare_when_nothing_differs() -> None:
    """People differ in how much they click; both versions draw from the same people, 2,000 times over."""
    draw = np.random.default_rng(1)
    alarms = 0
    for _ in range(2_000):
        shown = draw.integers(1, 20, (2, 150))
        clicked = draw.binomial(shown, draw.beta(0.3, 2.7, (2, 150)))
        ours, theirs = (
            Rate.of(zip(c.tolist(), n.tolist(), strict=True)) for c, n in zip(clicked, shown, strict=True)
        )
        alarms += has_fallen(ours, theirs)
    assert alarms <= 10


def test_exploration_draws_the_new_campaign_that_people_open(
    versions: tuple[ModelVersion, ModelVersion], campaigns: list[CampaignLaunched]
) -> None:
    live, _ = versions
    for campaign in campaigns[:-1]:
        visits(live, campaign, shown=30, clicked=3)
    visits(live, campaigns[-1], shown=30, clicked=15)
    watch()
    arms = {bytes(arm.address): arm for arm in ExplorationArm.objects.all()}
    assert len(arms) == 10
    best = arms[bytes(campaigns[-1].address)]
    assert (best.impressions, best.clicks) == (30, 15)
    assert best.probability > 0.95
    assert sum(arm.probability for arm in arms.values()) == pytest.approx(1)
    tried = [
        entry.card.title
        for number in range(120)
        for entry in recommended_for(MANY[0], 1, seed=str(number))
        if entry.reason == "exploration"
    ]
    assert tried.count("c9") > 0.8 * len(tried) > 0


def test_thompsons_probabilities_are_those_of_being_best() -> None:
    """Two arms against the closed form: P(Beta(2, 1) > Beta(1, 1)) = 2/3."""
    assert best_of([(1, 1), (0, 0)]) == pytest.approx([2 / 3, 1 / 3], abs=0.01)
    assert best_of([]) == []


@pytest.mark.parametrize(("place", "is_in"), [(9, True), (10, False), (11, False)])
def test_a_tenth_of_the_users_is_ten_buckets_of_a_hundred(
    place: int, *, is_in: bool, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    live, candidate = versions
    discovery.stage_candidate(candidate, RankingPublication.Stage.CANARY)
    somebody = next(user for number in count() if bucket(user := f"user {number}") == place)
    seen = rollout.version_for(PUBLICATION.get(), somebody)
    assert seen == (candidate if is_in else live)
    assert rollout.version_for(PUBLICATION.get(), None) == live
    discovery.stage_candidate(candidate, RankingPublication.Stage.SHADOW)
    assert rollout.version_for(PUBLICATION.get(), somebody) == live


MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("after", "period", "counts"),
    [
        (timedelta(0), timedelta(days=9), True),
        (-MOMENT, timedelta(days=9), False),
        (CLICK_WITHIN, timedelta(days=9), True),
        (CLICK_WITHIN + MOMENT, timedelta(days=9), False),
        # What came after the period does not count, nor what came with its end.
        (timedelta(hours=2), timedelta(hours=2), False),
        (timedelta(hours=2) - MOMENT, timedelta(hours=2), True),
    ],
)
def test_a_click_counts_within_a_day_and_within_the_period(
    after: timedelta, period: timedelta, *, counts: bool, campaigns: list[CampaignLaunched]
) -> None:
    shown_at = timezone.now() - timedelta(days=10)
    show(campaigns[0], shown_at, clicked=shown_at + after)
    found = rates(["run"], shown_at, shown_at + period)
    assert (found.clicks.hits, found.clicks.trials) == (int(counts), 1)


@pytest.mark.parametrize(
    ("after", "period", "counts"),
    [
        (timedelta(0), timedelta(days=9), True),
        (-MOMENT, timedelta(days=9), False),
        (CONTRIBUTION_WITHIN, timedelta(days=9), True),
        (CONTRIBUTION_WITHIN + MOMENT, timedelta(days=9), False),
        (timedelta(hours=2), timedelta(hours=2), False),
        (timedelta(hours=2) - MOMENT, timedelta(hours=2), True),
    ],
)
def test_a_contribution_counts_within_a_week_and_within_the_period(
    after: timedelta, period: timedelta, *, counts: bool, world: World, campaigns: list[CampaignLaunched]
) -> None:
    shown_at = timezone.now() - timedelta(days=10)
    show(campaigns[0], shown_at, wallet=address(1))
    world.contribute(campaigns[0], backer=address(1), at=shown_at + after)
    found = rates(["run"], shown_at, shown_at + period)
    assert (found.contributions.hits, found.contributions.trials) == (int(counts), 1)


def test_a_period_has_its_first_moment_and_not_its_last(campaigns: list[CampaignLaunched]) -> None:
    since = timezone.now() - timedelta(days=10)
    until = since + timedelta(days=1)
    for campaign, at in zip(campaigns, (since - MOMENT, since, until - MOMENT, until), strict=False):
        show(campaign, at)
    assert rates(["run"], since, until).clicks.trials == 2


def show(
    campaign: CampaignLaunched,
    at: datetime,
    *,
    clicked: datetime | None = None,
    wallet: bytes | None = None,
) -> None:
    """One browser was shown a campaign by the version `run`, and may have opened it."""
    visitor = Visitor.objects.create(consented_at=at)
    for kind, when in (("impression", at), ("view", clicked)):
        if when is not None:
            BehaviourEvent.objects.create(
                visitor=visitor,
                wallet_address=wallet,
                client_event_id=uuid.uuid4(),
                kind=kind,
                chain_id=campaign.chain_id,
                campaign_address=campaign.address,
                occurred_at=when,
                model_version="run" if kind == "impression" else "",
            )
