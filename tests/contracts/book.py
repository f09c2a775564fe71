"""What a campaign must do, in plain Python: the tests' own idea of the contract, from its docs.

Where it stands, and what an accepted call changes and tells; `refusals.py` says which calls are not accepted.
Times are seconds, amounts base units, people addresses.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

DAY = 24 * 3600
CLAIM_PERIOD = 180 * DAY
NOBODY = "0x" + "00" * 20
FUNDING, SUCCEEDED, FAILED, CANCELLED, COMPLETED, RELEASING, WIND_DOWN, EXPIRED = range(8)
REFUNDABLE = (FAILED, CANCELLED, WIND_DOWN, EXPIRED)


@dataclass(frozen=True)
class Promise:
    """The terms that a campaign was launched with. A `cap` of zero is none.

    Tiers are (price, supply), milestones (share in basis points, due, not before).
    """

    creator: str
    token: str
    keeps: bool
    goal: int
    deadline: int
    fee_bps: int
    minimum: int
    cap: int
    tiers: tuple[tuple[int, int], ...] = ()
    milestones: tuple[tuple[int, int, int], ...] = ()
    window: int = 0
    threshold_bps: int = 0

    @property
    def limit(self) -> int:
        """The most that may be raised."""
        return self.cap or 2**104 - 1


@dataclass
class Book:
    """One campaign's books, and all that it has told."""

    promise: Promise
    guardian: str
    treasury: str
    creator: str = ""
    pending: str = NOBODY
    raised: int = 0
    refunded: int = 0
    withdrawn: int = 0
    fees: int = 0
    claimed: int = 0
    released: int = 0
    objections: int = 0
    limit: int = 0
    window_end: int = 0
    paused: bool = False
    cancelled_at: int = 0
    wound_down_at: int = 0
    released_at: int = 0
    surplus: int = 0
    pledges: Counter[str] = field(default_factory=Counter)
    rewards: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    objected_to: dict[str, int] = field(default_factory=dict)
    receipts: set[str] = field(default_factory=set)
    events: list[tuple[str, dict[str, int | str | bytes]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.creator = self.promise.creator
        for tier_id, (price, supply) in enumerate(self.promise.tiers, start=1):
            self.tell("TierAdded", tierId=tier_id, price=price, supply=supply)
        for milestone_id, (share, due, not_before) in enumerate(self.promise.milestones, start=1):
            self.tell(
                "MilestoneDefined",
                milestoneId=milestone_id,
                shareBps=share,
                due=due,
                notBefore=not_before,
                objectionWindow=self.promise.window,
                objectionThresholdBps=self.promise.threshold_bps,
            )

    def tell(self, name: str, **values: int | str | bytes) -> None:
        self.events.append((name, {"seq": len(self.events) + 1, **values}))

    # --- where it stands ---

    @property
    def unpaid(self) -> int:
        return self.raised - self.withdrawn - self.fees

    @property
    def owed(self) -> int:
        return self.unpaid - self.refunded + self.fees - self.claimed

    @property
    def milestone(self) -> int:
        """The milestone under way."""
        return self.released + 1

    def sold(self, tier_id: int) -> int:
        return sum(taken.count(tier_id) for taken in self.rewards.values())

    def objects(self, backer: str) -> bool:
        return bool(self.window_end) and self.objected_to.get(backer) == self.milestone

    def payable_until(self) -> int:
        """First second at which the milestone under way can no longer be paid as things stand."""
        if not self.window_end:
            return self.due()
        return self.window_end if self.objections > self.limit else self.window_end + CLAIM_PERIOD

    def due(self) -> int:
        """First second at which it is too late to show evidence for the milestone under way."""
        due = self.promise.milestones[self.released][1]
        if not self.released:
            return due
        return max(
            due, self.released_at + due - self.promise.milestones[self.released - 1][1] - self.promise.window
        )

    def told_due(self, now: int) -> int:
        """What the contract says of it; zero when there is none to come."""
        state = self.state(now)
        return self.due() if state == RELEASING or (state == FUNDING and self.promise.milestones) else 0

    def firm_since(self) -> int:
        """From when pledges can't be taken back; zero when there is nothing to wait for."""
        is_firm = self.promise.keeps or self.raised >= self.promise.goal
        return 0 if is_firm else self.promise.deadline - DAY

    def paid_part(self, backer: str) -> int:
        """What can't come back of what a backer has in it."""
        return self.pledges[backer] * (self.withdrawn + self.fees) // self.raised if self.raised else 0

    def state(self, now: int) -> int:
        promise = self.promise
        if self.cancelled_at:
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
        return SUCCEEDED if now < promise.deadline + CLAIM_PERIOD else EXPIRED

    def refunds_since(self, now: int) -> int:
        since = {
            FAILED: self.promise.deadline,
            CANCELLED: self.cancelled_at,
            EXPIRED: self.promise.deadline + CLAIM_PERIOD,
        }
        state = self.state(now)
        if state == WIND_DOWN:
            return self.wound_down_at or self.payable_until()
        return since.get(state, 0)

    def share(self, backer: str, now: int) -> int:
        amount = self.pledges[backer]
        if self.state(now) == WIND_DOWN and amount:
            return amount * self.unpaid // self.raised
        return amount

    # --- what an accepted call changes and tells ---

    def accepted(self, amount: int) -> int:
        return min(amount, self.promise.limit - self.raised)

    def contribute(self, payer: str, backer: str, amount: int, tier_id: int, ref: bytes) -> None:
        accepted = self.accepted(amount)
        self.pledges[backer] += accepted
        self.raised += accepted
        if tier_id:
            self.rewards[backer].append(tier_id)
        self.tell(
            "Contributed",
            backer=backer,
            payer=payer,
            ref=ref,
            token=self.promise.token,
            tierId=tier_id,
            amount=accepted,
            backerTotal=self.pledges[backer],
            totalRaised=self.raised,
        )

    def take_back(self, backer: str, to: str) -> None:
        amount = self._forget(backer)
        self.raised -= amount
        self.tell(
            "PledgeTakenBack",
            backer=backer,
            to=to,
            token=self.promise.token,
            amount=amount,
            totalRaised=self.raised,
        )

    def refund(self, caller: str, backer: str, to: str, now: int) -> None:
        share = self.share(backer, now)
        if self.state(now) == WIND_DOWN and not self.wound_down_at:
            self.wind_down(caller, now)
        # Rewards stay sold: there is nobody to offer them to any more.
        taken = self.rewards[backer]
        self._forget(backer)
        self.rewards[NOBODY] += taken
        self.refunded += share
        self.tell(
            "Refunded",
            backer=backer,
            to=to,
            token=self.promise.token,
            amount=share,
            totalRefunded=self.refunded,
        )

    def _forget(self, backer: str) -> int:
        self.rewards.pop(backer, None)
        self.objected_to.pop(backer, None)
        return self.pledges.pop(backer)

    def wind_down(self, caller: str, now: int) -> None:
        self.wound_down_at = self.payable_until() if self.state(now) == WIND_DOWN else now
        self.tell(
            "WindDownStarted",
            by=caller,
            since=self.wound_down_at,
            token=self.promise.token,
            remaining=self.unpaid,
        )

    def withdraw(self, to: str) -> int:
        return self._pay(self.raised, to)

    def _pay(self, gross: int, to: str) -> int:
        """Writes down a payout of `gross`; returns the creator's part."""
        fees = (self.withdrawn + self.fees + gross) * self.promise.fee_bps // 10_000
        fee = fees - self.fees
        net = gross - fee
        self.withdrawn, self.fees = self.withdrawn + net, fees
        token = self.promise.token
        if net:
            self.tell(
                "Withdrawn",
                creator=self.creator,
                to=to,
                token=token,
                amount=net,
                totalWithdrawn=self.withdrawn,
            )
        if fee:
            self.tell("FeeAccrued", token=token, amount=fee, totalFees=fees)
        return net

    def submit(self, uri: str, content_hash: bytes, now: int) -> None:
        without_say = {self.promise.creator, self.creator}
        base = self.raised - sum(self.pledges[person] for person in without_say)
        self.limit = base * self.promise.threshold_bps // 10_000
        self.window_end = now + self.promise.window
        self.tell(
            "MilestoneSubmitted",
            creator=self.creator,
            milestoneId=self.milestone,
            uri=uri,
            contentHash=content_hash,
            windowEnd=self.window_end,
            objectionLimit=self.limit,
        )

    def object_to(self, backer: str) -> None:
        self.objected_to[backer] = self.milestone
        self.objections += self.pledges[backer]
        self._tell_objection("Objected", backer)

    def think_again(self, backer: str) -> None:
        self.objected_to.pop(backer)
        self.objections -= self.pledges[backer]
        self._tell_objection("ObjectionWithdrawn", backer)

    def _tell_objection(self, name: str, backer: str) -> None:
        self.tell(
            name,
            backer=backer,
            milestoneId=self.milestone,
            weight=self.pledges[backer],
            totalObjections=self.objections,
        )

    def release(self, to: str, now: int) -> int:
        """Returns the creator's part."""
        milestone_id = self.milestone
        total = self.raised * sum(share for share, _, _ in self.promise.milestones[:milestone_id]) // 10_000
        amount = total - self.withdrawn - self.fees
        self.released, self.released_at = milestone_id, now
        self.objections = self.limit = self.window_end = 0
        self.tell(
            "MilestoneReleased",
            milestoneId=milestone_id,
            token=self.promise.token,
            amount=amount,
            totalReleased=total,
            nextDue=self.due() if milestone_id < len(self.promise.milestones) else 0,
        )
        return self._pay(amount, to)

    def cancel(self, caller: str, reason: str, now: int) -> None:
        self.cancelled_at = now
        self.tell("Cancelled", by=caller, reason=reason)

    def update(self, uri: str, content_hash: bytes) -> None:
        self.tell("UpdatePosted", creator=self.creator, uri=uri, contentHash=content_hash)

    def offer(self, successor: str) -> None:
        self.pending = successor
        self.tell("CreatorTransferStarted", creator=self.creator, newCreator=successor)

    def accept(self) -> None:
        self.tell("CreatorTransferred", oldCreator=self.creator, newCreator=self.pending)
        self.creator, self.pending = self.pending, NOBODY

    def pause(self, *, paused: bool) -> None:
        self.paused = paused
        self.tell("ContributionsPaused", by=self.guardian, paused=paused)

    def claim_fees(self) -> int:
        due = self.fees - self.claimed
        self.claimed = self.fees
        self.tell(
            "FeeClaimed",
            treasury=self.treasury,
            token=self.promise.token,
            amount=due,
            totalFeesClaimed=self.claimed,
        )
        return due

    def sweep(self) -> int:
        amount, self.surplus = self.surplus, 0
        self.tell("SurplusSwept", treasury=self.treasury, token=self.promise.token, amount=amount)
        return amount
