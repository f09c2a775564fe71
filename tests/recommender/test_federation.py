"""Learning together: what is averaged, what travels, who takes part."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from recommender.errors import DataError
from recommender.federation.attacks import person_losses
from recommender.federation.averaging import Update, federated_average, participants
from recommender.federation.client import Client, travelling
from recommender.federation.settings import FederationConfig, Travels
from recommender.federation.simulator import simulate
from recommender.models.pfcr_network import SequenceNetwork

CODES = torch.randint(4, (12, 2), generator=torch.Generator().manual_seed(5))


def make_network(words: int = 2) -> SequenceNetwork:
    torch.manual_seed(21)
    return SequenceNetwork(
        groups=2, centroids=4, dims=4, heads=2, layers=1, length=4, words=words, dropout=0.2, temperature=0.2
    )


def sequences(persons: int, seed: int) -> torch.Tensor:
    """Each person's items, one to four of them."""
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.permutation(12)[:4] for _ in range(persons)])
    rows[np.arange(4) >= rng.integers(1, 5, persons)[:, None]] = -1
    return torch.from_numpy(rows)


def client(name: str, config: FederationConfig, persons: int = 20, seed: int = 0) -> Client:
    return Client(name, make_network(), CODES, sequences(persons, seed), config, secret=7)


def all_weights(network: SequenceNetwork) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in network.named_parameters()}


def update(name: str, persons: int, **weights: list[float]) -> Update:
    return Update(name, 1, persons, {key: np.array(value, np.float32) for key, value in weights.items()})


def test_an_average_counts_each_client_by_its_persons() -> None:
    found = federated_average([update("a", 3, w=[1, 10], b=[2]), update("b", 1, w=[5, -2], b=[6])])
    assert found["w"].tolist() == [(3 * 1 + 5) / 4, (3 * 10 - 2) / 4]
    assert found["b"].tolist() == [3.0]


def test_an_average_is_bitwise_the_same_in_whatever_order_updates_come() -> None:
    rng = np.random.default_rng(0)
    updates = [update(f"{k}", int(rng.integers(1, 99)), w=rng.normal(size=50).tolist()) for k in range(7)]
    first, other = federated_average(updates), federated_average(updates[::-1])
    assert np.array_equal(first["w"], other["w"])


@pytest.mark.parametrize(
    ("updates", "problem"),
    [
        ([], "nothing to average"),
        ([update("a", 0, w=[1.0])], "nothing to average"),
        ([update("a", 1, w=[1.0]), update("b", 1, v=[1.0])], "client b sent other parameters than a"),
        ([update("a", 1, w=[1.0]), update("b", 1, w=[1.0, 2.0])], "client b sent other parameters than a"),
    ],
)
def test_what_cannot_be_averaged_is_refused(updates: list[Update], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        federated_average(updates)


def test_everybody_takes_part_or_some_by_a_coin_and_never_nobody() -> None:
    names = [f"client {k}" for k in range(10)]
    assert participants(names, 1.0, 0, 1) == names
    turns = [participants(names, 0.3, 0, turn) for turn in range(200)]
    assert 2.6 < np.mean([len(chosen) for chosen in turns]) < 3.5
    assert min(len(chosen) for chosen in turns) == 1
    assert {name for chosen in turns for name in chosen} == set(names)
    assert len(participants(names, 1e-9, 0, 1)) == 1
    assert participants(names, 0.3, 0, 1) == participants(names, 0.3, 0, 1)
    assert any(participants(names, 0.3, 1, turn) != turns[turn] for turn in range(5))


def test_a_client_that_joins_does_not_change_the_others_coins() -> None:
    before = participants(["a", "b", "c", "d"], 0.5, 4, 2)
    after = participants(["a", "b", "c", "d", "e"], 0.5, 4, 2)
    assert [name for name in after if name != "e"] == before


@pytest.mark.parametrize(
    ("travels", "some", "never"),
    [
        ("codes", "codes.weight", "positions"),
        ("encoder", "positions", "codes.weight"),
        ("all", "layers.0.output.weight", ""),
    ],
)
def test_what_travels_is_sent_and_what_does_not_stays(travels: Travels, some: str, never: str) -> None:
    mine = client("a", FederationConfig(travels=travels))
    start = mine.shared()
    assert some in start
    assert never not in start
    assert not any(name.startswith("prompt.") for name in start)
    before = all_weights(mine.network)
    sent = mine.train(start, 1)
    assert set(sent.weights) == set(start)
    after = all_weights(mine.network)
    assert not np.array_equal(sent.weights[some], start[some])
    # The rest is learnt here too, but for the prompt, whose turn comes later.
    assert torch.equal(after["prompt.words"], before["prompt.words"])
    if never:
        assert not torch.equal(after[never], before[never])
    mine.receive(start)
    assert torch.equal(dict(mine.network.named_parameters())[some], before[some])
    if never:
        assert torch.equal(dict(mine.network.named_parameters())[never], after[never])


def test_the_three_kinds_of_travelling_are_parts_and_the_whole() -> None:
    network = make_network()
    codes, encoder, everything = (travelling(network, kind) for kind in ("codes", "encoder", "all"))
    assert codes == ["codes.weight"]
    assert sorted(codes + encoder) == sorted(everything)
    assert len(everything) + sum(n.startswith("prompt.") for n, _ in network.named_parameters()) == len(
        list(network.named_parameters())
    )


@pytest.mark.parametrize("epsilon", [None, 20.0])
def test_the_same_round_gives_the_same_bits_and_another_one_others(epsilon: float | None) -> None:
    config = FederationConfig(epsilon=epsilon, persons_per_step=6, rounds=4)
    start = client("a", config).shared()
    first, again, later = (client("a", config).train(start, turn) for turn in (3, 3, 4))
    assert first.persons == 20
    assert all(np.array_equal(first.weights[name], again.weights[name]) for name in start)
    assert not np.array_equal(first.weights["positions"], later.weights["positions"])


def test_parameters_of_another_network_are_refused() -> None:
    mine = client("a", FederationConfig())
    wrong: Mapping[str, np.ndarray] = {**mine.shared(), "codes.weight": np.zeros((2, 5, 4), np.float32)}
    with pytest.raises(DataError, match="do not fit its network"):
        mine.train(wrong, 1)


def test_a_client_without_anybody_is_refused() -> None:
    with pytest.raises(DataError, match="client empty has nobody who backed anything"):
        Client("empty", make_network(), CODES, torch.full((3, 4), -1), FederationConfig(), 0)


def test_those_who_backed_nothing_are_no_persons() -> None:
    rows = torch.cat([sequences(5, 0), torch.full((7, 4), -1)])
    assert Client("a", make_network(), CODES, rows, FederationConfig(), 0).persons == 5


def test_fedprox_holds_a_client_to_what_it_was_given() -> None:
    start = client("a", FederationConfig()).shared()

    def moved(proximal: float) -> float:
        sent = client("a", FederationConfig(proximal=proximal, local_epochs=8.0)).train(start, 1)
        return float(sum(np.square(sent.weights[name] - start[name]).sum() for name in start))

    free, held, tightly = moved(0.0), moved(1.0), moved(100.0)
    assert tightly < held < free
    assert tightly < 0.5 * free


def test_after_all_rounds_every_client_holds_the_average_and_its_own_rest() -> None:
    config = FederationConfig(rounds=3, travels="codes")
    clients = [client("a", config, 20, 0), client("b", config, 5, 1), client("c", config, 9, 2)]
    seen: list[np.ndarray] = []
    taken = simulate(clients, config, clients[0].shared(), lambda _, w: seen.append(w["codes.weight"]))
    assert taken == {"a": 3, "b": 3, "c": 3}
    held = [dict(each.network.named_parameters()) for each in clients]
    assert all(np.array_equal(own["codes.weight"].detach().numpy(), seen[-1]) for own in held)
    assert not torch.equal(held[0]["positions"], held[1]["positions"])
    assert len(seen) == 3


def test_clients_that_drop_out_come_back_to_what_the_others_learnt() -> None:
    config = FederationConfig(rounds=6, participation=0.5)
    clients = [client(name, config, 10, seed) for seed, name in enumerate("abc")]
    taken = simulate(clients, config, clients[0].shared())
    assert 0 < sum(taken.values()) < 18
    first, *others = (each.shared() for each in clients)
    assert all(np.array_equal(first[name], other[name]) for other in others for name in first)


def test_one_client_alone_is_ordinary_training() -> None:
    config = FederationConfig(rounds=2)
    alone, by_hand = client("a", config), client("a", config)
    simulate([alone], config, alone.shared())
    weights = by_hand.shared()
    for turn in (1, 2):
        weights = dict(by_hand.train(weights, turn).weights)
    assert all(np.allclose(alone.shared()[name], weights[name], atol=1e-7) for name in weights)


def test_what_is_learnt_together_foretells_better_than_what_was_drawn() -> None:
    """Persons who always back 0, 1, 2, 3 in this order."""
    config = FederationConfig(rounds=12, local_epochs=4.0, learning_rate=0.01)
    rows = torch.arange(4).repeat(16, 1)
    codes = torch.stack(torch.meshgrid(torch.arange(4), torch.arange(3), indexing="ij"), -1).reshape(12, 2)
    clients = [Client(name, make_network(), codes, rows, config, 0) for name in "ab"]
    before = person_losses(clients[0].network, codes, rows).mean()
    simulate(clients, config, clients[0].shared())
    assert person_losses(clients[0].network, codes, rows).mean() < 0.5 * before


def test_a_round_is_answered_once_and_none_beyond_those_that_were_agreed_on() -> None:
    mine = client("a", FederationConfig(rounds=3))
    start = mine.shared()
    mine.train(start, 2)
    for turn in (1, 2, 4):
        with pytest.raises(DataError, match="answers each of 3 rounds once, and has answered 2"):
            mine.train(start, turn)
    mine.train(start, 3)
