"""What a run's card says, and that it is the run's own."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from recommender.config.settings_entries import settings
from recommender.errors import DamagedError
from recommender.interface import Plan
from recommender.models.registry import make_plan
from recommender.pipeline import run_snapshot
from recommender.registry.card import CARD, make_card
from recommender.registry.runs import RunInfo, open_run


def test_it_names_the_data_the_figures_the_slices_and_the_settings(
    root: Path, runs: dict[str, RunInfo]
) -> None:
    tower = runs["twotower"]
    card = (tower.path / CARD).read_text()
    snapshot = run_snapshot(tower, root)
    assert card.startswith(f"# {tower.id}\n\n`twotower`: the production model.")
    assert snapshot.hash in card
    assert "chain 31337 up to final block 9, `0xab`" in card
    own = tower.metrics.metrics["twotower"]["ndcg@10"]
    assert f"{own.mean:.4f} ({own.low:.4f}–{own.high:.4f})" in card
    gap = tower.metrics.better_than["pop"]
    assert f"NDCG@10 less that of `pop`, user by user: {gap.mean:+.4f}" in card
    assert set(tower.metrics.slices) >= {"all", "popular-high"}
    for name, found in tower.metrics.slices.items():
        assert f"| `{name}` | {found.users} | {found.mean:.4f}" in card
    assert '"text_dims": 16' in card
    assert tower.metrics.protocol["note"] in card


def test_it_is_made_of_the_run_alone_and_guarded_by_its_manifest(
    root: Path, runs: dict[str, RunInfo]
) -> None:
    pop = runs["pop"]
    again = make_card(pop.id, pop.config, pop.metrics, run_snapshot(pop, root).manifest)
    assert (pop.path / CARD).read_text() == again
    assert "may be called popular, not `for you`" in again
    (pop.path / CARD).write_text(again.replace("0", "9"))
    with pytest.raises(DamagedError, match=r"card\.md is not the file its manifest names"):
        open_run(pop.path)


def plan_of(card: str, model: str) -> Plan:
    """What the card's command would train."""
    text = card.split("## Having it again")[1]
    command = shlex.split(re.sub(r"\\\n", " ", text[text.index("python -m recommender train") :]))
    assert command[:5] == ["python", "-m", "recommender", "train", model]
    entries = [value for option, value in pairwise(command) if option == "--set"]
    return make_plan(model, settings(entries)[model])


def test_its_commands_make_the_run_again(runs: dict[str, RunInfo]) -> None:
    tower = runs["twotower"]
    plan = plan_of((tower.path / CARD).read_text(), "twotower").with_seed(tower.manifest.seed)
    assert plan.config.model_dump(mode="json") == tower.config.settings
    assert plan.training == tower.config.training


@pytest.mark.parametrize(
    ("model", "chosen"),
    [
        ("shared_bottom", {"bottom": [8], "tower": [], "target_weights": {"clicked": 0.5}}),
        ("hybrid", {"rerankers": ["shared_bottom"], "tower": {"dims": 32}}),
    ],
)
def test_its_commands_hold_lists_and_groups_of_settings(
    model: str, chosen: dict[str, Any], root: Path, runs: dict[str, RunInfo]
) -> None:
    wanted, tower = make_plan(model, chosen), runs["twotower"]
    own = {"model": model, "settings": wanted.config.model_dump(mode="json"), "training": wanted.training}
    config = tower.config.model_copy(update=own)
    card = make_card("made-up", config, tower.metrics, run_snapshot(tower, root).manifest)
    assert plan_of(card, model) == wanted
