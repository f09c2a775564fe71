"""The feedback loop by months: people see lists, back what is on them, and the next lists learn from that.

Each month the model is fitted to all that has happened; everybody who comes by is shown their list and backs
one of its items by their own taste, which never changes: what drifts is the loop's doing. Two loops begin
with the same past: in one the most active teach as much as they like, in the other no more than the cap.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl

from recommender.data.dataset import CONTRIBUTE, Bools, Dataset, Events, Floats, Ints, Pairs, build_dataset
from recommender.data.history import History
from recommender.data.reading import conform
from recommender.data.synthetic import Liking, SyntheticConfig, draw_platform
from recommender.errors import ConfigError
from recommender.evaluation.metrics import TOP, gini, score_blocks, top_k
from recommender.evaluation.probes import most_active
from recommender.fitters.fitting import fit_all
from recommender.interface import Plan, Recommender
from recommender.progress import Progress, silent
from recommender.text.cache import TextVectors

MONTH = 30 * 86_400.0
UNLIMITED = 1e9

ReadTexts = Callable[[Sequence[str]], TextVectors]


@dataclass(frozen=True)
class Month:
    """What the loop had come to at the start of a month, once its lists were made."""

    month: int
    """0: lists from the past alone, before anybody saw one."""
    cap: float
    """`max_user_weight`; UNLIMITED in the loop without one."""
    taught: float
    """Share of what is trained on that is the most active users', after the cap."""
    shown: float
    """How much of the backing of what the others are shown is the most active users': mean over places."""
    gini: float
    """Of the places in the others' lists over the items."""
    coverage: float
    """Share of the items that stand in any of the others' lists."""


@dataclass(frozen=True)
class Feedback:
    """Both loops, and how they were run."""

    protocol: dict[str, object]
    months: list[Month]
    """Without the cap first, then with it."""

    def as_json(self) -> dict[str, object]:
        return {"protocol": self.protocol, "months": [asdict(month) for month in self.months]}

    def loop(self, cap: float) -> list[Month]:
        return [month for month in self.months if month.cap == cap]


def simulate_feedback(
    platform: SyntheticConfig,
    plan: Plan,
    months: int,
    *,
    cap: float,
    visits: int,
    read_texts: ReadTexts | None = None,
    progress: Progress = silent,
) -> Feedback:
    """Run both loops on a made-up platform.

    Args:
        platform: its people, campaigns and past; its deadlines are taken away, so that all stay open.
        plan: the model; it must be one whose training limits what a user teaches.
        months: simulated, at least 1.
        cap: `max_user_weight` of the second loop.
        visits: a month; users come as often as they were active in the past.
        read_texts: gives texts' vectors, for a model that reads them.
        progress: called with a stage and its share done, 0 to 1.

    Raises:
        ConfigError: the model knows no cap.
    """
    if not plan.fitter.is_random:
        raise ConfigError(f"{plan.name} does not limit what a user teaches: choose a model that is trained")
    tables, liking = draw_platform(platform)
    items = tables.items.with_columns(deadline=pl.lit(None, tables.items.schema["deadline"]))
    data = build_dataset(conform(replace(tables, items=items)))
    vectors = read_texts(data.items.texts) if read_texts and plan.model.text != "none" else None
    found = []
    for number, limit in enumerate((UNLIMITED, cap)):
        training = plan.training.model_copy(update={"max_user_weight": limit})
        loop = _Loop(data, liking, Plan(plan.model, plan.config, training), vectors, visits, platform.seed)
        for month in range(months + 1):
            found.append(loop.next_month(month))
            progress("months", (number * (months + 1) + month + 1) / (2 * (months + 1)))
    protocol = {
        "model": plan.name,
        "months": months,
        "visits": visits,
        "cap": cap,
        "most_active": most_active(len(np.unique(data.pairs.backed.user))),
        **platform.model_dump(),
    }
    return Feedback(protocol, found)


class _Loop:
    """One platform that lives on."""

    def __init__(
        self,
        data: Dataset,
        liking: Liking,
        plan: Plan,
        vectors: TextVectors | None,
        visits: int,
        seed: int,
    ) -> None:
        self.data, self.plan, self.vectors, self.visits, self.seed = data, plan, vectors, visits, seed
        past = data.events.user[data.events.kind == CONTRIBUTE]
        self.activity = np.bincount(past, minlength=len(data.users)).astype(np.float64)
        ids = [int(name, 16) - 1 for name in data.users.names[1:]]
        self.odds: Floats = liking.of(np.array([0, *ids])[:, None], np.arange(len(data.item_ids)))
        """Each user's taste, (users, items)."""

    def next_month(self, month: int) -> Month:
        """Learn, show, and let people back what they are shown."""
        model = fit_all(self.plan, self.data, self.vectors)
        users: Ints = np.flatnonzero(self.activity)
        lists = top_lists(model, users, self.data)
        told = self._measure(month, model, users, lists)
        self._live(month, users, lists)
        return told

    def _measure(self, month: int, model: Recommender, users: Ints, lists: Ints) -> Month:
        pairs, items = self.data.pairs, len(self.data.item_ids)
        power = most_active_users(pairs)
        _, weights = self.plan.fitter.learnt_weights(self.plan, model, pairs)
        others = lists[~np.isin(users, power)]
        return Month(
            month,
            self.plan.training.max_user_weight,
            float(weights[np.isin(pairs.user, power)].sum() / max(weights.sum(), 1e-12)),
            float(backing_share(pairs, power, items)[others].mean()),
            gini(others, np.arange(items)),
            len(np.unique(others)) / items,
        )

    def _live(self, month: int, users: Ints, lists: Ints) -> None:
        """A month's visits, with the same dice in every loop."""
        rng = np.random.default_rng([self.seed, month])
        row = rng.choice(len(users), self.visits, p=self.activity[users] / self.activity[users].sum())
        noise = rng.gumbel(size=(self.visits, lists.shape[1]))
        when = np.sort(rng.uniform(self.data.now, self.data.now + MONTH, self.visits))
        amount = np.exp(rng.normal(-3, 1, self.visits))
        shown = lists[row]
        # The largest of log-odds with Gumbel noise is a draw from their softmax.
        place = (self.odds[users[row][:, None], shown] + noise).argmax(1)
        backed = Events(
            users[row],
            shown[np.arange(self.visits), place],
            when,
            np.full(self.visits, CONTRIBUTE),
            np.full(self.visits, np.nan),
            amount,
        )
        before = self.data.events
        joined = {
            name: np.concatenate([getattr(before, name), getattr(backed, name)]) for name in vars(before)
        }
        self.data = self.data.with_events(Events(**joined), now=self.data.now + MONTH)


def most_active_users(pairs: Pairs) -> Ints:
    """The 1 % of users who have backed most items, at least one; of equals those with lower numbers."""
    backings = np.bincount(pairs.backed.user)
    backers = np.flatnonzero(backings)
    order = np.argsort(-backings[backers], kind="stable")
    return backers[order[: most_active(len(backers))]]


def backing_share(pairs: Pairs, users: Ints, items: int) -> Floats:
    """How much of each item's backing is these users': (items,), 0 for items nobody backed."""
    backed = pairs.backed
    mine: Bools = np.isin(backed.user, users)
    every = np.bincount(backed.item, minlength=items)
    return np.bincount(backed.item[mine], minlength=items) / np.maximum(every, 1)


def top_lists(model: Recommender, users: Ints, data: Dataset) -> Ints:
    """(users, TOP) item numbers. What a user has backed comes last, where nothing else is left."""
    seen = data.pairs.backed
    history = History.of(seen, np.ones(len(seen)), model.sizes)
    every = np.arange(len(data.item_ids))
    lists = np.zeros((len(users), min(TOP, len(every))), np.int64)
    for block, scores in score_blocks(model, users, every, history):
        lists[block] = top_k(scores, TOP)[1].numpy()
    return lists
