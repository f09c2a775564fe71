"""Cards and visits: what follows them, what is not known of them, and features that know no future."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from recommender.data.as_of import Running
from recommender.data.context import Context, context_of
from recommender.data.dataset import CONTRIBUTE, VIEW, Dataset, build_dataset
from recommender.data.reading import conform
from recommender.data.scenes import TARGETS, SceneRows, scene_rows
from recommender.data.schema import EVENTS, IMPRESSIONS, ITEMS, Tables
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.evaluation.splits import SplitOptions, make_split
from recommender.models.scene_features import ITEM, MATCH, USER, SceneFeatures, feature_names
from tests.recommender.build import START, event, frame, item

DAY = 24.0
SEEN = SyntheticConfig(users=40, items=12, views=60, contributions=120, impressions=1_600, words=4, seed=3)


def card(user: str, name: str, hour: float, **more: Any) -> dict[str, Any]:
    return {"user_id": user, "item_id": name, "timestamp": START + timedelta(hours=hour), **more}


def platform(events: Sequence[Mapping[str, Any]], cards: Sequence[Mapping[str, Any]]) -> Dataset:
    names = sorted({str(row["item_id"]) for row in events})
    items = frame(ITEMS, [item(name) for name in names])
    return build_dataset(conform(Tables(frame(EVENTS, events), items, impressions=frame(IMPRESSIONS, cards))))


def rows_of(data: Dataset, passed: int = 1) -> SceneRows:
    return scene_rows(context_of(data, None), passed)


def hours(rows: SceneRows) -> list[float]:
    return [(time - START.timestamp()) / 3600 for time in rows.time]


@pytest.fixture(scope="module")
def seen() -> Dataset:
    return build_dataset(conform(synthesize(SEEN)))


class TestCards:
    LATE = event("u9", "i9", 10 * DAY)

    def test_a_view_or_a_gift_within_a_day_counts_and_a_second_later_does_not(self) -> None:
        second = 1 / 3600
        events = [
            event("u1", "i1", 1 + DAY, "view"),
            event("u2", "i1", 1 + DAY + second, "view"),
            event("u3", "i1", 2, "view"),
            event("u3", "i1", 1 + DAY, "contribute"),
            event("u4", "i1", 2, "view"),
            event("u4", "i1", 1 + DAY + second, "contribute"),
            event("u5", "i1", 2, "contribute"),
            self.LATE,
        ]
        rows = rows_of(platform(events, [card(f"u{n}", "i1", 1, slot=n) for n in range(1, 6)]))
        cards = rows.where(~rows.is_page)
        assert cards.slot.tolist() == [1, 2, 3, 4, 5]
        assert cards.targets["clicked"].tolist() == [1, 0, 1, 1, 0]
        # Whoever gave without a click was not won by the card.
        assert cards.targets["converted"].tolist() == [0, 0, 1, 0, 0]

    def test_what_came_before_a_card_or_of_others_is_no_click(self) -> None:
        events = [event("u1", "i1", 1, "view"), event("u2", "i1", 3, "view"), self.LATE]
        rows = rows_of(platform(events, [card("u1", "i1", 2)]))
        assert rows.targets["clicked"][0] == 0

    def test_what_was_written_down_goes_before_what_follows(self) -> None:
        events = [event("u1", "i1", 3, "view"), self.LATE]
        data = platform(events, [card("u1", "i1", 2, clicked=False), card("u1", "i1", 2, clicked=None)])
        assert rows_of(data).targets["clicked"][:2].tolist() == [0, 1]

    def test_those_without_their_day_are_left_out(self) -> None:
        events = [
            event("u1", "i1", 1, "view"),
            event("u1", "i1", 2 * DAY, "view"),
            event("u1", "i1", 3 * DAY),
        ]
        second = 1 / 3600
        rows = rows_of(platform(events, [card("u1", "i1", 2 * DAY), card("u1", "i1", 2 * DAY + second)]))
        assert hours(rows.where(~rows.is_page)) == [2 * DAY]
        assert hours(rows.where(rows.is_page)) == [1, 2 * DAY]

    def test_three_seconds_on_the_screen_are_a_stop_unless_somebody_says_otherwise(self) -> None:
        cards = [card("u9", "i9", n, dwell=dwell, stopped=stopped) for n, (dwell, stopped) in enumerate(
            [(2.9, None), (3.0, None), (9.0, False), (None, None), (None, True)]
        )]  # fmt: skip
        targets = rows_of(platform([self.LATE], cards)).targets
        assert targets["stopped"][:5].tolist() == pytest.approx([0, 1, 0, np.nan, 1], nan_ok=True)
        assert targets["dwell"][:5].tolist() == pytest.approx([2.9, 3, 9, np.nan, np.nan], nan_ok=True)

    def test_strangers_are_not_one_person_and_unknown_campaigns_are_left_out(self) -> None:
        events = [event("u1", "i1", 3, "view"), self.LATE]
        data = platform(events, [card("x", "i1", 1), card("y", "i1", 2), card("u1", "elsewhere", 1)])
        assert data.impressions.user.tolist() == [0, 0]
        assert rows_of(data).targets["clicked"][:2].tolist() == [0, 0]

    def test_without_impressions_there_are_none(self) -> None:
        data = platform([self.LATE], [])
        assert len(data.impressions) == 0


class TestVisits:
    def test_targets_exist_where_they_could_be_seen(self) -> None:
        events = [
            event("u1", "i1", 1, "view", minutes=4.0),
            event("u1", "i1", 2, amount=np.e),
            event("u2", "i1", 1, "view"),
            event("u3", "i1", 5, amount=1.0),
            event("u4", "i1", 9 * DAY, amount=None),
        ]
        rows = rows_of(platform(events, [card("u1", "i1", 0)]))
        pages = rows.where(rows.is_page)
        found = {name: pages.targets[name].tolist() for name in TARGETS}
        none = [np.nan] * 4
        # Two views, then two gifts that no view came before.
        assert pages.user.tolist() == [1, 2, 3, 4]
        assert found["minutes"] == pytest.approx([4, np.nan, np.nan, np.nan], nan_ok=True)
        assert found["contributed"] == pytest.approx([1, 0, np.nan, np.nan], nan_ok=True)
        assert found["log_amount"] == pytest.approx([1, np.nan, 0, np.nan], nan_ok=True)
        for name in ("stopped", "dwell", "clicked", "converted"):
            assert found[name] == pytest.approx(none, nan_ok=True)

    def test_where_no_impressions_were_recorded_open_campaigns_stand_for_those_passed_over(self) -> None:
        items = [
            item("i1"),
            item("early", created_at=START, deadline=START + timedelta(hours=1)),
            item("open", created_at=START, deadline=START + timedelta(hours=300)),
        ]
        events = [event(f"u{n}", "i1", 2, "view") for n in range(30)] + [
            event("u1", "i1", 3),
            event("u9", "i1", 99),
        ]
        data = build_dataset(conform(Tables(frame(EVENTS, events), frame(ITEMS, items))))
        rows = rows_of(data, passed=3)
        cards = rows.where(~rows.is_page)
        shown, passed = cards.where(cards.targets["clicked"] == 1), cards.where(cards.targets["clicked"] == 0)
        assert len(shown) == 31
        assert shown.targets["converted"].sum() == 2
        assert {data.item_ids.names[n] for n in passed.item} == {"open"}
        assert 0 < len(passed) < 3 * 31
        assert set(passed.targets["converted"]) == {0}


def test_totals_before_a_moment_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    group, values = rng.integers(4, size=60), rng.normal(size=(60, 2))
    time = 1e8 * rng.integers(9, size=60).astype(np.float64)
    asked, when = rng.integers(6, size=80), 1e8 * rng.integers(-2, 12, size=80).astype(np.float64)
    found = Running(group, time, values).before(asked, when)
    for n in range(80):
        mine = (group == asked[n]) & (time < when[n])
        assert found.count[n] == mine.sum()
        assert found.total[n] == pytest.approx(values[mine].sum(0))
        assert found.first[n] == pytest.approx(time[mine].min() if mine.any() else np.nan, nan_ok=True)
        assert found.last[n] == pytest.approx(time[mine].max() if mine.any() else np.nan, nan_ok=True)


def test_totals_of_nothing_are_nothing() -> None:
    nothing = Running(np.zeros(0, np.int64), np.zeros(0)).before(np.array([0, 3]), np.array([0.0, 5.0]))
    assert nothing.count.tolist() == [0, 0]
    assert np.isnan(nothing.last).all()


class TestFeatures:
    TEXT = np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32)

    def context(self, data: Dataset) -> Context:
        return context_of(data, None)

    def test_they_are_those_of_a_loop(self, seen: Dataset) -> None:
        context = self.context(seen)
        rows = scene_rows(context, 2)
        rows = rows.where(np.arange(len(rows)) % 97 == 5)
        found = SceneFeatures(context, self.TEXT).of(rows)
        names = feature_names(3)
        assert found.shape == (len(rows), len(names))
        events, cards = seen.events, seen.impressions
        for n in range(len(rows)):
            got = dict(zip(names, found[n], strict=True))
            user, item, now = rows.user[n], rows.item[n], rows.time[n]
            before = events.where(events.time < now)
            given, views = before.where(before.kind == CONTRIBUTE), before.where(before.kind == VIEW)
            shown = cards.where((cards.time < now) & (cards.user > 0))
            mine = given.where(given.user == user)
            assert got["user_contributions"] == pytest.approx(np.log1p(len(mine)))
            assert got["user_cards"] == pytest.approx(np.log1p((shown.user == user).sum()))
            acts = [*mine.time, *views.time[views.user == user]]
            away = (now - max(acts)) / 3600 if acts else 0.0
            assert got["user_hours_away"] == pytest.approx(np.log1p(away))
            weights = np.where(before.kind == CONTRIBUTE, 1.0, 0.3) * (before.user == user)
            profile = weights @ self.TEXT[before.item] / max(weights.sum(), 1e-9)
            assert [got[f"user_text_{d}"] for d in range(3)] == pytest.approx(profile, abs=1e-6)
            backers = given.where(given.item == item)
            assert got["item_backers"] == pytest.approx(np.log1p(len(backers)))
            lately = (backers.time >= now - 3 * 86_400).sum()
            assert got["item_lately_backed"] == pytest.approx(np.log1p(lately))
            amounts = np.log(backers.amount)
            assert got["item_log_amount"] == pytest.approx(amounts.mean() if len(amounts) else 0.0)
            visited = ((views.user == user) & (views.item == item)).sum()
            assert got["match_visited"] == pytest.approx(np.log1p(visited))
            category = seen.items.category
            alike = (category[mine.item] == category[item]).sum() / (len(mine) + 1)
            assert got["match_category"] == pytest.approx(alike)
            assert got["has_slot"] == (not rows.is_page[n])

    def test_nothing_at_or_after_the_moment_is_in_them(self, seen: Dataset) -> None:
        rows = scene_rows(self.context(seen), 2)
        middle = float(np.median(rows.time))
        rows = rows.where(rows.time <= middle)
        past = seen.with_events(seen.events.where(seen.events.time < middle), now=middle)
        known, all_known = (SceneFeatures(self.context(each), self.TEXT).of(rows) for each in (past, seen))
        assert np.allclose(known, all_known, rtol=1e-9, atol=1e-9)
        assert len(past.impressions) < len(seen.impressions)

    def test_those_of_all_pairs_now_are_those_of_rows_now(self, seen: Dataset) -> None:
        context = self.context(seen)
        features = SceneFeatures(context, self.TEXT)
        user, item = np.array([0, 5, 3]), np.array([7, 1])
        now = np.full(6, context.now)
        rows = SceneRows(
            np.repeat(user, 2), np.tile(item, 3), now, np.zeros(6, np.int64), np.zeros(6, np.bool_), {}
        )
        assert np.allclose(features.of_pairs(user, item, context.now), features.of(rows))

    def test_each_has_a_name_of_its_own(self) -> None:
        names = feature_names(2)
        assert len(set(names)) == len(names) == len(USER) + len(ITEM) + len(MATCH) + 2 + 4


class TestSplits:
    def test_by_time_what_was_seen_later_is_gone(self, seen: Dataset) -> None:
        split = make_split("temporal", seen, SplitOptions())
        for part in (split.train, split.refit):
            assert 0 < len(part.impressions) < len(seen.impressions)
            assert part.impressions.time.max() < part.now
        # Turned down before the test and wanted in it: leaving the card out would tell.
        wanted = set(zip(split.test.user, split.test.item, strict=True))
        assert wanted & set(zip(split.refit.impressions.user, split.refit.impressions.item, strict=True))

    def test_a_wanted_pair_takes_its_cards_with_it(self, seen: Dataset) -> None:
        split = make_split("last-out", seen, SplitOptions(core=1))
        wanted = set(zip(split.test.user, split.test.item, strict=True))
        everybody = set(zip(seen.impressions.user, seen.impressions.item, strict=True))
        kept = set(zip(split.refit.impressions.user, split.refit.impressions.item, strict=True))
        assert wanted & everybody
        assert not wanted & kept
        # The core leaves out users who never gave, with all they did.
        givers = set(seen.pairs.backed.user)
        assert {pair for pair in everybody - wanted if pair[0] in givers or pair[0] == 0} <= kept

    def test_a_hidden_campaign_takes_all_of_its_cards_with_it(self) -> None:
        data = build_dataset(conform(synthesize(SEEN.model_copy(update={"contributions": 400}))))
        split = make_split("cold-items", data, SplitOptions())
        hidden = np.isin(data.impressions.item, split.candidates)
        assert hidden.any()
        assert len(split.refit.impressions) == (~hidden).sum()
