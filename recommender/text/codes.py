"""Product quantization: a text's vector as a few small numbers out of a codebook that platforms can share.

The vectors are rotated into their principal dimensions, which are dealt out to `groups` so that each group
has its share of the variance; in each group a vector becomes the number of its nearest centroid. Platforms
with one codebook speak of their items in the same words without showing an item.

Sources: Jégou et al. 2011, Product Quantization for Nearest Neighbor Search; the dealing out: Ge et al. 2013,
Optimized Product Quantization (the parametric solution); codes in place of items: Hou et al. 2023, VQ-Rec.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq

from recommender.errors import DataError

Vectors = NDArray[np.float32]

ITERATIONS = 25


@dataclass(frozen=True)
class Codebook:
    """What turns a text's vector into codes."""

    mean: torch.Tensor
    """(text dims,)."""
    rotation: torch.Tensor
    """(text dims, groups · dims): the columns of one group stand side by side."""
    centroids: torch.Tensor
    """(groups, centroids, dims)."""

    @property
    def groups(self) -> int:
        return self.centroids.shape[0]

    def codes(self, vectors: Vectors) -> torch.Tensor:
        """(texts, groups) int64: the nearest centroid of each group, 0 to centroids − 1.

        Raises:
            DataError: the vectors are not of the encoder that the codebook was learnt with.
        """
        if vectors.shape[1] != len(self.mean):
            raise DataError(
                f"the codebook is for text vectors of {len(self.mean)} dimensions, these have "
                f"{vectors.shape[1]}: use the encoder that it was learnt with"
            )
        rotated = (vectors - self.mean.numpy()) @ self.rotation.numpy()
        parts = np.split(rotated, self.groups, axis=1)
        found = [
            vq(part, centroids)[0] for part, centroids in zip(parts, self.centroids.numpy(), strict=True)
        ]
        return torch.from_numpy(np.stack(found, 1).astype(np.int64))


def learn_codebook(vectors: Vectors, groups: int, centroids: int, dims: int, seed: int) -> Codebook:
    """Learn a codebook from the vectors of texts that may be shown to everybody.

    Args:
        vectors: (texts, text dims), of length 1.
        groups: codes of each text.
        centroids: of each group; where there are fewer distinct texts, some are never used.
        dims: of each group.
        seed: of the first centroids.

    Raises:
        DataError: there is no text to learn from.
    """
    if not len(vectors):
        raise DataError("there are no texts to learn a codebook from: give some that may be shown")
    mean = vectors.mean(0)
    rotation = _rotation(vectors - mean, groups, dims)
    rng = np.random.default_rng(seed)
    learnt = [
        _centroids(part, centroids, rng) for part in np.split((vectors - mean) @ rotation, groups, axis=1)
    ]
    return Codebook(
        torch.from_numpy(mean),
        torch.from_numpy(rotation),
        torch.from_numpy(np.stack(learnt).astype(np.float32)),
    )


def _rotation(centred: Vectors, groups: int, dims: int) -> Vectors:
    """The largest principal axes, each given to the group with the least variance that has room."""
    values, axes = np.linalg.eigh(np.cov(centred, rowvar=False, bias=True).astype(np.float64))
    order = np.argsort(values)[::-1][: groups * dims]
    # An axis and its opposite explain as much: the largest component decides.
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(len(values))])
    held: list[list[int]] = [[] for _ in range(groups)]
    weight = np.zeros(groups)
    for axis in order.tolist():
        group = min((g for g in range(groups) if len(held[g]) < dims), key=lambda g: weight[g])
        held[group].append(axis)
        weight[group] += np.log(max(values[axis], 1e-12) / 1e-12)
    rotation = np.zeros((len(values), groups * dims), np.float32)
    for group, chosen in enumerate(held):
        columns = group * dims + np.arange(len(chosen))
        rotation[:, columns] = axes[:, chosen] * signs[chosen]
    return rotation


def _centroids(part: Vectors, count: int, rng: np.random.Generator) -> Vectors:
    """(count, dims); those beyond the distinct rows are copies of the first, which `vq` never names."""
    distinct = np.unique(part, axis=0)
    if len(distinct) <= count:
        return np.concatenate([distinct, np.repeat(distinct[:1], count - len(distinct), axis=0)])
    with warnings.catch_warnings():
        # A centroid that loses its last text stays where it is, and may find others.
        warnings.filterwarnings("ignore", "One of the clusters is empty", UserWarning)
        found: Vectors = kmeans2(part.astype(np.float64), count, ITERATIONS, minit="++", rng=rng)[0]
    return found
