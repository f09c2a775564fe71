"""Addresses and hashes: bytes inside, checksummed or 0x-hex text at the edge."""

from functools import lru_cache

from eth_hash.auto import keccak as _keccak

ADDRESS_BYTES = 20
HASH_BYTES = 32
ZERO_ADDRESS = bytes(ADDRESS_BYTES)
ZERO_HASH = bytes(HASH_BYTES)


def keccak(data: bytes) -> bytes:
    """Ethereum's Keccak-256 of bytes."""
    return bytes(_keccak(data))


def selector(signature: str) -> str:
    """The first four bytes of a call to `name(types)`, as 0x-hex."""
    return "0x" + keccak(signature.encode())[:4].hex()


def _parse_hex(text: str, size: int, noun: str) -> bytes:
    digits = text.strip().removeprefix("0x").removeprefix("0X")
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        value = b""
    if len(value) != size:
        raise ValueError(f"{text!r} is not {noun}: expected 0x and {2 * size} hexadecimal digits")
    return value


def parse_address(text: str) -> bytes:
    """Read an address written as hex, checking its EIP-55 checksum when it is in mixed case.

    Raises:
        ValueError: not 20 bytes of hex, or a mixed-case spelling with a wrong checksum.
    """
    value = _parse_hex(text, ADDRESS_BYTES, "an address")
    digits = text.strip()[-2 * ADDRESS_BYTES :]
    if digits not in (digits.lower(), digits.upper()) and format_address(value)[2:] != digits:
        raise ValueError(f"{text!r} has a wrong checksum: copy the address again from where it came from")
    return value


def parse_hash(text: str) -> bytes:
    """Read a 32-byte hash written as hex; raises ValueError for anything else."""
    return _parse_hex(text, HASH_BYTES, "a 32-byte hash")


@lru_cache(maxsize=20_000)
def format_address(value: bytes) -> str:
    """The spelling of a 20-byte address whose upper case is a checksum (EIP-55)."""
    digits = value.hex()
    marks = _keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if mark > "7" else digit for digit, mark in zip(digits, marks, strict=False)
    )


def format_hash(value: bytes) -> str:
    return "0x" + value.hex()


def shorten_address(value: bytes) -> str:
    """`0x1234…abcd`, for places where the whole is a copy or a hover away."""
    text = format_address(value)
    return f"{text[:6]}…{text[-4:]}"


__all__ = [
    "ADDRESS_BYTES",
    "HASH_BYTES",
    "ZERO_ADDRESS",
    "ZERO_HASH",
    "format_address",
    "format_hash",
    "keccak",
    "parse_address",
    "parse_hash",
    "selector",
    "shorten_address",
]
