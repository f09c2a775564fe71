"""What users are called in rankings and to the recommender: by their wallet, others by their visitor."""

import uuid

from django_project.core.addresses import parse_address

VISITOR_PREFIX = "visitor:"


def wallet_key(address: bytes) -> str:
    """A lower-case 0x address."""
    return f"0x{bytes(address).hex()}"


def visitor_key(public_id: uuid.UUID) -> str:
    """`visitor:<id>`, of somebody who agreed to be remembered and has no wallet here."""
    return f"{VISITOR_PREFIX}{public_id}"


def read_user_key(text: str) -> bytes | uuid.UUID:
    """Whose key it is: a wallet's address, or a visitor's public id.

    Raises:
        ValueError: neither of them.
    """
    if text.startswith(VISITOR_PREFIX):
        return uuid.UUID(text.removeprefix(VISITOR_PREFIX))
    return parse_address(text)
