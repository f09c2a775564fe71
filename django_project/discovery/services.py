"""Consent, and the observations that come with it."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from django_project.accounts.models import User
from django_project.campaigns.selectors import CampaignKey, key_filter
from django_project.core import audit
from django_project.discovery.models import AudienceMember, BehaviourEvent, Erasure, Ranking, Visitor
from django_project.discovery.user_keys import read_user_key, visitor_key, wallet_key
from django_project.ledger.models import CampaignLaunched

EVENTS_PER_POST = 50
# A page left open over lunch was not read over lunch.
LONGEST_DWELL = timedelta(minutes=30)
# Clocks of phones and laptops run ahead a little.
CLOCK_SKEW = timedelta(minutes=5)


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


def _known(visitor_id: uuid.UUID | None, user: User | None) -> Visitor | None:
    if visitor_id is None:
        return None
    visitor = Visitor.objects.select_for_update().filter(public_id=visitor_id).first()
    if visitor is None or visitor.user_id is None or user is None or visitor.user_id == user.pk:
        return visitor
    return None
