"""What a scene is described by: the user, the campaign, the two together and the place, as of a moment.

All is counted from what came before the moment: neither the row itself nor anything after it is in it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.data.as_of import Running, Sums
from recommender.data.context import Context
from recommender.data.dataset import CONTRIBUTE, SECONDS_PER_DAY, VIEW, Floats, Ints
from recommender.data.scenes import SceneRows

USER = (
    "contributions", "visits", "cards", "days_known", "hours_away", "minutes", "log_amount", "gives",
    "visits_of_cards", "stops", "card_seconds",
)  # fmt: skip
"""Of the user, before the profile's dimensions."""
ITEM = (
    "backers", "visits", "cards", "lately_backed", "minutes", "log_amount", "gives", "visits_of_cards", "age",
    "days_left", "has_deadline",
)  # fmt: skip
"""Of the campaign, before its text's dimensions."""
MATCH = ("cosine", "category", "language", "publisher", "visited", "backed")
PLACE = ("slot", "has_slot")
CODES = ("category", "language", "publisher")
LATELY = 3 * SECONDS_PER_DAY
VIEW_WEIGHT = 0.3
"""Of a visit in the profile; a contribution weighs 1."""


def feature_names(text_dims: int) -> tuple[str, ...]:
    """The dense features in their order."""
    of_user, of_item = (tuple(f"{who}_text_{n}" for n in range(text_dims)) for who in ("user", "item"))
    return (
        *(f"user_{name}" for name in USER), *of_user, *(f"item_{name}" for name in ITEM), *of_item,
        *(f"match_{name}" for name in MATCH), *PLACE,
    )  # fmt: skip


@dataclass(frozen=True)
class UserFeatures:
    """Some users at their moments."""

    dense: Floats
    profile: Floats
    """(users, text dims), the mean of what they turned to."""
    contributions: Ints


class SceneFeatures:
    """Answers with features, (rows, features), for rows of users, items and times."""

    def __init__(self, context: Context, text: NDArray[np.float32]) -> None:
        """`text` is (items, text dims)."""
        self._text = text.astype(np.float64)
        self._codes = {name: getattr(context, name).cpu().numpy() for name in CODES}
        self._created, self._closed = context.created.numpy(), context.closed.numpy()
        self._sizes = {name: int(codes.max(initial=0)) + 1 for name, codes in self._codes.items()}
        self._items = context.sizes.items
        events, cards = context.events, context.impressions
        given, views = events.where(events.kind == CONTRIBUTE), events.where(events.kind == VIEW)
        acts = events.where((events.kind == CONTRIBUTE) | (events.kind == VIEW))
        log_amount = np.log(np.where(given.amount > 0, given.amount, np.nan))
        amounts = np.stack([np.nan_to_num(log_amount), np.isfinite(log_amount)], 1)
        minutes = np.stack([np.nan_to_num(views.minutes), np.isfinite(views.minutes)], 1)
        weight = np.where(acts.kind == CONTRIBUTE, 1.0, VIEW_WEIGHT)[:, None]
        stops = np.stack(
            [np.nan_to_num(cards.stopped), np.nan_to_num(cards.dwell), np.isfinite(cards.dwell)], 1
        )
        known = cards.user > 0
        self._user_given = Running(given.user, given.time, amounts)
        self._user_views = Running(views.user, views.time, minutes)
        self._user_cards = Running(cards.user[known], cards.time[known], stops[known])
        self._user_acts = Running(
            acts.user, acts.time, np.concatenate([weight * self._text[acts.item], weight], 1)
        )
        self._item_given = Running(given.item, given.time, amounts)
        self._item_views = Running(views.item, views.time, minutes)
        self._item_cards = Running(cards.item, cards.time)
        self._pair_given = Running(given.user * self._items + given.item, given.time)
        self._pair_views = Running(views.user * self._items + views.item, views.time)
        self._by_code = {
            name: Running(given.user * self._sizes[name] + codes[given.item], given.time)
            for name, codes in self._codes.items()
        }

    def of(self, rows: SceneRows) -> Floats:
        """All features of some rows, in the order of `feature_names`."""
        users = self.users(rows.user, rows.time)
        return np.concatenate(
            [
                users.dense,
                self.items(rows.item, rows.time),
                self.matches(rows.user, users, rows.item, rows.time),
                places(rows.slot),
            ],
            axis=1,
        )

    def of_pairs(self, user: Ints, item: Ints, now: float) -> Floats:
        """All users with all items on the first slot, (users × items, features), users first."""
        users = self.users(user, np.full(len(user), now))
        row, column = np.repeat(np.arange(len(user)), len(item)), np.tile(np.arange(len(item)), len(user))
        spread = UserFeatures(users.dense[row], users.profile[row], users.contributions[row])
        return np.concatenate(
            [
                spread.dense,
                self.items(item, np.full(len(item), now))[column],
                self.matches(user[row], spread, item[column], np.full(len(row), now)),
                places(np.zeros(len(row), np.int64)),
            ],
            axis=1,
        )

    def codes(self, item: Ints) -> Ints:
        """(rows, CODES)."""
        return np.stack([self._codes[name][item] for name in CODES], 1)

    def users(self, user: Ints, time: Floats) -> UserFeatures:
        given, views = self._user_given.before(user, time), self._user_views.before(user, time)
        cards, acts = self._user_cards.before(user, time), self._user_acts.before(user, time)
        profile = acts.total[:, :-1] / np.maximum(acts.total[:, -1:], 1e-9)
        away, known = (np.nan_to_num(time - moment, nan=0.0) for moment in (acts.last, acts.first))
        dense = [
            np.log1p(given.count),
            np.log1p(views.count),
            np.log1p(cards.count),
            np.log1p(known / SECONDS_PER_DAY),
            np.log1p(away / 3600.0),
            *_means(given, views),
            np.log((views.count + 1.0) / (cards.count + 8.0)),
            (cards.total[:, 0] + 0.5) / (cards.count + 2.0),
            np.log1p(cards.total[:, 1] / np.maximum(cards.total[:, 2], 1.0)),
        ]
        return UserFeatures(np.concatenate([np.stack(dense, 1), profile], 1), profile, given.count)

    def items(self, item: Ints, time: Floats) -> Floats:
        given, views = self._item_given.before(item, time), self._item_views.before(item, time)
        cards = self._item_cards.before(item, time)
        earlier = self._item_given.before(item, time - LATELY)
        age, left = time - self._created[item], self._closed[item] - time
        has_deadline = np.isfinite(left)
        dense = [
            np.log1p(given.count),
            np.log1p(views.count),
            np.log1p(cards.count),
            np.log1p(given.count - earlier.count),
            *_means(given, views),
            np.log((views.count + 1.0) / (cards.count + 8.0)),
            np.log1p(np.maximum(np.nan_to_num(age), 0.0) / SECONDS_PER_DAY),
            np.log1p(np.maximum(np.where(has_deadline, left, 0.0), 0.0) / SECONDS_PER_DAY),
            has_deadline.astype(np.float64),
        ]
        return np.concatenate([np.stack(dense, 1), self._text[item]], 1)

    def matches(self, user: Ints, users: UserFeatures, item: Ints, time: Floats) -> Floats:
        """How the campaign fits what the user did: likeness, and shares of what they gave to."""
        text = self._text[item]
        length = np.linalg.norm(users.profile, axis=1) * np.linalg.norm(text, axis=1)
        cosine = (users.profile * text).sum(1) / np.maximum(length, 1e-9)
        shares = [
            np.where(code[item] > 0, alike.before(user * self._sizes[name] + code[item], time).count, 0)
            / (users.contributions + 1.0)
            for name, code, alike in ((name, self._codes[name], self._by_code[name]) for name in CODES)
        ]
        pair = user * self._items + item
        been = [np.log1p(past.before(pair, time).count) for past in (self._pair_views, self._pair_given)]
        return np.stack([cosine, *shares, *been], 1)


def places(slot: Ints) -> Floats:
    """(rows, PLACE); `slot` is −1 where there is none."""
    return np.stack([np.log1p(np.maximum(slot, 0)), (slot >= 0).astype(np.float64)], 1)


def _means(given: Sums, views: Sums) -> list[Floats]:
    """Minutes of a visit, logarithm of an amount, and how many visits end with a contribution."""
    minutes = views.total[:, 0] / np.maximum(views.total[:, 1], 1.0)
    log_amount = given.total[:, 0] / np.maximum(given.total[:, 1], 1.0)
    return [np.log1p(minutes), log_amount, np.log((given.count + 1.0) / (views.count + 2.0))]
