"""The command that compares ways to begin with newcomers: cold-start."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.options import JsonOut, Seed, Seeds, TestFrom, TestTo, output, split_options, write_json
from recommender.progress import terminal_progress

if TYPE_CHECKING:
    from recommender.experiments.cold_start import ColdStart


def register(app: typer.Typer) -> None:
    app.command("cold-start")(cold_start)


def cold_start(
    data: Annotated[
        Path | None, typer.Option(help="A data directory; without it a made-up platform.")
    ] = None,
    seeds: Seeds = 5,
    test_from: TestFrom = None,
    test_to: TestTo = None,
    users: Annotated[int, typer.Option(min=100, help="Of the made-up platform.")] = 8_000,
    items: Annotated[int, typer.Option(min=20)] = 150,
    contributions: Annotated[int, typer.Option(min=100)] = 20_000,
    seed: Seed = 0,
    json: JsonOut = None,
) -> None:
    """Compare newcomers' lists: the mean user's, a typical user's, and on a made-up platform by questions."""
    from recommender.data.dataset import build_dataset
    from recommender.data.reading import read_directory
    from recommender.data.synthetic import SyntheticConfig
    from recommender.experiments.cold_start import compare_data, compare_synthetic

    out = output(json)
    with terminal_progress() as progress:
        if data:
            options = split_options(test_from, test_to, 0, 5, among_open=False)
            found = compare_data(build_dataset(read_directory(data)), options, seeds, progress)
        else:
            platform = SyntheticConfig(
                users=users, items=items, views=0, contributions=contributions, seed=seed
            )
            found = compare_synthetic(platform, seeds, progress)
    write_json(out, found.as_json())
    for line in table_lines(found):
        typer.echo(line)


def table_lines(found: "ColdStart") -> Iterator[str]:
    """The protocol, then Markdown."""
    yield ", ".join(f"{name}: {value}" for name, value in found.protocol.items())
    yield ""
    yield "| newcomers' list | NDCG@10 | less recent popularity | by recent popularity |"
    yield "|---|---|---|---|"
    for row in found.rows:
        difference, ratio = row.difference, row.ratio
        yield (
            f"| {row.way} | {row.mean:.4f} ({row.low:.4f}–{row.high:.4f}) "
            f"| {difference.mean:+.4f} ({difference.low:+.4f} to {difference.high:+.4f}) "
            f"| {ratio.mean:.2f} ({ratio.low:.2f}–{ratio.high:.2f}) |"
        )
