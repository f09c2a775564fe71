"""Logistic and ridge regression: what a network has to beat on the same features."""

from collections.abc import Callable

import numpy as np

from recommender.data.dataset import Floats, Ints

PENALTIES = tuple(10.0**power for power in range(-2, 6))
STEPS = 25


def design(dense: Floats, codes: Ints, mean: Floats, scale: Floats, sizes: tuple[int, ...]) -> Floats:
    """Standardised numbers, a column for each code, and one that is 1 everywhere."""
    hot = [np.eye(size)[codes[:, column]] for column, size in enumerate(sizes)]
    scaled = np.clip((dense - mean) / np.maximum(scale, 1e-6), -10, 10)
    return np.concatenate([scaled, *hot, np.ones((len(dense), 1))], axis=1)


def ridge(x: Floats, y: Floats, penalty: float) -> Floats:
    """(XᵀX + λI)⁻¹ Xᵀy; the last column has no penalty."""
    solved = np.linalg.solve(x.T @ x + _penalties(x, penalty), x.T @ y)
    return solved.astype(np.float64)


def logistic(x: Floats, y: Floats, penalty: float) -> Floats:
    """The minimum of Σ cross-entropy + λ/2 ‖w‖² by Newton's method, halving steps that lead uphill."""
    weights: Floats = np.zeros(x.shape[1])
    ridges = _penalties(x, penalty)

    def cost(at: Floats) -> float:
        odds = x @ at
        return float(np.logaddexp(0, odds).sum() - y @ odds + at @ ridges @ at / 2)

    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (chance - y) + ridges @ weights
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + ridges
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(curve)), slope)
        before, share = cost(weights), 1.0
        while cost(weights - share * step) > before and share > 1e-4:
            share /= 2
        weights -= share * step
        if np.abs(share * step).max() < 1e-6:
            break
    return weights


def tuned(
    fit: Callable[[Floats, Floats, float], Floats],
    train: tuple[Floats, Floats],
    valid: tuple[Floats, Floats],
    loss: Callable[[Floats, Floats], float],
) -> Floats:
    """The weights of the penalty that does best on the validation part."""
    found = [fit(*train, penalty) for penalty in PENALTIES]
    return min(found, key=lambda weights: loss(valid[0] @ weights, valid[1]))


def _penalties(x: Floats, penalty: float) -> Floats:
    free = np.full(x.shape[1], penalty)
    free[-1] = 0.0
    return np.diag(free)
