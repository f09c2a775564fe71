"""The network of `pfcr` against loops written from its equations."""

import numpy as np
import pytest
import torch

from recommender.models.pfcr_network import CodeEmbedding, DomainPrompt, SelfAttentionLayer, SequenceNetwork

Array = np.ndarray


@pytest.fixture
def network() -> SequenceNetwork:
    torch.manual_seed(11)
    return SequenceNetwork(
        groups=3, centroids=4, dims=8, heads=2, layers=2, length=5, words=3, dropout=0.3, temperature=0.2
    ).eval()


@pytest.fixture
def codes() -> torch.Tensor:
    return torch.randint(4, (9, 3), generator=torch.Generator().manual_seed(1))


def numbers(weight: torch.Tensor) -> Array:
    found: Array = weight.detach().double().numpy()
    return found


def softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max())
    shares: Array = powers / powers.sum()
    return shares


def layer_norm(vector: Array, norm: torch.nn.LayerNorm) -> Array:
    scaled = (vector - vector.mean()) / np.sqrt(vector.var() + norm.eps)
    found: Array = scaled * numbers(norm.weight) + numbers(norm.bias)
    return found


def test_an_items_vector_is_the_mean_of_its_codes(codes: torch.Tensor) -> None:
    embedding = CodeEmbedding(3, 4, 8)
    found = embedding(codes)
    for item, mine in enumerate(codes.tolist()):
        expected = np.mean(
            [numbers(embedding.weight[group, code]) for group, code in enumerate(mine)], axis=0
        )
        assert numbers(found[item]) == pytest.approx(expected, abs=1e-6)


def test_self_attention_is_as_its_equations_say() -> None:
    torch.manual_seed(4)
    layer = SelfAttentionLayer(6, 2, 0.5).eval()
    states = torch.randn(1, 4, 6)
    found = numbers(layer(states)[0])
    weight, bias = numbers(layer.queries_keys_values.weight), numbers(layer.queries_keys_values.bias)
    inputs = numbers(states[0])
    parts = inputs @ weight.T + bias
    query, key, value = parts[:, :6], parts[:, 6:12], parts[:, 12:]
    for position in range(4):
        heads = []
        for head in (slice(0, 3), slice(3, 6)):
            logits = np.array(
                [query[position, head] @ key[j, head] / np.sqrt(3) for j in range(position + 1)]
            )
            heads.append(softmax(logits) @ value[: position + 1, head])
        attended = np.concatenate(heads) @ numbers(layer.output.weight).T + numbers(layer.output.bias)
        middle = layer_norm(inputs[position] + attended, layer.attention_norm)
        first, _, second = layer.forward_layers
        assert isinstance(first, torch.nn.Linear)
        assert isinstance(second, torch.nn.Linear)
        inner = torch.from_numpy(middle @ numbers(first.weight).T + numbers(first.bias))
        grown = torch.nn.functional.gelu(inner).numpy() @ numbers(second.weight).T + numbers(second.bias)
        assert found[position] == pytest.approx(layer_norm(middle + grown, layer.forward_norm), abs=1e-5)


def test_a_prompt_attends_to_its_words_with_the_state_as_query() -> None:
    torch.manual_seed(9)
    prompt = DomainPrompt(5, 6, 3)
    torch.nn.init.normal_(prompt.output.weight)
    states = torch.randn(2, 4, 6)
    found = prompt(states)
    words = numbers(prompt.words)
    keys, values = words @ numbers(prompt.key.weight).T, words @ numbers(prompt.value.weight).T
    for row, column in np.ndindex(2, 4):
        state = numbers(states[row, column])
        query = state @ numbers(prompt.query.weight).T
        heads = [
            softmax(keys[:, head] @ query[head] / np.sqrt(2)) @ values[:, head]
            for head in (slice(0, 2), slice(2, 4), slice(4, 6))
        ]
        expected = state + np.concatenate(heads) @ numbers(prompt.output.weight).T
        assert numbers(found[row, column]) == pytest.approx(expected, abs=1e-5)


def test_a_new_prompt_changes_nothing() -> None:
    states = torch.randn(2, 3, 6)
    assert torch.equal(DomainPrompt(4, 6, 2)(states), states)


def test_inputs_are_items_and_positions_after_a_start(codes: torch.Tensor) -> None:
    """Without layers the states are the normed inputs, h⁰_j = v_i + p_j."""
    torch.manual_seed(2)
    flat = SequenceNetwork(
        groups=3, centroids=4, dims=8, heads=2, layers=0, length=2, words=0, dropout=0.0, temperature=1.0
    ).eval()
    vectors = flat.codes(codes)
    found = flat.states(vectors, torch.tensor([[7, 2]]))[0]
    places = numbers(flat.positions)
    for place, token in enumerate([flat.start, vectors[7], vectors[2]]):
        state = layer_norm(numbers(token) + places[place], flat.input_norm)
        assert numbers(found[place]) == pytest.approx(state / np.linalg.norm(state), abs=1e-5)


def test_what_comes_later_or_is_no_item_changes_no_state(
    network: SequenceNetwork, codes: torch.Tensor
) -> None:
    vectors = network.codes(codes)
    short = network.states(vectors, torch.tensor([[3, 1, -1, -1, -1]]))[0, :3]
    longer = network.states(vectors, torch.tensor([[3, 1, 8, 0, 2]]))[0, :3]
    alone = network.states(vectors, torch.tensor([[3, 1]]))[0]
    assert torch.allclose(short, longer, atol=1e-6)
    assert torch.allclose(short, alone, atol=1e-6)


def test_a_loss_is_the_mean_surprise_of_each_next_item(network: SequenceNetwork, codes: torch.Tensor) -> None:
    sequences = torch.tensor([[4, 0, 7, -1, -1], [2, -1, -1, -1, -1], [-1, -1, -1, -1, -1], [8, 6, 5, 3, 1]])
    found = network(codes, sequences).detach().numpy()
    vectors = network.codes(codes)
    units = numbers(vectors) / np.linalg.norm(numbers(vectors), axis=1, keepdims=True)
    for row, sequence in enumerate(sequences.tolist()):
        backed = [item for item in sequence if item >= 0]
        surprises = []
        for place, item in enumerate(backed):
            state = numbers(
                network.states(vectors, torch.tensor([backed[:place]], dtype=torch.int64))[0, place]
            )
            logits = units @ state / 0.2
            left = [other for other in range(9) if other == item or other not in backed]
            surprises.append(-np.log(softmax(logits[left])[left.index(item)]))
        assert found[row] == pytest.approx(np.mean(surprises) if surprises else 0.0, abs=1e-5)


def test_somebody_without_items_has_no_gradient(network: SequenceNetwork, codes: torch.Tensor) -> None:
    torch.autograd.backward(network(codes, torch.full((2, 5), -1)).sum())
    assert all(not weight.grad.any() for weight in network.parameters() if weight.grad is not None)
