"""Pydantic types of what travels: addresses and hashes as hex, amounts as decimal text."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from django_project.core.addresses import parse_address, parse_hash

_KEY = re.compile(r"([0-9]{1,18}):(0x[0-9a-fA-F]{40})")


class Input(BaseModel):
    """A request's body: nothing it does not name."""

    model_config = ConfigDict(extra="forbid")


def _check_address(text: str) -> str:
    parse_address(text)
    return text


def _check_hash(text: str) -> str:
    parse_hash(text)
    return text


def _check_key(text: str) -> str:
    parse_key(text)
    return text


def parse_key(text: str) -> tuple[int, bytes]:
    """Read `<chain id>:<0x address>`; raises ValueError."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise ValueError("write <chain id>:<0x address>")
    return int(match.group(1)), bytes.fromhex(match.group(2)[2:])


AddressText = Annotated[str, StringConstraints(max_length=42), AfterValidator(_check_address)]
HashText = Annotated[str, StringConstraints(max_length=66), AfterValidator(_check_hash)]
CampaignKeyText = Annotated[str, StringConstraints(max_length=61), AfterValidator(_check_key)]
