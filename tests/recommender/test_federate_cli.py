"""`python -m recommender federate` as coordinators and platforms use it."""

import json
from pathlib import Path

import polars as pl
import pytest

from recommender.data.reading import conform
from recommender.data.schema import Tables
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.data.writing import write_directory
from tests.recommender.conftest import Command

NETWORK = (
    "--set", "pfcr.dims=8", "--set", "pfcr.centroids=5", "--set", "pfcr.groups=3", "--set", "pfcr.layers=1",
    "--set", "pfcr.length=6", "--set", "pfcr.code_dims=2",
)  # fmt: skip


@pytest.fixture
def public(tmp_path: Path) -> Path:
    path = tmp_path / "public.txt"
    path.write_text("tea leaves\nhoney\n\nmaps of hills\n老电影\nfolk songs\nhoney\n")
    return path


@pytest.fixture
def shared(run: Command, public: Path, tmp_path: Path) -> Path:
    path = tmp_path / "shared"
    settings = ("--set", "federation.rounds=2", "--set", "federation.epsilon=30")
    status, printed, errors = run("federate", "begin", path, "--public", public, *NETWORK, *settings)
    assert status == 0, errors
    assert "round 0 of 2, codes learnt from 5 public texts" in printed
    return path


def test_two_platforms_and_a_coordinator_go_through_a_round(
    run: Command, shared: Path, small_directory: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    config = SyntheticConfig(users=30, items=15, views=50, contributions=200, seed=4)
    write_directory(conform(synthesize(config)), other)
    for name, data in (("north", small_directory), ("south", other)):
        status, printed, errors = run(
            "federate", "round", shared, tmp_path / f"{name}.update", "--client", name,
            "--memory", tmp_path / name, "--data", data,
        )  # fmt: skip
        assert status == 0, errors
        assert "round 1 of 2, learnt from" in printed
        assert "promised to each of them over all rounds: ε 30, δ 0.0001" in printed
    before = run("federate", "turn", shared)[1]
    status, printed, errors = run(
        "federate", "close", shared, tmp_path / "north.update", tmp_path / "south.update"
    )
    assert status == 0, errors
    assert "round 1, the average of 2 clients" in printed
    assert (before.strip(), run("federate", "turn", shared)[1].strip()) == ("0 2", "1 2")


def test_a_platform_trains_from_what_was_learnt_together(
    run: Command, shared: Path, small_directory: Path, tmp_path: Path
) -> None:
    own = ("--set", f"pfcr.shared={shared}", "--set", "pfcr.words=2", "--set", "pfcr.training.epochs=1")
    status, _, errors = run("train", "pfcr", "--data", small_directory, *NETWORK, *own)
    assert status == 1
    assert "give this platform's as pfcr.own=MEMORY/own.safetensors" in errors
    memory = tmp_path / "memory"
    status, _, errors = run(
        "federate", "round", shared, tmp_path / "north.update", "--client", "north", "--memory", memory,
        "--data", small_directory,
    )  # fmt: skip
    assert status == 0, errors
    kept = ("--set", f"pfcr.own={memory / 'own.safetensors'}")
    status, printed, errors = run("train", "pfcr", "--data", small_directory, *NETWORK, *own, *kept)
    assert status == 0, errors
    assert "pfcr-" in printed


def test_a_file_of_shared_weights_is_not_begun_twice(run: Command, shared: Path, public: Path) -> None:
    status, _, errors = run("federate", "begin", shared, "--public", public)
    assert status == 1
    assert "its rounds go on with `federate round`, or name another file" in errors


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("ease.regularization=5", "here it is pfcr.name=value or federation.name=value"),
        ("federation.rounds=0", "federation.rounds is '0'"),
        ("federation.travels=prompts", "federation.travels is 'prompts'"),
        ("pfcr.heads=0", "pfcr.heads is '0'"),
    ],
)
def test_other_settings_are_refused_in_a_sentence(
    run: Command, public: Path, tmp_path: Path, setting: str, problem: str
) -> None:
    status, _, errors = run("federate", "begin", tmp_path / "new", "--public", public, "--set", setting)
    assert status == 1
    assert problem in errors
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"\n \n"])
def test_public_texts_are_needed(run: Command, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "texts").write_bytes(content)
    status, _, errors = run("federate", "begin", tmp_path / "new", "--public", tmp_path / "texts")
    assert status == 1
    assert "give" in errors
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("has_public", [False, True])
def test_domains_may_be_chains(run: Command, public: Path, tmp_path: Path, has_public: bool) -> None:
    """Where every item is on a chain none is left over to learn codes from, and texts have to be given."""
    config = SyntheticConfig(users=60, items=20, views=0, contributions=500, taste=5.0, seed=1)
    found = synthesize(config)
    places = pl.col("item_id").rank("dense") % 2
    on_chains = found.events.with_columns(chain_id=pl.when(places == 0).then(10).otherwise(8453))
    write_directory(conform(Tables(on_chains, found.items)), tmp_path / "data")
    settings = ("--set", "federation.rounds=1", "--set", "pfcr.training.epochs=1", "--set", "pfcr.words=2")
    status, printed, errors = run(
        "federate", "simulate", "--data", tmp_path / "data", "--by", "chain", "--seeds", "1",
        "--least-persons", "10", *(("--public", public) if has_public else ()), *NETWORK, *settings,
    )  # fmt: skip
    if not has_public:
        assert status == 1
        assert "give texts that anybody may see with --public, or cut otherwise" in errors
        return
    assert status == 0, errors
    assert "| ∞ | chain 10 | federated |" in printed
    assert "| ∞ | chain 8453 | federated, full prompt |" in printed


def test_the_arms_are_measured_by_domain_and_written(run: Command, tmp_path: Path) -> None:
    config = SyntheticConfig(users=80, items=30, views=0, contributions=700, taste=5.0, seed=1)
    write_directory(conform(synthesize(config)), tmp_path / "data")
    out = tmp_path / "out.json"
    settings = (
        "--set", "federation.rounds=1", "--set", "federation.persons_per_step=16",
        "--set", "pfcr.training.epochs=1", "--set", "pfcr.words=2",
    )  # fmt: skip
    status, printed, errors = run(
        "federate", "simulate", "--data", tmp_path / "data", "--seeds", "1", "--least-persons", "10",
        "--epsilons", "20", "--json", out, *NETWORK, *settings,
    )  # fmt: skip
    assert status == 0, errors
    report = json.loads(out.read_text())
    arms = ["local", "centralised", "federated", "federated, light prompt", "federated, full prompt"]
    names = list(dict.fromkeys(row["domain"] for row in report["rows"]))
    assert names[-1] == "all domains"
    assert len(names) >= 3
    assert [row["arm"] for row in report["rows"] if row["domain"] == names[0]] == arms
    assert {row["epsilon"] for row in report["rows"]} == {20.0}
    whole = [row for row in report["rows"] if row["domain"] == "all domains"]
    parts = [row for row in report["rows"] if row["domain"] != "all domains" and row["arm"] == "local"]
    assert whole[0]["users"] == sum(row["users"] for row in parts)
    assert whole[0]["gain"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert f"| 20 | {names[0]} | local |" in printed


def test_each_seed_is_a_population_that_is_attacked(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    status, printed, errors = run(
        "federate", "attack", "--members", "50", "--epsilons", "2", "--seeds", "2", "--json", out, *NETWORK,
        "--set", "federation.rounds=1",
    )  # fmt: skip
    assert status == 0, errors
    written = json.loads(out.read_text())
    assert [each["seed"] for each in written["protocol"]["populations"]] == [0, 1]
    assert [row["epsilon"] for row in written["rows"]] == [None, 2.0]
    free, promised = written["rows"]
    assert free["noise"] == 0 < promised["noise"]
    assert f"| 2 | {promised['noise']:.2f} | {promised['auc']['mean']:.3f} (" in printed
