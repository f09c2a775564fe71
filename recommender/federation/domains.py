"""One platform's tables cut into several without a common user or item: to measure learning together."""

from collections.abc import Sequence
from typing import Literal, get_args

import polars as pl

from recommender.data.schema import Tables
from recommender.errors import ConfigError, DataError

Key = Literal["category", "period", "chain"]
KEYS: tuple[str, ...] = get_args(Key)


def keys_of(names: Sequence[str]) -> list[Key]:
    """The keys by their names; raises ConfigError for one that is none."""
    found: list[Key] = []
    for name in names:
        if name not in KEYS:
            raise ConfigError(f"domains cannot be cut by {name!r}: choose from {', '.join(KEYS)}")
        found.append(name)  # type: ignore[arg-type]
    return found


def cut(
    tables: Tables, keys: Sequence[Key], *, periods: int = 2, least_persons: int = 50
) -> dict[str, Tables]:
    """The domains by name, the one with most backers first.

    An item belongs to its category, to the part of the time in which it was launched (parts with equally many
    items) and to the chain of its first event; an item without is in no domain. A user belongs to the domain
    in which they backed most items, the first in the alphabet among equals; what they did elsewhere is
    dropped, so that nobody is in two domains.

    Args:
        tables: conformed, the rules applied.
        keys: what a domain is: items that agree in all of these.
        periods: how many, where `period` is among the keys.
        least_persons: domains with fewer backers are left out.

    Raises:
        ConfigError: no key, or one twice. DataError: fewer than two domains are left.
    """
    if not keys or len(set(keys)) != len(keys):
        raise ConfigError(f"cut by one or more of {', '.join(KEYS)}, each once")
    named = _named(tables, keys, periods)
    events = tables.events.join(named, on="item_id", how="inner", maintain_order="left")
    backed = events.filter(pl.col("kind") == "contribute").unique(["user_id", "item_id"])
    counts = (
        backed.group_by("user_id", "domain")
        .len()
        .sort(["user_id", "len", "domain"], descending=[False, True, False])
    )
    homes = counts.unique("user_id", keep="first", maintain_order=True).select("user_id", "domain")
    at_home = events.join(homes, on=["user_id", "domain"], how="semi", maintain_order="left")
    persons = homes.group_by("domain").len().filter(pl.col("len") >= least_persons)
    chosen = persons.sort(["len", "domain"], descending=[True, False])["domain"].to_list()
    if len(chosen) < 2:
        raise DataError(
            f"cut by {', '.join(keys)} there are {len(chosen)} domains with {least_persons} backers: "
            "cut by something else, or ask for fewer backers"
        )
    return {
        name: Tables(
            at_home.filter(pl.col("domain") == name).drop("domain"),
            tables.items.join(named.filter(pl.col("domain") == name), on="item_id", how="semi"),
        )
        for name in chosen
    }


def left_over(tables: Tables, domains: dict[str, Tables]) -> pl.DataFrame:
    """The items that are in no domain: whose texts may be shown to learn a codebook from."""
    taken = pl.concat([domain.items.select("item_id") for domain in domains.values()])
    return tables.items.join(taken, on="item_id", how="anti", maintain_order="left")


def _named(tables: Tables, keys: Sequence[Key], periods: int) -> pl.DataFrame:
    """(item_id, domain) of every item."""
    first = tables.events.group_by("item_id").agg(
        pl.col("chain_id").sort_by("timestamp").drop_nulls().first(), pl.col("timestamp").min()
    )
    launched = pl.coalesce("created_at", "timestamp")
    part = (launched.rank("ordinal") - 1) * periods // launched.count().clip(1)
    parts: dict[Key, pl.Expr] = {
        "category": pl.col("category"),
        "period": pl.format("period {}", part + 1),
        "chain": pl.format("chain {}", pl.col("chain_id")),
    }
    return (
        tables.items.join(first, on="item_id", how="left", maintain_order="left")
        .select("item_id", domain=pl.concat_str([parts[key] for key in keys], separator=" / "))
        .drop_nulls()
    )
