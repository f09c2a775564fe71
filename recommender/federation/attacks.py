"""What an attacker can tell of persons from what leaves a client: the proof that noise is needed, and enough.

The attacker is the coordinator: it sees every update, knows the codebook, all items and the settings, and can
train models of its own on persons whose sequences it has. It sees no prompt, for that never travels; in the
place of whatever else does not, it puts its own models'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from recommender.data.dataset import Bools, Floats
from recommender.models.pfcr_network import SequenceNetwork

PERSONS_PER_BLOCK = 512


def person_losses(network: SequenceNetwork, codes: torch.Tensor, sequences: torch.Tensor) -> Floats:
    """How badly a network foretells each person's sequence, (persons,), in nats."""
    network.eval()
    with torch.inference_mode():
        parts = [network(codes, part) for part in torch.split(sequences, PERSONS_PER_BLOCK)]
    losses: Floats = torch.cat(parts).double().numpy()
    return losses


def membership_scores(target: Floats, shadows: Sequence[Floats]) -> Floats:
    """How much better each person is foretold by the attacked model than by models that never saw them.

    score = mean over shadow models of the loss − loss of the attacked model: high for those who were learnt
    from. The shadow models are trained like the attacked one, on other persons.

    Args:
        target: (persons,) losses of the attacked model.
        shadows: the same persons' losses, of each shadow model.

    Source: Watson et al. 2022, On the Importance of Difficulty Calibration in Membership Inference Attacks.
    """
    expected: Floats = np.mean(shadows, axis=0)
    return expected - target


@dataclass(frozen=True)
class ReadCodes:
    """What was read off the code embedding."""

    guessed: Bools
    """(groups, centroids): as many as there are in truth, the likeliest."""
    truth: Bools
    """(groups, centroids): the codes of what was backed."""

    @property
    def found(self) -> float:
        """Share of the codes of what was backed that were guessed."""
        return float((self.guessed & self.truth).sum() / max(self.truth.sum(), 1))

    @property
    def by_chance(self) -> float:
        """The share that as many blind guesses would find."""
        return float(self.truth.mean())


def read_codes(before: torch.Tensor, after: torch.Tensor, truth: Bools, towards: torch.Tensor) -> ReadCodes:
    """Guess which codes a client's persons backed by how their rows moved.

    A softmax pulls the rows of what was backed towards the states of those who backed it and pushes all
    others away, and every state has much of that of somebody without a history, which anybody can compute.

    Args:
        before: (groups, centroids, dims), the code embedding as it was sent.
        after: as it came back.
        truth: (groups, centroids), the codes of what was backed.
        towards: (dims,), the state of nobody in particular.
    """
    pull = ((after - before) @ towards).numpy()
    guessed = np.zeros_like(truth)
    guessed.flat[np.argsort(-pull, axis=None, kind="stable")[: int(truth.sum())]] = True
    return ReadCodes(guessed, truth)
