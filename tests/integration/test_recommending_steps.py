"""The recommender's steps one after the other: what asks for them, what waits, what a failure leaves."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from django_project.core.models import Job
from django_project.discovery.models import Interpretation, ModelVersion
from django_project.discovery.rollout import CANARY_PERCENT, bucket
from django_project.discovery.selectors import live_model, recommended_for
from recommender.errors import ConfigError
from recommender.progress import silent
from recommender.text import cache
from tasks.recommending import interpreting, jobs, publishing, steps, tasks, versions
from tasks.recommending.jobs import ADVISORY_LOCK
from tests.factories import World, address
from tests.tastes import (
    BACKERS,
    backers_with_tastes,
    campaigns_of_two_tastes,
    command,
    key_of,
    refresh,
    shown,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("recommender_directory")]


def test_the_tasks_do_the_same_one_after_the_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda name, *args: asked.append((name, args)))
    monkeypatch.setattr(steps, "MODELS", ("twotower",))
    backers_with_tastes(world, campaigns_of_two_tastes(world))
    by_name: dict[str, Any] = {
        task.name: task
        for task in (
            tasks.snapshot,
            tasks.train,
            tasks.promote,
            tasks.rank,
        )
    }
    tasks.snapshot()
    while asked:
        name, arguments = asked.pop(0)
        by_name[name](*arguments)
    assert [(job.name, job.state) for job in Job.objects.order_by("pk")] == [
        (name, "done") for name in by_name
    ]
    assert live_model() is not None


def test_what_a_model_of_ratings_has_learnt_is_kept_for_operators(world: World) -> None:
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    runs = steps.train(steps.take_snapshot(), silent, models=("dot_product_bias",))
    kept = Interpretation.objects.get()
    assert kept.version.run_id == runs[-1]
    assert kept.findings["users"] == BACKERS
    titles = {item["title"] for item in kept.findings["highest"]}
    assert titles <= {f"{category} {number}" for category in ("food", "technology") for number in range(20)}
    for picture in (kept.factors, kept.biases, kept.neighbours):
        assert bytes(picture).startswith(b"\x89PNG")
    again = interpreting.interpret_run(versions.run_of(kept.version), kept.version)
    assert again is not None
    assert (again.pk, Interpretation.objects.count()) == (kept.pk, 1)
    kept.version.delete()
    assert not Interpretation.objects.exists()


def test_every_training_has_the_settings_of_the_environment(world: World, settings: Any) -> None:
    backers_with_tastes(world, campaigns_of_two_tastes(world))
    name = steps.take_snapshot()
    settings.RECOMMENDER_SETTINGS = ["ease.regularization=7"]
    run = versions.run_of(ModelVersion.objects.get(run_id=steps.train(name, silent, models=("ease",))[-1]))
    assert (run.model, run.config.settings["regularization"]) == ("ease", 7)
    for entry, problem in (
        ("ease.colour=red", "ease has no such setting colour"),
        ("ease", "CHAINFUND_RECOMMENDER_SETTINGS: ease: write it as model.name=value"),
    ):
        settings.RECOMMENDER_SETTINGS = [entry]
        with pytest.raises(ConfigError, match=problem):
            steps.train(name, silent, models=("ease",))


def test_a_nightly_training_begins_from_the_weights_before_and_a_weekly_one_from_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda name, *args: asked.append((name, args)))
    monkeypatch.setattr(steps, "MODELS", ("twotower",))
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    by_name: dict[str, Any] = {task.name: task for task in (tasks.train, tasks.promote)}

    def work_off() -> str:
        """Do what was asked for; the newest run of the tower."""
        while asked:
            name, arguments = asked.pop(0)
            by_name.get(name, tasks.rank)(*arguments)
        return ModelVersion.objects.filter(model="twotower").order_by("-pk")[0].run_id

    def begun_from(run_id: str) -> str:
        return ModelVersion.objects.get(run_id=run_id).warm_from

    tasks.snapshot()
    first = work_off()
    assert begun_from(first) == ""
    world.mine(50)
    tasks.snapshot()
    tasks.snapshot(full=True)
    assert not asked
    assert {job.message.split(" since ")[0] for job in Job.objects.filter(state="skipped")} == {
        "nothing is new"
    }

    world.contribute(campaigns[0], backer=address(500))
    world.mine(20)
    tasks.snapshot()
    second = work_off()
    assert begun_from(second) == first
    # A full one has something to do where only a warm one came since.
    tasks.snapshot(full=True)
    third = work_off()
    assert (begun_from(third), third != second) == ("", True)
    tasks.snapshot(full=True)
    assert not asked


def test_both_trainings_are_asked_for_by_beat_on_the_gpus_queue() -> None:
    from tasks.celery import app

    entries = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == tasks.SNAPSHOT]
    assert [entry.get("kwargs", {}) for entry in entries] == [{}, {"full": True}]
    nightly, weekly = (entry["schedule"] for entry in entries)
    assert (nightly.days, weekly.days) == (1, 7)
    for task in (
        tasks.SNAPSHOT,
        tasks.TRAIN,
        tasks.PROMOTE,
        tasks.RANK,
    ):
        assert app.amqp.router.route({}, task)["queue"].name == "gpu"


def test_what_was_begun_waits_for_another_step_and_a_nightly_one_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mine(20)
    monkeypatch.setattr(tasks, "PATIENCE", timedelta(milliseconds=50))
    with connection.copy().cursor() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        try:
            tasks.snapshot()
            tasks.snapshot(full=True)
            tasks.promote([])
        finally:
            other.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
            other.connection.close()
    told = list(Job.objects.values_list("state", "message"))
    assert told == 3 * [("skipped", "another step of the recommender is running")]


def test_another_kind_of_model_goes_by_steps_while_the_live_kind_is_renewed(world: World) -> None:
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    assert refresh("--models", "itemknn")["live"].startswith("itemknn-")
    world.contribute(campaigns[0], backer=address(500))
    world.mine(20)
    again = refresh()
    tower = next(run["run"] for run in again["runs"] if run["model"] == "twotower")
    assert again["live"].startswith("itemknn-")
    assert again["placed"] == {again["live"]: "all", tower: "shadow"}
    assert recommended_for(key_of(0), 1, seed="still")[0].model_version == again["live"]

    assert json.loads(command("promote", tower, "--json"))["stage"] == "canary"
    seen = {
        key: recommended_for(key, 1, seed="still")[0].model_version
        for key in (key_of(number) for number in range(BACKERS))
    }
    assert seen == {key: tower if bucket(key) < CANARY_PERCENT else again["live"] for key in seen}
    assert set(seen.values()) == {tower, again["live"]}

    assert json.loads(command("promote", tower, "--json"))["live"] == tower
    assert json.loads(command("rollback", "--json"))["live"] == again["live"]


def test_a_damaged_candidate_changes_nothing_and_its_step_says_so(world: World) -> None:
    backers_with_tastes(world, campaigns_of_two_tastes(world))
    live = refresh()["live"]
    pop = ModelVersion.objects.get(model="pop").run_id
    for name in ("metrics.json", "manifest.json"):
        (versions.root() / pop / name).write_text("{}")
        tasks.promote([pop, live])
        job = Job.objects.order_by("-pk")[0]
        assert job.state == "failed"
        assert pop in job.message
        assert shown().run_id == live


def test_a_second_refresh_waits_for_no_one(world: World) -> None:
    world.mine(20)
    with connection.copy().cursor() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        try:
            assert "another step of the recommender is running" in command("refresh")
        finally:
            other.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
            other.connection.close()


def test_old_versions_are_forgotten_but_never_what_is_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    first = refresh()
    monkeypatch.setattr(publishing, "KEPT_VERSIONS", 0)
    publishing.forget_old(versions.root())
    assert [version.run_id for version in ModelVersion.objects.all()] == [first["live"]]
    assert (versions.root() / str(first["live"])).exists()
    assert not (versions.root() / str(first["runs"][0]["run"])).exists()
    assert len(list((versions.root() / "snapshots").iterdir())) == 1


def test_embedding_ahead_encodes_what_training_will_ask_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    backers_with_tastes(world, campaigns_of_two_tastes(world))
    assert "20 texts are encoded" in command("embed")
    monkeypatch.setattr(cache, "load_encoder", lambda name: pytest.fail(f"{name} was loaded again"))
    assert refresh()["live"]
