"""Attacks on what leaves a client: they succeed without noise, else they would prove nothing."""

import numpy as np
import pytest
import torch

from recommender.experiments.attacks import (
    AttackConfig,
    Attacked,
    AttackExperiment,
    Findings,
    attack_all,
    attacked_over,
    population,
)
from recommender.federation.attacks import ReadCodes, membership_scores, read_codes
from recommender.federation.settings import FederationConfig
from recommender.models.pfcr import PfcrConfig
from tests.recommender.conftest import word_vectors

NETWORK = PfcrConfig(
    groups=4, centroids=12, code_dims=2, dims=16, heads=2, layers=1, length=6, dropout=0.0, temperature=0.1
)
FEDERATION = FederationConfig(
    rounds=4, travels="all", local_epochs=4.0, learning_rate=0.01, delta=1e-3, persons_per_step=20
)
POPULATION = AttackConfig(members=70, shadows=3, readers=8, readers_persons=2, items=60)


def experiment(federation: FederationConfig) -> AttackExperiment:
    data = population(POPULATION)
    return AttackExperiment(POPULATION, NETWORK, federation, word_vectors(data.items.texts), data)


@pytest.fixture(scope="module")
def attacked() -> list[Attacked]:
    """Without a promise and with a strict one, where all travels."""
    return attack_all([experiment(FEDERATION)], [None, 0.3])


def test_without_noise_members_are_told_from_strangers(attacked: list[Attacked]) -> None:
    assert attacked[0].noise == 0
    assert attacked[0].auc.low > 0.65


def test_with_a_promise_they_are_not(attacked: list[Attacked]) -> None:
    assert attacked[1].noise > 5
    assert attacked[1].auc.low < 0.5 < attacked[1].auc.high


def test_without_noise_most_codes_are_read_and_with_it_as_many_as_by_chance(attacked: list[Attacked]) -> None:
    free, promised = attacked
    assert (free.codes_found or 0.0) > 0.5
    assert (free.codes_found or 0.0) > 1.5 * (free.codes_by_chance or 1.0)
    assert (promised.codes_found or 1.0) < 1.3 * (promised.codes_by_chance or 0.0)


def test_where_the_encoder_alone_travels_less_is_told_of_members_and_nothing_of_what_they_backed(
    attacked: list[Attacked],
) -> None:
    found = attack_all([experiment(FEDERATION.model_copy(update={"travels": "encoder"}))], [None])[0]
    assert found.auc.high < attacked[0].auc.low
    assert (found.codes_found, found.codes_by_chance) == (None, None)


def test_a_score_is_how_much_better_than_elsewhere_a_person_is_foretold() -> None:
    target = np.array([1.0, 2.0, 0.5])
    shadows = [np.array([1.5, 2.0, 1.0]), np.array([2.5, 1.0, 0.0])]
    assert membership_scores(target, shadows).tolist() == [1.0, -0.5, 0.0]


def test_as_many_rows_are_guessed_as_there_are_and_those_that_moved_furthest_along() -> None:
    before = torch.zeros(2, 3, 2)
    after = before.clone()
    after[0, 1, 0], after[1, 2, 0], after[1, 0, 0], after[0, 0, 1] = 3.0, 1.0, -5.0, 9.0
    truth = np.array([[False, True, False], [True, False, False]])
    found = read_codes(before, after, truth, towards=torch.tensor([1.0, 0.0]))
    assert found.guessed.tolist() == [[False, True, False], [False, False, True]]
    assert found.found == 0.5
    assert found.by_chance == pytest.approx(2 / 6)


def _read(guess: int) -> ReadCodes:
    """One of four codes, which is the second."""
    places = np.arange(4)
    return ReadCodes((places == guess)[None], (places == 1)[None])


def test_persons_of_several_populations_are_told_apart_within_their_own() -> None:
    # Whoever is compared across populations finds every stranger of the second above the first's members.
    first = Findings(1.5, np.array([2.0, 4.0]), np.array([1.0, 3.0, 0.0]), (_read(1),))
    second = Findings(1.5, np.array([9.0]), np.array([10.0, 8.0]), (_read(0),))
    found = attacked_over(3.0, [first, second])
    assert (found.epsilon, found.noise) == (3.0, 1.5)
    assert found.auc.mean == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert found.auc.low < found.auc.mean < found.auc.high
    assert (found.codes_found, found.codes_by_chance) == (0.5, 0.25)
