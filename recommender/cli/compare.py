"""Commands that search and compare: tune, compare."""

from typing import Annotated

import typer

from recommender.cli.options import (
    DEFAULT_ROOT,
    AmongOpen,
    Core,
    Data,
    Encoder,
    JsonOut,
    Model,
    Models,
    Root,
    Seed,
    Seeds,
    Settings,
    SettingsFiles,
    Split,
    SplitSeed,
    TestFrom,
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
    app.command()(tune)
    app.command()(compare)


def tune(
    model: Model,
    data: Data,
    split: Split,
    trials: Annotated[int, typer.Option(min=1, help="Settings to try; the first are the model's own.")] = 30,
    json: JsonOut = None,
    test_from: TestFrom = None,
    test_to: TestTo = None,
    split_seed: SplitSeed = 0,
    core: Core = 5,
    among_open: AmongOpen = False,
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    seed: Seed = 0,
    set_: Settings = [],  # noqa: B006  typer reads a list's default, and nothing changes it
) -> None:
    """Search for a model's best settings by NDCG@10 on the split's validation part, never on its test."""
    from recommender.cli.report import tuning_lines
    from recommender.experiments.experiment import open_experiment, tuning_json

    options = split_options(test_from, test_to, split_seed, core, among_open)
    out = output(json)
    with terminal_progress() as progress:
        experiment = open_experiment(data, root, options, encoder, progress)
        found = experiment.tune(split, model, trials, seed, settings(set_).get(model))
    write_json(out, tuning_json(experiment.split(split), found, seed))
    for line in tuning_lines(found):
        typer.echo(line)


def compare(
    data: Data,
    splits: Annotated[str, typer.Option(help="Names with commas between them, as --split of evaluate.")],
    models: Models,
    seeds: Seeds = 5,
    trials: Annotated[
        int, typer.Option(min=0, help="Tune each model on each split's validation part first; 0: do not.")
    ] = 0,
    reference: Annotated[
        str, typer.Option(help="The model to compare with; without it, the best baseline of each split.")
    ] = "",
    json: JsonOut = None,
    test_from: TestFrom = None,
    test_to: TestTo = None,
    split_seed: SplitSeed = 0,
    core: Core = 5,
    among_open: AmongOpen = False,
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    settings_files: SettingsFiles = [],  # noqa: B006  typer reads a list's default, and nothing changes it
    set_: Settings = [],  # noqa: B006
) -> None:
    """The results table: tune, measure on every split, and compare with the best baseline, user by user."""
    from recommender.cli.report import print_report
    from recommender.config.settings_files import merge_settings, read_settings
    from recommender.experiments.experiment import compare as run_comparison
    from recommender.experiments.experiment import open_experiment

    options = split_options(test_from, test_to, split_seed, core, among_open)
    given = settings(set_)
    chosen = {name: merge_settings(read_settings(settings_files, name), given) for name in names(splits)}
    out = output(json)
    with terminal_progress() as progress:
        experiment = open_experiment(data, root, options, encoder, progress)
        found = run_comparison(
            experiment,
            names(splits),
            names(models),
            seeds,
            trials=trials,
            settings=chosen,
            reference=reference or None,
            after_split=lambda so_far: write_json(out, so_far.as_json()),
        )
    for name, report in found.reports.items():
        print_report(report, found.differences[name], found.trials[name])
