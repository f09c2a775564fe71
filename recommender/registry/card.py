"""A run's card: what the model is, what it learnt from, how it did, for whom, and how to have it again.

After Mitchell et al. 2019, Model Cards for Model Reporting. It is made of the run's own files and its
snapshot's manifest and holds no clock time, so the same run always has the same card; its hash is in the
run's manifest.
"""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence

from recommender.data.snapshot import Manifest
from recommender.models.registry import model_type
from recommender.registry.schema import Measured, RunConfig, RunMetrics

CARD = "card.md"
SHOWN = (
    "ndcg@10", "recall@10", "hr@10", "mrr", "auc", "ece@10", "coverage@10", "gini@10", "novelty@10",
)  # fmt: skip


def make_card(run_id: str, config: RunConfig, metrics: RunMetrics, snapshot: Manifest) -> str:
    """The card as Markdown."""
    parts = [
        [f"# {run_id}", "", *_what(config, metrics)],
        ["## What it learnt from", "", *_data(snapshot)],
        ["## How it did", "", *_figures(config.model, metrics)],
        ["## For whom", "", *_slices(metrics)],
        ["## Settings", "", *_settings(config)],
        ["## Limits", "", *_limits(config, metrics)],
        ["## Having it again", "", *_again(run_id, config, snapshot)],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _what(config: RunConfig, metrics: RunMetrics) -> Iterator[str]:
    kind = model_type(config.model)
    own = kind.__dict__.get("__doc__") or sys.modules[kind.__module__].__doc__ or ""
    yield " ".join(own.split("\n\n")[0].split())
    if kind.text != "none":
        yield ""
        yield f"It reads the campaigns' texts through the frozen encoder `{config.encoder}`."
    if metrics.curve:
        yield ""
        yield (
            f"Trained for {metrics.best_epoch} epochs, chosen on the validation part out of "
            f"{len(metrics.curve)}; `python -m recommender curves` draws them."
        )


def _data(snapshot: Manifest) -> Iterator[str]:
    provenance = snapshot.provenance
    yield f"* snapshot `{snapshot.snapshot_hash}`, from {provenance.source}"
    for chain, head in sorted(provenance.finalized.items()):
        yield f"* chain {chain} up to final block {head.number}, `{head.hash}`"
    yield f"* behaviour until {provenance.behaviour_until.isoformat()}, erasures {provenance.erasure_version}"
    yield "* " + ", ".join(f"{count:,} {name}" for name, count in sorted(snapshot.rows.items()))
    left_out = [f"{count:,} {rule}" for rule, count in sorted(snapshot.excluded.items()) if count]
    yield f"* left out by rule: {', '.join(left_out) or 'nothing'}"


def _figures(model: str, metrics: RunMetrics) -> Iterator[str]:
    protocol = ", ".join(f"{name}: {value}" for name, value in sorted(metrics.protocol.items()))
    if not metrics.metrics:
        yield f"Not measured: {metrics.protocol.get('unmeasured', 'no reason was given')}."
        return
    yield f"{metrics.users} users; {protocol}."
    yield ""
    shown = [name for name in SHOWN if any(name in table for table in metrics.metrics.values())]
    yield from _table(
        ["model", *shown],
        [
            [f"`{name}`", *(_measured(table[m]) if m in table else "" for m in shown)]
            for name, table in sorted(
                metrics.metrics.items(), key=lambda entry: (entry[0] != model, entry[0])
            )
        ],
    )
    for other, gap in sorted(metrics.better_than.items()):
        yield ""
        found = f"{gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})"
        yield f"NDCG@10 less that of `{other}`, user by user: {found}."


def _slices(metrics: RunMetrics) -> Iterator[str]:
    if not metrics.slices:
        yield "No slice was measured."
        return
    rows = [
        [f"`{name}`", str(found.users), _measured(found)] for name, found in sorted(metrics.slices.items())
    ]
    yield from _table(["slice", "users", "ndcg@10"], rows)


def _settings(config: RunConfig) -> Iterator[str]:
    yield "```json"
    chosen = config.settings | {"training": config.training.model_dump(mode="json")}
    yield json.dumps(chosen, indent=2, sort_keys=True)
    yield "```"


def _limits(config: RunConfig, metrics: RunMetrics) -> Iterator[str]:
    yield "* It knows the users and campaigns of its snapshot; others get the list for anybody."
    if note := metrics.protocol.get("note"):
        yield f"* The measurement: {note}."
    if not model_type(config.model).is_personal:
        yield "* Everybody gets the same list: it may be called popular, not `for you`."
    if metrics.curve:
        yield "* Its weights are bitwise the same only on the software and machine of the manifest's `stack`."
    yield "* It follows what was backed before: what is shown more is backed more."


def _again(run_id: str, config: RunConfig, snapshot: Manifest) -> Iterator[str]:
    yield "The same lists, from these weights and the snapshot, and the same run, from the snapshot alone:"
    yield ""
    yield f"    python -m recommender reproduce --run {run_id}"
    settings = [
        f"--set {config.model}.{name}={_written(value)}" for name, value in sorted(config.settings.items())
    ]
    training = config.training.model_dump(mode="json", exclude={"seed"})
    settings += [f"--set {config.model}.training.{name}={value}" for name, value in sorted(training.items())]
    own = [entry for entry in settings if not entry.startswith(f"--set {config.model}.seed=")]
    lines = [
        f"python -m recommender train {config.model} --snapshot runs/snapshots/{snapshot.snapshot_hash[:16]}",
        f"--seed {config.training.seed} --encoder {config.encoder}",
        *own,
    ]
    yield " \\\n        ".join([f"    {lines[0]}", *lines[1:]])


def _written(value: object) -> str:
    """As a shell has to be told it; lists and groups as JSON."""
    return shlex.quote(json.dumps(value)) if isinstance(value, list | dict) else str(value)


def _measured(found: Measured) -> str:
    return f"{found.mean:.4f} ({found.low:.4f}–{found.high:.4f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
