"""Consent and the observations that come with it; and which version of the lists is shown.

A move of the roll-out is one transaction that leaves an entry in the audit trail.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from django_project.accounts.models import User
from django_project.campaigns.selectors import CampaignKey, key_filter
from django_project.core import audit
from django_project.discovery.errors import RolloutError
from django_project.discovery.gate_labels import english
from django_project.discovery.models import (
    AudienceMember,
    BehaviourEvent,
    Erasure,
    ModelVersion,
    Ranking,
    RankingPublication,
    Visitor,
)
from django_project.discovery.user_keys import read_user_key, visitor_key, wallet_key
from django_project.ledger.models import CampaignLaunched

EVENTS_PER_POST = 50
# A page left open over lunch was not read over lunch.
LONGEST_DWELL = timedelta(minutes=30)
# Clocks of phones and laptops run ahead a little.
CLOCK_SKEW = timedelta(minutes=5)

Stage = RankingPublication.Stage
State = ModelVersion.State

Values: TypeAlias = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Observation:
    """One event as a page reports it; recommended slots add `slot`, `propensity` and `model_version`."""

    event_id: uuid.UUID
    kind: Literal["impression", "view"]
    campaign: CampaignKey
    occurred_at: datetime
    dwell: timedelta = timedelta(0)
    slot: int | None = None
    propensity: float | None = None
    model_version: str = ""


@transaction.atomic
def grant_consent(visitor_id: uuid.UUID | None, user: User | None) -> Visitor:
    """Remember that a browser agreed; its visitor is kept, a new one made for a new browser or account."""
    visitor = _known(visitor_id, user)
    if visitor is None:
        return Visitor.objects.create(user=user, consented_at=timezone.now())
    if visitor.consented_at is None:
        visitor.consented_at, visitor.refused_at = timezone.now(), None
    visitor.user = visitor.user or user
    visitor.save(update_fields=["consented_at", "refused_at", "user"])
    return visitor


@transaction.atomic
def withdraw_consent(visitor_id: uuid.UUID | None) -> None:
    """Stop recording a browser and forget what it did. Somebody who never agreed leaves no row at all."""
    if visitor_id is None:
        return
    visitor = Visitor.objects.select_for_update().filter(public_id=visitor_id).first()
    if visitor is None:
        return
    events = BehaviourEvent.objects.filter(visitor=visitor)
    # Whoever was signed in may have nothing else to be known by, so that the next model need not know them.
    wallets = events.filter(wallet_address__isnull=False).values_list("wallet_address", flat=True).distinct()
    keys = [visitor_key(visitor.public_id), *(wallet_key(wallet) for wallet in wallets if wallet)]
    events.delete()
    visitor.consented_at, visitor.refused_at = None, timezone.now()
    visitor.save(update_fields=["consented_at", "refused_at"])
    Erasure.objects.bulk_create(Erasure(user_hash=erasure_hash(key), is_whole=False) for key in keys)


@transaction.atomic
def erase(user_key: str, *, actor: User | None = None) -> int:
    """Forget somebody: what they did here, their lists and their place in audiences; returns rows deleted.

    What a wallet wrote into a chain is not ours to delete, but no later snapshot has it, so the next model
    has no vector for them. `user_key` is a lower-case 0x address or `visitor:<id>`.
    """
    whose = read_user_key(user_key)
    if isinstance(whose, bytes):
        events = BehaviourEvent.objects.filter(wallet_address=whose)
    else:
        events = BehaviourEvent.objects.filter(visitor__public_id=whose)
    deleted = sum(
        rows.delete()[0]
        for rows in (
            events,
            Ranking.objects.filter(user_key=user_key),
            AudienceMember.objects.filter(user_key=user_key),
        )
    )
    Erasure.objects.create(user_hash=erasure_hash(user_key), is_whole=True)
    audit.record("discovery.erased", audit.FORGOTTEN, actor=actor)
    return deleted


def erasure_hash(user_key: str) -> str:
    """What is kept of somebody who is not to be kept."""
    return hashlib.sha256(user_key.encode()).hexdigest()


def consenting_visitor(visitor_id: uuid.UUID | None, user: User | None) -> Visitor | None:
    """The visitor to record for, or None without consent.

    When somebody else signed in with the same browser, the consent goes on under a new visitor, so that two
    people's histories never mix; the caller writes its id into the cookie.
    """
    if visitor_id is None:
        return None
    visitor = Visitor.objects.filter(public_id=visitor_id, consented_at__isnull=False).first()
    if visitor is None or user is None or visitor.user_id == user.pk:
        return visitor
    if visitor.user_id is None:
        Visitor.objects.filter(pk=visitor.pk, user=None).update(user=user)
        return visitor
    return Visitor.objects.create(user=user, consented_at=visitor.consented_at)


def record(visitor: Visitor, wallet: bytes | None, observations: Sequence[Observation]) -> int:
    """Store observations in two queries; says how many were new at most.

    Unknown campaigns, times outside (now - BEACON_MAX_AGE, now + CLOCK_SKEW) and events that were posted
    before are left out silently: a page cannot do anything about them.

    Raises:
        ValueError: more than EVENTS_PER_POST at once.
    """
    if len(observations) > EVENTS_PER_POST:
        raise ValueError(f"{len(observations)} observations: post at most {EVENTS_PER_POST} at once")
    now = timezone.now()
    timely = [
        seen for seen in observations if now - settings.BEACON_MAX_AGE <= seen.occurred_at <= now + CLOCK_SKEW
    ]
    if not timely:
        return 0
    named = key_filter({seen.campaign for seen in timely}, "chain_id", "address")
    launched = set(CampaignLaunched.objects.filter(named).values_list("chain_id", "address"))
    rows = [
        BehaviourEvent(
            visitor=visitor,
            wallet_address=wallet,
            client_event_id=seen.event_id,
            kind=seen.kind,
            chain_id=seen.campaign[0],
            campaign_address=seen.campaign[1],
            dwell_seconds=int(min(max(seen.dwell, timedelta(0)), LONGEST_DWELL).total_seconds()),
            slot=seen.slot,
            propensity=seen.propensity,
            model_version=seen.model_version,
            occurred_at=min(seen.occurred_at, now),
        )
        for seen in timely
        if seen.campaign in launched
    ]
    BehaviourEvent.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


@transaction.atomic
def show_version(version: ModelVersion, *, actor: User | None = None) -> None:
    """Show a ranked version to all; what was shown is kept as the one to go back to.

    Raises:
        RolloutError: it has no lists.
    """
    _need_lists(version)
    publication = _locked_publication()
    before = publication.version if publication else None
    ModelVersion.objects.filter(state=State.LIVE).exclude(pk=version.pk).update(state=State.RETIRED)
    version.state, version.promoted_at = State.LIVE, timezone.now()
    version.save(update_fields=["state", "promoted_at"])
    previous = before if before != version else publication and publication.previous
    is_candidate = bool(publication and publication.candidate == version)
    values = {"version": version, "rankings_hash": version.rankings_hash, "previous": previous}
    if is_candidate:
        values |= {"candidate": None, "stage": Stage.NONE, "stage_since": None}
    RankingPublication.objects.update_or_create(pk=1, defaults=values)
    audit.record("discovery.rankings.shown", version.run_id, actor=actor)


@transaction.atomic
def stage_candidate(version: ModelVersion, to: Stage, *, actor: User | None = None) -> None:
    """Put a ranked version beside what is live.

    A newer run of the candidate's kind takes its place without starting the stage's clock again.

    Raises:
        RolloutError: it has no lists, or nothing is live to compare it with, or it is live itself.
    """
    _need_lists(version)
    publication = _locked_publication()
    if publication is None:
        raise RolloutError("nothing is live to compare a candidate with: show it to all")
    if publication.version == version:
        raise RolloutError(f"{version.run_id} is live: it cannot be a candidate as well")
    before = publication.candidate
    if before and before != version:
        _set_state(before, State.RETIRED)
    goes_on = before and before.model == version.model and publication.stage == to
    publication.candidate, publication.stage = version, to
    publication.stage_since = publication.stage_since if goes_on else timezone.now()
    publication.save()
    _set_state(version, State.SHADOW if to == Stage.SHADOW else State.CANARY)
    if not goes_on:
        audit.record(f"discovery.rankings.{to.value}", version.run_id, actor=actor)


@transaction.atomic
def advance_candidate(*, actor: User | None = None) -> ModelVersion:
    """The candidate's next step: from shadow to a tenth of the users, from there to all.

    Raises:
        RolloutError: there is no candidate.
    """
    publication = _locked_publication()
    if publication is None or publication.candidate is None:
        raise RolloutError("there is no candidate to take further")
    candidate = publication.candidate
    if publication.stage == Stage.SHADOW:
        stage_candidate(candidate, Stage.CANARY, actor=actor)
    else:
        show_version(candidate, actor=actor)
    return candidate


@transaction.atomic
def withdraw_candidate(code: str, values: Values | None = None, *, actor: User | None = None) -> ModelVersion:
    """Take the candidate back; nobody sees it from the next request on. `code` is one of ROLLOUT_LABELS.

    Raises:
        RolloutError: there is no candidate.
    """
    publication = _locked_publication()
    if publication is None or publication.candidate is None:
        raise RolloutError("there is no candidate to take back")
    candidate = publication.candidate
    reason = _refuse(candidate, code, values or {})
    publication.candidate, publication.stage, publication.stage_since = None, Stage.NONE, None
    publication.save()
    audit.record("discovery.rankings.withdrawn", candidate.run_id, actor=actor, reason=reason)
    return candidate


@transaction.atomic
def roll_back(code: str = "", values: Values | None = None, *, actor: User | None = None) -> ModelVersion:
    """Show the version that was live before, whose lists are still there; returns it.

    With a `code` of ROLLOUT_LABELS, what was live is refused for it.

    Raises:
        RolloutError: there is none.
    """
    publication = _locked_publication()
    if publication is None or publication.previous is None:
        raise RolloutError("no model was live before this one: there is nothing to go back to")
    left, before = publication.version, publication.previous
    if not Ranking.objects.filter(version=before).exists():
        raise RolloutError(f"the lists of {before.run_id} are no longer kept: promote it to rank them anew")
    show_version(before, actor=actor)
    reason = ""
    if code:
        left.refresh_from_db()
        reason = _refuse(left, code, values or {})
    audit.record("discovery.rankings.rolled_back", before.run_id, actor=actor, reason=reason)
    return before


def _refuse(version: ModelVersion, code: str, values: Values) -> str:
    """Write down why a version is no longer shown; returns it as a sentence."""
    result = {"run": version.run_id, "code": code, "values": dict(values)}
    version.state, version.gate_results = State.REFUSED, [*version.gate_results, result]
    version.save(update_fields=["state", "gate_results"])
    return english(result)


def _locked_publication() -> RankingPublication | None:
    return (
        RankingPublication.objects.select_for_update(of=("self",))
        .select_related("version", "previous", "candidate")
        .first()
    )


def _set_state(version: ModelVersion, state: ModelVersion.State) -> None:
    version.state = state
    version.save(update_fields=["state"])


def _need_lists(version: ModelVersion) -> None:
    if version.rankings_hash is None:
        raise RolloutError(f"{version.run_id} has no lists yet: promote it to rank with it")


def _known(visitor_id: uuid.UUID | None, user: User | None) -> Visitor | None:
    if visitor_id is None:
        return None
    visitor = Visitor.objects.select_for_update().filter(public_id=visitor_id).first()
    if visitor is None or visitor.user_id is None or user is None or visitor.user_id == user.pk:
        return visitor
    return None
