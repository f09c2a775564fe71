"""Commands that measure and decide: evaluate, promote, rollback."""

from typing import Annotated

import typer

from recommender.cli.options import (
    DEFAULT_ROOT,
    AmongOpen,
    AnySplit,
    Core,
    Data,
    Encoder,
    JsonOut,
    Models,
    Root,
    Seeds,
    Settings,
    SettingsFiles,
    SplitSeed,
    TestFrom,
    TestShare,
    TestTo,
    names,
    output,
    split_options,
    write_json,
)
from recommender.config.settings_entries import settings
from recommender.progress import terminal_progress
from recommender.text.names import DEFAULT_ENCODER


def register(app: typer.Typer) -> None:
    app.command()(evaluate)
    app.command()(promote)
    app.command()(rollback)


def evaluate(
    data: Data,
    split: AnySplit,
    models: Models,
    seeds: Seeds = 1,
    json: JsonOut = None,
    test_from: TestFrom = None,
    test_to: TestTo = None,
    split_seed: SplitSeed = 0,
    core: Core = 5,
    among_open: AmongOpen = False,
    test_share: TestShare = 0.2,
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    settings_files: SettingsFiles = [],  # noqa: B006  typer reads a list's default, and nothing changes it
    set_: Settings = [],  # noqa: B006
) -> None:
    """Measure models on a data directory by full ranking, or by predicted ratings; print the table."""
    from recommender.cli.report import print_ratings, print_report
    from recommender.config.settings_files import merge_settings, read_settings
    from recommender.evaluation.ratings import RATINGS
    from recommender.experiments.experiment import open_experiment

    options = split_options(test_from, test_to, split_seed, core, among_open, test_share)
    chosen = merge_settings(read_settings(settings_files, split), settings(set_))
    out = output(json)
    with terminal_progress() as progress:
        experiment = open_experiment(data, root, options, encoder, progress)
        if split == RATINGS:
            report = experiment.evaluate_ratings(names(models), seeds, chosen)
        else:
            report = experiment.evaluate(split, names(models), seeds, chosen)
    write_json(out, report.as_json())
    (print_ratings if split == RATINGS else print_report)(report)


def promote(
    run: Annotated[str, typer.Argument(help="A run's id.")],
    root: Root = DEFAULT_ROOT,
    force: Annotated[bool, typer.Option("--force", help="Promote whatever the gates say.")] = False,
) -> None:
    """Make a run the live one, if the gates let it pass."""
    from recommender import pipeline
    from recommender.errors import ConfigError
    from recommender.registry import pointer

    candidate = pipeline.open_run(root / run)
    verdict = pipeline.judge(candidate, pointer.live_run(root), pipeline.peers_of(candidate, root))
    for sentence in verdict.sentences:
        typer.echo(sentence)
    if not verdict.is_accepted and not force:
        raise ConfigError(f"{run} was refused; --force shows it all the same")
    typer.echo(f"{pointer.promote(root, candidate).live} is live")


def rollback(root: Root = DEFAULT_ROOT) -> None:
    """Make the run live that was live before."""
    from recommender.registry import pointer

    typer.echo(f"{pointer.rollback(root).live} is live again")
