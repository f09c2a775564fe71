"""The parts of `dien` against loops written from their equations."""

import numpy as np
import pytest
import torch

from recommender.config.model import Sizes
from recommender.losses.interest import next_interest, same_interest
from recommender.models.augru import AttentionalGRU, Evolution
from recommender.models.dice import Dice
from recommender.models.dien_network import DienNetwork
from recommender.models.moment_features import NAMES, MomentFeatures
from tests.recommender.build import START, dataset, event, item


def sigmoid(x: np.ndarray) -> np.ndarray:
    chance: np.ndarray = 1 / (1 + np.exp(-x))
    return chance


def slowly(
    kind: str, gru: AttentionalGRU, inputs: np.ndarray, attention: np.ndarray, lengths: list[int]
) -> np.ndarray:
    """A row, a target and a step at a time, each gate by its own matrices."""
    w, b = (each.detach().double().numpy() for each in (gru.of_input.weight, gru.of_input.bias))
    u, c = (each.detach().double().numpy() for each in (gru.of_state.weight, gru.of_state.bias))
    n = gru.dims
    found = np.zeros((len(inputs), attention.shape[1], n))
    for row, length in enumerate(lengths):
        for target in range(attention.shape[1]):
            h = np.zeros(n)
            for t in range(length):
                a, i = attention[row, target, t], inputs[row, t]
                if kind == "aigru":
                    i = a * i
                r = sigmoid(w[:n] @ i + b[:n] + u[:n] @ h + c[:n])
                z = sigmoid(w[n : 2 * n] @ i + b[n : 2 * n] + u[n : 2 * n] @ h + c[n : 2 * n])
                new = np.tanh(w[2 * n :] @ i + b[2 * n :] + r * (u[2 * n :] @ h + c[2 * n :]))
                gate = {"augru": a * z, "agru": a * np.ones(n), "aigru": z}[kind]
                h = (1 - gate) * h + gate * new
            found[row, target] = h
    return found


class TestAttentionalGRU:
    LENGTHS = (3, 0, 5, 1)

    @pytest.fixture
    def inputs(self) -> torch.Tensor:
        return torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    @pytest.fixture
    def attention(self) -> torch.Tensor:
        return torch.rand(4, 2, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    @pytest.mark.parametrize("kind", ["augru", "agru", "aigru"])
    def test_it_is_the_loop_of_its_equations(
        self, kind: Evolution, inputs: torch.Tensor, attention: torch.Tensor
    ) -> None:
        torch.manual_seed(0)
        gru = AttentionalGRU(3, 4, kind).double()
        told = gru(inputs, attention, torch.tensor(self.LENGTHS))
        expected = slowly(kind, gru, inputs.numpy(), attention.numpy(), list(self.LENGTHS))
        np.testing.assert_allclose(told.detach().numpy(), expected, atol=1e-12)
        assert not told[1].any()

    @pytest.mark.parametrize("kind", ["augru", "agru", "aigru"])
    def test_what_stands_in_the_padding_changes_nothing(
        self, kind: Evolution, inputs: torch.Tensor, attention: torch.Tensor
    ) -> None:
        gru, lengths = AttentionalGRU(3, 4, kind).double(), torch.tensor(self.LENGTHS)
        beyond = torch.arange(5) >= lengths.unsqueeze(1)
        other = inputs.masked_fill(beyond.unsqueeze(2), 9.0), attention.masked_fill(beyond.unsqueeze(1), 1.0)
        assert torch.equal(gru(inputs, attention, lengths), gru(*other, lengths))

    def test_with_attention_of_1_augru_is_the_gru_that_everybody_has(self, inputs: torch.Tensor) -> None:
        gru, plain = AttentionalGRU(3, 4, "augru").double(), torch.nn.GRU(3, 4, batch_first=True).double()
        with torch.no_grad():
            n = 4
            # theirs: h ← (1 − z) ∘ h̃ + z ∘ h, so that their update gate is 1 less ours
            flip = torch.ones(3 * n, dtype=torch.float64)
            flip[n : 2 * n] = -1.0
            theirs = dict(plain.named_parameters())
            for mine, name in ((gru.of_input, "ih_l0"), (gru.of_state, "hh_l0")):
                theirs[f"weight_{name}"].copy_(mine.weight * flip.unsqueeze(1))
                theirs[f"bias_{name}"].copy_(mine.bias * flip)
        told = gru(inputs, torch.ones(4, 1, 5, dtype=torch.float64), torch.full((4,), 5))
        torch.testing.assert_close(told[:, 0], plain(inputs)[0][:, -1], rtol=0, atol=1e-12)

    @pytest.mark.parametrize("kind", ["augru", "agru"])
    def test_what_nothing_is_paid_attention_to_changes_no_state(
        self, kind: Evolution, inputs: torch.Tensor, attention: torch.Tensor
    ) -> None:
        gru = AttentionalGRU(3, 4, kind).double()
        attention[:, :, 2] = 0.0
        told = gru(inputs, attention, torch.full((4,), 5))
        kept = [0, 1, 3, 4]
        without = gru(inputs[:, kept], attention[:, :, kept], torch.full((4,), 4))
        torch.testing.assert_close(told, without, rtol=0, atol=1e-12)


def test_dice_bends_where_the_batch_is_in_training_and_where_all_were_afterwards() -> None:
    x = torch.tensor([[1.0, -4.0], [3.0, 0.0], [8.0, 2.0]], dtype=torch.float64)
    dice = Dice(2).double()
    with torch.no_grad():
        dice.alpha.copy_(torch.tensor([0.25, -0.5]))
    alpha = np.array([0.25, -0.5])

    def formula(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
        p = sigmoid((x.numpy() - mean) / np.sqrt(variance + 1e-8))
        bent: np.ndarray = p * x.numpy() + (1 - p) * alpha * x.numpy()
        return bent

    mean, biased, unbiased = x.numpy().mean(0), x.numpy().var(0), x.numpy().var(0, ddof=1)
    np.testing.assert_allclose(dice(x).detach().numpy(), formula(mean, biased), rtol=1e-12)
    told = dice.eval()(x).detach().numpy()
    np.testing.assert_allclose(told, formula(0.1 * mean, 0.9 + 0.1 * unbiased), rtol=1e-12)
    assert {"norm.running_mean", "norm.running_var", "alpha"} < set(dice.state_dict())


class TestAuxiliaryLosses:
    @pytest.fixture
    def drawn(self) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(3)
        return [torch.randn(3, 4, 2, generator=generator, dtype=torch.float64) for _ in range(3)]

    MASK = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)

    def test_the_next_item_against_one_that_was_not_backed(self, drawn: list[torch.Tensor]) -> None:
        states, items, negatives = (each.numpy() for each in drawn)
        is_negative = np.ones((3, 4), bool)
        is_negative[2, 1] = False
        terms = []
        for row, length in enumerate((3, 1, 4)):
            for t in range(length - 1):
                terms.append(-np.log(sigmoid(states[row, t] @ items[row, t + 1])))
                if is_negative[row, t + 1]:
                    terms.append(-np.log(1 - sigmoid(states[row, t] @ negatives[row, t + 1])))
        assert len(terms) == 2 + 3 + 2 + 2
        told = next_interest(drawn[0], drawn[1], drawn[2], self.MASK, torch.from_numpy(is_negative))
        assert float(told) == pytest.approx(np.mean(terms), rel=1e-12)

    def test_the_same_position_s_label(self, drawn: list[torch.Tensor]) -> None:
        states, items, _ = (each.numpy() for each in drawn)
        interested = np.array([[1, 0, 1, 0], [0, 1, 1, 1], [1, 1, 0, 0]], float)
        terms = []
        for row, length in enumerate((3, 1, 4)):
            for t in range(length):
                p = sigmoid(states[row, t] @ items[row, t])
                terms.append(-np.log(p if interested[row, t] else 1 - p))
        told = same_interest(drawn[0], drawn[1], torch.from_numpy(interested), self.MASK)
        assert float(told) == pytest.approx(np.mean(terms), rel=1e-12)

    def test_without_anything_to_ask_both_are_nothing_with_gradients_of_nothing(
        self, drawn: list[torch.Tensor]
    ) -> None:
        states = drawn[0].requires_grad_()
        nobody = torch.zeros_like(self.MASK)
        alone = nobody.clone()
        alone[:, 0] = True
        loss = next_interest(states, drawn[1], drawn[2], alone, ~nobody)
        loss = loss + same_interest(states, drawn[1], torch.zeros(3, 4).double(), nobody)
        torch.autograd.backward(loss)
        assert float(loss.detach()) == 0
        assert states.grad is not None
        assert not states.grad.any()


class TestNetwork:
    SIZES = Sizes(users=3, items=6, publishers=1, categories=3, languages=1, text=0)

    @pytest.fixture(params=["augru", "agru", "aigru", "none"])
    def network(self, request: pytest.FixtureRequest) -> DienNetwork:
        torch.manual_seed(0)
        return DienNetwork(
            self.SIZES, item_dims=4, category_dims=2, user_dims=2, evolution=request.param, hidden=(5,),
            activation="dice", dropout=0.0, numbers=2,
        ).eval()  # fmt: skip

    def ask(self, network: DienNetwork, items: list[list[int]], lengths: list[int]) -> torch.Tensor:
        history = torch.tensor(items)
        mask = torch.arange(history.shape[1]) < torch.tensor(lengths).unsqueeze(1)
        known = torch.ones(6)
        states = network.interests(network.embed(history, history % 3, known[history]))
        targets = torch.tensor([[1, 5]]).expand(len(items), -1)
        embedded = network.embed(targets, targets % 3, known[targets])
        numbers = torch.arange(4.0).view(1, 2, 2).expand(len(items), -1, -1)
        told: torch.Tensor = network(torch.arange(len(items)), states, mask, embedded, numbers)
        return told

    def test_padding_changes_nothing(self, network: DienNetwork) -> None:
        short = self.ask(network, [[2, 3], [4, 0]], [2, 0])
        long = self.ask(network, [[2, 3, 5, 5], [4, 1, 1, 1]], [2, 0])
        torch.testing.assert_close(short, long, rtol=0, atol=1e-6)
        assert (self.ask(network, [[2, 3], [4, 0]], [1, 1]) - short).abs().min() > 1e-6

    def test_the_order_of_a_history_matters(self, network: DienNetwork) -> None:
        told = self.ask(network, [[2, 3, 4]], [3]), self.ask(network, [[4, 3, 2]], [3])
        assert (told[0] - told[1]).abs().min() > 1e-7

    def test_embeddings_are_of_length_1_at_most_and_unknown_ids_are_not_looked_at(
        self, network: DienNetwork
    ) -> None:
        with torch.no_grad():
            network.item_id.weight[0] = 3.0
            network.item_id.weight[1] = 0.1
            network.category.weight.fill_(0.2)
        items, categories = torch.tensor([0, 1, 0]), torch.tensor([0, 1, 2])
        told = network.embed(items, categories, torch.tensor([1.0, 1.0, 0.0])).detach()
        assert float(told[0].norm()) == pytest.approx(1.0)
        assert told[0, 0] > told[0, 5] > 0
        torch.testing.assert_close(told[1], torch.tensor([0.1] * 4 + [0.2] * 2))
        torch.testing.assert_close(told[2], torch.tensor([0.0] * 4 + [0.2] * 2))

    def test_attention_is_a_softmax_of_bilinear_likeness_over_what_is_there(
        self, network: DienNetwork
    ) -> None:
        states, targets = torch.randn(2, 3, 6), torch.randn(2, 2, 6)
        mask = torch.tensor([[True, True, False], [False, False, False]])
        if network.attention is None:
            with pytest.raises(RuntimeError, match="no attention"):
                network.weights(states, targets, mask)
            return
        told = network.weights(states, targets, mask).detach().numpy()
        matrix = network.attention.weight.detach().numpy()
        for target in range(2):
            odds = np.exp([states[0, t].numpy() @ matrix @ targets[0, target].numpy() for t in range(2)])
            np.testing.assert_allclose(told[0, target], [*(odds / odds.sum()), 0.0], rtol=1e-4, atol=1e-6)
        assert not told[1].any()


def test_numbers_about_a_moment_hold_what_was_strictly_before_it() -> None:
    data = dataset(
        [
            event("ann", "a", 0), event("bob", "a", 24 * 29), event("cat", "a", 24 * 36.5),
            event("dan", "a", 24 * 37), event("bob", "b", 24 * 37), event("bob", "c", 1, kind="view"),
        ],
        [item("a"), item("b"), item("c")],
    )  # fmt: skip
    moment = START.timestamp() + 37 * 86_400.0
    bob = data.users.find("bob")
    assert bob is not None
    told = MomentFeatures(data.pairs.backed).of(
        torch.tensor([bob]), torch.tensor([[0, 1]]), torch.tensor([moment], dtype=torch.float64)
    )
    assert told.dtype == torch.float32
    by_name = dict(zip(NAMES, np.expm1(told[0].numpy().astype(float)).T.tolist(), strict=True))
    expected = {
        "backers": [3, 0], "backers_1_days": [1, 0], "backers_7_days": [1, 0], "backers_30_days": [2, 0],
        "age": [37, 0], "history": [1, 1], "away": [8, 8],
    }  # fmt: skip
    for name, values in expected.items():
        assert by_name[name] == pytest.approx(values, rel=1e-4), name
