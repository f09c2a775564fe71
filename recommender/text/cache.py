"""Token vectors on disk by content: a text is encoded once per encoder, whoever asks and whenever."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from recommender.errors import DamagedError
from recommender.files import sha256_hex, write_atomic
from recommender.processes import processes
from recommender.progress import Progress, silent
from recommender.text.encoders import MAX_TOKENS, TextEncoder, TokenVectors, encoder_key, load_encoder

TEXTS_BETWEEN_WRITES = 256
"""Encoded at a time: similar lengths share a batch, and a killed run loses no more than these."""

SAMPLED_TEXTS = 2_000
"""Their tokens, some hundred thousand, tell how all tokens lie."""


@dataclass(frozen=True)
class TextVectors:
    """The vectors of some texts, in their order."""

    tokens: Sequence[TokenVectors]
    dims: int
    encoder: str = ""
    """Its name; empty for vectors of no encoder."""

    @cached_property
    def pooled(self) -> NDArray[np.float32]:
        """(texts, dims): the mean over each text's tokens, of length 1."""
        means = np.stack([tokens.astype(np.float32).mean(0) for tokens in self.tokens])
        unit: NDArray[np.float32] = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        return unit

    @cached_property
    def token_moments(self) -> "Moments":
        """Of the token vectors of at most SAMPLED_TEXTS texts, spread evenly."""
        some = np.linspace(0, len(self.tokens) - 1, min(len(self.tokens), SAMPLED_TEXTS)).astype(np.int64)
        return moments(self.tokens[place] for place in some.tolist())


class Moments(NamedTuple):
    """How many vectors there are, their sum (dims,) and the sum of their outer products (dims, dims)."""

    number: int
    total: NDArray[np.float64]
    products: NDArray[np.float64]


def moments(blocks: Iterable[NDArray[np.floating[Any]]]) -> Moments:
    """Of the rows of all blocks, which are never held together. At least one block."""
    found: Moments | None = None
    for block in blocks:
        rows = block.astype(np.float64)
        count, total, products = found or Moments(0, np.zeros(1), np.zeros(1))
        found = Moments(count + len(rows), total + rows.sum(0), products + rows.T @ rows)
    if found is None:
        raise ValueError("no vectors to take moments of")
    return found


class StoredTokens(Sequence[TokenVectors]):
    """Token vectors that are read when they are asked for: ten thousand texts' own are two gigabytes."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, place: int) -> TokenVectors: ...
    @overload
    def __getitem__(self, place: slice) -> "StoredTokens": ...
    def __getitem__(self, place: int | slice) -> "TokenVectors | StoredTokens":
        if isinstance(place, slice):
            return StoredTokens(self._paths[place])
        path = self._paths[place]
        tokens = _read(path)
        if tokens is None:
            raise DamagedError(f"{path} was there and sound a moment ago: ask again, and it is encoded anew")
        return tokens


class EmbeddingCache:
    """`<root>/<encoder>/<2 digits>/<sha256 of the text>.safetensors`; the encoder loads when first missed."""

    def __init__(self, root: Path, encoder_name: str) -> None:
        self.root = root
        self.encoder_name = encoder_name

    @cached_property
    def encoder(self) -> TextEncoder:
        return load_encoder(self.encoder_name)

    def vectors(self, texts: Sequence[str], progress: Progress = silent) -> TextVectors:
        """The texts' vectors, from disk where they are there and sound, else encoded and stored.

        Of several processes each encodes its part.
        """
        group = processes()
        mine = (text for text in dict.fromkeys(texts) if _number(text) % group.count == group.rank)
        missing = [text for text in mine if _read(self._path(text)) is None]
        for start in range(0, len(missing), TEXTS_BETWEEN_WRITES):
            some = missing[start : start + TEXTS_BETWEEN_WRITES]
            for text, encoded in zip(some, self.encoder.encode(some), strict=True):
                write_atomic(self._path(text), save({"tokens": encoded}))
            progress("reading texts", (start + len(some)) / len(missing))
        group.wait()
        tokens = StoredTokens([self._path(text) for text in texts])
        return TextVectors(tokens, tokens[0].shape[1] if tokens else 0, self.encoder_name)

    def _path(self, text: str) -> Path:
        digest = sha256_hex(text.encode())
        return self.root / self._folder / digest[:2] / f"{digest}.safetensors"

    @cached_property
    def _folder(self) -> str:
        return encoder_key(self.encoder_name).replace("/", "--")


def _number(text: str) -> int:
    """The same in every process."""
    return int(sha256_hex(text.encode())[:8], 16)


def _read(path: Path) -> TokenVectors | None:
    try:
        return load(path.read_bytes())["tokens"]
    except (FileNotFoundError, SafetensorError, KeyError):
        return None  # absent, or torn by a crash of the disk: encoded again


def project(
    tokens: Sequence[TokenVectors], mean: torch.Tensor, basis: torch.Tensor, max_tokens: int = MAX_TOKENS
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre and rotate the first tokens' vectors into fewer dimensions, padded to the longest text.

    Args:
        tokens: one (tokens, dims) array for each text.
        mean: (dims,).
        basis: (dims, kept).
        max_tokens: how many of each text are kept.

    Returns:
        (texts, longest, kept) and the mask (texts, longest), true where there is a token.
    """
    padded = torch.zeros(len(tokens), max_tokens, basis.shape[1])
    lengths = torch.zeros(len(tokens), dtype=torch.int64)
    for row, vectors in enumerate(tokens):
        first = torch.from_numpy(vectors[:max_tokens].astype(np.float32))
        padded[row, : len(first)] = (first - mean) @ basis
        lengths[row] = len(first)
    longest = int(lengths.max()) if len(tokens) else 1
    return padded[:, :longest].contiguous(), torch.arange(longest) < lengths.unsqueeze(1)
