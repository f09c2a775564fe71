"""Signatures of contract wallets: ERC-1271, and ERC-6492 for those that are not deployed yet.

Only the wallet's own code can tell whether a signature is its own, so a node has to be asked to run it. One
`eth_call` runs the constructor of `contracts/SignatureCheck.sol` and leaves nothing behind.
"""

import json
import time
from functools import cache
from pathlib import Path

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from django_project.accounts.errors import NodeUnreachableError, WrongSignatureError
from django_project.core import node
from django_project.core.addresses import ZERO_ADDRESS, format_address

# What an ERC-6492 signature ends with.
WRAPPER_SUFFIX = bytes.fromhex("6492" * 16)
# Enough to deploy the largest wallet whose creation code fits into a signature, and to ask it.
GAS_LIMIT = 3_000_000
# For all questions about one signature: somebody waits, and so does a thread of the site.
PATIENCE_SECONDS = 5.0
# To learn whether there is a contract at all: keys, whose sign-in needs no node, wait for it too.
CODE_PATIENCE_SECONDS = 1.0

_ACCEPTED = "0x01"
_NO_CODE = "0x"
_DELEGATION_PREFIX = "0xef0100"


def require_acceptance(chain_id: int, address: bytes, digest: bytes, signature: bytes) -> None:
    """Return if the contract at the address, on this chain, calls the signature over the digest its own.

    Raises:
        WrongSignatureError: it does not, it ends badly, there is no contract, or the wrapper is malformed.
        NodeUnreachableError: no node of the chain answers in time.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    factory, factory_data, inner = _unwrap(signature)
    question = _creation_code() + encode(
        ["uint256", "address", "bytes32", "bytes", "address", "bytes"],
        [chain_id, address, digest, inner, factory, factory_data],
    )
    try:
        call = {"data": f"0x{question.hex()}", "gas": hex(GAS_LIMIT)}
        if node.call(chain_id, "eth_call", call, "latest", until=until) != _ACCEPTED:
            raise WrongSignatureError
    except node.CallFailedError:
        raise WrongSignatureError from None
    except node.NoAnswerError as error:
        raise NodeUnreachableError from error


def is_contract(chain_id: int, address: bytes) -> bool:
    """Whether a contract, and no key, signs for the address on this chain; False where no node tells in time.

    An account that lets a contract act for it (EIP-7702) still has its key.
    """
    until = time.monotonic() + CODE_PATIENCE_SECONDS
    try:
        code = node.call(chain_id, "eth_getCode", format_address(address), "latest", until=until)
    except (node.NoAnswerError, node.CallFailedError):
        return False
    return code != _NO_CODE and not code.startswith(_DELEGATION_PREFIX)


def _unwrap(signature: bytes) -> tuple[bytes, bytes, bytes]:
    """Factory, its call data and the wallet's own signature; the zero address for one without a wrapper."""
    if not signature.endswith(WRAPPER_SUFFIX):
        return ZERO_ADDRESS, b"", signature
    try:
        factory, data, inner = decode(["address", "bytes", "bytes"], signature[: -len(WRAPPER_SUFFIX)])
    except (DecodingError, OverflowError) as error:
        raise WrongSignatureError from error
    return bytes.fromhex(factory[2:]), data, inner


@cache
def _creation_code() -> bytes:
    artifact = json.loads((Path(__file__).parent / "contracts" / "SignatureCheck.json").read_text())
    return bytes.fromhex(artifact["bytecode"][2:])
