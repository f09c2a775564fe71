"""The command line: thin, and quick to say `--help`: torch is imported by the command that needs it."""

import sys

import typer

from recommender.cli import ablate, cold_start, compare, convert, evaluate, federate, feedback, inspect, train
from recommender.errors import RecommenderError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Learn from contributions and views which campaigns are for whom. Snapshots of the site's own "
    "database are taken by `manage.py recommend snapshot`.",
)
train.register(app)
evaluate.register(app)
compare.register(app)
ablate.register(app)
inspect.register(app)
convert.register(app)
federate.register(app)
feedback.register(app)
cold_start.register(app)


def main() -> None:
    """Run a command; what is wrong with the input is one sentence and exit status 1."""
    try:
        app()
    except RecommenderError as error:
        sys.exit(f"error: {error}")


__all__ = ["app", "main"]
