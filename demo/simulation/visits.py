"""Sessions on the site: pages looked at, and the carts that some of them end with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo.simulation.events import View
from demo.simulation.people import Floats, Reader
from demo.simulation.timeline import CLOSING_MARGIN, DAY, HORIZON, HOUR, MINUTE, Window

# Contributions per session that has any; sessions that only look, per session that does not.
CART_SIZE = 2.3
BROWSING_SESSIONS = 0.5
# Sessions of somebody who never backs anything, after the first one.
VISITORS_SESSIONS = 5.0
# How sharply taste decides what is backed and what is merely looked at.
BACKING_SHARPNESS, BROWSING_SHARPNESS = 1.15, 0.6
# How much it matters beside taste that a campaign is behind its quota.
BACKING_PULL, BROWSING_PULL = 0.6, 0.5
ALREADY_BACKED = -6.0
# A campaign that has reached its quota still attracts this share of its usual interest.
SATURATED = 0.1
LONGEST_DWELL = 12 * MINUTE
# Most people come when the site's two daily digests reach them, the others at any time of the day.
DIGEST_HOURS, DIGEST_READERS, DIGEST_WAIT_SECONDS = (11, 23), 0.85, 4 * MINUTE
LATEST_START, LATEST_ACT = HORIZON - 45 * MINUTE, HORIZON - 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Backing:
    """Somebody decided to back a campaign; how much is settled later."""

    at: int
    backer: int
    campaign: int


@dataclass(frozen=True, slots=True)
class _Session:
    at: int
    reader: int
    backs: int
    progress: float


class Visits:
    """Plays all sessions in the order of time, each choosing among the campaigns open at that moment."""

    def __init__(
        self,
        readers: Sequence[Reader],
        windows: Sequence[Window],
        quotas: Floats,
        affinity: Floats,
        rng: Generator,
    ) -> None:
        self._readers, self._rng, self._affinity = readers, rng, affinity
        self._launch = np.array([window.launch for window in windows])
        self._closes = np.array([window.closes for window in windows])
        self._last_seen = np.array([window.last_seen for window in windows])
        self._quotas, self._taken = quotas, np.zeros(len(windows))
        self._backed = np.zeros((len(readers), len(windows)), dtype=bool)
        self._days = self._daily_interest(windows)

    def play(self, backings_of: NDArray[np.int64], looks: int) -> tuple[list[Backing], list[View]]:
        """Let everybody visit.

        Args:
            backings_of: how many contributions each reader makes in all; 0 for those who only look.
            looks: about how many page views there are beside those that precede a contribution.
        """
        sessions = sorted(
            (
                session
                for reader, count in enumerate(backings_of)
                for session in self._sessions(reader, int(count))
            ),
            key=lambda session: (session.at, session.reader),
        )
        looks_each = looks / max(len(sessions), 1)
        backings: list[Backing] = []
        views: list[View] = []
        for session in sessions:
            self._visit(session, int(self._rng.poisson(looks_each)), backings, views)
        return backings, views

    def _daily_interest(self, windows: Sequence[Window]) -> Floats:
        """Share of all sessions by day: campaigns draw people while they are open."""
        days = np.zeros(HORIZON // DAY)
        for window, quota in zip(windows, self._quotas, strict=True):
            first, last = window.launch // DAY, (window.last_seen - 1) // DAY
            days[first : last + 1] += (quota + 1) / (last - first + 1)
        return np.asarray(days / days.sum())

    def _sessions(self, reader: int, backings: int) -> list[_Session]:
        carts = max(1, round(backings / CART_SIZE)) if backings else 0
        browsing = carts * BROWSING_SESSIONS if carts else VISITORS_SESSIONS
        count = carts + 1 + int(self._rng.poisson(browsing))
        days = self._rng.choice(len(self._days), size=count, p=self._days)
        times = np.sort(days * DAY + self._times_of_day(count))
        sizes = np.zeros(count, dtype=int)
        if carts:
            filled = self._rng.choice(count, size=carts, replace=False)
            sizes[filled] = 1
            np.add.at(sizes, self._rng.choice(filled, size=backings - carts), 1)
        return [
            _Session(min(int(at), LATEST_START), reader, int(size), number / count)
            for number, (at, size) in enumerate(zip(times, sizes, strict=True))
        ]

    def _times_of_day(self, count: int) -> NDArray[np.int64]:
        digests = self._rng.choice(DIGEST_HOURS, size=count) * HOUR
        digests += self._rng.exponential(DIGEST_WAIT_SECONDS, size=count).astype(np.int64)
        reads_digest = self._rng.random(count) < DIGEST_READERS
        return np.where(reads_digest, digests, self._rng.integers(0, DAY, size=count))

    def _visit(self, session: _Session, looks: int, backings: list[Backing], views: list[View]) -> None:
        is_open = (self._launch + MINUTE <= session.at) & (session.at < self._closes - CLOSING_MARGIN)
        taste = self._taste(session)
        pull = self._pull(session.at)
        backed = self._pick(
            np.where(is_open, BACKING_SHARPNESS * taste + BACKING_PULL * pull, -np.inf)
            + ALREADY_BACKED * self._backed[session.reader],
            session.backs,
        )
        curiosity = BROWSING_SHARPNESS * taste + BROWSING_PULL * pull
        looked_at = self._pick(np.where(is_open, curiosity, -np.inf), looks)
        pages = list(dict.fromkeys([*backed, *looked_at]))
        self._rng.shuffle(pages)
        now = session.at
        for campaign in pages:
            dwell = self._dwell(float(taste[campaign]), is_backed=campaign in backed)
            views.append(View(now, session.reader, campaign, dwell))
            now = min(now + dwell + int(self._rng.integers(2, 15)), LATEST_ACT)
        for campaign in backed:
            now = min(now + int(self._rng.integers(4, 21)), LATEST_ACT)
            backings.append(Backing(now, session.reader, campaign))
            self._backed[session.reader, campaign] = True
            self._taken[campaign] += 1

    def _taste(self, session: _Session) -> Floats:
        has_drifted = session.progress >= self._readers[session.reader].drifts_at
        return np.asarray(self._affinity[int(has_drifted), session.reader])

    def _pull(self, now: int) -> Floats:
        """How much each campaign has to catch up with its quota, per day it has left; a logarithm."""
        days_left = np.maximum((self._last_seen - now) / DAY, 0.3)
        return np.log(np.maximum(self._quotas - self._taken, SATURATED * self._quotas + 0.02) / days_left)

    def _pick(self, logits: Floats, count: int) -> list[int]:
        """`count` different positions, likelier by their logits (the Gumbel top-k trick)."""
        order = np.argsort(-(logits + self._rng.gumbel(size=len(logits))), kind="stable")
        return [int(position) for position in order[:count] if np.isfinite(logits[position])]

    def _dwell(self, taste: float, *, is_backed: bool) -> int:
        typical = 16 * np.exp(0.3 * np.clip(taste, -2.0, 4.5)) * (2.0 if is_backed else 1.0)
        return int(np.clip(self._rng.lognormal(np.log(typical), 0.55), 3, LONGEST_DWELL))
