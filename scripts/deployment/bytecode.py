"""What a contract's code gives away: which functions it has, and where the code is that a proxy runs."""

from collections.abc import Iterable, Iterator

from brownie import web3
from eth_utils import function_signature_to_4byte_selector, keccak, to_checksum_address

from scripts.deployment.simulation import ask

PUSH1, PUSH4, PUSH32 = 0x60, 0x63, 0x7F
# EIP-7702: an account that has code of its choice for as long as it likes.
DELEGATION = bytes.fromhex("ef0100")
# EIP-1167: a clone, with the address that it runs in the middle.
CLONE = bytes.fromhex("363d3d373d3d3d363d73")
ADDRESS_LENGTH = 20
BEACON_SLOT = int.from_bytes(keccak(text="eip1967.proxy.beacon"), "big") - 1
# Where a proxy keeps the address of what it runs: by EIP-1967, and before it by OpenZeppelin.
IMPLEMENTATION_SLOTS = (
    int.from_bytes(keccak(text="eip1967.proxy.implementation"), "big") - 1,
    int.from_bytes(keccak(text="org.zeppelinos.proxy.implementation"), "big"),
)


def code_at(address: str) -> bytes:
    return bytes(web3.eth.get_code(address))


def implementation_of(proxy: str) -> str | None:
    """Whose code a proxy runs; None when it is no proxy that is known, and runs its own."""
    code = code_at(proxy)
    if code.startswith(CLONE):
        return _address(code[len(CLONE) :][:ADDRESS_LENGTH])
    for slot in IMPLEMENTATION_SLOTS:
        if found := _address(_stored(proxy, slot)):
            return found
    beacon = _address(_stored(proxy, BEACON_SLOT))
    return _address(ask(beacon, "implementation()") or b"") if beacon else None


def is_changeable(proxy: str) -> bool:
    """Whether somebody can have it run other code."""
    return any(_address(_stored(proxy, slot)) for slot in (*IMPLEMENTATION_SLOTS, BEACON_SLOT))


def functions_among(signatures: Iterable[str], contract: str) -> Iterator[str]:
    """Those that the contract has, itself or in what it runs; an address that is no contract has none."""
    code = code_at(contract)
    implementation = implementation_of(contract)
    selectors = _selectors(code) | (_selectors(code_at(implementation)) if implementation else set())
    return (
        signature
        for signature in signatures
        if bytes(function_signature_to_4byte_selector(signature)) in selectors
    )


def _selectors(code: bytes) -> set[bytes]:
    """The constants of four bytes, which is how a contract tells calls apart."""
    found, position = set(), 0
    while position < len(code):
        opcode = code[position]
        if opcode == PUSH4:
            found.add(code[position + 1 : position + 5])
        position += 1 + (opcode - PUSH1 + 1 if PUSH1 <= opcode <= PUSH32 else 0)
    return found


def _stored(contract: str, slot: int) -> bytes:
    return bytes(web3.eth.get_storage_at(contract, slot))


def _address(word: bytes) -> str | None:
    last = word[-ADDRESS_LENGTH:]
    return str(to_checksum_address(last)) if any(last) else None
