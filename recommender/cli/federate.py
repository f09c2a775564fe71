"""Commands to learn with other platforms: federate begin, round, close, turn, simulate, attack."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.options import (
    DEFAULT_ROOT,
    Core,
    Data,
    Encoder,
    JsonOut,
    Root,
    Seeds,
    Settings,
    names,
    output,
    write_json,
)
from recommender.config.settings_entries import settings
from recommender.progress import terminal_progress
from recommender.text.names import DEFAULT_ENCODER

if TYPE_CHECKING:
    from recommender.federation.settings import FederationConfig

app = typer.Typer(no_args_is_help=True, help="Learn with other platforms without showing them any behaviour.")

SharedFile = Annotated[Path, typer.Argument(help="The file of shared weights.")]
FEDERATION = "federation"


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="federate")


@app.command()
def begin(
    shared: SharedFile,
    public: Annotated[
        Path, typer.Option(help="Texts that anybody may see, one a line: what codes are made of.")
    ],
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    set_: Settings = [],  # noqa: B006  typer reads a list's default, and nothing changes it
) -> None:
    """As the coordinator, write the weights of round 0, with a codebook and what all agree on.

    --set pfcr.name=value is the network's, --set federation.name=value says how it is learnt.
    """
    from recommender.errors import ConfigError
    from recommender.federation.exchange import begin as begin_rounds
    from recommender.federation.exchange import public_codebook
    from recommender.models.pfcr import PfcrConfig
    from recommender.models.registry import make_config
    from recommender.models.shared_weights import save_shared
    from recommender.pipeline import EMBEDDINGS
    from recommender.text.cache import EmbeddingCache

    if shared.exists():
        raise ConfigError(f"{shared} exists: its rounds go on with `federate round`, or name another file")
    own, config = _settings(set_)
    network = make_config("pfcr", own)
    if not isinstance(network, PfcrConfig):
        raise TypeError(network)
    texts = _lines(public)
    with terminal_progress() as progress:
        vectors = EmbeddingCache(root / EMBEDDINGS, encoder).vectors(texts, progress)
    book = public_codebook(vectors, network)
    save_shared(shared, begin_rounds(book, encoder, network, config))
    typer.echo(f"{shared}: round 0 of {config.rounds}, codes learnt from {len(texts):,} public texts")


@app.command(name="round")
def answer_round(
    shared: SharedFile,
    update: Annotated[Path, typer.Argument(help="Where to write what is sent back.")],
    client: Annotated[str, typer.Option(help="This platform's name, the same in every round.")],
    memory: Annotated[
        Path, typer.Option(help="A directory of this platform's own; it is never sent anywhere.")
    ],
    data: Annotated[Path | None, typer.Option(help="A data directory.")] = None,
    snapshot: Annotated[Path | None, typer.Option(help="A snapshot taken before.")] = None,
    root: Root = DEFAULT_ROOT,
) -> None:
    """As a client, learn for a round from what is here, and write an update that holds weights alone."""
    from recommender.errors import ConfigError
    from recommender.federation.exchange import agreement, answer, save_update
    from recommender.models.shared_weights import load_shared
    from recommender.pipeline import EMBEDDINGS, open_snapshot, snapshot_dataset
    from recommender.text.cache import EmbeddingCache

    if (data is None) == (snapshot is None):
        raise ConfigError("give --data or --snapshot, one of them")
    sent = load_shared(shared)
    dataset = snapshot_dataset(open_snapshot(snapshot)) if snapshot else _dataset(data or Path())
    with terminal_progress() as progress:
        vectors = EmbeddingCache(root / EMBEDDINGS, sent.encoder).vectors(dataset.items.texts, progress)
    found = answer(client, sent, dataset, vectors, memory)
    save_update(update, found)
    config = agreement(sent)
    promise = (
        f"ε {config.epsilon:g}, δ {config.delta:g}" if config.epsilon else "none: updates are not noised"
    )
    typer.echo(
        f"{update}: round {sent.turn + 1} of {config.rounds}, learnt from {found.persons:,} persons; "
        f"promised to each of them over all rounds: {promise}"
    )


@app.command()
def close(
    shared: SharedFile,
    updates: Annotated[list[Path], typer.Argument(help="What the clients sent for this round.")],
) -> None:
    """As the coordinator, average a round's updates into the shared weights."""
    from recommender.federation.exchange import close as close_round
    from recommender.federation.exchange import load_update
    from recommender.models.shared_weights import load_shared, save_shared

    after = close_round(load_shared(shared), [load_update(path) for path in updates])
    save_shared(shared, after)
    typer.echo(f"{shared}: round {after.turn}, the average of {len(updates)} clients")


@app.command()
def turn(shared: SharedFile) -> None:
    """Say how many rounds are done, and how many there are: two numbers."""
    from recommender.federation.exchange import agreement
    from recommender.models.shared_weights import load_shared

    found = load_shared(shared)
    typer.echo(f"{found.turn} {agreement(found).rounds}")


@app.command()
def simulate(
    data: Data,
    by: Annotated[
        str, typer.Option(help="What domains are: category, period, chain, or several of them.")
    ] = "category",
    public: Annotated[
        Path | None,
        typer.Option(help="Texts to learn codes from, one a line; without, those of items in no domain."),
    ] = None,
    seeds: Seeds = 5,
    least_persons: Annotated[int, typer.Option(min=1, help="Backers of the smallest domain.")] = 200,
    core: Core = 1,
    epsilons: Annotated[
        str, typer.Option(help="Promises to measure at, with commas; without, no noise.")
    ] = "",
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    json: JsonOut = None,
    set_: Settings = [],  # noqa: B006  typer reads a list's default, and nothing changes it
) -> None:
    """Cut a platform into domains, and compare: each alone, all in one place, federated, and with prompts."""
    from recommender.cli.report import federation_lines
    from recommender.experiments.federation import figures_json, open_federation

    own, config = _settings(set_)
    out = output(json)
    with terminal_progress() as progress:
        experiment = open_federation(
            data, root, encoder, by=names(by), least_persons=least_persons, core=core, settings=own,
            federation=config, public=_lines(public) if public else (), progress=progress,
        )  # fmt: skip
        found = experiment.sweep([float(each) for each in names(epsilons)] or [None], seeds)
    write_json(out, figures_json(experiment, found))
    for line in federation_lines(experiment, found):
        typer.echo(line)


@app.command()
def attack(
    epsilons: Annotated[
        str, typer.Option(help="Promises to attack, with commas; no noise is always measured.")
    ] = "1,4,8",
    members: Annotated[int, typer.Option(min=50, help="Persons learnt from, and as many strangers.")] = 2_000,
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    seeds: Seeds = 1,
    json: JsonOut = None,
    set_: Settings = [],  # noqa: B006  typer reads a list's default, and nothing changes it
) -> None:
    """Attack a client's updates, with and without noise: who was learnt from, and what they backed.

    Each seed draws a population of its own.
    """
    from dataclasses import asdict

    from recommender.cli.report import attack_lines
    from recommender.experiments.attacks import AttackConfig, AttackExperiment, attack_all, population
    from recommender.models.pfcr import PfcrConfig
    from recommender.models.registry import make_config
    from recommender.pipeline import EMBEDDINGS
    from recommender.text.cache import EmbeddingCache

    own, config = _settings(set_)
    network = make_config("pfcr", own)
    if not isinstance(network, PfcrConfig):
        raise TypeError(network)
    out = output(json)
    populations = [AttackConfig(members=members, seed=seed) for seed in range(seeds)]
    with terminal_progress() as progress:
        cache, experiments = EmbeddingCache(root / EMBEDDINGS, encoder), []
        for asked in populations:
            data = population(asked)
            vectors = cache.vectors(data.items.texts, progress)
            experiments.append(AttackExperiment(asked, network, config, vectors, data, progress))
        found = attack_all(experiments, [None, *map(float, names(epsilons))])
    protocol = {
        "populations": [asdict(asked) for asked in populations],
        "network": own,
        "federation": config.model_dump(mode="json"),
    }
    write_json(out, {"protocol": protocol, "rows": [asdict(each) for each in found]})
    for line in attack_lines(found):
        typer.echo(line)


def _settings(entries: list[str]) -> tuple[dict[str, Any], "FederationConfig"]:
    """The network's settings, and how it is learnt; raises ConfigError for others."""
    from pydantic import ValidationError

    from recommender.config.model import setting_error
    from recommender.errors import ConfigError
    from recommender.federation.settings import FederationConfig

    given = settings(entries)
    if unknown := set(given) - {"pfcr", FEDERATION}:
        raise ConfigError(f"--set {min(unknown)}.…: here it is pfcr.name=value or {FEDERATION}.name=value")
    try:
        return given.get("pfcr", {}), FederationConfig.model_validate(given.get(FEDERATION, {}))
    except ValidationError as error:
        raise setting_error(FEDERATION, error) from None


def _lines(path: Path) -> list[str]:
    from recommender.errors import DataError

    try:
        texts = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}; give a file of texts, one a line") from None
    if not texts:
        raise DataError(f"{path} is empty: give texts that anybody may see, one a line")
    return list(dict.fromkeys(texts))


def _dataset(data: Path) -> Any:
    from recommender.data.dataset import build_dataset
    from recommender.data.reading import read_directory
    from recommender.data.rules import exclude

    return build_dataset(exclude(read_directory(data), until=datetime.now(UTC))[0])
