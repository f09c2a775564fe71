"""Event decoders made from ABIs: one `struct` call per log for all its static words.

A log's topics and data are read as one row of 32-byte words: first the signature's hash, then the indexed
arguments, then the others (Solidity ABI specification, "Events" and "Formal Specification of the Encoding").
"""

import json
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from django_project.core.addresses import keccak
from tasks.indexing.errors import ConfigurationError, DecodeError

WORD = 32
_SMALL_UINTS = {8: "31xB", 16: "30xH", 32: "28xI", 64: "24xQ"}
_OFFSET = "24xQ"


_to_int = partial(int.from_bytes, byteorder="big")
_to_signed = partial(int.from_bytes, byteorder="big", signed=True)


def to_text(raw: bytes) -> str:
    """Text for people: whoever emitted it may have written anything, and PostgreSQL takes no NUL."""
    return raw.decode("utf-8", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


class EventDecoder:
    """Turns the topics and data of one event into a tuple in the order of `names`: indexed ones first."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        indexed = [argument for argument in event["inputs"] if argument["indexed"]]
        unindexed = [argument for argument in event["inputs"] if not argument["indexed"]]
        self.name: str = event["name"]
        self.signature = f"{self.name}({','.join(argument['type'] for argument in event['inputs'])})"
        self.topic = keccak(self.signature.encode())
        self.names = tuple(argument["name"] for argument in indexed + unindexed)
        self._topics_size = WORD * (1 + len(indexed))
        self._converters: list[tuple[int, Callable[[Any], Any]]] = []
        self._texts: list[tuple[int, bool]] = []
        formats = [
            self._plan(position, argument["type"], is_topic=True) for position, argument in enumerate(indexed)
        ]
        formats += [
            self._plan(position, argument["type"], is_topic=False)
            for position, argument in enumerate(unindexed, start=len(indexed))
        ]
        self._words = struct.Struct(f">{WORD}x{''.join(formats)}")

    def _plan(self, position: int, kind: str, *, is_topic: bool) -> str:
        """The `struct` format of one word; notes what has to be done to its value afterwards."""
        if kind in {"string", "bytes"}:
            if is_topic:
                return "32s"
            self._texts.append((position, kind == "string"))
            return _OFFSET
        if kind == "address":
            return "12x20s"
        if kind == "bool":
            self._converters.append((position, bool))
            return "31xB"
        sized = re.fullmatch(r"(uint|int|bytes)([0-9]+)", kind)
        if sized is None:
            raise ConfigurationError(f"{self.signature}: the decoder does not know the ABI type {kind}")
        family, size = sized[1], int(sized[2])
        if family == "bytes":
            return f"{size}s{WORD - size}x"
        if family == "uint" and size in _SMALL_UINTS:
            return _SMALL_UINTS[size]
        self._converters.append((position, _to_int if family == "uint" else _to_signed))
        return "32s"

    def decode(self, topics: bytes, data: bytes) -> Sequence[Any]:
        """Addresses and fixed bytes as bytes, numbers as int, strings as str (see `to_text`).

        Raises:
            DecodeError: too short, or a dynamic argument points outside the data.
        """
        if len(topics) != self._topics_size:
            raise DecodeError(f"{self.signature} has {len(topics) // WORD} topics")
        try:
            values = list(self._words.unpack_from(topics + data))
        except struct.error as error:
            raise DecodeError(f"{self.signature} has only {len(data)} bytes of data") from error
        for position, convert in self._converters:
            values[position] = convert(values[position])
        for position, is_text in self._texts:
            raw = _dynamic(self.signature, data, values[position])
            values[position] = to_text(raw) if is_text else raw
        return values


def _dynamic(what: str, data: bytes, offset: int) -> bytes:
    start = offset + WORD
    size = int.from_bytes(data[offset:start], "big")
    if start > len(data) or size > len(data) - start:
        raise DecodeError(f"{what} points {offset} bytes into {len(data)} bytes of data")
    return data[start : start + size]


def decode_symbol(answer: bytes) -> str:
    """What `symbol()` has answered: a string, or, from tokens older than strings, a padded word.

    Raises:
        DecodeError: it is neither, or no text.
    """
    if len(answer) == WORD:
        raw = answer.rstrip(b"\0")
    else:
        raw = _dynamic("its symbol", answer, int.from_bytes(answer[:WORD], "big"))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("its symbol is no text") from error


def decode_uint8(answer: bytes) -> int:
    """What a call that returns one uint8 has answered; raises DecodeError for anything else."""
    value = int.from_bytes(answer, "big")
    if len(answer) != WORD or value > 255:
        raise DecodeError(f"{len(answer)} bytes for its decimals are no small number")
    return value


def load_decoders(abis: Iterable[Path]) -> dict[bytes, EventDecoder]:
    """Decoders by topic, for the events that carry a running number (`seq`): those are the project's own.

    Raises:
        ConfigurationError: a file is missing or is no ABI.
    """
    decoders: dict[bytes, EventDecoder] = {}
    for path in abis:
        try:
            entries = json.loads(path.read_bytes())
            events = [entry for entry in entries if entry["type"] == "event"]
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be read: it is part of the repository; restore it ({error.strerror})"
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigurationError(f"{path} is no ABI: restore it from the repository") from error
        for event in events:
            if any(argument["name"] == "seq" for argument in event["inputs"]):
                decoder = EventDecoder(event)
                decoders[decoder.topic] = decoder
    return decoders
