"""Fits the rotation that centres text vectors and keeps the dimensions in which a platform's texts differ."""

import numpy as np
import torch

from recommender.text.cache import TextVectors, moments


def principal_axes(vectors: TextVectors, dims: int, *, of_tokens: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean (text dims,) and basis (text dims, dims) of the largest variance, signs fixed; PCA.

    E5's vectors share a large common direction (cosines of any two texts lie in .74 to 1): centring takes it
    out. If the texts span fewer dimensions than asked for, the rest of the basis is zero.
    """
    count, total, products = vectors.token_moments if of_tokens else moments([vectors.pooled])
    mean = total / count
    covariance = products / count - np.outer(mean, mean)
    values, axes = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1][:dims]
    basis = np.zeros((vectors.dims, dims))
    kept = order[values[order] > 1e-9]
    basis[:, : len(kept)] = axes[:, kept]
    # An axis and its opposite explain as much: the largest component decides.
    signs = np.sign(basis[np.abs(basis).argmax(0), np.arange(dims)])
    basis *= np.where(signs == 0, 1, signs)
    return torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(basis.astype(np.float32))


def token_spread(vectors: TextVectors) -> float:
    """Standard deviation of the token vectors' components, all of them together."""
    count, total, products = vectors.token_moments
    components = count * vectors.dims
    mean = total.sum() / components
    return float(np.sqrt(max(np.trace(products) / components - mean**2, 0.0)))
