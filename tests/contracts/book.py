"""What a campaign must do, in plain Python: the tests' own idea of the contract, from its docs.

The methods called `refuses_…` name the error that a call has to end with, or nothing; the others are what an
accepted call changes. Times are seconds, amounts base units, people addresses.
"""

from collections import defaultdict
from dataclasses import dataclass, field

DAY = 24 * 3600
FUNDING, SUCCEEDED, FAILED, CANCELLED, COMPLETED, RELEASING, WIND_DOWN, EXPIRED = range(8)
REFUNDABLE = (FAILED, CANCELLED, WIND_DOWN, EXPIRED)


@dataclass(frozen=True)
class Promise:
    """The terms that a campaign was launched with."""

    creator: str
    keeps: bool
    goal: int
    cap: int
    deadline: int
    fee_bps: int
    tiers: tuple[tuple[int, int], ...]
    milestones: tuple[tuple[int, int], ...]
    window: int
    threshold_bps: int


@dataclass
class Book:
    """One campaign's books."""

    promise: Promise
    creator: str = ""
    pending: str = ""
    raised: int = 0
    refunded: int = 0
    withdrawn: int = 0
    fees: int = 0
    claimed: int = 0
    released: int = 0
    objections: int = 0
    limit: int = 0
    window_end: int = 0
    cancelled: bool = False
    wound_down_at: int = 0
    pledges: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rewards: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    objected_to: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.creator = self.promise.creator

    @property
    def unpaid(self) -> int:
        return self.raised - self.withdrawn - self.fees

    def sold(self, tier_id: int) -> int:
        return sum(taken.count(tier_id) for taken in self.rewards.values())

    def payable_until(self) -> int:
        """First second at which the milestone under way can no longer be paid as things stand."""
        if not self.window_end:
            return self.promise.milestones[self.released][1]
        return self.window_end if self.objections > self.limit else self.window_end + 180 * DAY

    def state(self, now: int) -> int:
        promise = self.promise
        if self.cancelled:
            return CANCELLED
        if self.wound_down_at:
            return WIND_DOWN
        if now < promise.deadline:
            return FUNDING
        if not promise.keeps and self.raised < promise.goal:
            return FAILED
        if promise.milestones:
            if self.released == len(promise.milestones):
                return COMPLETED
            return RELEASING if now < self.payable_until() else WIND_DOWN
        if self.withdrawn:
            return COMPLETED
        return SUCCEEDED if now < promise.deadline + 180 * DAY else EXPIRED

    def share(self, backer: str, now: int) -> int:
        amount = self.pledges[backer]
        if self.state(now) == WIND_DOWN and amount:
            return amount * self.unpaid // self.raised
        return amount

    # --- what a call has to be refused with ---

    def refuses_contribution(self, backer: str, amount: int, tier_id: int, now: int) -> str:
        if self.cancelled:
            return "Campaign_WrongState"
        if now >= self.promise.deadline:
            return "Campaign_DeadlinePassed"
        if amount == 0:
            return "Campaign_ZeroAmount"
        if self.raised == self.promise.cap:
            return "Campaign_CapExceeded"
        if tier_id == 0:
            return ""
        if tier_id > len(self.promise.tiers):
            return "Campaign_UnknownTier"
        price, supply = self.promise.tiers[tier_id - 1]
        if self.accepted(amount) < price:
            return "Campaign_BelowTierPrice"
        if supply and self.sold(tier_id) >= supply:
            return "Campaign_TierSoldOut"
        return "Campaign_TooManyRewards" if self.rewards[backer].count(tier_id) == 15 else ""

    def refuses_take_back(self, backer: str, now: int) -> str:
        if self.state(now) != FUNDING:
            return "Campaign_WrongState"
        if self.promise.keeps or now >= self.promise.deadline - DAY or self.raised >= self.promise.goal:
            return "Campaign_PledgeFirm"
        return "" if self.pledges[backer] else "Campaign_NothingToRefund"

    def refuses_refund(self, backer: str, now: int) -> str:
        if self.state(now) not in REFUNDABLE:
            return "Campaign_WrongState"
        return "" if self.share(backer, now) else "Campaign_NothingToRefund"

    def refuses_withdrawal(self, caller: str, now: int) -> str:
        if caller != self.creator:
            return "Campaign_NotCreator"
        if self.state(now) != SUCCEEDED:
            return "Campaign_WrongState"
        return "" if self.raised else "Campaign_NothingToWithdraw"

    def refuses_evidence(self, caller: str, now: int) -> str:
        if caller != self.creator:
            return "Campaign_NotCreator"
        if self.state(now) != RELEASING:
            return "Campaign_WrongState"
        if self.window_end:
            return "Campaign_MilestoneAlreadySubmitted"
        return "" if self.raised else "Campaign_NothingToWithdraw"

    def refuses_objection(self, backer: str, now: int) -> str:
        if backer in {self.creator, self.promise.creator}:
            return "Campaign_CreatorCannotObject"
        if closed := self._window_closed(now):
            return closed
        if not self.pledges[backer]:
            return "Campaign_NotABacker"
        return "Campaign_AlreadyObjected" if self.objects(backer) else ""

    def refuses_second_thought(self, backer: str, now: int) -> str:
        return self._window_closed(now) or ("" if self.objects(backer) else "Campaign_NotObjected")

    def _window_closed(self, now: int) -> str:
        if self.window_end and now >= self.window_end:
            return "Campaign_ObjectionWindowOver"
        if self.state(now) != RELEASING:
            return "Campaign_WrongState"
        return "" if self.window_end else "Campaign_MilestoneNotSubmitted"

    def refuses_release(self, caller: str, now: int) -> str:
        if caller != self.creator:
            return "Campaign_NotCreator"
        if self.state(now) != RELEASING:
            return "Campaign_WrongState"
        if not self.window_end:
            return "Campaign_MilestoneNotSubmitted"
        return "Campaign_ObjectionWindowOpen" if now < self.window_end else ""

    def refuses_wind_down(self, caller: str, now: int) -> str:
        state = self.state(now)
        if self.wound_down_at or state not in (WIND_DOWN, RELEASING):
            return "Campaign_WrongState"
        return "Campaign_NotCreator" if state == RELEASING and caller != self.creator else ""

    def refuses_cancellation(self, caller: str, now: int) -> str:
        if caller != self.creator:
            return "Campaign_NotCreatorOrGuardian"
        state = self.state(now)
        allowed = state in (FUNDING, SUCCEEDED) or (state == RELEASING and not self.released)
        return "" if allowed else "Campaign_WrongState"

    # --- what an accepted call changes ---

    def accepted(self, amount: int) -> int:
        return min(amount, self.promise.cap - self.raised)

    def contribute(self, backer: str, amount: int, tier_id: int) -> None:
        accepted = self.accepted(amount)
        self.pledges[backer] += accepted
        self.raised += accepted
        if tier_id:
            self.rewards[backer].append(tier_id)

    def take_back(self, backer: str) -> int:
        amount = self.pledges.pop(backer)
        self.rewards.pop(backer, None)
        self.objected_to.pop(backer, None)
        self.raised -= amount
        return amount

    def refund(self, backer: str, now: int) -> int:
        share = self.share(backer, now)
        if self.state(now) == WIND_DOWN:
            self._note_wind_down()
        self.pledges.pop(backer)
        self.refunded += share
        return share

    def wind_down(self, now: int) -> None:
        if self.state(now) == WIND_DOWN:
            self._note_wind_down()
        else:
            self.wound_down_at = now

    def _note_wind_down(self) -> None:
        self.wound_down_at = self.wound_down_at or self.payable_until()

    def pay(self, gross: int) -> int:
        """Writes down a payout of `gross`; returns the creator's part."""
        fees = (self.withdrawn + self.fees + gross) * self.promise.fee_bps // 10_000
        net = gross - (fees - self.fees)
        self.withdrawn, self.fees = self.withdrawn + net, fees
        return net

    def release(self) -> int:
        self.released += 1
        shares = sum(share for share, _ in self.promise.milestones[: self.released])
        self.objections = self.limit = self.window_end = 0
        return self.pay(self.raised * shares // 10_000 - self.withdrawn - self.fees)

    def submit(self, now: int) -> None:
        without_say = {self.promise.creator, self.creator}
        base = self.raised - sum(self.pledges[person] for person in without_say)
        self.limit = base * self.promise.threshold_bps // 10_000
        self.window_end = now + self.promise.window

    def objects(self, backer: str) -> bool:
        return bool(self.window_end) and self.objected_to.get(backer) == self.released + 1

    def object_to(self, backer: str) -> None:
        self.objected_to[backer] = self.released + 1
        self.objections += self.pledges[backer]

    def think_again(self, backer: str) -> None:
        self.objected_to[backer] = 0
        self.objections -= self.pledges[backer]
