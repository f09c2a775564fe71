"""Whether a candidate may be shown. Every gate answers with a sentence, also when it lets pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from recommender.life.runs import RunInfo
from recommender.models.registry import model_type

BASELINE = "pop"
DECIDING = "ndcg@10"
MIN_USERS = 20
"""With fewer measured users the interval says more about chance than about the model."""
MAX_LOSS = 0.01
"""A new model may be this much worse than the live one, as a share of it."""
MIN_COVERAGE_OF_BASELINE = 1.0
"""A personal model has to show at least as many different items as the list that is the same for all."""
MAX_GINI = 0.98


@dataclass(frozen=True)
class Verdict:
    """What the gates said about one run."""

    run: RunInfo
    is_accepted: bool
    sentences: list[str]


@dataclass(frozen=True)
class PromotionDecision:
    """What should be live, and why."""

    run: RunInfo | None
    """The run to show; None: leave what is shown."""
    verdicts: list[Verdict]

    @property
    def sentences(self) -> list[str]:
        return [sentence for verdict in self.verdicts for sentence in verdict.sentences]


@dataclass(frozen=True)
class _Gate:
    passed: bool
    sentence: str


def judge(run: RunInfo, live: RunInfo | None = None, peers: Sequence[RunInfo] = ()) -> Verdict:
    """Ask every gate about a candidate. `peers` are runs measured on the same snapshot."""
    gates = list(_gates(run, live, peers))
    return Verdict(run, all(gate.passed for gate in gates), [gate.sentence for gate in gates])


def decide_promotion(runs: Sequence[RunInfo], live: RunInfo | None = None) -> PromotionDecision:
    """The accepted personal run with the best NDCG@10.

    Without one the live personal model stays, and where there is none the run of `pop` is shown, which is
    nobody's own list and is not called so.

    The live model is compared through the new run of its own kind: it may have learnt from what the new
    snapshot asks for.
    """
    personal = [run for run in runs if model_type(run.model).is_personal]
    verdicts = [judge(run, live, runs) for run in personal]
    accepted = [verdict.run for verdict in verdicts if verdict.is_accepted]
    if accepted:
        return PromotionDecision(max(accepted, key=_quality), verdicts)
    if live is not None and model_type(live.model).is_personal:
        return PromotionDecision(None, verdicts)
    return PromotionDecision(next((run for run in runs if run.model == BASELINE), None), verdicts)


def _quality(run: RunInfo) -> float:
    return run.metrics.metrics[run.model][DECIDING].mean


def _gates(run: RunInfo, live: RunInfo | None, peers: Sequence[RunInfo]) -> Iterator[_Gate]:
    yield _is_finite(run)
    yield _has_users(run)
    yield _beats_baseline(run)
    yield _is_varied(run)
    yield _not_worse_than_live(run, live, peers)


def _is_finite(run: RunInfo) -> _Gate:
    figures = [f for table in run.metrics.metrics.values() for f in table.values()]
    passed = run.model in run.metrics.metrics and all(isfinite(f.mean) for f in figures)
    state = "are all finite" if passed else "are missing or not finite, so it is refused"
    return _Gate(passed, f"{run.id}: its metrics {state}.")


def _has_users(run: RunInfo) -> _Gate:
    passed = run.metrics.users >= MIN_USERS
    verdict = "enough to tell" if passed else f"fewer than the {MIN_USERS} it takes to tell, so it is refused"
    return _Gate(passed, f"{run.id}: measured on {run.metrics.users} users, {verdict}.")


def _beats_baseline(run: RunInfo) -> _Gate:
    if run.model == BASELINE:
        return _Gate(passed=True, sentence=f"{run.id}: it is {BASELINE} itself, shown as what is popular.")
    found = run.metrics.better_than.get(BASELINE)
    if found is None:
        return _Gate(
            passed=False, sentence=f"{run.id}: it was not compared with {BASELINE}, so it is refused."
        )
    passed = found.low > 0
    gap = f"{found.mean:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
    if passed:
        return _Gate(passed, f"{run.id}: NDCG@10 against {BASELINE} is {gap}: better for certain.")
    return _Gate(
        passed, f"{run.id}: NDCG@10 against {BASELINE} is {gap}: not better for certain, so it is refused."
    )


def _is_varied(run: RunInfo) -> _Gate:
    ours, theirs = run.metrics.metrics.get(run.model, {}), run.metrics.metrics.get(BASELINE, {})
    if "coverage@10" not in ours or "coverage@10" not in theirs:
        return _Gate(
            passed=False, sentence=f"{run.id}: the variety of its lists was not measured, so it is refused."
        )
    shown, least = ours["coverage@10"].mean, MIN_COVERAGE_OF_BASELINE * theirs["coverage@10"].mean
    skew = ours["gini@10"].mean
    passed = shown >= least and skew <= MAX_GINI
    end = "varied enough" if passed else "too alike, so it is refused"
    return _Gate(
        passed, f"{run.id}: its lists show {shown:.0%} of the campaigns with a Gini of {skew:.2f}: {end}."
    )


def _not_worse_than_live(run: RunInfo, live: RunInfo | None, peers: Sequence[RunInfo]) -> _Gate:
    if live is None:
        return _Gate(passed=True, sentence=f"{run.id}: nothing is live that it could be worse than.")
    again = next((peer for peer in peers if peer.model == live.model), None)
    if again is None:
        return _Gate(
            passed=True,
            sentence=f"{run.id}: the live {live.model} was not trained on this snapshot to compare with.",
        )
    ours, theirs = _quality(run), _quality(again)
    passed = ours >= (1 - MAX_LOSS) * theirs
    end = "no worse" if passed else "worse, so it is refused"
    return _Gate(
        passed, f"{run.id}: NDCG@10 {ours:.4f} beside {theirs:.4f} of the live kind ({live.model}): {end}."
    )
