"""Token vectors on disk by content: a text is encoded once per encoder, whoever asks and whenever."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from recommender.files import sha256_hex, write_atomic
from recommender.progress import Progress, silent
from recommender.text.encoders import TextEncoder, TokenVectors, encoder_key, load_encoder


@dataclass(frozen=True)
class TextVectors:
    """The vectors of some texts, in their order."""

    tokens: list[TokenVectors]
    dims: int

    @cached_property
    def pooled(self) -> NDArray[np.float32]:
        """(texts, dims): the mean over each text's tokens, of length 1."""
        means = np.stack([tokens.astype(np.float32).mean(0) for tokens in self.tokens])
        unit: NDArray[np.float32] = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        return unit


class EmbeddingCache:
    """`<root>/<encoder>/<2 digits>/<sha256 of the text>.safetensors`; the encoder loads when first missed."""

    def __init__(self, root: Path, encoder_name: str) -> None:
        self.root = root
        self.encoder_name = encoder_name

    @cached_property
    def encoder(self) -> TextEncoder:
        return load_encoder(self.encoder_name)

    def vectors(self, texts: Sequence[str], progress: Progress = silent) -> TextVectors:
        """The texts' vectors, from disk where they are there and sound, else encoded and stored."""
        found = {text: self._read(text) for text in dict.fromkeys(texts)}
        missing = [text for text, tokens in found.items() if tokens is None]
        if missing:
            for text, encoded in zip(missing, self.encoder.encode(missing, progress), strict=True):
                write_atomic(self._path(text), save({"tokens": encoded}))
                found[text] = encoded
        tokens = [vectors for text in texts if (vectors := found[text]) is not None]
        return TextVectors(tokens, tokens[0].shape[1] if tokens else 0)

    def _path(self, text: str) -> Path:
        digest = sha256_hex(text.encode())
        return self.root / self._folder / digest[:2] / f"{digest}.safetensors"

    @cached_property
    def _folder(self) -> str:
        return encoder_key(self.encoder_name).replace("/", "--")

    def _read(self, text: str) -> TokenVectors | None:
        try:
            return load(self._path(text).read_bytes())["tokens"]
        except (FileNotFoundError, SafetensorError, KeyError):
            return None  # absent, or torn by a crash of the disk: encoded again


def project(
    tokens: Sequence[TokenVectors], mean: torch.Tensor, basis: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre and rotate token vectors into fewer dimensions, padded to the longest text.

    Args:
        tokens: one (tokens, dims) array for each text.
        mean: (dims,).
        basis: (dims, kept).

    Returns:
        (texts, longest, kept) and the mask (texts, longest), true where there is a token.
    """
    longest = max((len(t) for t in tokens), default=1)
    padded = torch.zeros(len(tokens), longest, basis.shape[1])
    mask = torch.zeros(len(tokens), longest, dtype=torch.bool)
    for row, vectors in enumerate(tokens):
        padded[row, : len(vectors)] = (torch.from_numpy(vectors.astype(np.float32)) - mean) @ basis
        mask[row, : len(vectors)] = True
    return padded, mask
