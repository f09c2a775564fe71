"""The published rankings, as pages show them."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.utils import timezone

from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import (
    CampaignCard,
    CampaignKey,
    accepting,
    cards,
    cards_by_key,
    key_filter,
    listed_campaigns,
)
from django_project.catalog import cache_generation
from django_project.catalog.selectors import just_launched, most_backed
from django_project.core.addresses import format_hash
from django_project.core.shapes import Shape
from django_project.discovery.answers import Answers
from django_project.discovery.exploration import Candidate, Slot, fill_slots
from django_project.discovery.models import (
    AudienceMember,
    ExplorationArm,
    ModelVersion,
    NewcomerScore,
    Ranking,
    RankingPublication,
    SimilarCampaign,
)
from django_project.discovery.newcomers import suited_to
from django_project.discovery.rollout import version_for
from django_project.discovery.session import History, history_of, nearest

ReasonKind = Literal[
    "similar_to", "category", "trending", "new", "popular", "viewed", "answers", "exploration"
]

# Rows read of one list: enough to be left with a page of it after those closed or backed already are gone.
CANDIDATES = 120
# The newest open campaigns, which exploration draws from.
EXPLORATION_POOL = 48
RECENT_POPULARITY = "recent-popularity"
# Models whose lists are the same for everybody, however they are keyed.
IMPERSONAL_MODELS = ("pop", "recent_pop", "random")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One slot of a recommended list.

    `propensity` is the probability with which this campaign was chosen for its slot, given the slots before.
    `reason_card` is the past campaign that "similar to" names. `is_popular_fallback` says that the list is
    everybody's, so that the page must not call it "for you"; `follows_answers`, that it is the order of what
    its reader answered, which nobody's giving has taught.
    """

    card: CampaignCard
    reason: ReasonKind
    reason_card: CampaignCard | None
    slot: int
    propensity: float
    model_version: str
    is_popular_fallback: bool
    follows_answers: bool


@dataclass(frozen=True, slots=True)
class AudienceEntry:
    user_key: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class LiveModel:
    """The model behind the published rankings, with where it came from and how it fared.

    `metrics` is {model: {metric: {mean, low, high}}}, ours and the baselines it was measured against.
    """

    run_id: str
    model: str
    metrics: dict[str, dict[str, dict[str, float]]]
    findings: list[dict[str, Any] | str]
    snapshot_hash: str
    finalized_blocks: dict[str, dict[str, Any]]
    seed: int
    trained_at: dt.datetime
    published_at: dt.datetime
    rankings_hash: str
    previous_run_id: str
    is_personal: bool


def knows_answers(user_key: str | None) -> bool:
    """Whether the version that somebody is shown puts campaigns in order by answers. Two queries at most."""
    publication = _publication()
    if publication is None:
        return False
    return NewcomerScore.objects.filter(version=version_for(publication, user_key)).exists()


def live_model() -> LiveModel | None:
    """What is published now; None before the first publication. One query."""
    publication = _publication()
    if publication is None:
        return None
    version = publication.version
    return LiveModel(
        run_id=version.run_id,
        model=version.model,
        metrics=version.metrics,
        findings=version.findings,
        snapshot_hash=version.snapshot_hash,
        finalized_blocks=version.finalized_blocks,
        seed=version.seed,
        trained_at=version.trained_at,
        published_at=publication.published_at,
        rankings_hash=format_hash(publication.rankings_hash),
        previous_run_id=publication.previous.run_id if publication.previous else "",
        is_personal=_is_personal(version),
    )


def recommended_for(
    user_key: str | None, limit: int, *, seed: str | None = None, answers: Answers | None = None
) -> list[Recommendation]:
    """The list of one backer, or everybody's, in at most six queries of its own.

    One more for answers, and one if nothing is left. Reads the list of `user_key` (a lower-case 0x address or
    `visitor:<id>`) in the version their bucket is shown. Who has none gets what is near to what they backed
    or looked at today (see `session`), then what suits their answers (see `newcomers`); without answers, or
    where the version knows none of them, what is backed lately in the categories of what they looked at, then
    anywhere. Campaigns that are closed, hidden, frozen out of rankings, the backer's own or backed already
    are left out. Some slots explore (see `exploration`); the same `seed`, by default the day, gives the same
    list.
    """
    publication = _publication()
    shown = version_for(publication, user_key) if publication else None
    ranked, is_personal = _ranked_rows(shown, user_key)
    past = history_of(user_key)
    near = nearest(shown, past) if shown and _is_personal(shown) and not is_personal else {}
    suited = suited_to(answers, shown, CANDIDATES) if shown and answers and not is_personal else []
    if suited:
        ranked = []
    named = [key for row in ranked for key in (_key(row), _reason_key(row)) if key]
    origins = (past_key for past_key in near.values() if past_key)
    known = cards_by_key([*named, *near, *origins, *past.viewed, *suited])
    rows = {_key(row): row for row in ranked}
    rest = suited or (list(rows) if is_personal else _by_category(list(rows), known, past))
    order = [*near, *(key for key in rest if key not in near)]
    candidates = [
        Candidate(key, known[key])
        for key in order
        if key in known and _may_show(known[key], user_key, past.backed)
    ]
    version = shown.run_id if shown and candidates else RECENT_POPULARITY
    if not candidates:
        is_personal, near, suited = False, {}, []
        candidates = [
            Candidate(card.key, card) for card in _popular() if _may_show(card, user_key, past.backed)
        ]
    pool = [candidate for candidate in _newest() if _may_show(candidate.card, user_key, past.backed)]
    draw = f"{user_key or ''}|{version}|{seed or timezone.now().date().isoformat()}"
    slots = fill_slots(candidates, pool, limit, draw)
    reasons = _Reasons(rows, near, frozenset(suited) - near.keys(), answers, known, is_personal=is_personal)
    follows_answers = any(slot.candidate.key in reasons.suited for slot in slots)
    return [_recommendation(slot, reasons, version, follows_answers) for slot in slots]


def similar_to(listing: Listing, limit: int) -> list[CampaignCard]:
    """Open campaigns nearest to one; before the first publication, those of its category and language."""
    rows = SimilarCampaign.objects.filter(
        version__publication__isnull=False, of_chain_id=listing.chain_id, of_address=listing.address
    ).order_by("rank")
    keys: list[CampaignKey] = list(rows.values_list("chain_id", "address")[:CANDIDATES])
    open_ones = accepting(listed_campaigns()).filter(key_filter(keys, "chain_id", "address"))
    known = {card.key: card for card in cards(open_ones)} if keys else {}
    if known:
        return [known[key] for key in keys if key in known][:limit]
    return most_backed(limit, listing.metadata.category.slug, listing.metadata.language, excluding=listing.pk)


def audience_of(listing: Listing, limit: int) -> list[AudienceEntry]:
    """Backers who are likely to care about a campaign, for its creator; empty before a publication."""
    publication = _publication()
    if publication is None:
        return []
    rows = AudienceMember.objects.filter(
        version=publication.version, chain_id=listing.chain_id, address=listing.address
    ).order_by("rank")[:limit]
    return [AudienceEntry(row.user_key, row.rank, row.score) for row in rows]


def _publication() -> RankingPublication | None:
    return RankingPublication.objects.select_related("version", "previous", "candidate").first()


def _ranked_rows(version: ModelVersion | None, user_key: str | None) -> tuple[Sequence[Ranking], bool]:
    """The list and whether it is the backer's own."""
    if version is None:
        return [], False
    lists = Ranking.objects.filter(version=version, user_key__in={user_key or "", ""}).order_by("rank")
    rows = list(lists.filter(rank__lte=CANDIDATES))
    own = [row for row in rows if row.user_key and row.user_key == user_key]
    if own:
        return own, _is_personal(version)
    return [row for row in rows if not row.user_key], False


def _is_personal(version: ModelVersion) -> bool:
    return version.model not in IMPERSONAL_MODELS


def _key(row: Ranking) -> CampaignKey:
    return row.chain_id, row.address


def _reason_key(row: Ranking) -> CampaignKey | None:
    if row.reason_chain_id is None or row.reason_address is None:
        return None
    return row.reason_chain_id, row.reason_address


def _by_category(
    keys: Sequence[CampaignKey], known: dict[CampaignKey, CampaignCard], past: History
) -> list[CampaignKey]:
    """Everybody's list with the categories of what was looked at lately in front."""
    liked = {known[key].category.slug for key in past.viewed if key in known}
    return sorted(keys, key=lambda key: not (key in known and known[key].category.slug in liked))


def _may_show(card: CampaignCard, user_key: str | None, excluded: Collection[CampaignKey]) -> bool:
    is_offered = card.accepts_contributions and card.is_ranked
    return is_offered and card.key not in excluded and card.creator.lower() != user_key


def _popular() -> list[CampaignCard]:
    """Open campaigns by how many back them, those backed lately first."""
    listed = accepting(listed_campaigns())
    return cards(
        listed.order_by("-launched__totals__backers", "-launched__totals__last_contribution_at", "-pk")[
            :CANDIDATES
        ]
    )


def _newest() -> list[Candidate]:
    """What exploration draws from, each with its chance of being what people want."""
    newest = cache_generation.shared("newest", _NEWEST, _read_newest)
    return [Candidate(card.key, card, chance) for card, chance in newest]


_NEWEST = Shape[list[tuple[CampaignCard, float]]](list[tuple[CampaignCard, float]])


def _read_newest() -> list[tuple[CampaignCard, float]]:
    found = just_launched(EXPLORATION_POOL)
    arms = ExplorationArm.objects.filter(key_filter((card.key for card in found), "chain_id", "address"))
    chances = {
        (chain_id, address): chance
        for chain_id, address, chance in arms.values_list("chain_id", "address", "probability")
    }
    # Who is newer than the arms gets the mean of the others' chances.
    mean = sum(chances.values()) / len(chances) if chances else 1.0
    return [(card, chances.get(card.key, mean)) for card in found]


@dataclass(frozen=True, slots=True)
class _Reasons:
    """What a slot's reason is made of."""

    rows: dict[CampaignKey, Ranking]
    near: dict[CampaignKey, CampaignKey | None]
    """Near to what the user did lately: the campaign they backed, None where they only looked."""
    suited: frozenset[CampaignKey]
    """What else stands in the order of the user's answers, whether or not it is of what they named."""
    answers: Answers | None
    known: dict[CampaignKey, CampaignCard]
    is_personal: bool

    def of(self, key: CampaignKey) -> tuple[ReasonKind, CampaignCard | None]:
        if key in self.near:
            past = self.near[key]
            card = self.known.get(past) if past else None
            return ("similar_to", card) if card else ("viewed", None)
        if key in self.suited:
            return ("answers" if self._is_named(self.known[key]) else "popular"), None
        row = self.rows.get(key)
        if row is None:
            return "popular", None
        named = _reason_key(row)
        card = self.known.get(named) if named else None
        reason = _reason_kind(row)
        if reason == "similar_to" and card is None:
            reason = "category" if self.is_personal else "popular"
        return reason, card

    def _is_named(self, card: CampaignCard) -> bool:
        return self.answers is not None and self.answers.name(card.category.slug, card.language)


def _recommendation(slot: Slot, reasons: _Reasons, version: str, follows_answers: bool) -> Recommendation:
    key = slot.candidate.key
    reason, card = ("exploration", None) if slot.is_exploration else reasons.of(key)
    return Recommendation(
        card=slot.candidate.card,
        reason=reason,
        reason_card=card,
        slot=slot.index,
        propensity=slot.propensity,
        model_version=version,
        is_popular_fallback=not (reasons.is_personal or reasons.near or reasons.suited),
        follows_answers=follows_answers,
    )


def _reason_kind(row: Ranking) -> ReasonKind:
    kinds: dict[str, ReasonKind] = {
        Ranking.Reason.SIMILAR_TO: "similar_to",
        Ranking.Reason.CATEGORY: "category",
        Ranking.Reason.TRENDING: "trending",
        Ranking.Reason.NEW: "new",
        Ranking.Reason.POPULAR: "popular",
    }
    return kinds[row.reason]


__all__ = [
    "AudienceEntry",
    "LiveModel",
    "ModelVersion",
    "Recommendation",
    "audience_of",
    "knows_answers",
    "live_model",
    "recommended_for",
    "similar_to",
]
