"""Rows that must not teach the model, taken out by named rules and counted."""

from datetime import datetime

import polars as pl

from recommender.data.schema import Tables


def exclude(tables: Tables, *, until: datetime) -> tuple[Tables, dict[str, int]]:
    """Drop rows by each rule in turn; also returns how many rows each rule took.

    Rules: `failed` (success is false), `platform_tip`, `flagged` (suspected of being a sybil), `future`
    (later than `until`), `unknown_item` (not among the items), `self_funded` (the backer is the item's
    publisher), `refunded` (contributions of a backer to an item from which they were refunded later).
    """
    publishers = tables.items.select("item_id", "publisher_id")
    events = tables.events.join(publishers, on="item_id", how="left", maintain_order="left")
    known = pl.col("item_id").is_in(publishers["item_id"].to_list())
    rules: dict[str, pl.Expr] = {
        "failed": pl.col("success").eq(other=False),
        "platform_tip": pl.col("is_platform_tip"),
        "flagged": pl.col("is_flagged"),
        "future": pl.col("timestamp") > until,
        "unknown_item": ~known,
        "self_funded": pl.col("kind").is_in(["contribute", "refund"])
        & (pl.col("user_id").str.to_lowercase() == pl.col("publisher_id").str.to_lowercase()),
        "refunded": (pl.col("kind") == "contribute") & (pl.col("timestamp") <= _last_refund()),
    }
    counts: dict[str, int] = {}
    for name, rule in rules.items():
        kept = events.filter(~rule.fill_null(value=False))
        counts[name] = len(events) - len(kept)
        events = kept
    return Tables(events.drop("publisher_id"), tables.items, tables.users, tables.impressions), counts


def _last_refund() -> pl.Expr:
    refunds = pl.col("timestamp").filter(pl.col("kind") == "refund")
    return refunds.max().over("user_id", "item_id")
