"""Product quantization: what codes say of texts."""

import numpy as np
import pytest
import torch

from recommender.errors import DataError
from recommender.text.codes import Codebook, learn_codebook


def unit(vectors: np.ndarray) -> np.ndarray:
    found: np.ndarray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


@pytest.fixture
def texts() -> np.ndarray:
    """Sixty vectors around five centres of twelve dimensions."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(5, 12))
    return unit(np.repeat(centres, 12, axis=0) + 0.05 * rng.normal(size=(60, 12)))


def test_a_code_is_the_nearest_centroid_of_its_group(texts: np.ndarray) -> None:
    book = learn_codebook(texts, groups=3, centroids=4, dims=2, seed=0)
    rotated = (texts - book.mean.numpy()) @ book.rotation.numpy()
    for text, codes in enumerate(book.codes(texts).tolist()):
        for group, code in enumerate(codes):
            part = rotated[text, 2 * group : 2 * group + 2]
            distances = [((part - centroid) ** 2).sum() for centroid in book.centroids[group].numpy()]
            assert code == int(np.argmin(distances))


def test_the_rotation_keeps_lengths_and_deals_variance_out_evenly() -> None:
    rng = np.random.default_rng(5)
    vectors = (rng.normal(size=(400, 6)) * [8, 5, 3, 2, 1, 0.5]).astype(np.float32)
    book = learn_codebook(vectors, groups=3, centroids=4, dims=2, seed=0)
    rotation = book.rotation.numpy()
    assert np.allclose(rotation.T @ rotation, np.eye(6), atol=1e-5)
    spread = ((vectors - book.mean.numpy()) @ rotation).var(0).reshape(3, 2)
    # In pairs: the largest with the smallest, so that no group is all of the variance.
    assert sorted(np.round(np.sqrt(spread.prod(1)))) == pytest.approx([4, 5, 6], abs=1.5)


def test_texts_of_one_kind_have_codes_in_common_and_of_others_have_not(texts: np.ndarray) -> None:
    codes = learn_codebook(texts, groups=4, centroids=5, dims=2, seed=1).codes(texts).numpy()
    agree = (codes[:, None] == codes[None]).mean(2)
    kind = np.repeat(np.arange(5), 12)
    same = kind[:, None] == kind[None]
    assert agree[same].mean() > 0.9
    assert agree[~same].mean() < 0.4


def test_a_codebook_serves_texts_that_it_has_not_seen(texts: np.ndarray) -> None:
    rng = np.random.default_rng(7)
    book = learn_codebook(texts, groups=4, centroids=5, dims=2, seed=1)
    others = unit(texts + 0.02 * rng.normal(size=texts.shape).astype(np.float32))
    assert (book.codes(others) == book.codes(texts)).float().mean() > 0.95


def test_fewer_texts_than_centroids_have_a_code_each() -> None:
    texts = unit(np.eye(3, 8) + 0.01)
    book = learn_codebook(texts, groups=2, centroids=16, dims=3, seed=0)
    codes = book.codes(texts)
    assert book.centroids.shape == (2, 16, 3)
    assert codes.max() < 3
    assert len({tuple(row) for row in codes.tolist()}) == 3


def test_the_same_texts_and_seed_give_the_same_codebook(texts: np.ndarray) -> None:
    first, again, other = (learn_codebook(texts, 3, 4, 2, seed) for seed in (2, 2, 3))
    assert torch.equal(first.centroids, again.centroids)
    assert torch.equal(first.rotation, again.rotation)
    assert not torch.equal(first.centroids, other.centroids)


def test_vectors_of_another_encoder_are_refused(texts: np.ndarray) -> None:
    book = learn_codebook(texts, 3, 4, 2, 0)
    with pytest.raises(DataError, match="12 dimensions, these have 7: use the encoder"):
        book.codes(texts[:, :7])


def test_a_codebook_of_no_texts_is_refused() -> None:
    with pytest.raises(DataError, match="no texts to learn a codebook from"):
        learn_codebook(np.zeros((0, 4), np.float32), 2, 2, 1, 0)


def test_codes_are_of_whole_numbers_from_zero() -> None:
    book = Codebook(torch.zeros(2), torch.eye(2), torch.tensor([[[0.0], [1.0]], [[5.0], [-5.0]]]))
    assert book.codes(np.array([[0.9, 4.0], [0.1, -4.0]], np.float32)).tolist() == [[1, 0], [0, 1]]
