"""The command that asks what each part of `chainfund` is worth: ablate."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.options import (
    DEFAULT_ROOT,
    Data,
    JsonOut,
    Root,
    Settings,
    Split,
    names,
    output,
    write_json,
)
from recommender.config.settings_entries import settings
from recommender.errors import ConfigError
from recommender.progress import terminal_progress

if TYPE_CHECKING:
    from recommender.experiments.ablation import Ablation


def register(app: typer.Typer) -> None:
    app.command()(ablate)


def ablate(
    data: Data,
    split: Split = "cold-items",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each variant.")] = 3,
    json: JsonOut = None,
    variants: Annotated[
        str, typer.Option(help="Labels or parts with commas between them; all without it.")
    ] = "",
    root: Root = DEFAULT_ROOT,
    set_: Settings = [],  # noqa: B006  typer reads a list's default, and nothing changes it
) -> None:
    """Measure `chainfund` with one part changed at a time; print what each is worth as Markdown."""
    from recommender.experiments import ablation
    from recommender.experiments.experiment import open_experiment

    shared = settings(set_)
    if unknown := set(shared) - {"chainfund"}:
        raise ConfigError(f"ablate is about chainfund: {unknown.pop()} has nothing to be set here")
    chosen = ablation.choose(names(variants))
    out = output(json)
    with terminal_progress() as progress:
        experiment = open_experiment(data, root, progress=progress)
        found = ablation.ablate(experiment, split, chosen, seeds, shared.get("chainfund"))
    write_json(out, found.as_json())
    for line in table_lines(found):
        typer.echo(line)


def table_lines(found: "Ablation") -> Iterator[str]:
    """The protocol, then Markdown: NDCG@10 and the paired difference to the whole model, with intervals."""
    from recommender.evaluation.metrics import DECIDING
    from recommender.experiments.ablation import WHOLE, label

    yield ", ".join(f"{name}: {value}" for name, value in found.report.protocol.items())
    yield ""
    yield "| part | variant | NDCG@10 (95 %) | difference (95 %, paired) | of the whole | recall@10 |"
    yield "|---|---|---|---|---|---|"
    whole = found.report.table(WHOLE)[DECIDING]["mean"]
    for variant in found.variants:
        row, less = found.report.table(label(variant)), found.differences[label(variant)]
        main, recall = row[DECIDING], row["recall@10"]["mean"]
        interval = f"{main['mean']:.4f} ({main['low']:.4f}–{main['high']:.4f})"
        difference = f"{less.mean:+.4f} ({less.low:+.4f} to {less.high:+.4f})"
        ratio = main["mean"] / max(whole, 1e-12)
        yield f"| {variant.part} | {variant.name} | {interval} | {difference} | {ratio:.2f} | {recall:.4f} |"
