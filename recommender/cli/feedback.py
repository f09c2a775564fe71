"""The command that lets lists feed on themselves: feedback."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.options import (
    DEFAULT_ROOT,
    Encoder,
    JsonOut,
    Root,
    Seed,
    Settings,
    output,
    write_json,
)
from recommender.config.settings_entries import settings
from recommender.progress import terminal_progress
from recommender.text.names import DEFAULT_ENCODER

if TYPE_CHECKING:
    from recommender.experiments.feedback import Feedback


def register(app: typer.Typer) -> None:
    app.command()(feedback)


def feedback(
    model: Annotated[str, typer.Option(help="A model that is trained.")] = "twotower",
    months: Annotated[int, typer.Option(min=1)] = 6,
    cap: Annotated[float, typer.Option(min=0.1, help="What all rows of a user may weigh together.")] = 10.0,
    visits: Annotated[int, typer.Option(min=1, help="A month; each ends in a contribution.")] = 1_000,
    users: Annotated[int, typer.Option(min=10)] = 400,
    items: Annotated[int, typer.Option(min=20)] = 100,
    contributions: Annotated[int, typer.Option(min=10, help="Before the first month.")] = 4_000,
    seed: Seed = 0,
    json: JsonOut = None,
    root: Root = DEFAULT_ROOT,
    encoder: Encoder = DEFAULT_ENCODER,
    set_: Settings = [],  # noqa: B006  typer reads a list's default, and nothing changes it
) -> None:
    """Simulate months in which people back what they are shown, with and without a cap on each user."""
    from recommender import pipeline
    from recommender.data.synthetic import SyntheticConfig
    from recommender.experiments.feedback import simulate_feedback
    from recommender.models.registry import make_plan
    from recommender.text.cache import EmbeddingCache

    plan = make_plan(model, settings(set_).get(model)).with_seed(seed)
    platform = SyntheticConfig(users=users, items=items, views=0, contributions=contributions, seed=seed)
    out = output(json)
    with terminal_progress() as progress:
        found = simulate_feedback(
            platform,
            plan,
            months,
            cap=cap,
            visits=visits,
            read_texts=EmbeddingCache(root / pipeline.EMBEDDINGS, encoder).vectors,
            progress=progress,
        )
    write_json(out, found.as_json())
    for line in table_lines(found, cap):
        typer.echo(line)


def table_lines(found: "Feedback", cap: float) -> Iterator[str]:
    """The protocol, then Markdown: what the most active teach, and what the others get to see."""
    from recommender.experiments.feedback import UNLIMITED

    yield ", ".join(f"{name}: {value}" for name, value in found.protocol.items())
    yield ""
    heads = ("taught by the most active", "in what others see", "Gini of what others see", "coverage")
    yield f"| month | {' | '.join(f'{head}, no cap | cap {cap:g}' for head in heads)} |"
    yield f"|---|{'---|' * 2 * len(heads)}"
    for free, capped in zip(found.loop(UNLIMITED), found.loop(cap), strict=True):
        pairs = zip(
            (free.taught, free.shown, free.gini, free.coverage),
            (capped.taught, capped.shown, capped.gini, capped.coverage),
            strict=True,
        )
        yield f"| {free.month} | {' | '.join(f'{before:.3f} | {after:.3f}' for before, after in pairs)} |"
