"""Where a campaign stands, told by the contract, the totals and the events in the names of its views."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.ledger.projection import CONTRIBUTIONS_PAUSED, CampaignStorage
from django_project.ledger.selectors import CONTRACT_STATES, OWING_STATUSES, Status, owed_since
from tasks.indexing.errors import ConfigurationError

# Amounts and addresses as numbers, times in seconds.
Summary = Mapping[str, int]

# Of a campaign's `summary()` (contracts/structs/Summary.sol), whose members are words of their own: the terms
# come first, and are compared with the event that launched the campaign row for row.
_TERMS_WORDS = 12
_BEFORE_MILESTONES = (
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
)
_MILESTONE_DUE = "milestoneDue"
_REVIEW = ("review.objections", "review.limit", "review.windowEnd")
# By how many words they have: those of the first version of the contracts, and of the second.
_SUMMARIES = {
    _TERMS_WORDS + len(names): names
    for names in (
        (*_BEFORE_MILESTONES, *_REVIEW),
        (*_BEFORE_MILESTONES, _MILESTONE_DUE, *_REVIEW),
    )
}
_PENDING_CREATOR = "pendingCreator"
_REFUNDS_SINCE = "refundsSince"
_ADDRESSES = ("creator", _PENDING_CREATOR)


def chain_summary(
    address: bytes, summary: Sequence[int], pending_creator: Sequence[int], refunds_since: Sequence[int]
) -> Summary:
    """What the contract answers to the views of these names, given as the words of each answer.

    Raises:
        ConfigurationError: the summary is of no version that this program knows.
    """
    names = _SUMMARIES.get(len(summary))
    if names is None:
        known = " or ".join(map(str, _SUMMARIES))
        raise ConfigurationError(
            f"summary() of {format_address(address)} has {len(summary)} words, not {known}: the registry's "
            "implementation is of another version than this program"
        )
    return {
        **dict(zip(names, summary[_TERMS_WORDS:], strict=True)),
        _PENDING_CREATOR: pending_creator[0],
        _REFUNDS_SINCE: refunds_since[0],
    }


def indexed_summary(campaign: Any) -> Summary:
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
        _MILESTONE_DUE: _seconds(totals.milestone_due) if _has_milestone_to_come(campaign) else 0,
        "review.objections": totals.objections,
        "review.limit": totals.objection_limit,
        "review.windowEnd": _seconds(totals.window_end),
        _REFUNDS_SINCE: _seconds(owed_since(campaign, campaign.status))
        if campaign.status in OWING_STATUSES
        else 0,
    }


def _has_milestone_to_come(campaign: Any) -> bool:
    return campaign.status in (Status.OPEN, Status.RELEASING)


def _seconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment is not None else 0


def replayed_summary(storage: CampaignStorage, launcher: bytes) -> Summary:
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


def differences(told: Summary, ours: Summary, verb: str) -> Iterable[str]:
    """What of `ours` is not what the chain has told, in words; not every version tells everything."""
    for name, value in ours.items():
        if name in told and told[name] != value:
            yield f"{name} is {_shown(name, told[name])}, {verb} {_shown(name, value)}"


def _shown(name: str, value: int) -> str:
    return format_address(value.to_bytes(20, "big")) if name in _ADDRESSES else str(value)
