"""Models whose scores of the candidates `hybrid` may weigh beside its own signals; a line for each."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from recommender.models.dien import Dien
from recommender.models.shared_bottom import SharedBottom
from recommender.training.trainable import TrainableModel


@dataclass(frozen=True)
class Reranker:
    """A model that is trained with the hybrid's other parts, with its own default settings."""

    model: type[TrainableModel]
    heads: tuple[str, ...] = ()
    """Which of its predictions are signals; where none is named, its score is the one."""

    def signal_names(self) -> tuple[str, ...]:
        """As the hybrid calls them."""
        return tuple(f"{self.model.name}/{head}" for head in self.heads) or (self.model.name,)

    def signals(
        self, model: TrainableModel, users: torch.Tensor, items: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Each of the names: (users, items)."""
        if not isinstance(model, SharedBottom):
            return {self.model.name: model.score(users, items)}
        found = model.predictions(users, items)
        # Chances that are small apart are far apart in what they are times each other.
        logs = {f"log_{name}": found[name].clamp(min=1e-12).log() for name in ("converted", "clicked")}
        return {f"{self.model.name}/{head}": (found | logs)[head] for head in self.heads}


RERANKERS: Mapping[str, Reranker] = {
    each.model.name: each
    for each in (
        Reranker(SharedBottom, ("log_converted", "log_clicked", "contributed", "minutes", "log_amount")),
        Reranker(Dien),
    )
}
