"""Reports and runs as tables and lines of text."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from recommender.evaluation.comparison import Difference
from recommender.evaluation.evaluator import ALL, Report, Row
from recommender.evaluation.metrics import DECIDING
from recommender.evaluation.rows import OF_RATINGS
from recommender.experiments.tuning import Tuned
from recommender.registry.runs import RunInfo

if TYPE_CHECKING:
    from recommender.experiments.attacks import Attacked
    from recommender.experiments.federation import FederationExperiment, Figures

SHOWN = ("recall@10", "hr@10", "mrr", "auc", "ece@10", "coverage@10", "gini@10", "novelty@10")
WIDTH_OF_A_PIPE = 200
"""Columns where nobody's terminal says how many there are."""


def print_report(
    report: Report, differences: Sequence[Difference] = (), trials: Mapping[str, int] | None = None
) -> None:
    """The protocol, a table of the slice `all`, best first, and one of NDCG@10 by slice."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE, highlight=False)
    protocol = report.protocol | ({"tuning_trials": dict(trials)} if trials else {})
    line = ", ".join(f"{name}: {value}" for name, value in protocol.items())
    console.print(line, soft_wrap=True, markup=False)
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    for row in report.rows:
        rows.setdefault((row.slice, row.model), {})[row.metric] = row
    models = sorted(report.values, key=lambda name: -rows[ALL, name][DECIDING].mean)
    gaps = {each.model: each for each in differences if each.metric == DECIDING}
    console.print(_main_table(models, rows, gaps))
    slices = list(dict.fromkeys(name for name, _ in rows if name != ALL))
    if slices:
        console.print(_slice_table(models, slices, rows))


def print_ratings(report: Report) -> None:
    """The protocol and a table of the errors, the smallest first."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE, highlight=False)
    line = ", ".join(f"{name}: {value}" for name, value in report.protocol.items())
    console.print(line, soft_wrap=True, markup=False)
    table = Table(title="errors of predicted ratings with 95 % intervals", title_justify="left")
    table.add_column("model")
    for heading in ("users", "seeds", *OF_RATINGS):
        table.add_column(heading, justify="right")
    rows: dict[str, dict[str, Row]] = {}
    for row in report.rows:
        rows.setdefault(row.model, {})[row.metric] = row
    for model, found in sorted(rows.items(), key=lambda entry: entry[1][OF_RATINGS[0]].mean):
        first = found[OF_RATINGS[0]]
        cells = (
            _interval(found[metric].mean, found[metric].low, found[metric].high) for metric in OF_RATINGS
        )
        table.add_row(model, str(first.users), str(first.seeds), *cells)
    console.print(table)


def _main_table(
    models: Sequence[str], rows: Mapping[tuple[str, str], Mapping[str, Row]], gaps: Mapping[str, Difference]
) -> Table:
    table = Table(title=f"{DECIDING} with 95 % intervals; the slice `{ALL}`", title_justify="left")
    table.add_column("model")
    reference = next((gap.reference for gap in gaps.values()), None)
    headings = ["users", "seeds", DECIDING, *([f"less {reference}"] if reference else []), *SHOWN]
    for heading in headings:
        table.add_column(heading, justify="right")
    for model in models:
        found = rows[ALL, model]
        main = found[DECIDING]
        cells = [str(main.users), str(main.seeds), _interval(main.mean, main.low, main.high)]
        if reference:
            cells.append(_gap(gaps.get(model)))
        table.add_row(model, *cells, *(f"{found[m].mean:.4f}" if m in found else "" for m in SHOWN))
    return table


def _slice_table(
    models: Sequence[str], slices: Sequence[str], rows: Mapping[tuple[str, str], Mapping[str, Row]]
) -> Table:
    table = Table(title=f"{DECIDING} by slice", title_justify="left")
    table.add_column("model")
    for name in slices:
        table.add_column(f"{name} ({rows[name, models[0]][DECIDING].users})", justify="right")
    for model in models:
        found = [rows[name, model][DECIDING] for name in slices]
        table.add_row(model, *(f"{row.mean:.3f} ({row.low:.3f}–{row.high:.3f})" for row in found))
    return table


def _interval(mean: float, low: float, high: float) -> str:
    return f"{mean:.4f} ({low:.4f}–{high:.4f})"


def _gap(gap: Difference | None) -> str:
    """A difference with its interval; bold where the interval leaves 0 out."""
    if gap is None:
        return ""
    text = f"{gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})"
    return f"[bold]{text}[/bold]" if gap.is_certain else text


def tuning_lines(found: Tuned) -> Iterator[str]:
    """What the search found, and the options that use it."""
    ended = sum(trial.value is not None for trial in found.trials)
    before = f", {found.default_value:.4f} with its own settings" if found.default_value is not None else ""
    yield f"{found.model}: {DECIDING} {found.value:.4f} on the validation part{before}"
    yield f"{len(found.trials)} trials, {len(found.trials) - ended} of them broken off"
    for name, value in found.settings.items():
        for path, leaf in _leaves(name, value):
            yield f"--set {found.model}.{path}={leaf}"


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for inner, leaf in value.items():
            yield from _leaves(f"{name}.{inner}", leaf)
    else:
        yield name, value


def federation_lines(experiment: "FederationExperiment", found: Sequence["Figures"]) -> Iterator[str]:
    """The domains, then Markdown: NDCG@10 by domain and arm, and the paired difference to learning alone."""
    for domain in experiment.domains:
        backers = len(set(domain.split.refit.pairs.backed.user.tolist()))
        yield (
            f"{domain.name}: {backers:,} backers, {len(domain.split.candidates):,} items, "
            f"{len(domain.split.test):,} asked for their last one"
        )
    yield ""
    yield "| ε | domain | arm | users | NDCG@10 (95 %) | less local (95 %, paired) |"
    yield "|---|---|---|---|---|---|"
    for each in found:
        promise = "∞" if each.epsilon is None else f"{each.epsilon:g}"
        gain = (
            ""
            if each.arm == "local"
            else f"{each.gain.mean:+.4f} ({each.gain.low:+.4f} to {each.gain.high:+.4f})"
        )
        shown = _interval(each.found.mean, each.found.low, each.found.high)
        yield f"| {promise} | {each.domain} | {each.arm} | {each.users} | {shown} | {gain} |"


def attack_lines(found: Sequence["Attacked"]) -> Iterator[str]:
    """Markdown: what was found at each promise."""
    yield "| ε | noise σ | membership AUC (95 %) | codes read | by chance |"
    yield "|---|---|---|---|---|"
    for each in found:
        promise = "∞" if each.epsilon is None else f"{each.epsilon:g}"
        auc = f"{each.auc.mean:.3f} ({each.auc.low:.3f}–{each.auc.high:.3f})"
        codes = "not sent | "
        if each.codes_found is not None:
            codes = f"{each.codes_found:.0%} | {each.codes_by_chance:.0%}"
        yield f"| {promise} | {each.noise:.2f} | {auc} | {codes} |"


def run_lines(runs: Sequence[RunInfo]) -> Iterator[str]:
    """A run's id and how it did, beside the baselines."""
    for run in runs:
        figures = run.metrics.metrics
        if run.model not in figures:
            yield f"{run.id}: not measured: {run.metrics.protocol['unmeasured']}"
            continue
        own = figures[run.model][DECIDING]
        others = ", ".join(
            f"{name} {table[DECIDING].mean:.4f}" for name, table in figures.items() if name != run.model
        )
        yield f"{run.id}: {DECIDING} {_interval(own.mean, own.low, own.high)}; {others}"
