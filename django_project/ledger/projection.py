"""A campaign's storage, folded from its events alone.

What the contract keeps (`contracts/campaign/CampaignBase.sol`) follows from what it told: each event is
applied to the storage that the events before it led to, and has to agree with it. Pure Python without Django,
so that the contracts' own tests run it over histories of the real contract.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django_project.core.money import BASIS_POINTS

ZERO_ADDRESS = bytes(20)

# The bits of `Totals.flags`.
CANCELLED = 1
CONTRIBUTIONS_PAUSED = 2
WOUND_DOWN = 4

# Told by `MilestoneReleased` of the contracts' second version alone.
_NEXT_DUE = "nextDue"


class ProjectionError(Exception):
    """The events cannot be the history of a campaign."""


class MissingEventError(ProjectionError):
    """A running number was left out, or came twice."""

    def __init__(self, expected: int, found: int, name: str) -> None:
        super().__init__(f"event {expected} is missing: {name} carries the running number {found}")
        self.expected, self.found, self.name = expected, found, name


class InconsistentEventError(ProjectionError):
    """What an event tells does not follow from the events before it."""

    def __init__(self, seq: int, name: str, quantity: str, expected: object, found: object) -> None:
        super().__init__(
            f"event {seq}, {name}: {quantity} is {found!r}, the events before it lead to {expected!r}"
        )
        self.seq, self.name, self.quantity = seq, name, quantity
        self.expected, self.found = expected, found


class UnknownEventError(ProjectionError):
    """No campaign emits an event of this name."""


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded event.

    Attributes:
        name: as in the ABI.
        time: timestamp of its block in seconds since 1970.
        arguments: by the ABI's names; addresses and hashes as bytes, numbers and flags as int, texts as str.
    """

    name: str
    time: int
    arguments: Mapping[str, int | bytes | str]

    @property
    def seq(self) -> int:
        return self.number("seq")

    def number(self, argument: str) -> int:
        value = self.arguments[argument]
        if not isinstance(value, int):
            raise TypeError(f"{self.name}.{argument} is a {type(value).__name__}, not a number")
        return value

    def address(self, argument: str) -> bytes:
        value = self.arguments[argument]
        if not isinstance(value, bytes):
            raise TypeError(
                f"{self.name}.{argument} is a {type(value).__name__}, not the bytes of an address"
            )
        return value


@dataclass(slots=True)
class Totals:
    seq: int = 0
    raised: int = 0
    refunded: int = 0
    flags: int = 0


@dataclass(slots=True)
class Payouts:
    """`ended_at` is when refunds opened; before, in the second version, when a milestone was last paid."""

    withdrawn: int = 0
    fees: int = 0
    ended_at: int = 0
    released: int = 0


@dataclass(slots=True)
class Review:
    objections: int = 0
    limit: int = 0
    window_end: int = 0


@dataclass(slots=True)
class Backer:
    """`rewards` counts by tier id; a tier without a reward is not among its keys."""

    amount: int = 0
    rewards: dict[int, int] = field(default_factory=dict)
    objected_to: int = 0


@dataclass(slots=True)
class Tier:
    price: int
    supply: int
    sold: int = 0


@dataclass(slots=True)
class Milestone:
    """Promised in an event and kept in the clone's code rather than in storage."""

    share_bps: int
    due: int
    objection_window: int


@dataclass(slots=True)
class CampaignStorage:
    """The contract's storage variables. Backers without an entry, and tiers never offered, are all zeros.

    `new_creator` is zero as long as the campaign is its launcher's.
    """

    totals: Totals = field(default_factory=Totals)
    payouts: Payouts = field(default_factory=Payouts)
    review: Review = field(default_factory=Review)
    fees_claimed: int = 0
    backers: dict[bytes, Backer] = field(default_factory=dict)
    tiers: dict[int, Tier] = field(default_factory=dict)
    milestones: dict[int, Milestone] = field(default_factory=dict)
    new_creator: bytes = ZERO_ADDRESS
    pending_creator: bytes = ZERO_ADDRESS

    @property
    def unpaid(self) -> int:
        """What was raised and not paid out."""
        return self.totals.raised - self.payouts.withdrawn - self.payouts.fees


def project(events: Iterable[Event]) -> CampaignStorage:
    """Fold one campaign's events, in the order of their running numbers, into its storage.

    Raises:
        MissingEventError: the running numbers are not 1, 2, 3 …
        InconsistentEventError: an amount, a running total or a number does not follow from the events before.
        UnknownEventError: an event that no campaign emits.
    """
    storage = CampaignStorage()
    for event in events:
        apply(storage, event)
    return storage


def apply(storage: CampaignStorage, event: Event) -> None:
    """Change `storage` by the event that comes next.

    Raises as `project` does; `storage` is of no use afterwards.
    """
    effect = EFFECTS.get(event.name)
    if effect is None:
        raise UnknownEventError(f"no campaign emits {event.name}")
    if event.seq != storage.totals.seq + 1:
        raise MissingEventError(storage.totals.seq + 1, event.seq, event.name)
    effect(storage, event)
    storage.totals.seq = event.seq


def _require(event: Event, argument: str, expected: int | bytes) -> None:
    found = event.arguments[argument]
    if found != expected:
        raise InconsistentEventError(event.seq, event.name, argument, expected, found)


def _require_fact(event: Event, quantity: str, found: int, expected: int) -> None:
    if found != expected:
        raise InconsistentEventError(event.seq, event.name, quantity, expected, found)


def _offer_tier(storage: CampaignStorage, event: Event) -> None:
    _require(event, "tierId", len(storage.tiers) + 1)
    storage.tiers[event.number("tierId")] = Tier(event.number("price"), event.number("supply"))


def _define_milestone(storage: CampaignStorage, event: Event) -> None:
    _require(event, "milestoneId", len(storage.milestones) + 1)
    storage.milestones[event.number("milestoneId")] = Milestone(
        event.number("shareBps"), event.number("due"), event.number("objectionWindow")
    )


def _contribute(storage: CampaignStorage, event: Event) -> None:
    amount, tier_id = event.number("amount"), event.number("tierId")
    backer = storage.backers.setdefault(event.address("backer"), Backer())
    backer.amount += amount
    storage.totals.raised += amount
    _require(event, "backerTotal", backer.amount)
    _require(event, "totalRaised", storage.totals.raised)
    if tier_id:
        _sell_reward(storage, event, backer, tier_id)


def _sell_reward(storage: CampaignStorage, event: Event, backer: Backer, tier_id: int) -> None:
    tier = storage.tiers.get(tier_id)
    if tier is None:
        raise InconsistentEventError(
            event.seq, event.name, "tierId", f"at most {len(storage.tiers)}", tier_id
        )
    tier.sold += 1
    if tier.supply and tier.sold > tier.supply:
        raise InconsistentEventError(
            event.seq, event.name, "rewards sold", f"at most {tier.supply}", tier.sold
        )
    backer.rewards[tier_id] = backer.rewards.get(tier_id, 0) + 1


def _take_back(storage: CampaignStorage, event: Event) -> None:
    backer = storage.backers.pop(event.address("backer"), Backer())
    _require(event, "amount", backer.amount)
    storage.totals.raised -= backer.amount
    _require(event, "totalRaised", storage.totals.raised)
    for tier_id, count in backer.rewards.items():
        storage.tiers[tier_id].sold -= count


def _refund(storage: CampaignStorage, event: Event) -> None:
    due = storage.backers.pop(event.address("backer"), Backer()).amount
    if storage.totals.flags & WOUND_DOWN and due:
        due = due * storage.unpaid // storage.totals.raised
    _require(event, "amount", due)
    storage.totals.refunded += due
    _require(event, "totalRefunded", storage.totals.refunded)


def _withdraw(storage: CampaignStorage, event: Event) -> None:
    storage.payouts.withdrawn += event.number("amount")
    _require(event, "totalWithdrawn", storage.payouts.withdrawn)


def _accrue_fee(storage: CampaignStorage, event: Event) -> None:
    storage.payouts.fees += event.number("amount")
    _require(event, "totalFees", storage.payouts.fees)


def _claim_fees(storage: CampaignStorage, event: Event) -> None:
    storage.fees_claimed += event.number("amount")
    _require(event, "totalFeesClaimed", storage.fees_claimed)
    _require(event, "totalFeesClaimed", storage.payouts.fees)


def _submit_milestone(storage: CampaignStorage, event: Event) -> None:
    _require(event, "milestoneId", storage.payouts.released + 1)
    _require_fact(event, "windowEnd", storage.review.window_end, 0)
    storage.review = Review(limit=event.number("objectionLimit"), window_end=event.number("windowEnd"))


def _object(storage: CampaignStorage, event: Event) -> None:
    backer = storage.backers.get(event.address("backer"), Backer())
    milestone_id = storage.payouts.released + 1
    _require(event, "milestoneId", milestone_id)
    _require(event, "weight", backer.amount)
    if backer.objected_to == milestone_id:
        raise InconsistentEventError(event.seq, event.name, "objectedTo", "no objection", milestone_id)
    backer.objected_to = milestone_id
    storage.review.objections += backer.amount
    _require(event, "totalObjections", storage.review.objections)


def _withdraw_objection(storage: CampaignStorage, event: Event) -> None:
    backer = storage.backers.get(event.address("backer"), Backer())
    _require(event, "milestoneId", storage.payouts.released + 1)
    _require(event, "milestoneId", backer.objected_to)
    _require(event, "weight", backer.amount)
    backer.objected_to = 0
    storage.review.objections -= backer.amount
    _require(event, "totalObjections", storage.review.objections)


def _release(storage: CampaignStorage, event: Event) -> None:
    _require(event, "milestoneId", storage.payouts.released + 1)
    shares = sum(
        milestone.share_bps
        for milestone_id, milestone in storage.milestones.items()
        if milestone_id <= event.number("milestoneId")
    )
    released = storage.totals.raised * shares // BASIS_POINTS
    _require(event, "totalReleased", released)
    _require(event, "amount", released - storage.payouts.withdrawn - storage.payouts.fees)
    storage.payouts.released = event.number("milestoneId")
    storage.review = Review()
    if _NEXT_DUE in event.arguments:
        _require(event, _NEXT_DUE, _next_due(storage, event.time))
        storage.payouts.ended_at = event.time


def _next_due(storage: CampaignStorage, paid_at: int) -> int:
    """When evidence for the next milestone is due: after a late payment it has the time between the two."""
    last = storage.milestones[storage.payouts.released]
    following = storage.milestones.get(storage.payouts.released + 1)
    if following is None:
        return 0
    return max(following.due, paid_at + following.due - last.due - following.objection_window)


def _wind_down(storage: CampaignStorage, event: Event) -> None:
    _require(event, "remaining", storage.unpaid)
    storage.totals.flags |= WOUND_DOWN
    storage.payouts.ended_at = event.number("since")


def _cancel(storage: CampaignStorage, event: Event) -> None:
    storage.totals.flags |= CANCELLED
    storage.payouts.ended_at = event.time


def _pause(storage: CampaignStorage, event: Event) -> None:
    was_paused = bool(storage.totals.flags & CONTRIBUTIONS_PAUSED)
    _require(event, "paused", not was_paused)
    storage.totals.flags ^= CONTRIBUTIONS_PAUSED


def _offer_creator(storage: CampaignStorage, event: Event) -> None:
    storage.pending_creator = event.address("newCreator")


def _change_creator(storage: CampaignStorage, event: Event) -> None:
    _require(event, "newCreator", storage.pending_creator)
    if storage.new_creator != ZERO_ADDRESS:
        _require(event, "oldCreator", storage.new_creator)
    storage.new_creator, storage.pending_creator = storage.pending_creator, ZERO_ADDRESS


def _change_nothing(storage: CampaignStorage, event: Event) -> None:
    """The event counts, and no variable keeps what it tells."""


# By the names of the registry's campaign events (`ledger.events`), which a test holds equal: this module is
# imported where there is no Django.
EFFECTS: Mapping[str, Callable[[CampaignStorage, Event], None]] = {
    "TierAdded": _offer_tier,
    "MilestoneDefined": _define_milestone,
    "Contributed": _contribute,
    "PledgeTakenBack": _take_back,
    "Refunded": _refund,
    "Withdrawn": _withdraw,
    "FeeAccrued": _accrue_fee,
    "FeeClaimed": _claim_fees,
    "MilestoneSubmitted": _submit_milestone,
    "Objected": _object,
    "ObjectionWithdrawn": _withdraw_objection,
    "MilestoneReleased": _release,
    "WindDownStarted": _wind_down,
    "Cancelled": _cancel,
    "UpdatePosted": _change_nothing,
    "ContributionsPaused": _pause,
    "CreatorTransferStarted": _offer_creator,
    "CreatorTransferred": _change_creator,
    "SurplusSwept": _change_nothing,
}
