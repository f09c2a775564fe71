"""Lists from a newcomer's two answers: by which formula, and after what."""

import uuid
from datetime import timedelta
from itertools import product

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.community import moderation
from django_project.discovery import exploration
from django_project.discovery.answers import Answers
from django_project.discovery.models import (
    BehaviourEvent,
    ModelVersion,
    RankingPublication,
    SimilarCampaign,
    Visitor,
)
from django_project.discovery.newcomers import suited_to
from django_project.discovery.rollout import CANARY_PERCENT, bucket
from django_project.discovery.selectors import (
    RECENT_POPULARITY,
    Recommendation,
    knows_answers,
    recommended_for,
)
from django_project.discovery.user_keys import visitor_key
from django_project.ledger.models import CampaignLaunched
from tests.factories import World, address, backer_user
from tests.rankings import ALICE, exploited, publish, rank, score_newcomers

pytestmark = pytest.mark.django_db

FOOD = Answers(("food",), ())
# {(question, answer): scores of the campaigns, None where there is no row}.
ROWS: dict[tuple[str, str], list[float | None]] = {
    ("", ""): [0.503, 0.107, 0.0, None, 0.311],
    ("category", "food"): [-0.41, 0.73, 0.23, 1.13, None],
    ("category", "games"): [0.97, None, 0.13, -0.37, 0.43],
    ("category", "music"): [None, -2.03, 1.71, 0.29, 0.059],
    ("language", "en"): [0.053, 0.61, None, -0.11, 0.029],
    ("language", "zh-hans"): [-0.31, None, 0.83, 0.937, 0.113],
}


@pytest.fixture(autouse=True)
def _without_exploring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploration, "EPSILON", 0.0)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def campaigns(world: World) -> list[CampaignLaunched]:
    found = [
        world.campaign(title=f"campaign {number}", category="games" if number == 4 else "food")
        for number in range(5)
    ]
    world.listing(found[0])
    return found


def scored(version: ModelVersion, campaigns: list[CampaignLaunched]) -> None:
    for (question, answer), scores in ROWS.items():
        told = {c: s for c, s in zip(campaigns, scores, strict=True) if s is not None}
        score_newcomers(version, question, answer, told)


def by_the_equations(answers: Answers, number: int) -> float:
    """The score of a campaign, added up row by row."""

    def row(question: str, answer: str) -> float:
        return ROWS[question, answer][number] or 0.0

    total = row("", "")
    for question, chosen in (("category", answers.categories), ("language", answers.languages)):
        for answer in chosen:
            total += row(question, answer) / len(chosen)
    return total


@pytest.mark.parametrize(
    "answers",
    [
        Answers(categories, languages)
        for categories, languages in product(
            [(), ("food",), ("games", "music"), ("food", "games", "music")],
            [(), ("zh-hans",), ("en", "zh-hans")],
        )
        if categories or languages
    ],
)
def test_the_order_is_that_of_the_equations(answers: Answers, campaigns: list[CampaignLaunched]) -> None:
    version = publish()
    scored(version, campaigns)
    scores = {number: by_the_equations(answers, number) for number in range(5)}
    assert len({round(score, 6) for score in scores.values()}) == 5
    expected = sorted(scores, key=lambda number: -scores[number])
    keys = [(each.chain_id, each.address) for each in campaigns]
    assert suited_to(answers, version, 9) == [keys[number] for number in expected]
    assert suited_to(answers, version, 2) == [keys[number] for number in expected[:2]]


def test_several_categories_count_by_their_mean(campaigns: list[CampaignLaunched]) -> None:
    """By their sum the first would win; the share of the question would grow with what is chosen."""
    one, two = campaigns[:2]
    version = publish()
    score_newcomers(version, "", "", {one: 0.0, two: 0.9})
    for answer in ("food", "games"):
        score_newcomers(version, "category", answer, {one: 0.8, two: 0.0})
    assert suited_to(Answers(("food", "games"), ()), version, 9) == [
        (each.chain_id, each.address) for each in (two, one)
    ]


def test_ties_go_by_chain_and_address(campaigns: list[CampaignLaunched]) -> None:
    version = publish()
    score_newcomers(version, "", "", dict.fromkeys(reversed(campaigns), 0.25))
    score_newcomers(version, "category", "food", dict.fromkeys(campaigns, 0.5))
    assert suited_to(FOOD, version, 9) == sorted((each.chain_id, each.address) for each in campaigns)


def test_only_the_rows_of_the_version_that_is_shown_count(campaigns: list[CampaignLaunched]) -> None:
    version = publish()
    other = ModelVersion.objects.create(
        run_id="other", model="chainfund", snapshot_hash="", seed=1, trained_at=timezone.now()
    )
    one, two = campaigns[:2]
    score_newcomers(other, "category", "food", {one: 5.0})
    assert suited_to(FOOD, version, 9) == []
    assert not knows_answers(None)
    score_newcomers(version, "category", "food", {one: 0.1, two: 0.2})
    assert exploited(recommended_for(None, 9, answers=FOOD)) == ["campaign 1", "campaign 0"]
    assert knows_answers(None)
    RankingPublication.objects.update(version=other)
    assert exploited(recommended_for(None, 9, answers=FOOD)) == ["campaign 0"]


def test_a_candidates_scores_are_for_those_who_are_shown_it(campaigns: list[CampaignLaunched]) -> None:
    version = publish()
    candidate = ModelVersion.objects.create(
        run_id="candidate", model="chainfund", snapshot_hash="", seed=1, trained_at=timezone.now()
    )
    RankingPublication.objects.update(candidate=candidate, stage=RankingPublication.Stage.CANARY)
    rank(version, "", campaigns[:1])
    score_newcomers(candidate, "category", "food", {campaigns[2]: 1.0})
    keys = [f"0x{number:040x}" for number in range(200)]
    chosen = next(key for key in keys if bucket(key) < CANARY_PERCENT)
    other = next(key for key in keys if bucket(key) >= CANARY_PERCENT)
    assert (knows_answers(chosen), knows_answers(other), knows_answers(None)) == (True, False, False)
    assert exploited(recommended_for(chosen, 9, answers=FOOD)) == ["campaign 2"]
    assert exploited(recommended_for(other, 9, answers=FOOD)) == ["campaign 0"]


def test_a_list_from_answers_says_so(
    campaigns: list[CampaignLaunched], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    version = publish()
    rank(version, "", campaigns)
    scored(version, campaigns)
    answers = Answers(("games",), ("en",))
    recommended_for(None, 9)  # what everybody shares has been worked out
    with django_assert_num_queries(4):
        entries = recommended_for(None, 3, answers=answers)
    assert exploited(entries) == ["campaign 0", "campaign 4", "campaign 1"]
    # What is of no chosen category stands there because many back it, and is told so.
    assert [each.reason for each in entries] == ["popular", "answers", "popular"]
    assert all(each.follows_answers and not each.is_popular_fallback for each in entries)
    assert {each.model_version for each in entries} == {version.run_id}
    everybodys = recommended_for(None, 9)
    assert exploited(everybodys)[:2] == ["campaign 0", "campaign 1"]
    assert all(each.is_popular_fallback and not each.follows_answers for each in everybodys)


def test_where_no_category_was_chosen_the_language_is_what_was_asked_for(
    campaigns: list[CampaignLaunched],
) -> None:
    scored(publish(), campaigns)
    english, chinese = (recommended_for(None, 3, answers=Answers((), (code,))) for code in ("en", "zh-hans"))
    assert {each.reason for each in english} == {"answers"}
    assert {each.reason for each in chinese} == {"popular"}
    assert all(each.follows_answers for each in (*english, *chinese))


def test_a_backers_own_list_goes_before_their_answers(campaigns: list[CampaignLaunched]) -> None:
    version = publish()
    rank(version, ALICE, [campaigns[1], campaigns[0]], "trending")
    scored(version, campaigns)
    entries = recommended_for(ALICE, 9, answers=FOOD)
    assert exploited(entries) == ["campaign 1", "campaign 0"]
    assert not any(each.follows_answers for each in entries)
    assert {each.reason for each in entries} == {"trending"}


def test_a_list_that_is_everybodys_is_nobodys_own(campaigns: list[CampaignLaunched]) -> None:
    version = publish("pop")
    rank(version, ALICE, [campaigns[1], campaigns[0]])
    score_newcomers(version, "category", "food", {campaigns[3]: 1.0})
    assert exploited(recommended_for(ALICE, 9, answers=FOOD)) == ["campaign 3"]


def viewed(campaign: CampaignLaunched) -> str:
    """Somebody who agreed to be remembered and has just looked at a campaign; their key."""
    visitor = Visitor.objects.create(consented_at=timezone.now())
    BehaviourEvent.objects.create(
        visitor=visitor,
        client_event_id=uuid.uuid4(),
        kind="view",
        chain_id=campaign.chain_id,
        campaign_address=campaign.address,
        occurred_at=timezone.now() - timedelta(minutes=5),
    )
    return visitor_key(visitor.public_id)


def near(version: ModelVersion, of: CampaignLaunched, *campaigns: CampaignLaunched) -> None:
    for place, campaign in enumerate(campaigns, start=1):
        SimilarCampaign.objects.create(
            version=version,
            of_chain_id=of.chain_id,
            of_address=of.address,
            chain_id=campaign.chain_id,
            address=campaign.address,
            rank=place,
            score=1 / place,
        )


def test_what_is_near_to_a_history_stands_before_what_suits_answers(
    campaigns: list[CampaignLaunched], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    zero, one, two, three, four = campaigns
    version = publish()
    rank(version, "", campaigns)
    near(version, four, zero, three)
    score_newcomers(version, "category", "food", {one: 0.1, two: 0.7, three: 0.9})
    reader = viewed(four)
    recommended_for(None, 9)
    with django_assert_num_queries(6):
        entries = recommended_for(reader, 9, answers=FOOD)
    assert exploited(entries) == ["campaign 0", "campaign 3", "campaign 2", "campaign 1"]
    assert [each.reason for each in entries] == ["viewed", "viewed", "answers", "answers"]
    assert all(each.follows_answers for each in entries)
    # A list that is all from their history does not follow their answers.
    first_two = recommended_for(reader, 2, answers=FOOD)
    assert not any(each.follows_answers or each.is_popular_fallback for each in first_two)


def test_categories_of_what_was_looked_at_leave_the_order_of_answers_alone(world: World) -> None:
    seen, game, meal = (
        world.campaign(title=title, category=category, tagline="", story="")
        for title, category in (("Chess", "games"), ("Dice", "games"), ("Bread", "food"))
    )
    world.listing(seen)
    version = publish()
    rank(version, "", [meal, game])
    score_newcomers(version, "category", "food", {meal: 0.9, game: 0.1})
    reader = viewed(seen)
    assert exploited(recommended_for(reader, 9)) == ["Dice", "Bread"]
    assert exploited(recommended_for(reader, 9, answers=FOOD)) == ["Bread", "Dice"]


@pytest.mark.parametrize("known", [[], [("", "")], [("", ""), ("language", "en"), ("category", "games")]])
def test_where_the_version_knows_nothing_of_the_answers_all_is_as_without(
    known: list[tuple[str, str]], campaigns: list[CampaignLaunched]
) -> None:
    version = publish()
    rank(version, "", [campaigns[3], campaigns[1]])
    for question, answer in known:
        score_newcomers(version, question, answer, {campaigns[2]: 3.0})
    entries = recommended_for(None, 9, answers=FOOD)
    assert entries == recommended_for(None, 9)
    assert exploited(entries) == ["campaign 3", "campaign 1"]


def test_before_any_training_answers_change_nothing(campaigns: list[CampaignLaunched]) -> None:
    entries = recommended_for(None, 9, answers=FOOD)
    assert len(entries) == len(campaigns)
    assert all(each.is_popular_fallback and each.model_version == RECENT_POPULARITY for each in entries)
    assert not knows_answers(None)


def test_what_may_not_be_recommended_is_left_out_and_then_popularity_stands_in(world: World) -> None:
    staff = backer_user(8)
    old = timezone.now() - timedelta(days=40)
    closed = world.campaign(title="closed", started=old)
    hidden, frozen = world.campaign(title="hidden"), world.campaign(title="frozen")
    own, good = world.campaign(title="own", creator=address(1)), world.campaign(title="good")
    moderation.hide(world.listing(hidden), actor=staff, reason="stolen")
    moderation.unrank(world.listing(frozen), actor=staff, reason="bought backers")
    version = publish()
    told = {closed: 5.0, hidden: 4.0, frozen: 3.0, own: 2.0}
    score_newcomers(version, "category", "food", told)
    [entry] = recommended_for(ALICE, 9, answers=FOOD)
    assert (entry.card.title, entry.reason, entry.follows_answers) == ("good", "popular", False)
    assert (entry.is_popular_fallback, entry.model_version) == (True, RECENT_POPULARITY)
    score_newcomers(version, "category", "food", {good: 1.0})
    [entry] = recommended_for(ALICE, 9, answers=FOOD)
    assert (entry.card.title, entry.reason) == ("good", "answers")


def test_slots_explore_in_a_list_from_answers_as_in_any(
    campaigns: list[CampaignLaunched], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = publish()
    scored(version, campaigns)

    def slots(epsilon: float) -> list[Recommendation]:
        monkeypatch.setattr(exploration, "EPSILON", epsilon)
        return recommended_for(None, 2, answers=Answers(("food",), ()), seed="still")

    drawn = slots(1.0)
    assert [each.reason for each in drawn] == ["exploration", "exploration"]
    assert [each.propensity for each in drawn] == [pytest.approx(1 / 4), pytest.approx(1 / 3)]
    # It is the order of the answers that was left, and the page says so.
    assert all(each.follows_answers for each in drawn)
    assert [each.propensity for each in slots(0.0)] == [1.0, 1.0]
