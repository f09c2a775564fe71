"""How events become a part to learn from, a part to choose settings on, and a part to be measured on.

Wanted items are contributions to items the user had not backed before. When a pair is held out, all of its
events are, views included: a view of the wanted item would give it away.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from recommender.data.context import open_windows
from recommender.data.dataset import CONTRIBUTE, Bools, Dataset, Events, Ints, Pairs, pairs_of
from recommender.errors import ConfigError, DataError
from recommender.evaluation.metrics import Targets, Windows

CORE = 5
COLD_SHARE = 0.2
COLD_SUPPORTERS = 10


@dataclass(frozen=True)
class SplitOptions:
    """Settings of the splits that have any."""

    test_from: datetime | None = None
    test_to: datetime | None = None
    seed: int = 0
    """Of what is drawn: the hidden items of `cold-items`, the thirds of `random`, the test of `ratings`."""
    core: int = CORE
    """`last-out`: users and items with fewer pairs are left out, again and again until none is left."""
    among_open: bool = False
    """Rank each target among the items that were open at its time, as the site does."""
    test_share: float = 0.2
    """`ratings`: of the rated pairs, how many are the test."""


@dataclass(frozen=True)
class Split:
    """One way of asking how well a model does."""

    name: str
    train: Dataset
    """What models learn from while settings are chosen."""
    valid: Targets
    test: Targets
    candidates: Ints
    """The items ranked at the test."""
    valid_candidates: Ints
    """The items ranked when settings are chosen."""
    refit: Dataset
    """What models learn from before the test: with the validation part, except where a peer's protocol says
    otherwise."""
    seen: Pairs
    """Backed before the test: left out of the lists."""
    protocol: dict[str, object] = field(default_factory=dict)
    windows: Windows | None = None
    """When items were open, if only open ones are ranked."""


def last_out(dataset: Dataset, options: SplitOptions) -> Split:
    """Each user's last new item is the test, the one before it the validation.

    Training then holds events later than other users' tests: it leaks the future, as all such splits do.
    """
    dataset = dataset.with_events(_core(dataset.events, options.core))
    backed = dataset.pairs.backed
    back = backed.places_from_the_end
    big_enough = np.bincount(backed.user, minlength=len(dataset.users))[backed.user] >= 3
    test, valid = (back == 0) & big_enough, (back == 1) & big_enough
    refit = dataset.with_events(without(dataset.events, backed, test))
    train = dataset.with_events(without(dataset.events, backed, test | valid))
    candidates = np.unique(dataset.events.item)
    return Split(
        "last-out",
        train,
        _targets(backed, valid),
        _targets(backed, test),
        candidates,
        candidates,
        refit,
        backed.where(~test),
        {"core": options.core, "note": "leaks the future: other users' later events are in training"},
    )


def temporal(dataset: Dataset, options: SplitOptions) -> Split:
    """Train before a moment, test after it; candidates are the items known before the test ends.

    Without `test_from` the last tenth of the contributions is the test.
    """
    events = dataset.events
    contributions = events.time[events.kind == CONTRIBUTE]
    if not len(contributions):
        raise DataError("there are no contributions to split: give more events")
    start = options.test_from.timestamp() if options.test_from else float(np.quantile(contributions, 0.9))
    end = options.test_to.timestamp() if options.test_to else float(events.time[-1]) + 1.0
    before = events.time < start
    earlier = events.time[before & (events.kind == CONTRIBUTE)]
    if not len(earlier) or not ((events.time >= start) & (events.time < end)).any():
        raise DataError(
            "no events before or within the test period: choose --test-from and --test-to inside the data"
        )
    middle = float(np.quantile(earlier, 0.9))
    refit = dataset.with_events(events.where(before), now=start)
    train = dataset.with_events(events.where(events.time < middle), now=middle)
    test = new_to_user(refit, events.where((events.time >= start) & (events.time < end)))
    valid = new_to_user(train, events.where((events.time >= middle) & before))
    candidates = np.flatnonzero(dataset.items.created < end)
    known_before = np.flatnonzero(dataset.items.created < start)
    return Split(
        "temporal",
        train,
        valid.where(np.isin(valid.item, known_before)),
        test.where(np.isin(test.item, candidates)),
        candidates,
        known_before,
        refit,
        refit.pairs.backed,
        {
            "test_from": datetime.fromtimestamp(start, UTC).isoformat(),
            "test_to": datetime.fromtimestamp(end, UTC).isoformat(),
            "note": "`all` are users with a contribution before the test; the rest are `cold-user`",
        },
    )


def cold_items(dataset: Dataset, options: SplitOptions) -> Split:
    """A fifth of the items with ten supporters or more is hidden wholly; only those are ranked."""
    backed = dataset.pairs.backed
    supporters = np.bincount(backed.item, minlength=len(dataset.item_ids))
    eligible = np.flatnonzero(supporters >= COLD_SUPPORTERS)
    if len(eligible) < 5:
        raise DataError(
            f"only {len(eligible)} items have {COLD_SUPPORTERS} supporters: cold-items needs 5 or more"
        )
    rng = np.random.default_rng(options.seed)
    hidden = np.sort(rng.permutation(eligible)[: max(round(COLD_SHARE * len(eligible)), 1)])
    rest = np.setdiff1d(eligible, hidden)
    tuning = np.sort(rng.permutation(rest)[: max(round(COLD_SHARE * len(rest)), 1)])
    refit = dataset.with_events(dataset.events.where(~np.isin(dataset.events.item, hidden)))
    train = dataset.with_events(refit.events.where(~np.isin(refit.events.item, tuning)))
    known_users = np.zeros(len(dataset.users), np.bool_)
    known_users[refit.pairs.backed.user] = True
    return Split(
        "cold-items",
        train,
        _targets(backed, np.isin(backed.item, tuning) & known_users[backed.user]),
        _targets(backed, np.isin(backed.item, hidden) & known_users[backed.user]),
        hidden,
        tuning,
        refit,
        refit.pairs.backed,
        {"hidden": len(hidden), "of": len(eligible), "supporters": COLD_SUPPORTERS, "seed": options.seed},
    )


def random_holdout(dataset: Dataset, options: SplitOptions) -> Split:
    """Each user's pairs at random 8 : 1 : 1; the validation part is masked at the test but not learnt from.

    As RecBole splits, so that its published figures can be compared with.
    """
    backed = dataset.pairs.backed
    rng = np.random.default_rng(options.seed)
    order = np.lexsort((rng.random(len(backed)), backed.user))
    count = np.bincount(backed.user, minlength=len(dataset.users))
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    place = np.empty(len(backed), np.int64)
    place[order] = np.arange(len(backed)) - start[backed.user[order]]
    tenth = count // 10
    # RecBole gives the first one or two of a rest of a division to training, then to validation and test.
    from_end = count[backed.user] - place
    test = from_end <= np.maximum(tenth, (count >= 3).astype(int))[backed.user]
    valid = ~test & (from_end <= 2 * np.maximum(tenth, (count >= 3).astype(int))[backed.user])
    train = dataset.with_events(without(dataset.events, backed, test | valid))
    candidates = np.unique(dataset.events.item)
    return Split(
        "random",
        train,
        _targets(backed, valid),
        _targets(backed, test),
        candidates,
        candidates,
        train,
        backed.where(~test),
        {"ratio": "8:1:1 per user", "seed": options.seed, "note": "validation masked, not learnt from"},
    )


SPLITS: dict[str, Callable[[Dataset, SplitOptions], Split]] = {
    "last-out": last_out,
    "temporal": temporal,
    "cold-items": cold_items,
    "random": random_holdout,
}


def make_split(name: str, dataset: Dataset, options: SplitOptions) -> Split:
    """Split by name.

    Raises:
        ConfigError: there is no such split. DataError: too little data for it.
    """
    if name not in SPLITS:
        raise ConfigError(f"no split {name!r}: choose one of {', '.join(SPLITS)}")
    split = SPLITS[name](dataset, options)
    if not len(split.test):
        raise DataError(f"the split {name} leaves nobody to measure: it needs users with more contributions")
    if options.among_open:
        ranked = {"ranked": "items open at the time"}
        windows = Windows(*open_windows(dataset.items))
        return replace(split, windows=windows, protocol=split.protocol | ranked)
    return split


def _targets(pairs: Pairs, mask: Bools) -> Targets:
    return Targets(pairs.user[mask], pairs.item[mask], pairs.first_time[mask])


def new_to_user(train: Dataset, later: Events) -> Targets:
    """The later contributions to items the user had not backed in `train`."""
    items = len(train.item_ids)
    wanted, known = pairs_of(later, items).backed, train.pairs.backed
    is_new = ~np.isin(wanted.user * items + wanted.item, known.user * items + known.item)
    return _targets(wanted, is_new)


def without(events: Events, pairs: Pairs, mask: Bools) -> Events:
    """The events of all pairs but the masked ones."""
    width = int(max(events.item.max(initial=0), pairs.item.max(initial=0))) + 1
    held = pairs.user[mask] * width + pairs.item[mask]
    return events.where(~np.isin(events.user * width + events.item, held))


def _core(events: Events, least: int) -> Events:
    """Leave out users and items with fewer than `least` backed pairs, until all have that many."""
    while True:
        backed = events.kind == CONTRIBUTE
        width = int(events.item.max(initial=0)) + 1
        user, item = np.divmod(np.unique((events.user * width + events.item)[backed]), width)
        users = np.bincount(user, minlength=int(events.user.max(initial=0)) + 1) >= least
        items = np.bincount(item, minlength=width) >= least
        keep = users[events.user] & items[events.item]
        if keep.all():
            return events
        events = events.where(keep)
