"""Lists: exact, the same each time, and with reasons that are true."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from recommender.data.dataset import Dataset
from recommender.errors import ConfigError
from recommender.pipeline import (
    Ranker,
    audiences,
    digest,
    open_ranker,
    rank_all,
    run_snapshot,
    similar_items,
)
from recommender.ranking import lists as lists_module
from recommender.ranking.explain import explain_pair
from recommender.ranking.lists import RANKINGS, rank_user
from recommender.ranking.reasons import Facts, Reason, gather_facts, reasons_for
from recommender.registry.runs import RunInfo
from tests.recommender.build import START, dataset, event, fitted_to, item


@pytest.fixture
def ranker(runs: dict[str, RunInfo], root: Path) -> Ranker:
    run = runs["twotower"]
    return open_ranker(run, run_snapshot(run, root), root)


def lists(ranker: Ranker, k: int = 10) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rank_all(ranker, k).to_pylist():
        found.setdefault(row["user_id"], []).append(row)
    return found


class TestLists:
    def test_they_are_the_best_open_unseen_items_in_order(self, ranker: Ranker) -> None:
        dataset = ranker.dataset
        with torch.inference_mode():
            scores = ranker.model.score(
                torch.arange(len(dataset.users)), torch.arange(len(dataset.item_ids))
            ).numpy()
        backed = dataset.pairs.backed
        for user, rows in lists(ranker).items():
            if not user:
                continue
            number = dataset.users.find(user)
            seen = set(backed.item[backed.user == number].tolist())
            allowed = [i for i in np.flatnonzero(dataset.items.is_open) if i not in seen]
            best = sorted(allowed, key=lambda i: (-scores[number, i], i))[:10]
            assert [row["item_id"] for row in rows] == [dataset.item_ids.names[i] for i in best]
            assert [row["rank"] for row in rows] == list(range(1, len(best) + 1))

    def test_everybody_has_one_and_anybody_comes_first(self, ranker: Ranker) -> None:
        found = lists(ranker)
        assert list(found) == list(ranker.dataset.users.names)
        assert next(iter(found)) == ""

    def test_the_same_run_and_snapshot_give_the_same_bytes(
        self, ranker: Ranker, runs: dict[str, RunInfo], root: Path
    ) -> None:
        again = open_ranker(runs["twotower"], run_snapshot(runs["twotower"], root), root)
        assert digest(rank_all(ranker, 200)) == digest(rank_all(again, 200))
        assert digest(rank_all(ranker, 200)) != digest(rank_all(ranker, 10))

    def test_threads_do_not_change_a_byte(self, ranker: Ranker, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lists_module, "CELLS_PER_BLOCK", 500)  # a dozen users in each block
        before = torch.get_num_threads()
        found = set()
        try:
            for threads in (1, 2):
                torch.set_num_threads(threads)
                found.add(digest(rank_all(ranker, 200)))
        finally:
            torch.set_num_threads(before)
        assert len(found) == 1

    def test_blocks_do_not_change_what_stands_in_the_lists(
        self, ranker: Ranker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        makers: list[Callable[[Ranker, int], pa.Table]] = [rank_all, similar_items, audiences]
        whole = [make(ranker, 10).to_pylist() for make in makers]
        monkeypatch.setattr(lists_module, "CELLS_PER_BLOCK", 500)
        for make, expected in zip(makers, whole, strict=True):
            for found, row in zip(make(ranker, 10).to_pylist(), expected, strict=True):
                assert found.pop("score") == pytest.approx(row.pop("score"), abs=1e-5)
                assert found == row

    def test_the_digest_is_that_of_the_rows_however_they_came_together(self, ranker: Ranker) -> None:
        table = rank_all(ranker, 20)
        assert digest(pa.table(table.to_pydict(), schema=RANKINGS)) == digest(table)

    def test_one_user_alone_gets_the_list_they_have_among_all(self, ranker: Ranker) -> None:
        among_all = lists(ranker)
        for name in [*ranker.dataset.users.names[:20], "a stranger"]:
            rows = rank_user(ranker, name, 10).to_pylist()
            expected = among_all.get(name, among_all[""])
            for row, other in zip(rows, expected, strict=True):
                assert row.pop("score") == pytest.approx(other["score"], abs=1e-5)
                assert row == {name: value for name, value in other.items() if name != "score"}

    def test_visitors_own_campaigns_and_closed_ones_are_left_out(self) -> None:
        data = dataset(
            [event("0xa", "w", 1), event("visitor:1", "x", 2, "view"), event("0xb", "x", 3)],
            [
                item("w"),
                item("x", publisher_id="0xa"),
                item("y", is_open=False),
                item("z"),
            ],
        )
        found = lists(Ranker(fitted_to("pop", data), data, None))
        assert [row["item_id"] for row in found["0xa"]] == ["z"]
        assert [row["item_id"] for row in found["0xb"]] == ["w", "z"]
        assert [row["item_id"] for row in found[""]] == ["x", "w", "z"]
        assert "visitor:1" not in found

    def test_nothing_open_gives_empty_lists(self) -> None:
        data = dataset([event("a", "x", 1)], [item("x", is_open=False)])
        nothing = Ranker(fitted_to("pop", data), data, None)
        assert rank_all(nothing, 5).num_rows == 0
        assert similar_items(nothing, 5).num_rows == 0

    def test_likes_of_an_item_are_its_nearest_open_ones(self, ranker: Ranker) -> None:
        vectors = ranker.item_vectors()
        assert vectors is not None
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        names = ranker.dataset.item_ids.names
        for number, name in enumerate(names[:5]):
            rows = [row for row in similar_items(ranker, 3).to_pylist() if row["item_id"] == name]
            order = np.argsort(-(unit @ unit[number]), kind="stable")
            best = [names[i] for i in order if i != number and ranker.dataset.items.is_open[i]][:3]
            assert [row["similar_item_id"] for row in rows] == best

    def test_an_audience_leaves_out_backers(self, ranker: Ranker) -> None:
        name = ranker.dataset.item_ids.names[0]
        backed = ranker.dataset.pairs.backed
        backers = {ranker.dataset.users.names[u] for u in backed.user[backed.item == 0]}
        rows = audiences(ranker, 15, name).to_pylist()
        assert len(rows) == 15
        assert not backers & {row["user_id"] for row in rows}
        assert all(first["score"] >= then["score"] for first, then in pairwise(rows))

    def test_a_model_without_users_has_no_audience(self) -> None:
        data = dataset([event("a", "x", 1)], [item("x")])
        assert audiences(Ranker(fitted_to("pop", data), data, None), 5).num_rows == 0

    def test_an_unknown_item_is_named(self, ranker: Ranker) -> None:
        with pytest.raises(ConfigError, match="no item 'nowhere' in this snapshot"):
            audiences(ranker, 5, "nowhere")


def platform() -> Dataset:
    """Five campaigns: two on tea and alike, one new, one trending, one plain."""
    day = 24.0
    rows = [
        event("ann", "tea1", 100 * day),
        event("ann", "tea0", 99 * day),
        *(event(f"fan{n}", "hot", (118 + n / 10) * day) for n in range(5)),
        event("bob", "plain", 50 * day, "view", minutes=0.2),
        event("cat", "plain", 50 * day, "view", minutes=4.0),
        event("fan0", "plain", 120 * day, "view"),
    ]
    items = [
        item("tea0", category="food", created_at=START),
        item("tea1", category="food", created_at=START),
        item("tea2", category="food", created_at=START),
        item("soup", category="food", created_at=START),
        item("hot", category="games", created_at=START),
        item("fresh", category="games", created_at=START.replace(month=4, day=28)),
        item("plain", category="film", created_at=START),
    ]
    return dataset(rows, items)


class TestReasons:
    @pytest.fixture
    def facts(self) -> Facts:
        data = platform()
        vectors = {
            "tea0": [1.0, 0.0, 0.0],
            "tea1": [1.0, 0.1, 0.0],
            "tea2": [1.0, 0.05, 0.0],
            "soup": [-1.0, 0.2, 1.0],
            "hot": [-1.0, 0.0, -0.2],
            "fresh": [-1.0, -0.5, 0.1],
            "plain": [-1.0, 1.0, -1.0],
        }
        facts = gather_facts(data, np.array([vectors[name] for name in data.item_ids.names]))
        # Of seven items only one pair is among the closest 3 %: let the three teas be alike.
        return replace(facts, close=0.9)

    def reason(self, facts: Facts, user: str, name: str, *, is_personal: bool = True) -> Reason:
        number, place = facts.dataset.users.find(user), facts.dataset.item_ids.find(name)
        assert number is not None
        assert place is not None
        return reasons_for(facts, number, np.array([place]), is_personal=is_personal)[0]

    def test_the_nearest_past_item_is_named_if_it_is_close(self, facts: Facts) -> None:
        found = self.reason(facts, "ann", "tea2")
        assert found.kind == "similar_to"
        assert facts.dataset.item_ids.names[found.item] in ("tea0", "tea1")

    def test_a_category_is_named_if_it_holds_much_of_the_past(self, facts: Facts) -> None:
        assert self.reason(facts, "ann", "soup") == Reason("category")

    def test_what_many_backed_lately_is_trending(self, facts: Facts) -> None:
        assert self.reason(facts, "ann", "hot") == Reason("trending")

    def test_what_began_lately_is_new(self, facts: Facts) -> None:
        assert self.reason(facts, "ann", "fresh") == Reason("new")

    def test_without_a_past_there_is_only_what_all_can_see(self, facts: Facts) -> None:
        assert self.reason(facts, "bob", "plain") == Reason("popular")
        assert self.reason(facts, "", "tea2") == Reason("popular")
        assert self.reason(facts, "", "hot") == Reason("trending")

    def test_only_what_was_backed_is_named(self, facts: Facts) -> None:
        # The page says "because you backed": a long look is not enough.
        cat = facts.dataset.users.find("cat")
        assert cat is not None
        assert facts.past[cat].tolist() == []

    def test_where_nothing_stronger_is_true_the_nearest_backed_item_is_named(self, facts: Facts) -> None:
        apart = replace(facts, close=2.0, category_counts=np.zeros_like(facts.category_counts))
        assert self.reason(apart, "ann", "tea2").kind == "similar_to"
        assert self.reason(apart, "ann", "plain") == Reason("popular")

    def test_a_list_that_is_the_same_for_all_never_speaks_of_the_user(self, facts: Facts) -> None:
        assert self.reason(facts, "ann", "tea2", is_personal=False) == Reason("popular")
        assert self.reason(facts, "ann", "soup", is_personal=False) == Reason("popular")

    def test_an_item_is_never_like_itself(self, facts: Facts) -> None:
        found = self.reason(facts, "ann", "tea1")
        assert facts.dataset.item_ids.names[found.item] == "tea0"


def test_an_explanation_gives_score_place_and_facts(ranker: Ranker) -> None:
    dataset = ranker.dataset
    user = dataset.users.names[int(dataset.pairs.backed.user[0])]
    lines = list(explain_pair(ranker, user, dataset.item_ids.names[3]))
    assert lines[0].startswith("score ")
    assert f"of {int(dataset.items.is_open.sum())} open items" in lines[0]
    assert lines[1].startswith("reason shown: ")
    assert any("which they backed" in line for line in lines)
    assert any("contributions are in" in line for line in lines)
    with pytest.raises(ConfigError, match="no user 'stranger'"):
        list(explain_pair(ranker, "stranger", dataset.item_ids.names[3]))
