"""The rows of `benchmarks.multitask`: from the demo's simulated site, or a platform with known tastes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from benchmarks.chain import CACHE
from demo.catalogue import load_catalogue
from demo.simulation.events import Contribute
from demo.simulation.scenario import Scale, Scenario, simulate
from recommender.data.context import Context, context_of
from recommender.data.dataset import Dataset, build_dataset
from recommender.data.scenes import SceneRows, scene_rows
from recommender.data.schema import TIME, Tables
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.text.cache import EmbeddingCache, TextVectors
from recommender.text.names import DEFAULT_ENCODER

PASSED = 4
"""Campaigns beside each visit that stand for those passed over, where the source has no impressions."""
START = datetime(2026, 1, 1, tzinfo=UTC)
TRAINED, TUNED = 0.7, 0.8
"""Shares of the rows, by time, up to which models learn and settings are chosen."""


@dataclass(frozen=True)
class Parts:
    """One source, cut twice by time. Rows after the first cut know all that came before their own moment."""

    before: Context
    """What models learn from."""
    every: Context
    valid: SceneRows
    test: SceneRows


def site(scale: float) -> Tables:
    """What the simulated site records: visits with their minutes, and contributions."""
    backers = round(400 * scale)
    return scenario_tables(simulate(load_catalogue(), Scale(backers=backers)))


def synthetic(scale: float) -> Tables:
    config = SyntheticConfig(
        users=round(400 * scale), items=60, views=0, contributions=300, impressions=round(60_000 * scale)
    )
    return synthesize(config)


SOURCES: dict[str, Callable[[float], Tables]] = {"site": site, "synthetic": synthetic}


def scenario_tables(scenario: Scenario) -> Tables:
    """The demo's history as the recommender's tables."""
    campaigns = scenario.campaigns
    names = [f"1:{campaign.slug}" for campaign in campaigns]
    items = pl.DataFrame(
        {
            "item_id": names,
            "publisher_id": [campaign.creator.slug for campaign in campaigns],
            "title": [campaign.title for campaign in campaigns],
            "description": [f"{campaign.tagline}\n{campaign.story}" for campaign in campaigns],
            "category": [campaign.category.slug for campaign in campaigns],
            "language": [str(campaign.language) for campaign in campaigns],
            "created_at": [_moment(window.launch) for window in scenario.windows],
            "deadline": [_moment(window.closes) for window in scenario.windows],
        },
        schema_overrides={"created_at": TIME, "deadline": TIME},
    )
    given = [action for action in scenario.actions if isinstance(action, Contribute)]
    views = pl.DataFrame(
        {
            "user_id": [f"reader:{view.reader}" for view in scenario.views],
            "item_id": [names[view.campaign] for view in scenario.views],
            "timestamp": [_moment(view.at) for view in scenario.views],
            "kind": ["view"] * len(scenario.views),
            "minutes": [view.dwell_seconds / 60 for view in scenario.views],
        },
        schema_overrides={"timestamp": TIME},
    )
    gifts = pl.DataFrame(
        {
            "user_id": [f"reader:{action.backer}" for action in given],
            "item_id": [names[action.campaign] for action in given],
            "timestamp": [_moment(action.at) for action in given],
            "kind": ["contribute"] * len(given),
            "amount": [action.amount / 10 ** campaigns[action.campaign].token.decimals for action in given],
        },
        schema_overrides={"timestamp": TIME},
    )
    return Tables(pl.concat([views, gifts], how="diagonal").sort("timestamp"), items)


def parts_of(tables: Tables) -> Parts:
    """`tables` are conformed."""
    data = build_dataset(tables)
    vectors = EmbeddingCache(CACHE / "embeddings", DEFAULT_ENCODER).vectors(data.items.texts)
    return cut(data, vectors)


def cut(data: Dataset, vectors: TextVectors | None) -> Parts:
    every = context_of(data, vectors)
    rows = scene_rows(every, PASSED)
    first, second = np.quantile(rows.time, [TRAINED, TUNED]).tolist()
    before = data.with_events(data.events.where(data.events.time < first), now=first)
    return Parts(
        context_of(before, vectors),
        every,
        rows.where((rows.time >= first) & (rows.time < second)),
        rows.where(rows.time >= second),
    )


def _moment(at: int) -> datetime:
    return START + timedelta(seconds=at)
