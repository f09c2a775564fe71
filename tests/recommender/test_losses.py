"""Each formula against slow and obvious loops."""

import itertools
import math

import numpy as np
import pytest
import torch

from recommender.losses.contrastive import hinge, hinge_by_position
from recommender.losses.duration import masked_mse
from recommender.losses.softmax import full_softmax, in_batch_softmax, log_inclusion
from recommender.losses.user_prediction import user_cross_entropy
from recommender.losses.weighting import DynamicLossWeights, UncertaintyWeights, make_weighting
from recommender.models.attention import MultiHeadAttention, masked_mean

TERMS = ("contrastive", "duration", "users")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(7)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_hinge() -> None:
    positive, negative, weight = torch.randn(5), torch.randn(5, 4), torch.rand(5)
    negative[1, 2] = -torch.inf
    total = 0.0
    for row in range(5):
        gaps = [max(0.0, 0.7 - (positive[row] - n).item()) for n in negative[row] if math.isfinite(n)]
        total += weight[row].item() * sum(gaps) / len(gaps)
    assert hinge(positive, negative, 0.7, weight).item() == pytest.approx(
        total / weight.sum().item(), rel=1e-5
    )


def test_hinge_by_position_as_published() -> None:
    positive, negative = torch.randn(3, 6), torch.randn(3, 6)
    slow = np.mean(
        [
            max(0.0, 1.0 - (sigmoid(p) - sigmoid(n)))
            for p, n in zip(positive.flatten().tolist(), negative.flatten().tolist(), strict=True)
        ]
    )
    assert hinge_by_position(positive, negative, 1.0).item() == pytest.approx(slow, rel=1e-5)


def test_duration_counts_measured_rows_only_and_their_gradient() -> None:
    predicted = torch.tensor([1.0, 5.0, 3.0], requires_grad=True)
    loss = masked_mse(predicted, torch.tensor([2.0, math.nan, 1.0]))
    assert loss.item() == pytest.approx((1.0 + 4.0) / 2)
    loss.backward()  # type: ignore[no-untyped-call]
    assert predicted.grad is not None
    assert predicted.grad.tolist() == pytest.approx([-1.0, 0.0, 2.0])
    assert masked_mse(torch.tensor([1.0]), torch.tensor([math.nan])).item() == 0.0


def test_user_cross_entropy() -> None:
    logits, rows, users, weight = (
        torch.randn(3, 5),
        torch.tensor([0, 2, 2, 1]),
        torch.tensor([4, 0, 1, 1]),
        torch.rand(4),
    )
    total = 0.0
    for row, user, w in zip(rows.tolist(), users.tolist(), weight.tolist(), strict=True):
        odds = [math.exp(x) for x in logits[row].tolist()]
        total -= w * math.log(odds[user] / sum(odds))
    found = user_cross_entropy(logits, rows, users, weight).item()
    assert found == pytest.approx(total / weight.sum().item(), rel=1e-5)


def test_full_softmax_leaves_out_the_users_other_known_items() -> None:
    logits, target, weight = torch.randn(4, 6), torch.tensor([0, 3, 3, 5]), torch.rand(4)
    known = torch.rand(4, 6) < 0.4
    total = 0.0
    for row in range(4):
        t = target[row].item()
        odds = {i: math.exp(logits[row, i].item()) for i in range(6) if i == t or not known[row, i]}
        total -= weight[row].item() * math.log(odds[int(t)] / sum(odds.values()))
    found = full_softmax(logits, target, known, weight).item()
    assert found == pytest.approx(total / weight.sum().item(), rel=1e-5)


def test_in_batch_softmax_corrects_for_popular_items_and_masks_false_negatives() -> None:
    items, weight, logits = torch.tensor([2, 7, 2, 9]), torch.rand(4), torch.randn(4, 4)
    log_share = torch.tensor([0.5, 0.25, 0.5, 0.25]).log()
    known = torch.zeros(4, 4, dtype=torch.bool)
    known[1, 3] = True
    total = 0.0
    for row in range(4):
        terms = {}
        for column in range(4):
            other = column != row and (items[column] == items[row] or known[row, column])
            if not other:
                terms[column] = math.exp(logits[row, column].item() - log_share[column].item())
        total -= weight[row].item() * math.log(terms[row] / sum(terms.values()))
    found = in_batch_softmax(logits, items, log_share, known, weight).item()
    assert found == pytest.approx(total / weight.sum().item(), rel=1e-5)


def test_the_chance_to_be_looked_at_is_that_of_all_possible_steps_together() -> None:
    share = [0.5, 0.3, 0.2]
    chance = np.zeros(3)
    for rows in itertools.product(range(3), repeat=2):
        for draws in itertools.product(range(3), repeat=2):
            likelihood = math.prod(share[item] for item in rows) / 3**2
            chance[list({*rows, *draws})] += likelihood
    found = log_inclusion(torch.tensor(share), rows=2, draws=2)
    np.testing.assert_allclose(found.exp().numpy(), chance, rtol=1e-5)


def test_the_chance_stays_finite_at_both_ends() -> None:
    share = torch.tensor([0.0, 1.0, 1e-9])
    assert torch.isfinite(log_inclusion(share, rows=4096, draws=0)).all()
    assert log_inclusion(share, rows=4096, draws=1)[1].item() == pytest.approx(0.0, abs=1e-5)
    assert torch.isfinite(log_inclusion(torch.tensor([1.0]), rows=1, draws=1)).all()


def learnt_odds(share: torch.Tensor, rows: int, *, corrected: bool) -> torch.Tensor:
    """Log-odds of items, learnt by the softmax over the items of each step from rows drawn by `share`."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.zeros(len(share), requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.05)
    chance = log_inclusion(share, rows, draws=1) if corrected else torch.zeros(len(share))
    for _ in range(300):
        drawn = torch.multinomial(share, rows, replacement=True, generator=generator)
        extra = torch.randint(len(share), (1,), generator=generator)
        step, place = torch.unique(torch.cat([drawn, extra]), return_inverse=True)
        own = (logits[step] - chance[step]).expand(rows, -1)
        loss = full_softmax(
            own, place[:rows], torch.zeros(rows, len(step), dtype=torch.bool), torch.ones(rows)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return logits.detach().log_softmax(0)


def test_a_softmax_over_each_steps_items_learns_the_true_odds_only_if_corrected() -> None:
    share = torch.tensor([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
    errors = {
        corrected: (learnt_odds(share, 3, corrected=corrected) - share.log()).abs().mean().item()
        for corrected in (True, False)
    }
    assert errors[True] < 0.7 * errors[False]


class TestWeights:
    def test_they_are_inverse_to_recent_losses_and_sum_to_one(self) -> None:
        weights = DynamicLossWeights(TERMS, momentum=0.5, floor=0.01)
        first = {name: torch.tensor(value) for name, value in zip(TERMS, (1.0, 2.0, 4.0), strict=True)}
        weights(first)
        weights({name: value * 3 for name, value in first.items()})
        recent = [0.5 * x + 0.5 * 3 * x for x in (1.0, 2.0, 4.0)]
        expected = np.array([1 / x for x in recent])
        found = weights.weights(TERMS)
        np.testing.assert_allclose(found.numpy(), expected / expected.sum(), rtol=1e-6)
        assert found.sum().item() == pytest.approx(1.0)

    def test_momentum_is_the_share_of_what_was(self) -> None:
        weights = DynamicLossWeights(("a", "b"), momentum=0.9, floor=0.01)
        weights({"a": torch.tensor(1.0), "b": torch.tensor(2.0)})
        weights({"a": torch.tensor(3.0), "b": torch.tensor(2.0)})
        assert weights.recent.tolist() == pytest.approx([0.9 * 1.0 + 0.1 * 3.0, 2.0])
        weights({"b": torch.tensor(4.0)})
        assert weights.recent.tolist() == pytest.approx([1.2, 0.9 * 2.0 + 0.1 * 4.0])
        forgetful = DynamicLossWeights(("a",), momentum=0.0, floor=0.01)
        forgetful({"a": torch.tensor(1.0)})
        forgetful({"a": torch.tensor(3.0)})
        assert forgetful.recent.tolist() == [3.0]

    def test_the_first_step_is_the_published_formula(self) -> None:
        losses = {"contrastive": torch.tensor(0.2), "duration": torch.tensor(3.0), "users": torch.tensor(1.5)}
        inverse = {name: 1 / value.item() for name, value in losses.items()}
        expected = sum(inverse[n] / sum(inverse.values()) * losses[n].item() for n in TERMS)
        combined = make_weighting("as-published", TERMS, 0.9, 0.1)(losses)
        assert combined.item() == pytest.approx(expected, rel=1e-6)

    def test_the_floor_keeps_a_vanishing_loss_from_taking_all(self) -> None:
        losses = {"contrastive": torch.tensor(0.0), "duration": torch.tensor(1.0), "users": torch.tensor(1.0)}
        floored = DynamicLossWeights(TERMS, momentum=0.0, floor=0.5)
        floored(losses)
        assert floored.weights(TERMS).tolist() == pytest.approx([0.5, 0.25, 0.25])
        published = DynamicLossWeights(TERMS, momentum=0.0, floor=1e-8)
        published(losses)
        assert published.weights(TERMS)[0].item() > 0.999

    def test_a_term_without_rows_takes_no_weight(self) -> None:
        weights = DynamicLossWeights(TERMS, momentum=0.0, floor=0.01)
        combined = weights({"contrastive": torch.tensor(1.0), "users": torch.tensor(3.0)})
        assert combined.item() == pytest.approx(0.75 * 1.0 + 0.25 * 3.0)

    def test_gradients_pass_through_losses_but_not_through_weights(self) -> None:
        x = torch.tensor(2.0, requires_grad=True)
        weights = DynamicLossWeights(("a", "b"), momentum=0.0, floor=1e-3)
        weights({"a": x, "b": torch.tensor(2.0)}).backward()
        assert x.grad is not None
        assert x.grad.item() == pytest.approx(0.5)

    def test_plain_sum_and_uncertainty(self) -> None:
        losses = {name: torch.tensor(value) for name, value in zip(TERMS, (1.0, 2.0, 4.0), strict=True)}
        assert make_weighting("sum", TERMS, 0, 1)(losses).item() == pytest.approx(7.0)
        uncertain = UncertaintyWeights(TERMS)
        with torch.no_grad():
            uncertain.log_variance.copy_(torch.tensor([0.0, 1.0, -1.0]))
        expected = 1.0 + (2.0 * math.exp(-1.0) + 1.0) + (4.0 * math.exp(1.0) - 1.0)
        assert uncertain(losses).item() == pytest.approx(expected, rel=1e-6)


def test_attention_is_softmax_of_scaled_products_over_the_texts_own_tokens() -> None:
    attention = MultiHeadAttention(5, heads=2, head_dims=3)
    tokens, mask = torch.randn(2, 4, 5), torch.tensor([[True] * 4, [True, True, False, False]])
    found = attention(tokens, mask).detach().numpy()
    query, key, value = (
        layer(tokens).detach().numpy() for layer in (attention.query, attention.key, attention.value)
    )
    for text in range(2):
        length = int(mask[text].sum())
        for head in range(2):
            part = slice(3 * head, 3 * head + 3)
            for place in range(length):
                odds = [
                    math.exp(query[text, place, part] @ key[text, other, part] / math.sqrt(3))
                    for other in range(length)
                ]
                slow = sum(o / sum(odds) * value[text, other, part] for other, o in enumerate(odds))
                np.testing.assert_allclose(found[text, place, part], slow, rtol=1e-4, atol=1e-6)
    mean = masked_mean(torch.from_numpy(found), mask)
    np.testing.assert_allclose(mean[1].numpy(), found[1, :2].mean(0), rtol=1e-5)
