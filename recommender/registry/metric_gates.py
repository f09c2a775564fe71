"""Gates that read a run's figures. Every gate answers with a sentence, also when it lets pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from recommender.evaluation.metrics import DECIDING
from recommender.registry.runs import RunInfo

BASELINE = "pop"
BASELINES = (BASELINE, "recent_pop")
"""Measured beside every candidate, who has to be better than both for certain."""
COLD_BASELINE = "tfidf"
"""What a candidate must not be worse than where nobody has backed the campaigns yet, by the means."""
MIN_USERS = 20
"""With fewer measured users the interval says more about chance than about the model."""
MIN_COLD_ITEMS = 10
"""With fewer hidden campaigns their order says more about chance than about the model."""
MAX_LOSS = 0.01
"""A new model may be this much worse than the live one, as a share of it."""
MIN_COVERAGE_OF_BASELINE = 1.0
"""A personal model has to show at least as many different items as the list that is the same for all."""
MAX_GINI = 0.98
MAX_CALIBRATION_LOSS = 0.02
"""How much larger the calibration error may be than the live model's."""
LATENCY_BUDGET_MS = 15.0
"""For one user's list, 95th percentile."""


@dataclass(frozen=True)
class Gate:
    passed: bool
    sentence: str


def passes(sentence: str) -> Gate:
    return Gate(passed=True, sentence=sentence)


def refuses(sentence: str) -> Gate:
    return Gate(passed=False, sentence=sentence)


def metric_gates(run: RunInfo, live: RunInfo | None, peers: Sequence[RunInfo]) -> Iterator[Gate]:
    """`peers` are runs measured on the same snapshot, one of them of the live model's kind."""
    again = next((peer for peer in peers if live and peer.model == live.model), None)
    yield _is_finite(run)
    yield _has_users(run)
    yield from (_beats(run, baseline) for baseline in BASELINES if run.model not in BASELINES)
    yield _cold_items(run)
    yield _is_varied(run)
    yield _not_worse_than_live(run, live, again)
    yield _calibrated(run, live, again)
    yield _is_fast(run)


def quality(run: RunInfo) -> float:
    return run.metrics.metrics[run.model][DECIDING].mean


def _is_finite(run: RunInfo) -> Gate:
    figures = [f for table in run.metrics.metrics.values() for f in table.values()]
    passed = run.model in run.metrics.metrics and all(isfinite(f.mean) for f in figures)
    state = "are all finite" if passed else "are missing or not finite, so it is refused"
    return Gate(passed, f"{run.id}: its metrics {state}.")


def _has_users(run: RunInfo) -> Gate:
    passed = run.metrics.users >= MIN_USERS
    verdict = "enough to tell" if passed else f"fewer than the {MIN_USERS} it takes to tell, so it is refused"
    return Gate(passed, f"{run.id}: measured on {run.metrics.users} users, {verdict}.")


def _beats(run: RunInfo, baseline: str) -> Gate:
    found = run.metrics.better_than.get(baseline)
    if found is None:
        return refuses(f"{run.id}: it was not compared with {baseline}, so it is refused.")
    passed = found.low > 0
    gap = f"{found.mean:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
    end = "better for certain" if passed else "not better for certain, so it is refused"
    return Gate(passed, f"{run.id}: NDCG@10 against {baseline} is {gap}: {end}.")


def _cold_items(run: RunInfo) -> Gate:
    figures = run.metrics
    if figures.cold_items_unmeasured:
        return passes(f"{run.id}: new campaigns are not asked for ({figures.cold_items_unmeasured}).")
    if figures.cold_items is None or figures.cold_items_gain is None:
        return refuses(f"{run.id}: it was not measured on new campaigns, so it is refused.")
    passed = figures.cold_items_gain.mean >= 0
    end = "not worse" if passed else "worse, so it is refused"
    gain = f"{figures.cold_items_gain.mean:+.4f} against {COLD_BASELINE}"
    return Gate(passed, f"{run.id}: NDCG@10 on new campaigns {figures.cold_items.mean:.4f}, {gain}: {end}.")


def _is_varied(run: RunInfo) -> Gate:
    ours, theirs = run.metrics.metrics.get(run.model, {}), run.metrics.metrics.get(BASELINE, {})
    if "coverage@10" not in ours or "coverage@10" not in theirs:
        return refuses(f"{run.id}: the variety of its lists was not measured, so it is refused.")
    shown, least = ours["coverage@10"].mean, MIN_COVERAGE_OF_BASELINE * theirs["coverage@10"].mean
    skew = ours["gini@10"].mean
    passed = shown >= least and skew <= MAX_GINI
    end = "varied enough" if passed else "too alike, so it is refused"
    return Gate(
        passed, f"{run.id}: its lists show {shown:.0%} of the campaigns with a Gini of {skew:.2f}: {end}."
    )


def _not_worse_than_live(run: RunInfo, live: RunInfo | None, again: RunInfo | None) -> Gate:
    if live is None:
        return passes(f"{run.id}: nothing is live that it could be worse than.")
    theirs = _again(run, live, again)
    if theirs is None:
        return refuses(
            f"{run.id}: the live {live.model} was not trained on this snapshot to compare with, "
            "so it is refused.",
        )
    ours = quality(run)
    passed = ours >= (1 - MAX_LOSS) * theirs
    end = "no worse" if passed else "worse, so it is refused"
    return Gate(
        passed, f"{run.id}: NDCG@10 {ours:.4f} beside {theirs:.4f} of the live kind ({live.model}): {end}."
    )


def _again(run: RunInfo, live: RunInfo, again: RunInfo | None) -> float | None:
    """How the live kind does on the run's snapshot; baselines were measured beside the run itself."""
    if again is not None:
        return quality(again)
    beside = run.metrics.metrics.get(live.model, {}).get(DECIDING)
    return beside.mean if beside else None


def _calibrated(run: RunInfo, live: RunInfo | None, again: RunInfo | None) -> Gate:
    ours = run.metrics.calibration_error
    if ours is None:
        return passes(f"{run.id}: {run.model} gives no probabilities that could be off.")
    theirs = again.metrics.calibration_error if again else None
    if live is None or theirs is None:
        return passes(f"{run.id}: its probabilities are off by {ours:.3f}; the live model has none.")
    passed = ours <= theirs + MAX_CALIBRATION_LOSS
    end = "no worse" if passed else "worse, so it is refused"
    return Gate(
        passed,
        f"{run.id}: its probabilities are off by {ours:.3f} beside {theirs:.3f} of the live kind: {end}.",
    )


def _is_fast(run: RunInfo) -> Gate:
    taken = run.metrics.latency_p95_ms
    if taken is None:
        return refuses(f"{run.id}: the time of a list was not measured, so it is refused.")
    passed = taken <= LATENCY_BUDGET_MS
    end = "in time" if passed else f"over the {LATENCY_BUDGET_MS:.0f} ms it may take, so it is refused"
    return Gate(passed, f"{run.id}: 95 % of lists take at most {taken:.1f} ms: {end}.")
