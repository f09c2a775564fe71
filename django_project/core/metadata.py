"""Campaign texts as canonical JSON, bound to the chain by their keccak-256 hash."""

import json
from collections.abc import Mapping

from django_project.core.addresses import format_hash, keccak, parse_hash

URI_PREFIX = "chainfund:metadata:"


def canonical_json(document: Mapping[str, object]) -> bytes:
    """The one spelling of a document that is hashed: UTF-8, sorted keys, no white space.

    Raises:
        ValueError: the document holds a float or another value whose spelling is not unique.
    """
    _refuse_floats(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise ValueError(
            f"{value!r}: write numbers in metadata as text or integers; a float has many spellings"
        )
    if isinstance(value, Mapping):
        for child in value.values():
            _refuse_floats(child)
    elif isinstance(value, list | tuple):
        for child in value:
            _refuse_floats(child)


def metadata_hash(document: bytes) -> bytes:
    return keccak(document)


def metadata_uri(digest: bytes) -> str:
    """The URI that goes on chain beside the hash; the site resolves it from its own store."""
    return URI_PREFIX + format_hash(digest)


def parse_metadata_uri(uri: str) -> bytes:
    """The hash named by one of our URIs; raises ValueError for any other URI."""
    if not uri.startswith(URI_PREFIX):
        raise ValueError(
            f"{uri!r}: a metadata URI of this site reads {URI_PREFIX}0x… with the hash of the document"
        )
    return parse_hash(uri.removeprefix(URI_PREFIX))
