"""What the gates ask about a model beside its ranking metrics: calibration, latency, who taught it."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from recommender.data.dataset import Floats, Pairs
from recommender.data.history import History
from recommender.device import exact_arithmetic
from recommender.evaluation.metrics import calibration_error, score_blocks, top_k
from recommender.evaluation.scorer import Scorer, device_of
from recommender.evaluation.splits import Split

BINS = 10
PROBED_USERS = 100
LISTED = 200
TOP_SHARE = 0.01


@dataclass(frozen=True)
class Probes:
    """Answers about one model, measured on the split that its metrics come from."""

    calibration_error: float | None
    """None where the model gives no probabilities."""
    latency_p95_ms: float


def probe(model: Scorer, split: Split) -> Probes:
    return Probes(first_choice_calibration(model, split), latency_p95_ms(model, split))


def first_choice_calibration(model: Scorer, split: Split) -> float | None:
    """Expected calibration error of a trained model's first choices.

    A trained model's scores are log-odds: their softmax over the items a user could have backed is how likely
    the model takes each to be the one they turned to. The largest of these is its confidence, and it is right
    if the wanted item is the one. Closed forms, whose scores are no log-odds, give None.
    """
    if not model.has_confidence or not len(split.test):
        return None
    targets = split.test
    last = np.append(targets.user[1:] != targets.user[:-1], True)
    targets = targets.where(last & np.isin(targets.user, split.seen.user))
    if not len(targets):
        return None
    history = History.of(split.seen, np.ones(len(split.seen)), model.sizes)
    confidence, is_right = np.zeros(len(targets)), np.zeros(len(targets), np.bool_)
    for block, scores in score_blocks(model, targets.user, split.candidates, history):
        if split.windows:
            is_open = split.windows.open_at(targets.time[block], split.candidates)
            scores = scores.masked_fill(~is_open, -torch.inf)
        values, columns = torch.softmax(scores.double(), 1).nan_to_num().max(1)
        confidence[block] = values.numpy()
        is_right[block] = split.candidates[columns.numpy()] == targets.item[block]
    return calibration_error(confidence, is_right, BINS)


def latency_p95_ms(model: Scorer, split: Split) -> float:
    """95th percentile of the milliseconds one CPU thread takes for one user's list over all candidates.

    In the thread's own time, so that a busy machine does not turn a model away.
    """
    items, users = torch.from_numpy(split.candidates), np.unique(split.test.user)[:PROBED_USERS]
    taken = []
    device = device_of(model)
    with exact_arithmetic():
        for user in torch.split(torch.from_numpy(users), 1):
            start = time.thread_time_ns()
            top_k(model.score(user.to(device), items.to(device)).float().cpu(), LISTED)
            taken.append((time.thread_time_ns() - start) / 1e6)
    return float(np.quantile(taken, 0.95)) if taken else 0.0


def top_users_share(pairs: Pairs, weights: Floats | None = None) -> float:
    """Share of what is learnt from that comes from the 1 % of users with most of it, at least one user."""
    totals = np.sort(np.bincount(pairs.user, weights))[::-1]
    totals = totals[totals > 0]
    if not len(totals):
        return 0.0
    return float(totals[: most_active(len(totals))].sum() / totals.sum())


def most_active(users: int) -> int:
    """How many users are the top 1 %."""
    return max(int(np.ceil(users * TOP_SHARE)), 1)
