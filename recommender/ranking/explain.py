"""Why an item would be shown to a user, in sentences made of facts."""

from collections.abc import Iterator

import numpy as np
import torch

from recommender.device import exact_arithmetic
from recommender.errors import ConfigError
from recommender.ranking.lists import Ranker, item_number
from recommender.ranking.reasons import RECENT_DAYS, SIMILAR_TO, reasons_for


def explain_pair(ranker: Ranker, user_id: str, item_id: str) -> Iterator[str]:
    """Score and place among the open items, the reason shown, and the facts it was chosen from.

    Raises:
        ConfigError: no such user or item in the snapshot.
    """
    dataset = ranker.dataset
    item = item_number(dataset, item_id)
    user = dataset.users.find(user_id)
    if not user:
        raise ConfigError(f"no user {user_id!r} in this snapshot: they get the list for anybody")
    with exact_arithmetic():
        every = torch.arange(len(dataset.item_ids))
        scores = ranker.model.score(torch.tensor([user]), every)[0].numpy()
        facts = ranker.facts
    place = 1 + int((scores[dataset.items.is_open] > scores[item]).sum())
    reason = reasons_for(facts, user, np.array([item]), is_personal=ranker.model.is_personal)[0]
    named = f" {dataset.item_ids.names[reason.item]}" if reason.kind == SIMILAR_TO else ""
    yield f"score {scores[item]:.4f}, place {place} of {dataset.items.is_open.sum()} open items"
    yield f"reason shown: {reason.kind}{named}"
    past = facts.past[user]
    likeness = facts.likeness(past, np.array([item]))[:, 0]
    for place_in_past in np.argsort(-likeness)[:3].tolist():
        other, alike = past[place_in_past], f"{likeness[place_in_past]:.3f}"
        yield f"likeness {alike} to {dataset.item_ids.names[other]}, which they backed"
    category, mine = dataset.items.category[item], facts.category_counts[user]
    name = dataset.categories.names[category] or "no category"
    yield f"{int(mine[category])} of their {int(mine.sum())} contributions are in {name}"
    yield f"{int(facts.backers[item])} backers"
    if facts.is_trending[item]:
        yield f"among the most backed of the last {RECENT_DAYS:.0f} days"
    if facts.is_new[item]:
        yield f"launched within the last {RECENT_DAYS:.0f} days"
