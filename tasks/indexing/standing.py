"""Where a campaign stands, told by the contract, the totals and the events in the names of `summary()`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.ledger.projection import CONTRIBUTIONS_PAUSED, CampaignStorage
from django_project.ledger.selectors import CONTRACT_STATES
from tasks.indexing.errors import ConfigurationError

# Amounts and addresses as numbers, times in seconds.
Standing = Mapping[str, int]

# Of a campaign's `summary()` (contracts/structs/Summary.sol), whose members are words of their own: the terms
# come first, and are compared with the event that launched the campaign row for row.
_TERMS_WORDS = 12
_SUMMARY = (
    "state",
    "contributionsPaused",
    "seq",
    "totalRaised",
    "totalRefunded",
    "totalWithdrawn",
    "totalFees",
    "totalFeesClaimed",
    "creator",
    "milestonesReleased",
    "review.objections",
    "review.limit",
    "review.windowEnd",
)
_PENDING_CREATOR = "pendingCreator"
_ADDRESSES = ("creator", _PENDING_CREATOR)


def told_by_chain(address: bytes, words: Sequence[int], pending_creator: Sequence[int]) -> Standing:
    """What the contract answers to `summary()` and `pendingCreator()`, given as the words of each.

    Raises:
        ConfigurationError: the summary is not of this program's version.
    """
    expected = _TERMS_WORDS + len(_SUMMARY)
    if len(words) != expected:
        raise ConfigurationError(
            f"summary() of {format_address(address)} has {len(words)} words, not {expected}: the registry's "
            "implementation is of another version than this program"
        )
    return {**dict(zip(_SUMMARY, words[_TERMS_WORDS:], strict=True)), _PENDING_CREATOR: pending_creator[0]}


def told_by_index(campaign: Any) -> Standing:
    """What the index's row of totals says, by the summary's names."""
    totals = campaign.totals
    return {
        "state": CONTRACT_STATES.index(campaign.status),
        "contributionsPaused": int(totals.paused),
        "seq": totals.last_seq,
        "totalRaised": totals.raised,
        "totalRefunded": totals.refunded,
        "totalWithdrawn": totals.withdrawn,
        "totalFees": totals.fees,
        "totalFeesClaimed": totals.fees_claimed,
        "creator": _to_number(totals.creator or campaign.creator),
        "milestonesReleased": totals.milestones_released,
        "review.objections": totals.objections,
        "review.limit": totals.objection_limit,
        "review.windowEnd": int(totals.window_end.timestamp()) if totals.window_end else 0,
    }


def told_by_events(storage: CampaignStorage, launcher: bytes) -> Standing:
    """What the rows fold into, by the summary's names; the state follows from it and needs no rows."""
    return {
        "contributionsPaused": int(storage.totals.flags & CONTRIBUTIONS_PAUSED != 0),
        "seq": storage.totals.seq,
        "totalRaised": storage.totals.raised,
        "totalRefunded": storage.totals.refunded,
        "totalWithdrawn": storage.payouts.withdrawn,
        "totalFees": storage.payouts.fees,
        "totalFeesClaimed": storage.fees_claimed,
        "creator": _to_number(launcher if storage.new_creator == ZERO_ADDRESS else storage.new_creator),
        _PENDING_CREATOR: _to_number(storage.pending_creator),
        "milestonesReleased": storage.payouts.released,
        "review.objections": storage.review.objections,
        "review.limit": storage.review.limit,
        "review.windowEnd": storage.review.window_end,
    }


def _to_number(address: bytes) -> int:
    return int.from_bytes(address, "big")


def differences(told: Standing, ours: Standing, verb: str) -> Iterable[str]:
    """What of `ours` is not what the chain has told, in words."""
    for name, value in ours.items():
        if told[name] != value:
            yield f"{name} is {_shown(name, told[name])}, {verb} {_shown(name, value)}"


def _shown(name: str, value: int) -> str:
    return format_address(value.to_bytes(20, "big")) if name in _ADDRESSES else str(value)
