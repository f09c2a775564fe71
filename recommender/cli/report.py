"""Reports and runs as lines of text."""

from collections.abc import Iterator, Sequence

from recommender.evaluation.evaluator import Report, Row
from recommender.life.figures import DECIDING
from recommender.life.runs import RunInfo

SHOWN = ("ndcg@10", "recall@10", "hr@10", "mrr", "coverage@10", "gini@10")


def table_lines(report: Report) -> Iterator[str]:
    """The protocol, then a line for each slice and model with means and, for NDCG@10, its interval."""
    yield ", ".join(f"{name}: {value}" for name, value in report.protocol.items())
    yield f"{'slice':<14}{'model':<12}{'users':>7}  {DECIDING + ' (95 %)':<26}" + "".join(
        f"{m:>13}" for m in SHOWN[1:]
    )
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    for row in report.rows:
        rows.setdefault((row.slice, row.model), {})[row.metric] = row
    for (slice_name, model), found in sorted(rows.items(), key=lambda entry: _order(entry[0], report)):
        main = found[DECIDING]
        interval = f"{main.mean:.4f} ({main.low:.4f}–{main.high:.4f})"
        others = "".join(f"{found[m].mean:>13.4f}" if m in found else f"{'':>13}" for m in SHOWN[1:])
        yield f"{slice_name:<14}{model:<12}{main.users:>7}  {interval:<26}{others}"


def _order(key: tuple[str, str], report: Report) -> tuple[bool, str, float]:
    slice_name, model = key
    mean = next(r.mean for r in report.rows if (r.slice, r.model, r.metric) == (slice_name, model, DECIDING))
    return slice_name != "all", slice_name, -mean


def run_lines(runs: Sequence[RunInfo]) -> Iterator[str]:
    """A run's id and how it did, beside the baselines."""
    for run in runs:
        figures = run.metrics.metrics
        own = figures[run.model][DECIDING]
        others = ", ".join(
            f"{name} {table[DECIDING].mean:.4f}" for name, table in figures.items() if name != run.model
        )
        yield f"{run.id}: {DECIDING} {own.mean:.4f} ({own.low:.4f}–{own.high:.4f}); {others}"
