"""The logs bloom of a header says for certain what a block does not contain (Yellow Paper, 4.3.1)."""

from collections.abc import Iterable

from django_project.core.addresses import keccak

_BITS = 2048


def bloom_mask(value: bytes) -> int:
    """The three bits that `value` (an address or a topic) sets."""
    digest = keccak(value)
    mask = 0
    for index in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[index : index + 2], "big") % _BITS)
    return mask


class TopicBloom:
    """Tests headers for any of the given topics."""

    def __init__(self, topics: Iterable[bytes]) -> None:
        self._masks = [bloom_mask(topic) for topic in topics]

    def may_contain(self, bloom: str) -> bool:
        """False only when none of the topics can be in the block; a header without a bloom tells nothing."""
        try:
            bits = int(bloom, 16) if len(bloom) > len("0x") else 0
        except ValueError:
            # What is no bloom rules nothing out.
            return True
        return any(bits & mask == mask for mask in self._masks)
