"""`chainfund-as-published`: the original model as it was, to be measured beside the corrected one.

    contrastive: mean(max(0, margin − (σ(content⁺) − σ(content⁻)))) over features, one random text, no user
    users:       W'[content ⊕ publisher] → the item's publisher's number, taken for a user's; cross-entropy
    score(u, i) = log softmax(W'[content ⊕ publisher])ᵤ

A user has no history, loss weights have no floor and no average, and ranking can only ask the users head.
Everything else is as in `chainfund`. Single parts of it can be put into the corrected model, to see what each
is worth: `contrast=by-position` and `users_head=publishers`.
"""

from collections.abc import Mapping
from typing import Any

import torch

from recommender.config.model import ModelConfig, Sizes
from recommender.data.context import Context
from recommender.data.history import Entries
from recommender.losses.contrastive import hinge_by_position
from recommender.losses.user_prediction import user_cross_entropy
from recommender.models.chainfund import ChainFund, StepItems
from recommender.models.chainfund_config import ChainFundConfig
from recommender.training.trainable import Batch

AS_PUBLISHED: Mapping[str, Any] = {
    "contrast": "by-position",
    "users_head": "publishers",
    "users_share": 1.0,
    "history": False,
    "weighting": "as-published",
}


class AsPublishedConfig(ChainFundConfig):
    as_published: bool = True


def in_effect(config: ChainFundConfig) -> ChainFundConfig:
    """The settings with what `as_published` decides."""
    return config.model_copy(update=AS_PUBLISHED) if config.as_published else config


class ChainFundWithPublishedParts(ChainFund):
    """`chainfund` with one of the published heads, or as published altogether."""

    def __init__(self, config: ChainFundConfig, sizes: Sizes) -> None:
        super().__init__(in_effect(config), sizes)

    @classmethod
    def builds(cls, config: ModelConfig) -> bool:
        """Whether these settings ask for a published head."""
        if not isinstance(config, ChainFundConfig):
            return False
        used = in_effect(config)
        return used.contrast == "by-position" or used.users_head == "publishers"

    @property
    def _is_by_position(self) -> bool:
        return bool(self.config.contrast == "by-position")

    @property
    def _teaches_publishers(self) -> bool:
        return bool(self.config.users_head == "publishers")

    def _classes(self) -> int:
        """Taught publishers' numbers, the users head has to hold them."""
        return max(self.sizes.users, self.sizes.publishers if self._teaches_publishers else 0)

    def fit(self, context: Context) -> None:
        super().fit(context)
        if self.config.as_published:
            # What was never learnt counts as well.
            self.publisher_known = torch.ones_like(self.publisher_known)

    def _known_classes(self) -> torch.Tensor:
        if not self._teaches_publishers:
            return super()._known_classes()
        return torch.ones_like(self.users_head.bias, dtype=torch.bool)

    def _contrastive_loss(
        self, batch: Batch, step: StepItems, user: torch.Tensor, past: Entries
    ) -> torch.Tensor:
        if not self._is_by_position:
            return super()._contrastive_loss(batch, step, user, past)
        other = step.drawn[torch.arange(len(step.row), device=step.row.device) % len(step.drawn)]
        return hinge_by_position(step.contents[step.row], step.contents[other], self.config.margin)

    def _user_loss(self, batch: Batch, step: StepItems) -> torch.Tensor:
        if not self._teaches_publishers:
            return super()._user_loss(batch, step)
        backed, row = torch.unique(step.row, return_inverse=True)
        logits, taught = self.users_head(step.about[backed]), self.context.publisher[batch.item]
        return user_cross_entropy(logits, row, taught, torch.ones_like(batch.weight))

    def mass(self, term: str, batch: Batch) -> torch.Tensor:
        by_rows = {"contrastive": self._is_by_position, "users": self._teaches_publishers}
        return torch.tensor(len(batch.user)) if by_rows.get(term) else super().mass(term, batch)

    def _from_users_head(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Taught publishers, the head says nothing that Bayes' rule could turn around."""
        if not self._teaches_publishers:
            return super()._from_users_head(users, items)
        return self._log_likelihood(users, items)

    def audience_scores(self, items: torch.Tensor) -> torch.Tensor:
        if not self._teaches_publishers:
            return super().audience_scores(items)
        every = torch.arange(self.sizes.users, device=items.device)
        return self._log_likelihood(every, items).T


class ChainFundAsPublished(ChainFundWithPublishedParts):
    """`chainfund` as it was published, under a name of its own, to be measured beside the corrected one."""

    name = "chainfund-as-published"
    config_type = AsPublishedConfig
