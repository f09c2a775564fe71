"""Consent, observations, and the published rankings as pages show them."""

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from django_project.campaigns.selectors import cards, visible
from django_project.catalog.selectors import just_launched
from django_project.community import moderation
from django_project.discovery import selectors, services
from django_project.discovery.exploration import EPSILON, Candidate, fill_slots
from django_project.discovery.models import (
    AudienceMember,
    BehaviourEvent,
    Erasure,
    SimilarCampaign,
    Visitor,
)
from django_project.discovery.services import Observation
from django_project.ledger.models import CampaignLaunched
from tests.factories import World, address, backer_user
from tests.rankings import ALICE, exploited, publish, rank

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def test_a_backers_own_list_with_its_reasons(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    backed, first, second = (world.campaign(title=t) for t in ("backed", "first", "second"))
    world.contribute(backed, backer=address(1))
    world.listing(backed)
    version = publish()
    rank(version, ALICE, [backed, second, first], "similar_to", because=backed)
    rank(version, "", [first, second])
    just_launched(1)  # what everybody shares has been worked out
    with django_assert_max_num_queries(6):
        entries = selectors.recommended_for(ALICE, 2, seed="still")
    assert exploited(entries) == ["second", "first"]
    assert {entry.reason for entry in entries} == {"similar_to"}
    assert entries[0].reason_card is not None
    assert entries[0].reason_card.title == "backed"
    assert (entries[0].model_version, entries[0].is_popular_fallback) == ("run-chainfund", False)
    assert [entry.slot for entry in entries] == [0, 1]


def test_strangers_get_everybodys_list_and_are_told(world: World) -> None:
    first, second = world.campaign(title="first"), world.campaign(title="second")
    world.listing(first)
    rank(publish(), "", [second, first])
    for key in (None, "0x" + address(99).hex()):
        entries = selectors.recommended_for(key, 2, seed="still")
        assert exploited(entries) == ["second", "first"]
        assert all(entry.is_popular_fallback for entry in entries)


def test_a_popularity_model_is_never_called_personal(world: World) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    rank(publish("pop"), ALICE, [campaign])
    assert selectors.recommended_for(ALICE, 1)[0].is_popular_fallback
    live = selectors.live_model()
    assert live is not None
    assert not live.is_personal


def test_before_any_training_popularity_stands_in(world: World) -> None:
    quiet, busy = world.campaign(title="quiet"), world.campaign(title="busy")
    world.contribute(busy, backer=address(5))
    world.listing(quiet)
    entries = selectors.recommended_for(None, 5, seed="still")
    assert exploited(entries) == ["busy", "quiet"]
    assert entries[0].model_version == selectors.RECENT_POPULARITY
    assert selectors.live_model() is None


def test_what_may_not_be_recommended(world: World) -> None:
    staff = backer_user(8)
    closed = world.campaign(title="closed", started=timezone.now() - timedelta(days=40))
    hidden, frozen = world.campaign(title="hidden"), world.campaign(title="frozen")
    own = world.campaign(title="own", creator=address(1))
    good = world.campaign(title="good")
    moderation.hide(world.listing(hidden), actor=staff, reason="stolen")
    moderation.unrank(world.listing(frozen), actor=staff, reason="bought backers")
    rank(publish(), ALICE, [closed, hidden, frozen, own, good])
    for number in range(20):
        entries = selectors.recommended_for(ALICE, 5, seed=str(number))
        assert [entry.card.title for entry in entries] == ["good"]


def test_live_model_tells_where_it_came_from() -> None:
    publish()
    live = selectors.live_model()
    assert live is not None
    assert (live.run_id, live.seed, live.is_personal) == ("run-chainfund", 3, True)
    assert live.metrics["chainfund"]["ndcg@10"]["mean"] == 0.3
    assert live.finalized_blocks["31337"]["number"] == 7


def test_similar_and_audience(world: World) -> None:
    one, near, far = (world.campaign(title=t) for t in ("one", "near", "far"))
    listing = world.listing(one)
    version = publish()
    for place, other in enumerate((near, far), start=1):
        SimilarCampaign.objects.create(
            version=version,
            of_chain_id=one.chain_id,
            of_address=one.address,
            chain_id=other.chain_id,
            address=other.address,
            rank=place,
            score=1,
        )
    AudienceMember.objects.create(
        version=version, chain_id=one.chain_id, address=one.address, rank=1, score=2, user_key=ALICE
    )
    assert [card.title for card in selectors.similar_to(listing, 5)] == ["near", "far"]
    assert [entry.user_key for entry in selectors.audience_of(listing, 5)] == [ALICE]


def test_exploration_does_what_its_propensities_say(world: World) -> None:
    for number in range(6):
        campaign = world.campaign(title=f"c{number}")
    world.listing(campaign)
    candidates = [Candidate(card.key, card) for card in cards(visible().order_by("pk"))]
    ranked, pool = candidates[:3], candidates[1:]
    drawn: Counter[str] = Counter()
    rounds = 20_000
    for number in range(rounds):
        [slot] = fill_slots(ranked, pool, 1, f"round {number}")
        drawn[slot.candidate.card.title] += 1
        expected = EPSILON / 5 if slot.is_exploration else 1 - EPSILON
        assert slot.propensity == pytest.approx(expected)
    assert drawn["c0"] / rounds == pytest.approx(1 - EPSILON, abs=0.01)
    for title in ("c1", "c2", "c3", "c4", "c5"):
        assert drawn[title] / rounds == pytest.approx(EPSILON / 5, abs=0.005)
    whole = fill_slots(ranked, pool, 3, "same")
    assert whole == fill_slots(ranked, pool, 3, "same")
    assert len({slot.candidate.key for slot in whole}) == 3
    assert [slot.propensity for slot in fill_slots(ranked, [], 3, "no pool")] == [1.0, 1.0, 1.0]


def seen(campaign: CampaignLaunched, **change: object) -> Observation:
    fields: dict[str, object] = {
        "event_id": uuid.uuid4(),
        "kind": "view",
        "campaign": (campaign.chain_id, campaign.address),
        "occurred_at": timezone.now(),
        "dwell": timedelta(seconds=30),
        **change,
    }
    return Observation(**fields)  # type: ignore[arg-type]


def test_observations_are_stored_once_and_in_two_queries(
    world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = world.campaign()
    visitor = services.grant_consent(None, None)
    batch = [
        seen(campaign),
        seen(campaign, kind="impression", slot=2, propensity=0.92, model_version="run-1"),
    ]
    with django_assert_max_num_queries(2):
        services.record(visitor, address(1), batch)
    services.record(visitor, address(1), batch)
    assert BehaviourEvent.objects.count() == 2
    impression = BehaviourEvent.objects.get(kind="impression")
    assert (impression.slot, impression.propensity, impression.wallet_address) == (2, 0.92, address(1))


def test_times_and_dwell_are_bounded(world: World) -> None:
    campaign = world.campaign()
    visitor = services.grant_consent(None, None)
    now = timezone.now()
    batch = [
        seen(campaign, occurred_at=now - timedelta(days=2)),
        seen(campaign, occurred_at=now + timedelta(hours=1)),
        seen(campaign, occurred_at=now + timedelta(minutes=1), dwell=timedelta(hours=9)),
    ]
    assert services.record(visitor, None, batch) == 1
    event = BehaviourEvent.objects.get()
    assert event.occurred_at <= timezone.now()
    assert event.dwell_seconds == 1800
    with override_settings(BEACON_MAX_AGE=timedelta(days=3)):
        assert services.record(visitor, None, batch[:1]) == 1
    with pytest.raises(ValueError, match="at most 50"):
        services.record(visitor, None, [seen(campaign)] * 51)


def test_consent_given_kept_and_withdrawn() -> None:
    visitor = services.grant_consent(None, None)
    assert services.grant_consent(visitor.public_id, None) == visitor
    assert services.consenting_visitor(visitor.public_id, None) == visitor
    services.withdraw_consent(visitor.public_id)
    assert services.consenting_visitor(visitor.public_id, None) is None
    assert services.grant_consent(visitor.public_id, None) == visitor
    services.withdraw_consent(None)
    services.withdraw_consent(uuid.uuid4())
    assert Visitor.objects.count() == 1


def test_two_people_with_one_browser_are_two_visitors() -> None:
    alice, bob = backer_user(1), backer_user(2)
    visitor = services.grant_consent(None, None)
    first = services.consenting_visitor(visitor.public_id, alice)
    assert first == visitor
    second = services.consenting_visitor(visitor.public_id, bob)
    assert second is not None
    assert second != visitor
    assert second.user == bob
    assert services.grant_consent(visitor.public_id, bob) != visitor


def test_a_reason_that_names_a_hidden_campaign_is_made_vaguer(world: World) -> None:
    backed, next_one = world.campaign(title="backed"), world.campaign(title="next")
    world.listing(next_one)
    rank(publish(), ALICE, [next_one], "similar_to", because=backed)
    moderation.hide(world.listing(backed), actor=backer_user(8), reason="stolen")
    [entry] = selectors.recommended_for(ALICE, 1)
    assert (entry.reason, entry.reason_card) == ("category", None)


def test_the_best_is_never_explored_and_unequal_chances_are_told_as_they_are(world: World) -> None:
    for number in range(4):
        campaign = world.campaign(title=f"c{number}")
    world.listing(campaign)
    best, *others = (card for card in cards(visible().order_by("pk")))
    # The best of the ranking is the likeliest of the pool, and is not drawn from it.
    pool = [Candidate(best.key, best, chance=5.0)]
    pool += [Candidate(card.key, card, chance) for card, chance in zip(others, (0.5, 1.0, 2.5), strict=True)]
    drawn: Counter[str] = Counter()
    rounds = 20_000
    told: dict[str, float] = {}
    for number in range(rounds):
        [slot] = fill_slots([Candidate(best.key, best)], pool, 1, f"round {number}")
        drawn[slot.candidate.card.title] += 1
        assert slot.is_exploration == (slot.candidate.key != best.key)
        told[slot.candidate.card.title] = slot.propensity
    shares = {"c0": 1 - EPSILON, "c1": EPSILON / 8, "c2": EPSILON / 4, "c3": EPSILON * 5 / 8}
    assert told == pytest.approx(shares)
    assert {title: count / rounds for title, count in drawn.items()} == pytest.approx(shares, abs=0.006)


def test_the_next_slot_explores_among_what_is_left(world: World) -> None:
    for number in range(3):
        campaign = world.campaign(title=f"c{number}")
    world.listing(campaign)
    one, two, three = (card for card in cards(visible().order_by("pk")))
    ranked = [Candidate(card.key, card) for card in (one, two)]
    pool = [Candidate(two.key, two, 3.0), Candidate(three.key, three, 1.0)]
    orders: dict[tuple[str, ...], list[float]] = {}
    for number in range(5_000):
        slots = fill_slots(ranked, pool, 2, f"round {number}")
        orders[tuple(slot.candidate.card.title for slot in slots)] = [slot.propensity for slot in slots]
    assert orders == {
        ("c0", "c1"): pytest.approx([1 - EPSILON, 1 - EPSILON]),
        ("c0", "c2"): pytest.approx([1 - EPSILON, EPSILON]),
        ("c1", "c0"): pytest.approx([EPSILON * 3 / 4, 1 - EPSILON]),
        ("c1", "c2"): pytest.approx([EPSILON * 3 / 4, EPSILON]),
        ("c2", "c0"): pytest.approx([EPSILON / 4, 1 - EPSILON]),
        ("c2", "c1"): pytest.approx([EPSILON / 4, EPSILON]),
    }


def test_consent_withdrawn_forgets_the_browser_and_whoever_was_signed_in(world: World) -> None:
    campaign = world.campaign()
    visitor, other = services.grant_consent(None, None), services.grant_consent(None, None)
    for wallet in (address(1), address(2), address(2), None):
        services.record(visitor, wallet, [seen(campaign)])
    services.record(other, address(3), [seen(campaign)])
    services.withdraw_consent(visitor.public_id)
    keys = [f"visitor:{visitor.public_id}", *(f"0x{address(number).hex()}" for number in (1, 2))]
    assert sorted(Erasure.objects.values_list("user_hash", "is_whole")) == sorted(
        (services.erasure_hash(key), False) for key in keys
    )
    assert list(BehaviourEvent.objects.values_list("visitor", flat=True)) == [other.pk]
    visitor.refresh_from_db()
    assert (visitor.consented_at, visitor.refused_at is None) == (None, False)


def test_consent_given_again_counts_from_then() -> None:
    visitor = services.grant_consent(None, None)
    first = visitor.consented_at
    assert services.grant_consent(visitor.public_id, None).consented_at == first
    services.withdraw_consent(visitor.public_id)
    again = services.grant_consent(visitor.public_id, None)
    assert again.refused_at is None
    assert again.consented_at is not None
    assert first is not None
    assert again.consented_at > first


@pytest.mark.parametrize(
    ("edge", "inside"),
    [("oldest", True), ("older", False), ("newest", True), ("newer", False)],
)
def test_observations_count_up_to_both_edges(
    edge: str, *, inside: bool, world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    moment = timedelta(microseconds=1)
    when = {
        "oldest": now - settings.BEACON_MAX_AGE,
        "older": now - settings.BEACON_MAX_AGE - moment,
        "newest": now + services.CLOCK_SKEW,
        "newer": now + services.CLOCK_SKEW + moment,
    }[edge]
    visitor = services.grant_consent(None, None)
    assert services.record(visitor, None, [seen(world.campaign(), occurred_at=when)]) == int(inside)
