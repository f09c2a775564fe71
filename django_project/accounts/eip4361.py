"""Sign-in with Ethereum: the message of EIP-4361 and the signatures of EIP-191 over it.

The server writes the whole message and keeps it; the wallet signs exactly that. So nothing a browser sends
is parsed: a message with another domain, chain or nonce is simply another message, and its signature
recovers another address.
"""

from dataclasses import dataclass
from datetime import datetime

from eth_account.messages import encode_defunct
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from django_project.core.addresses import format_address

EOA_SIGNATURE_BYTES = 65
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class SignatureError(ValueError):
    """The bytes are no signature that a key makes."""


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of an EIP-4361 message; times are aware UTC.

    The statement says in one line of ASCII what the signature is for; the standard allows nothing else in it,
    in any language. `resources` are URIs.
    """

    domain: str
    address: bytes
    statement: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime
    resources: tuple[str, ...] = ()

    def render(self) -> str:
        """The text as the standard's ABNF spells it."""
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n"
            f"{format_address(self.address)}\n"
            "\n"
            f"{self.statement}\n"
            "\n"
            f"URI: {self.uri}\n"
            "Version: 1\n"
            f"Chain ID: {self.chain_id}\n"
            f"Nonce: {self.nonce}\n"
            f"Issued At: {_timestamp(self.issued_at)}\n"
            f"Expiration Time: {_timestamp(self.expires_at)}"
            + ("\nResources:" if self.resources else "")
            + "".join(f"\n- {resource}" for resource in self.resources)
        )


def signing_digest(message: str) -> bytes:
    """What `personal_sign` signs of a text: the hash of EIP-191, version 0x45."""
    signable = encode_defunct(text=message)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def recover_signer(message: str, signature: bytes) -> bytes:
    """The address whose key signed the text with `personal_sign`.

    Accepts r ‖ s ‖ v with v of 27 or 28, or 0 or 1 as some hardware wallets write it, and s in the lower
    half only (EIP-2): the other half spells the same signature a second time.

    Raises:
        SignatureError: not 65 bytes, or values no signature has.
    """
    if len(signature) != EOA_SIGNATURE_BYTES:
        raise SignatureError(f"a signature has {EOA_SIGNATURE_BYTES} bytes, not {len(signature)}")
    r, s, v = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]
    if v in (27, 28):
        v -= 27
    if v not in (0, 1):
        raise SignatureError(f"v is {v}: 27 or 28 was expected")
    if not 0 < r < SECP256K1_ORDER or not 0 < s <= SECP256K1_ORDER // 2:
        raise SignatureError("r or s is out of range")
    try:
        key = Signature(vrs=(v, r, s)).recover_public_key_from_msg_hash(signing_digest(message))
    except (BadSignature, ValidationError) as error:
        raise SignatureError("no key makes this signature") from error
    return key.to_canonical_address()


def _timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
