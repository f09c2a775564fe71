"""Runs, the live pointer, warm starts: what is damaged is named and changes nothing."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import torch

from recommender.data.dataset import Dataset, build_dataset
from recommender.data.schema import Tables
from recommender.errors import ConfigError, DamagedError, DataError
from recommender.pipeline import (
    build_snapshot,
    open_ranker,
    rank_all,
    run_snapshot,
    snapshots_root,
    train_candidates,
)
from recommender.registry.diagnosis import diagnose
from recommender.registry.gates import decide_promotion, judge
from recommender.registry.pointer import live_run, promote, read_pointer, rollback
from recommender.registry.runs import RunInfo, load_model, load_vocabularies, open_run
from recommender.registry.warm_start import warm_weights
from tests.recommender.build import event, item, tables
from tests.recommender.conftest import KEY, TOWER, word_vectors


class TestRuns:
    def test_they_say_where_they_come_from(self, runs: dict[str, RunInfo], root: Path) -> None:
        tower = runs["twotower"]
        assert set(runs) == {"pop", "twotower"}
        assert {path.name for path in tower.path.iterdir()} == {
            "model.safetensors",
            "config.json",
            "vocab.parquet",
            "metrics.json",
            "manifest.json",
            "card.md",
        }
        assert tower.manifest.finalized["31337"].number == 9
        assert run_snapshot(tower, root).hash == tower.manifest.snapshot_hash
        assert set(tower.metrics.better_than) == {"pop", "recent_pop"}
        assert judge(tower).is_accepted, judge(tower).sentences

    @pytest.mark.usefixtures("no_encoder")
    def test_training_again_gives_the_same_run(self, runs: dict[str, RunInfo], root: Path) -> None:
        tower = runs["twotower"]
        again = train_candidates(run_snapshot(tower, root), ["twotower"], root, settings=TOWER)
        assert [run.id for run in again] == [runs["pop"].id, tower.id]

    def test_the_vocabulary_is_that_of_the_data(self, runs: dict[str, RunInfo], small: Dataset) -> None:
        found = load_vocabularies(runs["twotower"])
        assert found["users"] == small.users
        assert found["item_ids"] == small.item_ids

    @pytest.mark.parametrize(
        "name", ["model.safetensors", "config.json", "vocab.parquet", "metrics.json", "manifest.json"]
    )
    @pytest.mark.parametrize("harm", ["cut", "gone"])
    def test_damage_is_named(self, name: str, harm: str, runs: dict[str, RunInfo]) -> None:
        run = runs["twotower"]
        path = run.path / name
        if harm == "cut":
            path.write_bytes(path.read_bytes()[:-4])
        else:
            path.unlink()
        wanted = r"is not the file its manifest names|is damaged|manifest\.json is missing"
        with pytest.raises(DamagedError, match=wanted):
            open_run(run.path)

    def test_weights_of_another_shape_are_refused(self, runs: dict[str, RunInfo]) -> None:
        run = runs["twotower"]
        small = run.config.model_copy(update={"sizes": run.config.sizes.model_copy(update={"users": 7})})
        with pytest.raises(DamagedError, match="does not fit its config"):
            load_model(RunInfo(run.path, run.manifest, small, run.metrics))

    def test_a_run_ranks_its_own_snapshot_only(
        self, runs: dict[str, RunInfo], small_tables: Tables, root: Path
    ) -> None:
        fewer = Tables(small_tables.events.head(50), small_tables.items)
        other = build_snapshot(fewer, KEY, snapshots_root(root))
        with pytest.raises(ConfigError, match="rank that snapshot, or train on this one"):
            open_ranker(runs["twotower"], other, root)


@pytest.mark.usefixtures("no_encoder")
class TestLittleData:
    LATER = KEY.model_copy(update={"behaviour_until": datetime(2026, 2, 1, tzinfo=UTC)})

    def test_nothing_to_learn_from_is_said(self, tmp_path: Path) -> None:
        seen = tables([event("a", "x", 1, "view")], [item("x")])
        views = build_snapshot(seen, self.LATER, snapshots_root(tmp_path))
        with pytest.raises(DataError, match="the snapshot has no contributions"):
            train_candidates(views, ["twotower"], tmp_path)

    def test_pop_is_left_when_there_is_too_little_to_measure(self, tmp_path: Path) -> None:
        one = tables([event("a", "x", 1)], [item("x"), item("y")])
        few = build_snapshot(one, self.LATER, snapshots_root(tmp_path))
        runs = train_candidates(few, ["twotower"], tmp_path)
        assert [run.model for run in runs] == ["pop"]
        assert decide_promotion(runs).run is runs[0]
        ranked = rank_all(open_ranker(runs[0], few, tmp_path), 5).to_pylist()
        assert [(row["user_id"], row["item_id"]) for row in ranked] == [("", "x"), ("", "y"), ("a", "y")]


class TestPointer:
    def test_promoting_and_going_back(self, runs: dict[str, RunInfo], root: Path) -> None:
        assert live_run(root) is None
        promote(root, runs["pop"])
        promote(root, runs["twotower"])
        found = live_run(root)
        assert found is not None
        assert found.id == runs["twotower"].id
        assert rollback(root).live == runs["pop"].id
        with pytest.raises(ConfigError, match="nothing to go back to"):
            rollback(root)

    def test_a_damaged_run_is_not_gone_back_to(self, runs: dict[str, RunInfo], root: Path) -> None:
        promote(root, runs["pop"])
        promote(root, runs["twotower"])
        (runs["pop"].path / "config.json").write_text("{}")
        with pytest.raises(DamagedError):
            rollback(root)
        pointer = read_pointer(root)
        assert pointer is not None
        assert pointer.live == runs["twotower"].id

    def test_a_damaged_pointer_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "live.json").write_text("{")
        with pytest.raises(DamagedError, match="promote a run to write it anew"):
            read_pointer(tmp_path)

    def test_the_doctor_names_what_is_damaged(self, runs: dict[str, RunInfo], root: Path) -> None:
        promote(root, runs["twotower"])
        assert all(finding.is_sound for finding in diagnose(root))
        (runs["twotower"].path / "metrics.json").unlink()
        broken = [finding.text for finding in diagnose(root) if not finding.is_sound]
        assert len(broken) == 2  # the run, and the pointer to it


def test_warm_weights_find_their_rows_by_name(runs: dict[str, RunInfo], small_tables: Tables) -> None:
    newcomer = small_tables.events.head(1).with_columns(user_id=pl.lit("0new"))
    data = build_dataset(Tables(small_tables.events.vstack(newcomer), small_tables.items))
    run = runs["twotower"]
    old, before = load_model(run).state_dict(), load_vocabularies(run)["users"]
    state = warm_weights(run, data, word_vectors(data.items.texts))
    assert data.users.names.index("0new") < len(data.users) - 1
    for number, name in enumerate(data.users.names):
        if name != "0new":
            assert torch.equal(
                state["user_id.weight"][number], old["user_id.weight"][before.names.index(name)]
            )
    assert torch.equal(state["text_layer.weight"], old["text_layer.weight"])
    assert torch.equal(state["vectors"], old["vectors"])


def test_a_warm_start_carries_nothing_of_who_was_erased(
    runs: dict[str, RunInfo], small_tables: Tables
) -> None:
    """One leaves as another comes, so that every shape is as before and no row may keep its place."""
    run = runs["twotower"]
    old, before = load_model(run).state_dict(), load_vocabularies(run)["users"]
    gone = before.names[10]
    stayed = small_tables.events.filter(pl.col("user_id") != gone)
    newcomer = stayed.head(1).with_columns(user_id=pl.lit("zz new"))
    data = build_dataset(Tables(stayed.vstack(newcomer), small_tables.items))
    assert len(data.users) == len(before)
    state = warm_weights(run, data, word_vectors(data.items.texts))
    theirs = old["user_id.weight"][10]
    for name, tensor in state.items():
        if tensor.shape[1:] == theirs.shape:
            assert not (tensor == theirs).all(-1).any(), name
    new = data.users.names.index("zz new")
    assert not any(torch.equal(state["user_id.weight"][new], row) for row in old["user_id.weight"])


@pytest.mark.usefixtures("no_encoder")
def test_a_warm_start_is_measured_from_nothing_but_ends_elsewhere(
    runs: dict[str, RunInfo], root: Path
) -> None:
    tower = runs["twotower"]
    _, warm = train_candidates(run_snapshot(tower, root), ["twotower"], root, settings=TOWER, warm=[tower])
    assert warm.metrics.metrics == tower.metrics.metrics
    assert (warm.id != tower.id, warm.manifest.warm_from) == (True, tower.id)


@pytest.mark.usefixtures("no_encoder")
def test_a_model_with_other_settings_begins_from_nothing(runs: dict[str, RunInfo], root: Path) -> None:
    tower, other = runs["twotower"], {"twotower": TOWER["twotower"] | {"dims": 4}}
    _, fresh = train_candidates(run_snapshot(tower, root), ["twotower"], root, settings=other, warm=[tower])
    assert fresh.manifest.warm_from == ""
    assert fresh.config.settings["dims"] == 4


@pytest.mark.usefixtures("no_encoder")
@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"twotwer": {}}, "no model 'twotwer'"),
        ({"ease": {"colour": "red"}}, "ease has no such setting colour"),
    ],
)
def test_settings_of_what_is_not_there_are_refused_though_it_is_not_trained(
    runs: dict[str, RunInfo], root: Path, given: dict[str, dict[str, str]], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        train_candidates(run_snapshot(runs["twotower"], root), ["pop"], root, settings=given)
