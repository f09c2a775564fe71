"""Which version of the lists is shown to whom: shadow → a tenth of the users → all, and back.

Everything that is shown or staged is named by one row, so that a page needs no further query to know its
version, and a move is one transaction that leaves an entry in the audit trail.
"""

import hashlib
from collections.abc import Mapping
from typing import TypeAlias

from django.db import transaction
from django.utils import timezone

from django_project.accounts.models import User
from django_project.core import audit
from django_project.discovery.gate_labels import english
from django_project.discovery.models import ModelVersion, Ranking, RankingPublication

Stage = RankingPublication.Stage
State = ModelVersion.State

Values: TypeAlias = Mapping[str, str | int | float]

CANARY_PERCENT = 10


class RolloutError(Exception):
    """A step that cannot be taken; the text says why."""


def bucket(user_key: str) -> int:
    """0 to 99, the same for a user in every process and for every model, evenly spread."""
    return int.from_bytes(hashlib.sha256(f"rollout:{user_key}".encode()).digest()[:8]) % 100


def version_for(publication: RankingPublication, user_key: str | None) -> ModelVersion:
    """The version that somebody sees; who has no key sees what is live."""
    candidate = publication.candidate
    if candidate and publication.stage == Stage.CANARY and user_key and bucket(user_key) < CANARY_PERCENT:
        return candidate
    return publication.version


@transaction.atomic
def show(version: ModelVersion, *, actor: User | None = None) -> None:
    """Show a ranked version to all; what was shown is kept as the one to go back to.

    Raises:
        RolloutError: it has no lists.
    """
    _need_lists(version)
    publication = _locked()
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
def stage(version: ModelVersion, to: Stage, *, actor: User | None = None) -> None:
    """Put a ranked version beside what is live.

    A newer run of the candidate's kind takes its place without starting the stage's clock again.

    Raises:
        RolloutError: it has no lists, or nothing is live to compare it with, or it is live itself.
    """
    _need_lists(version)
    publication = _locked()
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
def advance(*, actor: User | None = None) -> ModelVersion:
    """The candidate's next step: from shadow to a tenth of the users, from there to all.

    Raises:
        RolloutError: there is no candidate.
    """
    publication = _locked()
    if publication is None or publication.candidate is None:
        raise RolloutError("there is no candidate to take further")
    candidate = publication.candidate
    if publication.stage == Stage.SHADOW:
        stage(candidate, Stage.CANARY, actor=actor)
    else:
        show(candidate, actor=actor)
    return candidate


@transaction.atomic
def withdraw(code: str, values: Values | None = None, *, actor: User | None = None) -> ModelVersion:
    """Take the candidate back; nobody sees it from the next request on. `code` is one of ROLLOUT_LABELS.

    Raises:
        RolloutError: there is no candidate.
    """
    publication = _locked()
    if publication is None or publication.candidate is None:
        raise RolloutError("there is no candidate to take back")
    candidate = publication.candidate
    reason = _refuse(candidate, code, values or {})
    publication.candidate, publication.stage, publication.stage_since = None, Stage.NONE, None
    publication.save()
    audit.record("discovery.rankings.withdrawn", candidate.run_id, actor=actor, reason=reason)
    return candidate


@transaction.atomic
def go_back(code: str = "", values: Values | None = None, *, actor: User | None = None) -> ModelVersion:
    """Show the version that was live before, whose lists are still there; returns it.

    With a `code` of ROLLOUT_LABELS, what was live is refused for it.

    Raises:
        RolloutError: there is none.
    """
    publication = _locked()
    if publication is None or publication.previous is None:
        raise RolloutError("no model was live before this one: there is nothing to go back to")
    left, before = publication.version, publication.previous
    if not Ranking.objects.filter(version=before).exists():
        raise RolloutError(f"the lists of {before.run_id} are no longer kept: promote it to rank them anew")
    show(before, actor=actor)
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


def _locked() -> RankingPublication | None:
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
