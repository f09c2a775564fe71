"""Commands that look: topk, explain, audience, curves, interpret, reproduce, doctor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.options import DEFAULT_ROOT, Root
from recommender.errors import ConfigError

if TYPE_CHECKING:
    from recommender.ranking.lists import Ranker

RunOption = Annotated[str, typer.Option(help="A run's id; without it, the live one.")]
UserArgument = Annotated[str, typer.Argument(help="A user's id.")]
ItemArgument = Annotated[str, typer.Argument(help="An item's id.")]


def register(app: typer.Typer) -> None:
    app.command()(topk)
    app.command()(explain)
    app.command()(audience)
    app.command()(curves)
    app.command()(interpret)
    app.command()(reproduce)
    app.command()(doctor)


def topk(
    user: UserArgument,
    k: Annotated[int, typer.Option("-k", min=1)] = 10,
    run: RunOption = "",
    root: Root = DEFAULT_ROOT,
) -> None:
    """A user's best open items, with reasons; an unknown user gets the list for anybody."""
    from recommender.ranking.lists import rank_user

    ranker = _ranker(run, root)
    titles = dict(zip(ranker.dataset.item_ids.names, ranker.dataset.items.texts, strict=True))
    for row in rank_user(ranker, user, k).to_pylist():
        title = titles[row["item_id"]].split("\n")[0][:50]
        past = f" {row['reason_item_id']}" if row["reason_item_id"] else ""
        typer.echo(
            f"{row['rank']:>4}  {row['score']:>9.4f}  {row['item_id']}  {title}  ({row['reason']}{past})"
        )


def explain(user: UserArgument, item: ItemArgument, run: RunOption = "", root: Root = DEFAULT_ROOT) -> None:
    """The facts about a user and an item, and where the item stands in the user's list."""
    from recommender.ranking.explain import explain_pair

    for line in explain_pair(_ranker(run, root), user, item):
        typer.echo(line)


def audience(
    item: ItemArgument,
    k: Annotated[int, typer.Option("-k", min=1)] = 20,
    run: RunOption = "",
    root: Root = DEFAULT_ROOT,
) -> None:
    """The users most likely to care for an item."""
    from recommender.ranking.lists import audiences

    rows = audiences(_ranker(run, root), k, item).to_pylist()
    if not rows:
        raise ConfigError("this model cannot say who cares for an item: use a run of chainfund or twotower")
    for row in rows:
        typer.echo(f"{row['rank']:>4}  {row['score']:>9.4f}  {row['user_id']}")


def curves(
    run: Annotated[str, typer.Argument(help="A run's id.")],
    out: Annotated[Path, typer.Argument(help="The PNG to write.")],
    root: Root = DEFAULT_ROOT,
) -> None:
    """Draw a run's losses and validation by epoch."""
    from recommender import pipeline
    from recommender.files import write_atomic
    from recommender.registry.curves import draw_curves

    if out.is_dir():
        raise ConfigError(f"{out} is a directory: name a file, such as {out / 'curves.png'}")
    write_atomic(out, draw_curves(pipeline.open_run(root / run)))
    typer.echo(f"{out} shows how {run} was trained")


def interpret(
    run: Annotated[str, typer.Argument(help="A run of dot_product_bias or collab_nn.")],
    out: Annotated[Path, typer.Argument(help="The directory to write index.html and the PNGs into.")],
    root: Root = DEFAULT_ROOT,
) -> None:
    """What a model of ratings has learnt: directions of taste, biases, nearest neighbours."""
    from recommender.files import write_atomic
    from recommender.ranking.interpretation import interpret as read
    from recommender.ranking.interpretation_page import page
    from recommender.ranking.interpretation_pictures import draw

    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file: name a directory")
    ranker = _ranker(run, root)
    found = read(ranker.model, ranker.dataset)
    pictures = draw(found)
    for name, content in pictures.items():
        write_atomic(out / f"{name}.png", content)
    write_atomic(out / "index.html", page(run, found, pictures).encode())
    typer.echo(f"{out / 'index.html'} tells what {run} has learnt")


def reproduce(
    run: RunOption = "",
    k: Annotated[int, typer.Option("-k", min=1, help="Items in each list, as they were published.")] = 200,
    expect: Annotated[str, typer.Option(help="The published rankings' SHA-256.")] = "",
    root: Root = DEFAULT_ROOT,
) -> None:
    """Rank again from the hashed weights and snapshot and print the lists' SHA-256."""
    from recommender.ranking.lists import digest, rank_all

    found = digest(rank_all(_ranker(run, root), k))
    typer.echo(found)
    if expect and found != expect.removeprefix("0x"):
        raise ConfigError(f"the published rankings were {expect.removeprefix('0x')}: these are others")


def doctor(root: Root = DEFAULT_ROOT) -> None:
    """Say what there is, what is damaged, and what this machine computes with."""
    from recommender.registry.diagnosis import diagnose

    findings = diagnose(root)
    for finding in findings:
        typer.echo(f"{'ok' if finding.is_sound else '!!'}  {finding.text}")
    if not all(finding.is_sound for finding in findings):
        raise ConfigError("something is damaged: see the lines marked with !!")


def _ranker(run: str, root: Root) -> "Ranker":
    from recommender import pipeline
    from recommender.registry import pointer

    if run:
        chosen = pipeline.open_run(root / run)
    elif (live := pointer.live_run(root)) is not None:
        chosen = live
    else:
        raise ConfigError("no run is live: promote one, or name one with --run")
    return pipeline.open_ranker(chosen, pipeline.run_snapshot(chosen, root), root)
