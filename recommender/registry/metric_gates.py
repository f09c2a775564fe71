"""Gates that read a run's figures. Every gate answers with a code, also when it lets pass."""

from collections.abc import Iterator, Sequence
from math import isfinite

from recommender.evaluation.metrics import DECIDING
from recommender.registry.gate_results import GateResult
from recommender.registry.runs import RunInfo
from recommender.registry.schema import Measured

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


def metric_gates(run: RunInfo, live: RunInfo | None, peers: Sequence[RunInfo]) -> Iterator[GateResult]:
    """What the measured figures say of a run, gate by gate.

    Args:
        run: the candidate.
        live: what is shown now, if anything is.
        peers: runs measured on the same snapshot, one of them of the live model's kind.
    """
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
    """The run's mean NDCG@10 over users, 0 to 1: what the best of several accepted ones is chosen by."""
    return run.metrics.metrics[run.model][DECIDING].mean


def _is_finite(run: RunInfo) -> GateResult:
    """Every figure of the run and of its baselines is a number."""
    figures = [f for table in run.metrics.metrics.values() for f in table.values()]
    passed = run.model in run.metrics.metrics and all(isfinite(f.mean) for f in figures)
    return GateResult.of(run.id, "metrics_finite" if passed else "metrics_missing")


def _has_users(run: RunInfo) -> GateResult:
    """At least MIN_USERS users were measured."""
    users = run.metrics.users
    if users >= MIN_USERS:
        return GateResult.of(run.id, "users_enough", users=users)
    return GateResult.of(run.id, "users_too_few", users=users, least=MIN_USERS)


def _beats(run: RunInfo, baseline: str) -> GateResult:
    """The lower end of the paired 95 % interval of NDCG@10 less the baseline's is above 0."""
    found = run.metrics.better_than.get(baseline)
    if found is None or not _are_finite(found):
        return GateResult.of(run.id, "baseline_not_compared", baseline=baseline)
    code = "better_than_baseline" if found.low > 0 else "not_better_than_baseline"
    return GateResult.of(run.id, code, baseline=baseline, mean=found.mean, low=found.low, high=found.high)


def _cold_items(run: RunInfo) -> GateResult:
    """NDCG@10 on hidden campaigns is at least COLD_BASELINE's, where enough could be hidden to tell."""
    figures = run.metrics
    if figures.cold_items_unmeasured:
        return GateResult.of(run.id, "new_campaigns_too_few", reason=figures.cold_items_unmeasured)
    ours, gain = figures.cold_items, figures.cold_items_gain
    if ours is None or gain is None or not (_are_finite(ours) and _are_finite(gain)):
        return GateResult.of(run.id, "new_campaigns_not_measured")
    code = "new_campaigns_no_worse" if gain.mean >= 0 else "new_campaigns_worse"
    return GateResult.of(run.id, code, ndcg=ours.mean, gain=gain.mean, baseline=COLD_BASELINE)


def _is_varied(run: RunInfo) -> GateResult:
    """Lists show as many campaigns as BASELINE's, MIN_COVERAGE_OF_BASELINE, with a Gini up to MAX_GINI."""
    ours, theirs = run.metrics.metrics.get(run.model, {}), run.metrics.metrics.get(BASELINE, {})
    figures = [ours.get("coverage@10"), ours.get("gini@10"), theirs.get("coverage@10")]
    shown, skew, least = figures
    if shown is None or skew is None or least is None or not all(isfinite(f.mean) for f in figures if f):
        return GateResult.of(run.id, "variety_not_measured")
    passed = shown.mean >= MIN_COVERAGE_OF_BASELINE * least.mean and skew.mean <= MAX_GINI
    code = "lists_varied" if passed else "lists_too_alike"
    return GateResult.of(run.id, code, coverage=shown.mean, gini=skew.mean)


def _not_worse_than_live(run: RunInfo, live: RunInfo | None, again: RunInfo | None) -> GateResult:
    """NDCG@10 is at most MAX_LOSS, as a share, below that of the live kind on the same snapshot."""
    if live is None:
        return GateResult.of(run.id, "nothing_live")
    theirs = _again(run, live, again)
    if theirs is None or not isfinite(theirs):
        return GateResult.of(run.id, "live_not_comparable", live_model=live.model)
    ours = run.metrics.metrics.get(run.model, {}).get(DECIDING)
    if ours is None or not isfinite(ours.mean):
        return GateResult.of(run.id, "metrics_missing")
    code = "no_worse_than_live" if ours.mean >= (1 - MAX_LOSS) * theirs else "worse_than_live"
    return GateResult.of(run.id, code, ndcg=ours.mean, live_ndcg=theirs, live_model=live.model)


def _again(run: RunInfo, live: RunInfo, again: RunInfo | None) -> float | None:
    """How the live kind does on the run's snapshot; baselines were measured beside the run itself."""
    measured = run if again is None else again
    beside = measured.metrics.metrics.get(live.model, {}).get(DECIDING)
    return beside.mean if beside else None


def _calibrated(run: RunInfo, live: RunInfo | None, again: RunInfo | None) -> GateResult:
    """The calibration error of first choices is at most MAX_CALIBRATION_LOSS above the live kind's."""
    ours = run.metrics.calibration_error
    if ours is None:
        return GateResult.of(run.id, "no_probabilities", model=run.model)
    if not isfinite(ours):
        return GateResult.of(run.id, "metrics_missing")
    theirs = again.metrics.calibration_error if again else None
    if live is None or theirs is None or not isfinite(theirs):
        return GateResult.of(run.id, "calibration_alone", error=ours)
    code = "calibration_no_worse" if ours <= theirs + MAX_CALIBRATION_LOSS else "calibration_worse"
    return GateResult.of(run.id, code, error=ours, live_error=theirs)


def _is_fast(run: RunInfo) -> GateResult:
    """95 % of single lists take one CPU thread at most LATENCY_BUDGET_MS milliseconds."""
    taken = run.metrics.latency_p95_ms
    if taken is None or not isfinite(taken):
        return GateResult.of(run.id, "latency_not_measured")
    if taken <= LATENCY_BUDGET_MS:
        return GateResult.of(run.id, "latency_in_budget", milliseconds=taken)
    return GateResult.of(run.id, "latency_over_budget", milliseconds=taken, budget=LATENCY_BUDGET_MS)


def _are_finite(found: Measured) -> bool:
    return all(map(isfinite, (found.mean, found.low, found.high)))
