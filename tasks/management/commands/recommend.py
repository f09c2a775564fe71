"""`manage.py recommend`: what the recommender learns from, trains and shows."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from django_project.core.models import Job
from django_project.discovery import services as discovery
from django_project.discovery.errors import RolloutError
from django_project.discovery.experiment_statistics import WATCHED, exposure, rates
from django_project.discovery.models import ModelVersion, RankingPublication
from django_project.discovery.services import erase
from django_project.discovery.user_keys import read_user_key, visitor_key, wallet_key
from recommender.errors import RecommenderError
from recommender.evaluation.metrics import DECIDING
from recommender.progress import Progress, terminal_progress
from tasks.recommending import steps
from tasks.recommending.jobs import SkippedError, only_one
from tasks.recommending.publishing import ALL


class Command(BaseCommand):
    help = "Take snapshots, train, promote and go back; say what is live."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        def action(name: str, help_text: str) -> CommandParser:
            added: CommandParser = actions.add_parser(name, help=help_text)
            added.add_argument("--json", action="store_true", help="one JSON object instead of lines")
            return added

        action("embed", "encode the stored texts ahead of training")
        action("snapshot", "freeze finalized contributions and consented behaviour")
        train = action("train", "train and measure the models on a snapshot")
        train.add_argument("snapshot", help="its name, as `snapshot` printed it")
        _training_arguments(train)
        refresh = action("refresh", "snapshot, train, ask the gates, rank and publish")
        refresh.add_argument("--if-new", action="store_true", help="do nothing when nothing came in")
        _training_arguments(refresh)
        promote = action("promote", "take a run further, whatever the gates said: ranks with it if need be")
        promote.add_argument("run", help="its id, as `status` lists it")
        promote.add_argument(
            "--stage",
            choices=["shadow", "canary", ALL],
            help="where to; by default a candidate's next stage, and all for any other run",
        )
        action("rollback", "show the lists that were shown before")
        erase = action("erase", "forget a user: behaviour and lists now, their vector at the next training")
        erase.add_argument("user", help="a wallet's address or visitor:<id>")
        action("status", "what is live, what was tried and how the last work ended")

    def handle(self, *args: Any, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any], Progress], dict[str, Any]]] = {
            "embed": self._embed,
            "snapshot": self._snapshot,
            "train": self._train,
            "refresh": self._refresh,
            "promote": self._promote,
            "rollback": self._rollback,
            "erase": self._erase,
            "status": self._status,
        }
        try:
            with terminal_progress() as progress:
                result = actions[options["action"]](options, progress)
        except SkippedError as reason:
            result = {"skipped": str(reason), "lines": [f"skipped: {reason}"]}
        except (RecommenderError, RolloutError) as error:
            raise CommandError(str(error)) from error
        lines = result.pop("lines")
        self.stdout.write(json.dumps(result) if options["json"] else "\n".join(lines))

    def _embed(self, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        count = steps.embed(progress)
        return {"texts": count, "lines": [f"{count:,} texts are encoded"]}

    def _snapshot(self, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        with only_one():
            name = steps.take_snapshot(force=True)
        return {"snapshot": name, "lines": [name]}

    def _train(self, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        with only_one():
            runs = steps.train(
                options["snapshot"],
                progress,
                models=_models(options),
                seed=options["seed"],
                warm=options["warm"],
            )
        return {"runs": runs, "lines": runs}

    def _refresh(self, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        clock = _Clock()
        with only_one():
            with clock.stage("snapshot"):
                name = steps.take_snapshot(force=not options["if_new"])
            with clock.stage("train"):
                run_ids = steps.train(
                    name, progress, models=_models(options), seed=options["seed"], warm=options["warm"]
                )
            with clock.stage("promote"):
                decision = steps.decide(run_ids)
            placed = []
            for run_id, stage in decision.placements:
                with clock.stage("rank"):
                    placed.append(steps.publish(run_id, progress, stage))
        shown = next((each for each in placed if each.stage == ALL), None)
        live = _live_run()
        return {
            "snapshot": name,
            "runs": _measured(run_ids),
            "gate_results": [result.as_json() for result in decision.promotion.results],
            "sentences": decision.promotion.sentences,
            "live": live,
            "placed": {each.version.run_id: each.stage for each in placed},
            "rankings": shown.rankings if shown else 0,
            "rankings_hash": shown.rankings_hash if shown else "",
            "seconds": clock.seconds,
            "lines": [
                *_table(run_ids),
                *decision.promotion.sentences,
                *(each.sentence for each in placed),
                *([] if shown else [f"{live} stays live"]),
                ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in clock.seconds.items()),
            ],
        }

    def _promote(self, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        publication = RankingPublication.objects.select_related("candidate").first()
        candidate = publication.candidate if publication else None
        with only_one():
            if publication and candidate and candidate.run_id == options["run"] and not options["stage"]:
                stage = ALL if publication.stage == RankingPublication.Stage.CANARY else "canary"
            else:
                stage = options["stage"] or ALL
            published = steps.publish(options["run"], progress, stage)
        return {
            "live": _live_run(),
            "stage": published.stage,
            "rankings_hash": published.rankings_hash,
            "lines": [published.sentence],
        }

    def _erase(self, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        deleted = erase(_user_key(options["user"]))
        return {
            "deleted": deleted,
            "lines": [f"{deleted:,} rows deleted; the next training forgets the rest"],
        }

    def _rollback(self, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        with only_one():
            version = discovery.roll_back()
        return {"live": version.run_id, "lines": [f"{version.run_id} is live again"]}

    def _status(self, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
        publication = RankingPublication.objects.select_related("version", "previous", "candidate").first()
        versions = list(ModelVersion.objects.order_by("-trained_at")[:10])
        jobs = list(Job.objects.filter(name__startswith="tasks.recommending.")[:5])
        live = publication.version.run_id if publication else ""
        previous = publication.previous.run_id if publication and publication.previous else ""
        candidate = publication.candidate.run_id if publication and publication.candidate else ""
        stage = publication.stage if publication else ""
        people, people_lines = _people(publication)
        return {
            "live": live,
            "previous": previous,
            "candidate": candidate,
            "stage": stage,
            "rankings_hash": bytes(publication.rankings_hash).hex() if publication else "",
            "runs": _measured([version.run_id for version in versions]),
            "jobs": [
                {"name": job.name, "state": job.state, "stage": job.stage, "message": job.message}
                for job in jobs
            ],
            **people,
            "lines": [
                f"live: {live or 'nothing yet'}" + (f", before it {previous}" if previous else ""),
                *([f"candidate: {candidate} ({stage})"] if candidate else []),
                *people_lines,
                *_table([version.run_id for version in versions]),
                *(f"{job.started_at:%Y-%m-%d %H:%M} {job.name}: {job.state} {job.message}" for job in jobs),
            ],
        }


def _people(publication: RankingPublication | None) -> tuple[dict[str, Any], list[str]]:
    """How the versions fare with people, and whether the lists feed on themselves."""
    if publication is None:
        return {}, []
    now, lines, fared = timezone.now(), [], {}
    for version in filter(None, (publication.version, publication.candidate)):
        found = rates([version.run_id], now - WATCHED, now)
        fared[version.run_id] = {
            name: {"hits": rate.hits, "trials": rate.trials, "people": rate.people}
            for name, rate in (("clicks", found.clicks), ("contributions", found.contributions))
        }
        lines.append(f"{version.run_id} in seven days: {found}")
    feedback, seen = publication.version.feedback, exposure(now - WATCHED)
    lines.append(
        "feedback: "
        + ", ".join(f"{name} {value:.2f}" for name, value in sorted(feedback.items()))
        + f"; {seen.impressions:,} impressions on {seen.campaigns:,} campaigns, Gini {seen.gini:.2f}"
    )
    exposed = {"impressions": seen.impressions, "campaigns": seen.campaigns, "gini": seen.gini}
    return {"rates": fared, "feedback": feedback, "exposure": exposed}, lines


def _user_key(text: str) -> str:
    """Raises CommandError for what is neither a wallet nor a visitor."""
    try:
        whose = read_user_key(text)
    except ValueError:
        raise CommandError(f"{text} is no user: give a wallet's address or visitor:<id>") from None
    return wallet_key(whose) if isinstance(whose, bytes) else visitor_key(whose)


def _training_arguments(parser: CommandParser) -> None:
    parser.add_argument("--models", default=",".join(steps.MODELS), help="names with commas between them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--warm", action="store_true", help="begin from the newest weights of each model")


def _models(options: dict[str, Any]) -> list[str]:
    return [name.strip() for name in options["models"].split(",") if name.strip()]


def _live_run() -> str:
    publication = RankingPublication.objects.select_related("version").first()
    return publication.version.run_id if publication else "nothing"


def _measured(run_ids: list[str]) -> list[dict[str, Any]]:
    """Each run with its state and its NDCG@10 beside the baselines'."""
    versions = ModelVersion.objects.in_bulk(run_ids, field_name="run_id")
    return [
        {
            "run": run_id,
            "model": versions[run_id].model,
            "state": versions[run_id].state,
            DECIDING: {model: table.get(DECIDING) for model, table in versions[run_id].metrics.items()},
        }
        for run_id in run_ids
    ]


def _table(run_ids: list[str]) -> list[str]:
    lines = [f"{'run':<34}{'state':<11}{'NDCG@10':<9}{'95 %':<17}against"]
    for run in _measured(run_ids):
        figures = dict(run[DECIDING])
        own = figures.pop(run["model"], None)
        if own is None:
            continue
        others = ", ".join(f"{model} {found['mean']:.4f}" for model, found in figures.items() if found)
        spread = f"{own['low']:.4f}–{own['high']:.4f}"
        lines.append(f"{run['run']:<34}{run['state']:<11}{own['mean']:<9.4f}{spread:<17}{others}")
    return lines


class _Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 2)
