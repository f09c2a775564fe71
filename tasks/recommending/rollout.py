"""Takes a candidate further or back by what people do with its lists; needs no torch."""

from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from django_project.discovery import services as discovery
from django_project.discovery.experiment_statistics import (
    MIN_PEOPLE,
    MIN_TRIALS,
    Rate,
    has_fallen,
    rates,
    replayed,
)
from django_project.discovery.gate_labels import english
from django_project.discovery.models import ModelVersion, RankingPublication

Stage = RankingPublication.Stage


@transaction.atomic
def review(now: datetime | None = None) -> str:
    """One step of the roll-out, if one is due; says what was seen."""
    now = now or timezone.now()
    publication = (
        RankingPublication.objects.select_for_update(of=("self",))
        .select_related("version", "previous", "candidate")
        .first()
    )
    if publication is None:
        return "nothing is live yet"
    if publication.candidate is None or publication.stage_since is None:
        return _review_live(publication, now)
    if publication.stage == Stage.SHADOW:
        return _review_shadow(publication.candidate, publication.version, publication.stage_since, now)
    return _review_canary(publication.candidate, publication.version, publication.stage_since, now)


def _review_shadow(candidate: ModelVersion, live: ModelVersion, since: datetime, now: datetime) -> str:
    ours, theirs = replayed(candidate, since), replayed(live, since)
    said = f"of the contributions since, its first ten held {ours}, those of {live.run_id} {theirs}"
    if has_fallen(ours, theirs):
        return _withdraw("shadow_fell", {**_compared(ours, theirs), "live_run": live.run_id})
    return _advance(
        candidate,
        f"{candidate.run_id} in the shadow: {said}",
        is_due=now - since >= settings.RECOMMENDER_SHADOW_PERIOD,
    )


def _review_canary(candidate: ModelVersion, live: ModelVersion, since: datetime, now: datetime) -> str:
    ours, theirs = rates(_kin(candidate, live), since, now), rates(_kin(live, candidate), since, now)
    fallen = _fallen(
        ("clicks", ours.clicks, theirs.clicks), ("contributions", ours.contributions, theirs.contributions)
    )
    if fallen:
        name, values = fallen
        return _withdraw(f"canary_{name}_fell", values)
    said = f"{candidate.run_id} at a tenth of the users: {ours}"
    if not (ours.clicks.is_enough and theirs.clicks.is_enough):
        return f"{said}: fewer than the {MIN_TRIALS} impressions on {MIN_PEOPLE} visitors it takes to tell"
    return _advance(candidate, said, is_due=now - since >= settings.RECOMMENDER_CANARY_PERIOD)


def _review_live(publication: RankingPublication, now: datetime) -> str:
    """Whether what is live now fares worse than what was live before did.

    Compared with as long a time before it was shown, a whole number of days earlier: at the same hours.
    """
    live, before = publication.version, publication.previous
    if before is None or live.promoted_at is None or before.state == ModelVersion.State.REFUSED:
        return f"{live.run_id} is live, and there is nothing to go back to"
    age: timedelta = now - live.promoted_at
    if age > settings.RECOMMENDER_CANARY_PERIOD:
        return f"{live.run_id} is live and has stood its time"
    then = live.promoted_at - timedelta(days=ceil(age / timedelta(days=1)))
    ours = rates([live.run_id], live.promoted_at, now)
    theirs = rates(_kin(before, live), then, then + age)
    fallen = _fallen(
        ("clicks", ours.clicks, theirs.clicks), ("contributions", ours.contributions, theirs.contributions)
    )
    if not fallen:
        return f"{live.run_id} is live: {ours}"
    name, values = fallen
    discovery.roll_back(f"live_{name}_fell", {**values, "live_run": before.run_id})
    live.refresh_from_db(fields=["gate_results"])
    return english(live.gate_results[-1])


def _fallen(*compared: tuple[str, Rate, Rate]) -> tuple[str, dict[str, float]] | None:
    """The first rate that has fallen, by name, with its values; None if none has."""
    for name, ours, theirs in compared:
        if has_fallen(ours, theirs):
            return name, _compared(ours, theirs)
    return None


def _compared(ours: Rate, theirs: Rate) -> dict[str, float]:
    return {
        "share": ours.share,
        "trials": ours.trials,
        "live_share": theirs.share,
        "live_trials": theirs.trials,
    }


def _kin(version: ModelVersion, other: ModelVersion) -> list[str]:
    """Runs that stand for a version: all of its kind, as nightly runs take each other's place."""
    if version.model == other.model:
        return [version.run_id]
    return list(ModelVersion.objects.filter(model=version.model).values_list("run_id", flat=True))


def _withdraw(code: str, values: discovery.Values) -> str:
    return english(discovery.withdraw_candidate(code, values).gate_results[-1])


def _advance(candidate: ModelVersion, said: str, *, is_due: bool) -> str:
    if not is_due:
        return f"{said}: its time is not over"
    if settings.RECOMMENDER_NEEDS_APPROVAL:
        return f"{said}: waits for `manage.py recommend promote {candidate.run_id}`"
    discovery.advance_candidate()
    return f"{said}: it goes on"
