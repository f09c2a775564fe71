"""What noise promises to a client's persons."""

import numpy as np
import pytest
import torch
from opacus.accountants import PRVAccountant

from recommender.errors import ConfigError
from recommender.federation.averaging import seed_of
from recommender.federation.client import Client
from recommender.federation.privacy import Spent, noise_for, person_gradients, private_gradient
from recommender.federation.settings import FederationConfig
from tests.recommender.test_federation import CODES, make_network, sequences


def norms(gradients: dict[str, torch.Tensor]) -> np.ndarray:
    flat = torch.cat([part.flatten(1) for part in gradients.values()], 1)
    found: np.ndarray = flat.norm(dim=1).numpy()
    return found


def test_each_persons_gradient_is_that_of_their_own_loss() -> None:
    network, rows = make_network().eval(), sequences(6, 3)
    found = person_gradients(network, CODES, rows)
    assert set(found) == {name for name, _ in network.named_parameters()}
    for person in range(6):
        network.zero_grad()
        torch.autograd.backward(network(CODES, rows[person : person + 1]).sum())
        for name, weight in network.named_parameters():
            own = torch.zeros_like(weight) if weight.grad is None else weight.grad
            assert torch.allclose(found[name][person], own, atol=1e-5), name


def test_a_persons_gradient_is_clipped_as_a_whole_and_the_sum_is_over_the_expected_number() -> None:
    gradients = {"a": torch.tensor([[3.0, 0.0], [0.3, 0.0]]), "b": torch.tensor([[4.0], [0.4]])}
    found = private_gradient(gradients, clip=2.0, noise=0.0, expected=8.0, generator=torch.Generator())
    # The first is 5 long and is brought to 2, the second is 0.5 long and stays.
    assert found["a"].tolist() == pytest.approx([(3.0 * 2 / 5 + 0.3) / 8, 0.0])
    assert found["b"].tolist() == pytest.approx([(4.0 * 2 / 5 + 0.4) / 8])


def test_noise_is_as_wide_as_asked_for_whoever_was_drawn() -> None:
    nobody = {"a": torch.zeros(0, 40_000)}
    found = private_gradient(nobody, clip=3.0, noise=0.5, expected=10.0, generator=torch.Generator())
    assert float(found["a"].std()) == pytest.approx(0.5 * 3.0 / 10, rel=0.02)
    assert float(found["a"].mean()) == pytest.approx(0.0, abs=0.003)


def test_one_person_more_moves_a_step_by_no_more_than_the_clip() -> None:
    network, rows = make_network().eval(), sequences(9, 4)
    assert norms(person_gradients(network, CODES, rows)).max() > 0.4

    def step(persons: torch.Tensor) -> dict[str, torch.Tensor]:
        gradients = person_gradients(network, CODES, persons)
        return private_gradient(gradients, clip=0.2, noise=0.0, expected=1.0, generator=torch.Generator())

    with_all = step(rows)
    for left_out in range(9):
        others = step(torch.cat([rows[:left_out], rows[left_out + 1 :]]))
        gap = torch.cat([(with_all[name] - others[name]).flatten() for name in others])
        assert float(gap.norm()) <= 0.2 + 1e-5


def test_a_step_without_anybody_still_adds_noise() -> None:
    config = FederationConfig(epsilon=5.0, persons_per_step=1, local_epochs=1.0, rounds=1)
    mine = Client("a", make_network(), CODES, sequences(400, 0), config, secret=0)
    assert mine.sampling_rate == 1 / 400
    assert mine.steps_per_round == 400
    generator = torch.Generator().manual_seed(seed_of(0, "a", 1))
    drawn = [len(rows) for rows in mine._draws(generator)]
    assert min(drawn) == 0
    assert 0.8 < np.mean(drawn) < 1.2
    given = mine.shared()
    sent = mine.train(given, 1)
    assert all(np.isfinite(array).all() for array in sent.weights.values())
    assert not np.array_equal(sent.weights["positions"], given["positions"])


def test_with_noise_what_does_not_travel_is_noised_too() -> None:
    """Else what travels would be learnt beside something that knows the persons exactly."""
    quiet, loud = (
        Client(
            "a",
            make_network(),
            CODES,
            sequences(20, 0),
            FederationConfig(travels="codes", epsilon=epsilon, rounds=1),
            secret=0,
        )
        for epsilon in (100.0, 0.1)
    )
    start = quiet.shared()
    quiet.train(start, 1)
    loud.train(start, 1)
    own = [dict(each.network.named_parameters())["positions"].detach() for each in (quiet, loud)]
    assert not torch.allclose(own[0], own[1], atol=1e-3)


def test_epsilon_is_an_accountants_and_grows_with_steps_and_falls_with_noise() -> None:
    spent = Spent(noise=1.1, sampling_rate=0.05, steps=400)
    other = PRVAccountant()
    other.history = [(1.1, 0.05, 400)]
    assert other.get_epsilon(1e-4) < spent.epsilon(1e-4) < 1.2 * other.get_epsilon(1e-4)
    assert spent.epsilon(1e-4) < Spent(1.1, 0.05, 800).epsilon(1e-4)
    assert Spent(2.2, 0.05, 400).epsilon(1e-4) < spent.epsilon(1e-4)
    assert spent.epsilon(1e-3) < spent.epsilon(1e-4)


def test_without_noise_nothing_is_promised_and_without_steps_everything() -> None:
    assert Spent(0.0, 0.1, 5).epsilon(1e-4) == float("inf")
    assert Spent(1.0, 0.1, 0).epsilon(1e-4) == 0.0


def test_a_client_knows_what_its_rounds_cost() -> None:
    config = FederationConfig(epsilon=3.0, delta=1e-3, persons_per_step=5, local_epochs=0.5, rounds=8)
    mine = Client("a", make_network(), CODES, sequences(50, 0), config, secret=0)
    assert mine.spent(8) == Spent(mine.noise, 0.1, 8 * 5)
    assert 0.95 * 3.0 < mine.spent(8).epsilon(1e-3) <= 3.0
    assert mine.spent(4).epsilon(1e-3) < mine.spent(8).epsilon(1e-3)


def test_a_larger_client_needs_less_noise_for_the_same_promise() -> None:
    config = FederationConfig(epsilon=3.0, persons_per_step=5, rounds=2)
    small, large = (
        Client("a", make_network(), CODES, sequences(persons, 0), config, secret=0) for persons in (20, 200)
    )
    assert large.noise < small.noise


def test_a_promise_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ConfigError, match="ask for fewer rounds, or for a larger epsilon"):
        noise_for(1e-5, 1e-6, 1.0, 10_000)


def test_a_delta_that_lets_a_person_be_told_outright_is_refused() -> None:
    config = FederationConfig(epsilon=3.0, delta=0.05)
    with pytest.raises(ConfigError, match=r"has 20 persons, and a delta of 0\.05"):
        Client("a", make_network(), CODES, sequences(20, 0), config, secret=0)


def test_who_knows_everything_but_the_secret_cannot_take_the_noise_away() -> None:
    config = FederationConfig(epsilon=3.0, rounds=1)
    sent = [
        Client("a", make_network(), CODES, sequences(20, 0), config, secret).train(start, 1)
        for secret, start in ((1, start_weights()), (2, start_weights()))
    ]
    assert not np.allclose(sent[0].weights["positions"], sent[1].weights["positions"], atol=1e-4)


def start_weights() -> dict[str, np.ndarray]:
    return Client("a", make_network(), CODES, sequences(20, 0), FederationConfig(), secret=0).shared()
