"""The tables' columns. Columns that are not named here are ignored."""

from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

SCHEMA_VERSION = 1

Kind = Literal["view", "save", "contribute", "refund"]
KINDS: tuple[str, ...] = get_args(Kind)

TIME = pl.Datetime("us", "UTC")

MAX_TEXT_CHARACTERS = 20_000
"""Longer titles and descriptions are cut here; encoders read a few hundred words at most."""


@dataclass(frozen=True)
class TableFormat:
    """A table's columns by name and type; `required` may not be absent, `keys` may not be empty."""

    name: str
    columns: dict[str, pl.DataType | type[pl.DataType]]
    required: tuple[str, ...]
    keys: tuple[str, ...]


EVENTS = TableFormat(
    "events",
    {
        "user_id": pl.String,
        "item_id": pl.String,
        "timestamp": TIME,
        "kind": pl.String,
        # Whole tokens, for learning; accounting is done elsewhere, in base units.
        "amount": pl.Float64,
        "minutes": pl.Float64,
        "chain_id": pl.Int64,
        "block_number": pl.Int64,
        "success": pl.Boolean,
        "is_platform_tip": pl.Boolean,
        "is_flagged": pl.Boolean,
    },
    required=("user_id", "item_id", "timestamp", "kind"),
    keys=("user_id", "item_id", "timestamp", "kind"),
)
ITEMS = TableFormat(
    "items",
    {
        "item_id": pl.String,
        "publisher_id": pl.String,
        "title": pl.String,
        "description": pl.String,
        "category": pl.String,
        "language": pl.String,
        "created_at": TIME,
        "deadline": TIME,
        "goal": pl.Float64,
        # Empty: open until the deadline.
        "is_open": pl.Boolean,
    },
    required=("item_id", "title"),
    keys=("item_id",),
)
USERS = TableFormat(
    "users",
    {"user_id": pl.String, "created_at": TIME, "language": pl.String},
    required=("user_id",),
    keys=("user_id",),
)
IMPRESSIONS = TableFormat(
    "impressions",
    {
        "user_id": pl.String,
        "item_id": pl.String,
        "timestamp": TIME,
        "slot": pl.Int64,
        "propensity": pl.Float64,
        "model_version": pl.String,
        # Empty: a view by the same user within a day says that they did.
        "clicked": pl.Boolean,
        # Empty: whoever had the card on the screen for three seconds did.
        "stopped": pl.Boolean,
        # Seconds on the screen.
        "dwell": pl.Float64,
    },
    required=("user_id", "item_id", "timestamp"),
    keys=("user_id", "item_id", "timestamp"),
)
FORMATS = (EVENTS, ITEMS, USERS, IMPRESSIONS)


@dataclass(frozen=True)
class Tables:
    """What the recommender is given. `users` and `impressions` may be absent."""

    events: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame | None = None
    impressions: pl.DataFrame | None = None

    def named(self) -> list[tuple[TableFormat, pl.DataFrame]]:
        """The tables that are there, with their formats."""
        frames = (self.events, self.items, self.users, self.impressions)
        return [(form, frame) for form, frame in zip(FORMATS, frames, strict=True) if frame is not None]
