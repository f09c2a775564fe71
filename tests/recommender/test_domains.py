"""One platform cut into several without a common user or item."""

import polars as pl
import pytest

from recommender.data.reading import conform
from recommender.data.schema import Tables
from recommender.errors import ConfigError, DataError
from recommender.federation.domains import Key, cut, left_over
from tests.recommender.build import event, item, tables


@pytest.fixture
def platform() -> Tables:
    """Two tea campaigns, two of film, one without a category; two chains; `both` backs more tea than film."""
    items = [
        item("t1", category="tea"), item("t2", category="tea"), item("f1", category="film"),
        item("f2", category="film"), item("x1"),
    ]  # fmt: skip
    rows = [
        event("anne", "t1", 1, chain_id=1), event("anne", "t2", 2, chain_id=10),
        event("bert", "f1", 3, chain_id=10), event("cleo", "f2", 4, chain_id=1),
        event("cleo", "x1", 5, chain_id=1), event("both", "t1", 6, chain_id=1),
        event("both", "t2", 7, chain_id=10), event("both", "f1", 8, chain_id=10),
        event("both", "f1", 9, kind="view", chain_id=10), event("even", "f2", 9, chain_id=1),
        event("even", "t1", 10, chain_id=1), event("looks", "t1", 11, kind="view", chain_id=1),
    ]  # fmt: skip
    return conform(tables(rows, items))


def people(domain: Tables) -> dict[str, set[str]]:
    rows = domain.events.group_by("user_id").agg(pl.col("item_id").unique())
    return {user: set(items) for user, items in rows.rows()}


def test_nobody_and_nothing_is_in_two_domains(platform: Tables) -> None:
    found = cut(platform, ["category"], least_persons=1)
    assert list(found) == ["film", "tea"]
    assert set(found["tea"].items["item_id"]) == {"t1", "t2"}
    assert set(found["film"].items["item_id"]) == {"f1", "f2"}
    assert people(found["tea"]) == {"anne": {"t1", "t2"}, "both": {"t1", "t2"}}
    # Backed one of each: the first in the alphabet. Who has backed nothing belongs nowhere.
    assert people(found["film"]) == {"bert": {"f1"}, "cleo": {"f2"}, "even": {"f2"}}


def test_what_has_no_category_is_left_for_everybody_to_see(platform: Tables) -> None:
    found = cut(platform, ["category"], least_persons=1)
    assert left_over(platform, found)["item_id"].to_list() == ["x1"]


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["chain"], ["chain 1", "chain 10"]),
        (["category", "chain"], ["film / chain 1", "tea / chain 1", "film / chain 10", "tea / chain 10"]),
        (["period"], ["period 1", "period 2"]),
    ],
)
def test_domains_are_of_what_they_are_cut_by(platform: Tables, keys: list[Key], names: list[str]) -> None:
    found = cut(platform, keys, least_persons=1)
    assert set(found) <= set(names)
    assert len(found) >= 2
    for name, domain in found.items():
        if keys == ["chain"]:
            assert set(domain.events["chain_id"]) == {int(name.removeprefix("chain "))}
    everybody = [user for domain in found.values() for user in people(domain)]
    assert len(everybody) == len(set(everybody))


def test_periods_have_equally_many_items_by_launch_or_first_event(platform: Tables) -> None:
    found = cut(platform, ["period"], periods=2, least_persons=1)
    assert set(found["period 1"].items["item_id"]) == {"t1", "t2", "f1"}
    assert set(found["period 2"].items["item_id"]) == {"f2", "x1"}


def test_domains_with_fewer_backers_are_left_out(platform: Tables) -> None:
    with pytest.raises(DataError, match="there are 1 domains with 3 backers: cut by something else"):
        cut(platform, ["category"], least_persons=3)


@pytest.mark.parametrize("keys", [[], ["category", "category"]])
def test_a_key_is_named_once(platform: Tables, keys: list[Key]) -> None:
    with pytest.raises(ConfigError, match="category, period, chain, each once"):
        cut(platform, keys)
