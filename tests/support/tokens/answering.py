"""Code for an address that answers calls with whatever bytes a test wants, made without a compiler.

A token's contract is a stranger's: what the indexer makes of nonsense is tried with contracts that tell it.
"""

from collections.abc import Mapping

from web3 import Web3

from django_project.core.addresses import selector

# Opcodes, by https://ethereum.github.io/execution-specs/ ("Ethereum Virtual Machine", Instructions).
_EQ, _SHR, _CALLDATALOAD, _CODECOPY = 0x14, 0x1C, 0x35, 0x39
_JUMP, _JUMPI, _JUMPDEST, _PUSH1, _PUSH2, _PUSH4, _DUP1 = 0x56, 0x57, 0x5B, 0x60, 0x61, 0x63, 0x80
_RETURN, _REVERT = 0xF3, 0xFD
# Jumps back to itself until the gas is gone.
ENDLESS = bytes([_JUMPDEST, _PUSH1, 0, _JUMP])


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def text(value: str | bytes) -> bytes:
    """A string as the ABI returns it."""
    raw = value.encode() if isinstance(value, str) else value
    return word(32) + word(len(raw)) + raw + bytes(-len(raw) % 32)


def answering(answers: Mapping[str, bytes]) -> bytes:
    """Runtime code that answers these views (`symbol()`) with these bytes and reverts to all other calls."""
    load = bytes([_PUSH1, 0, _CALLDATALOAD, _PUSH1, 0xE0, _SHR])
    refuse = bytes([_PUSH1, 0, _PUSH1, 0, _REVERT])
    branch, body = 11, 16
    first_body = len(load) + branch * len(answers) + len(refuse)
    first_answer = first_body + body * len(answers)
    branches, bodies, data = b"", b"", b""
    for number, (view, answer) in enumerate(answers.items()):
        target = (first_body + body * number).to_bytes(2, "big")
        wanted = bytes.fromhex(selector(view)[2:])
        branches += bytes([_DUP1, _PUSH4, *wanted, _EQ, _PUSH2, *target, _JUMPI])
        size = len(answer).to_bytes(2, "big")
        start = (first_answer + len(data)).to_bytes(2, "big")
        bodies += bytes([_JUMPDEST, _PUSH2, *size, _PUSH2, *start, _PUSH1, 0, _CODECOPY])
        bodies += bytes([_PUSH2, *size, _PUSH1, 0, _RETURN])
        data += answer
    return load + branches + refuse + bodies + data


def token_code(symbol: bytes, decimals: bytes) -> bytes:
    """Of a token that says this of itself, as raw answers."""
    return answering({"symbol()": symbol, "decimals()": decimals, "balanceOf(address)": word(0)})


def set_code(web3: Web3, address: str, code: bytes) -> None:
    """Put code at an address of a test's chain."""
    web3.provider.make_request("anvil_setCode", [address, Web3.to_hex(code)])  # type: ignore[arg-type]
