"""Commands that measure and decide: evaluate, promote, rollback."""

from pathlib import Path
from typing import Annotated

import typer

from recommender.cli.options import (
    DEFAULT_ROOT,
    Data,
    Encoder,
    Root,
    Settings,
    moment,
    names,
    settings,
)
from recommender.progress import for_people
from recommender.text.names import DEFAULT_ENCODER


def register(app: typer.Typer) -> None:
    app.command()(evaluate)
    app.command()(promote)
    app.command()(rollback)


def evaluate(
    data: Data,
    split: Annotated[str, typer.Option(help="last-out, temporal, cold-items or random.")],
    models: Annotated[str, typer.Option(help="Names with commas between them.")],
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each model that has randomness.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write the report here as well.")] = None,
    test_from: Annotated[
        str | None, typer.Option(help="temporal: the test begins, as 2020-12-01T00:00Z.")
    ] = None,
    test_to: Annotated[str | None, typer.Option(help="temporal: the test ends.")] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Of what a split draws.")] = 0,
    core: Annotated[int, typer.Option(min=1, help="last-out: fewest pairs of a user and of an item.")] = 5,
    among_open: Annotated[
        bool, typer.Option("--among-open", help="Rank only the items open at each target's time.")
    ] = False,
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    set_: Settings = [],  # noqa: B006  typer reads a list's default, and nothing changes it
) -> None:
    """Measure models on a data directory by full ranking, and print the protocol and the table."""
    from recommender import pipeline
    from recommender.cli.report import table_lines
    from recommender.evaluation.splits import SplitOptions
    from recommender.files import to_json, write_atomic

    cut = moment(test_from, "--test-from"), moment(test_to, "--test-to")
    options = SplitOptions(*cut, split_seed, core, among_open)
    with for_people() as progress:
        report = pipeline.evaluate_directory(
            data,
            split,
            names(models),
            options,
            seeds,
            root,
            encoder=encoder,
            settings=settings(set_),
            progress=progress,
        )
    if json:
        write_atomic(json, to_json(report.as_json()))
    for line in table_lines(report):
        typer.echo(line)


def promote(
    run: Annotated[str, typer.Argument(help="A run's id.")],
    root: Root = DEFAULT_ROOT,
    force: Annotated[bool, typer.Option("--force", help="Promote whatever the gates say.")] = False,
) -> None:
    """Make a run the live one, if the gates let it pass."""
    from recommender import pipeline
    from recommender.errors import ConfigError
    from recommender.life import pointer

    candidate = pipeline.open_run(root / run)
    verdict = pipeline.judge(candidate, pointer.live_run(root), pipeline.peers_of(candidate, root))
    for sentence in verdict.sentences:
        typer.echo(sentence)
    if not verdict.is_accepted and not force:
        raise ConfigError(f"{run} was refused; --force shows it all the same")
    typer.echo(f"{pointer.promote(root, candidate).live} is live")


def rollback(root: Root = DEFAULT_ROOT) -> None:
    """Make the run live that was live before."""
    from recommender.life import pointer

    typer.echo(f"{pointer.rollback(root).live} is live again")
