"""Asks many contracts for one number each in a single call, without a contract that does so on the chain.

An `eth_call` without an address runs what it carries as if it created a contract, and answers with what that
returns. The program below calls each of the addresses behind it. What it returns is held to the limit on a
contract's size (EIP-170), of which 600 words use four fifths.
"""

from collections.abc import Sequence
from typing import Any

from tasks.indexing.errors import BadReplyError
from tasks.indexing.node.abilities import Ability
from tasks.indexing.node.calls import At, Call, read_bytes

MOST_ADDRESSES = 600
# In the place of the number of a contract that did not answer.
NO_ANSWER = 2**256 - 1
_WORD, _ADDRESS = 32, 20

_PROGRAM = (
    # mem[0:4] = selector; on the stack: where the next answer goes (0x40), where the next address is (0x4b)
    "63{selector}60e01b600052"
    "6040604b"
    # loop (0x0f): to the end (0x42) when no address is left in the code
    "5b38811015604257"
    # the address into memory, up to 0x40
    "601481602c39"
    # staticcall(gas, mem[0x20], in: 4 bytes from 0, out: 32 bytes to where the answer goes)
    "602082600460006020515afa"
    # to the next (0x36) when it succeeded and returned a word; else all bits are set
    "601f3d11166036576000198252"
    "5b"
    # 20 bytes further in the code, 32 in memory, and back to the loop
    "601401906020019060"
    "0f56"
    # end: return what is above 0x40
    "5b50604090036040f3"
)


def numbers_call(addresses: Sequence[bytes], selector: str, at: At) -> Call:
    """The call that answers with the number that each contract's view tells, in order."""
    data = "0x" + _PROGRAM.format(selector=selector.removeprefix("0x")) + b"".join(addresses).hex()

    def read(result: Any) -> list[int]:
        words = read_bytes(result)
        if len(words) != _WORD * len(addresses):
            raise BadReplyError(f"{len(addresses)} contracts answered with {len(words)} bytes in all")
        return [int.from_bytes(words[at : at + _WORD], "big") for at in range(0, len(words), _WORD)]

    return Call("eth_call", ({"data": data}, at.param), read, Ability.MANY_IN_ONE)
