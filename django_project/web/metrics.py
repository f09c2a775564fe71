"""The live model's measurements as a table: ours first, then what it was measured against."""

from dataclasses import dataclass

from django.utils.functional import Promise

from django_project.discovery.selectors import LiveModel
from django_project.web.labels import MODEL

# The measures people can be told about, in this order, when a run has them.
SHOWN = ("ndcg@10", "recall@10", "hr@10", "mrr")


@dataclass(frozen=True, slots=True)
class MetricCell:
    metric: str
    mean: str
    interval: str


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One model's measurements; `is_live` marks ours."""

    name: str | Promise
    is_live: bool
    cells: tuple[MetricCell, ...]


@dataclass(frozen=True, slots=True)
class MetricTable:
    metrics: tuple[str, ...]
    rows: tuple[MetricRow, ...]


def _cell(metric: str, measured: dict[str, float] | None) -> MetricCell:
    if not measured:
        return MetricCell(metric, "–", "")
    interval = f"{measured['low']:.3f}–{measured['high']:.3f}" if {"low", "high"} <= measured.keys() else ""
    return MetricCell(metric, f"{measured['mean']:.3f}", interval)


def metric_table(model: LiveModel) -> MetricTable:
    present = {name for measured in model.metrics.values() for name in measured}
    metrics = tuple(name for name in SHOWN if name in present)
    order = sorted(model.metrics, key=lambda name: (name != model.model, name))
    return MetricTable(
        metrics,
        tuple(
            MetricRow(
                MODEL.get(name, name),
                name == model.model,
                tuple(_cell(metric, model.metrics[name].get(metric)) for metric in metrics),
            )
            for name in order
        ),
    )
