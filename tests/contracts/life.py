"""The random life of a campaign on a real node, from launch to its end."""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import refusals
from book import (
    CANCELLED,
    CLAIM_PERIOD,
    COMPLETED,
    DAY,
    FUNDING,
    NOBODY,
    REFUNDABLE,
    RELEASING,
    SUCCEEDED,
    WIND_DOWN,
    Book,
    Promise,
)
from brownie import history, web3
from chain import now, revert_of, rpc, transaction
from conftest import ALL_OR_NOTHING, FEE_BPS, KEEP, METADATA_HASH, METADATA_URI, NATIVE, Suite
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from witness import PURSE, Witness

GOAL, CAP = 1_000, 1_700
PRICES = ((100, 0), (150, 2))
SHARES = ((), (5_000, 5_000), (3_333, 3_333, 3_334))
SPENT_PERMIT = (0, 27, bytes(32), bytes(32))
CONTENT_HASH = bytes.fromhex(METADATA_HASH[2:])
# Three backers, the creator, and the guardian: all may give.
PEOPLE = 5

people = st.integers(0, PEOPLE - 1)
amounts = st.one_of(st.integers(0, 40), st.integers(90, 700), st.just(GOAL), st.just(2 * CAP))
pledges = st.lists(st.sampled_from([0, 31, 270, 333, 401]), min_size=PEOPLE, max_size=PEOPLE)
voters = st.lists(people, max_size=3)
# For what ends a life early.
one_in_eight = st.sampled_from([False] * 4 + [True] + [False] * 3)
# Of what may happen at any time and leads nowhere, this often at most in a life.
DIGRESSIONS = 6


def in_state(*states: int) -> Callable[[Any], bool]:
    return lambda life: life.state in states


def seldom(life: Any) -> bool:
    return life.digressions < DIGRESSIONS


class Life(RuleBasedStateMachine):
    """One campaign. Each step is a call that the books accept (or refuse by name), or a jump in time."""

    suite: ClassVar[Suite]
    launch: ClassVar[Callable[..., Any]]
    receipts: ClassVar[Any]
    states_seen: ClassVar[Counter[int]] = Counter()
    events_seen: ClassVar[Counter[str]] = Counter()

    @initialize(
        in_token=st.booleans(),
        keeps=st.booleans(),
        shares=st.sampled_from(SHARES),
        cap=st.sampled_from([0, CAP]),
        minimum=st.sampled_from([0, 30]),
        threshold_bps=st.sampled_from([1_000, 2_000, 5_000]),
        waits=st.booleans(),
        given=pledges,
        course=st.none() | st.lists(voters, max_size=9),
    )
    def begin(
        self,
        in_token: bool,
        keeps: bool,
        shares: tuple[int, ...],
        cap: int,
        minimum: int,
        threshold_bps: int,
        waits: bool,
        given: list[int],
        course: list[list[int]] | None,
    ) -> None:
        """Launched and given to. Half the lives start past the deadline, somewhere on their course."""
        self.snapshot = rpc("evm_snapshot")
        suite = self.suite
        deadline = now() + 5 * DAY
        dues = [deadline + number * 9 * DAY for number in (1, 2, 3)]
        opens = [due - 3 * DAY if waits else 0 for due in dues]
        promise = Promise(
            creator=str(suite.creator),
            token=suite.token.address if in_token else NATIVE,
            keeps=keeps,
            goal=GOAL,
            deadline=deadline,
            fee_bps=FEE_BPS,
            minimum=minimum,
            cap=cap,
            tiers=PRICES,
            milestones=tuple(zip(shares, dues, opens, strict=False)),
            window=3 * DAY if shares else 0,
            threshold_bps=threshold_bps if shares else 0,
        )
        self.campaign = type(self).launch(
            token=promise.token,
            mode=KEEP if keeps else ALL_OR_NOTHING,
            goal=GOAL,
            cap=cap,
            min_contribution=minimum,
            deadline=deadline,
            tiers=list(PRICES),
            milestones=list(promise.milestones),
            objection_window=promise.window,
            objection_threshold_bps=promise.threshold_bps,
        )
        self.time = now()
        self.people = [str(person) for person in (*suite.backers[:3], suite.creator, suite.owner)]
        self.book = Book(promise, guardian=str(suite.owner), treasury=str(suite.treasury))
        self.witness = Witness(self.campaign, self.receipts, suite.token, self.book, self.people)
        self.steps = self.digressions = 0
        if in_token:
            for person in self.people:
                self._send(person, suite.token.mint, person, 100 * CAP)
                self._send(person, suite.token.approve, self.campaign.address, 2**200)
        for person, amount in enumerate(given):
            if amount:
                self.contribute(person, person, amount, 0, permit=False)
        if course is not None:
            self._travel(deadline)
            for objectors in course:
                self.the_books_agree()
                self.go_on(objectors)

    @property
    def state(self) -> int:
        return self.book.state(self.time)

    # --- while it is open ---

    @precondition(in_state(FUNDING))
    @rule(who=people, whom=people, amount=amounts, tier_id=st.integers(0, 3), permit=st.booleans())
    def contribute(self, who: int, whom: int, amount: int, tier_id: int, permit: bool) -> None:
        payer, backer, ref = self.people[who], self.people[whom], amount.to_bytes(32, "big")
        refusal = refusals.contribution(self.book, backer, amount, tier_id, self.time)
        campaign, end = self.campaign, (tier_id, ref)
        value = 0 if self.witness.in_token else amount
        if self.witness.in_token and payer == backer:
            function, arguments = campaign.contributeERC20, (amount, *end)
            if permit:
                function, arguments = campaign.contributeERC20WithPermit, (amount, *end, SPENT_PERMIT)
        elif self.witness.in_token:
            function, arguments = campaign.contributeERC20For, (backer, amount, *end)
        elif payer == backer:
            function, arguments = campaign.contribute, end
        else:
            function, arguments = campaign.contributeFor, (backer, *end)
        before, accepted = self.witness.balance(payer), self.book.accepted(amount)
        gas = self._act(payer, function, *arguments, refusal=refusal, value=value)
        if gas is not None:
            self.book.contribute(payer, backer, amount, tier_id, ref)
            assert before - self.witness.balance(payer) == accepted + (0 if self.witness.in_token else gas)

    @precondition(lambda self: self.state == FUNDING and 0 < self.book.raised < GOAL)
    @rule(who=people)
    def take_back(self, who: int) -> None:
        backers = [person for person in self.people if self.book.pledges[person]]
        backer = backers[who % len(backers)]
        pledge = self.book.pledges[backer]
        refusal = refusals.take_back(self.book, backer, self.time)
        if self._act(backer, self.campaign.takeBack, PURSE, refusal=refusal) is not None:
            self.book.take_back(backer, PURSE)
            self.witness.purse += pledge

    @precondition(lambda self: self.state == FUNDING and seldom(self))
    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        self.digressions += 1
        caller, function = self.book.guardian, self.campaign.setContributionsPaused
        refusal = refusals.pause(self.book, caller, paused=paused)
        if self._act(caller, function, paused, refusal=refusal) is not None:
            self.book.pause(paused=paused)

    @precondition(in_state(FUNDING, SUCCEEDED, RELEASING))
    @rule(by_guardian=st.booleans(), really=one_in_eight)
    def cancel(self, by_guardian: bool, really: bool) -> None:
        if not really:
            return
        caller = self.book.guardian if by_guardian else self.book.creator
        refusal = refusals.cancellation(self.book, caller, self.time)
        if self._act(caller, self.campaign.cancel, "enough", refusal=refusal) is not None:
            self.book.cancel(caller, "enough", self.time)

    # --- at any time ---

    @precondition(seldom)
    @rule(uri=st.sampled_from([METADATA_URI, "ipfs://update"]))
    def update(self, uri: str) -> None:
        self.digressions += 1
        self._act(self.book.creator, self.campaign.postUpdate, uri, METADATA_HASH, refusal="")
        self.book.update(uri, CONTENT_HASH)

    @precondition(seldom)
    @rule(whom=people, accepts=st.booleans())
    def hand_over(self, whom: int, accepts: bool) -> None:
        self.digressions += 1
        caller, successor = self.book.creator, self.people[whom]
        refusal = refusals.offer(self.book, caller, successor)
        if self._act(caller, self.campaign.transferCreator, successor, refusal=refusal) is None:
            return
        self.book.offer(successor)
        if accepts:
            self._accept(successor)

    @precondition(lambda self: self.book.pending != NOBODY)
    @rule(who=people)
    def accept(self, who: int) -> None:
        """An offer that was open for a while."""
        self._accept(self.people[who])

    def _accept(self, caller: str) -> None:
        refusal = refusals.acceptance(self.book, caller, self.time)
        if self._act(caller, self.campaign.acceptCreator, refusal=refusal) is not None:
            self.book.accept()

    @precondition(seldom)
    @rule(amount=st.integers(1, 50), swept=st.booleans())
    def money_by_mistake(self, amount: int, swept: bool) -> None:
        self.digressions += 1
        if self.witness.in_token:
            self._send(self.suite.owner, self.suite.token.mint, self.campaign.address, amount)
        else:
            balance = self.witness.balance(self.campaign.address)
            rpc("anvil_setBalance", self.campaign.address, hex(balance + amount))
        self.book.surplus += amount
        if swept:
            self._act(self.people[0], self.campaign.sweepSurplus, self.book.promise.token, refusal="")
            self.witness.treasury += self.book.sweep()

    @rule(choice=st.integers(0, 11), offset=st.integers(-1, 1))
    def wait(self, choice: int, offset: int) -> None:
        """Until the second before, at or after something changes by itself."""
        book, promise = self.book, self.book.promise
        moments = [promise.deadline - DAY, promise.deadline, promise.deadline + CLAIM_PERIOD]
        if book.window_end:
            # In between it is late: the next milestone's date of the terms has passed.
            moments += [book.window_end, book.window_end + 30 * DAY, book.window_end + CLAIM_PERIOD]
        if book.released < len(promise.milestones):
            moments += [book.due(), promise.milestones[book.released][2]]
        since = book.refunds_since(self.time)
        moments += [since + 30 * DAY] if since else []
        ahead = sorted(moment + offset for moment in moments if moment + offset > self.time)
        # Many steps have to follow each other for a campaign to complete: mostly the next moment, and mostly
        # not while evidence could be shown.
        is_creators_turn = not refusals.evidence(book, book.creator, self.time)
        if ahead and (choice > 8 or not is_creators_turn):
            self._travel(ahead[max(0, choice - 8) % len(ahead)])

    @precondition(lambda self: self.state != FUNDING)
    @rule(objectors=voters)
    def go_on(self, objectors: list[int]) -> None:
        """The next thing that leads to the end."""
        book, state, promise = self.book, self.state, self.book.promise
        if state == SUCCEEDED:
            self.withdraw()
        elif state == RELEASING and self.time < promise.milestones[book.released][2]:
            self._travel(promise.milestones[book.released][2])
        elif state == RELEASING and not book.window_end:
            self.submit(METADATA_URI)
        elif state == RELEASING and self.time < book.window_end:
            for objector in objectors:
                self.vote(objector, insists=False)
            self._travel(book.window_end)
        elif state == RELEASING:
            self.release()
        elif state in REFUNDABLE:
            self.refund(self.steps % PEOPLE)

    # --- while it is paid ---

    @precondition(in_state(SUCCEEDED))
    @rule()
    def withdraw(self) -> None:
        caller = self.book.creator
        refusal = refusals.withdrawal(self.book, caller, self.time)
        if self._act(caller, self.campaign.withdraw, PURSE, refusal=refusal) is not None:
            self.witness.purse += self.book.withdraw(PURSE)

    @precondition(in_state(RELEASING))
    @rule(uri=st.sampled_from([METADATA_URI, "ipfs://evidence"]))
    def submit(self, uri: str) -> None:
        refusal = refusals.evidence(self.book, self.book.creator, self.time)
        function = self.campaign.submitMilestone
        if self._act(self.book.creator, function, uri, METADATA_HASH, refusal=refusal) is not None:
            self.book.submit(uri, CONTENT_HASH, self.time)

    @precondition(lambda self: self.book.window_end > self.time)
    @rule(who=people, insists=st.booleans())
    def vote(self, who: int, insists: bool) -> None:
        backer, book = self.people[who], self.book
        if insists or not book.objects(backer):
            refusal = refusals.objection(book, backer, self.time)
            if self._act(backer, self.campaign.object, refusal=refusal) is not None:
                book.object_to(backer)
        else:
            refusal = refusals.second_thought(book, backer, self.time)
            if self._act(backer, self.campaign.unobject, refusal=refusal) is not None:
                book.think_again(backer)

    @precondition(lambda self: self.state == RELEASING and self.book.window_end)
    @rule()
    def release(self) -> None:
        caller = self.book.creator
        refusal = refusals.release(self.book, caller, self.time)
        if self._act(caller, self.campaign.release, PURSE, refusal=refusal) is not None:
            self.witness.purse += self.book.release(PURSE, self.time)

    @precondition(lambda self: self.book.fees)
    @rule()
    def claim_fees(self) -> None:
        refusal = refusals.fees(self.book)
        if self._act(self.people[0], self.campaign.claimFees, refusal=refusal) is not None:
            self.witness.treasury += self.book.claim_fees()

    @precondition(in_state(SUCCEEDED, RELEASING, COMPLETED, WIND_DOWN))
    @rule(who=people)
    def claim_receipt(self, who: int) -> None:
        caller = self.people[who]
        refusal = refusals.receipt(self.book, caller)
        if self._act(caller, self.receipts.claim, self.campaign.address, refusal=refusal) is not None:
            self.book.receipts.add(caller)

    # --- when money goes back ---

    @precondition(in_state(RELEASING, WIND_DOWN))
    @rule(who=people, really=one_in_eight)
    def wind_down(self, who: int, really: bool) -> None:
        caller = self.book.creator if really else self.people[who]
        refusal = refusals.wind_down(self.book, caller, self.time)
        if self._act(caller, self.campaign.windDown, refusal=refusal) is not None:
            self.book.wind_down(caller, self.time)

    @precondition(in_state(*REFUNDABLE))
    @rule(who=people)
    def refund(self, who: int) -> None:
        backer = self.people[who]
        refusal = refusals.refund(self.book, backer, self.time)
        share = self.book.share(backer, self.time)
        if self._act(backer, self.campaign.refundTo, PURSE, refusal=refusal) is not None:
            self.book.refund(backer, backer, PURSE, self.time)
            self.witness.purse += share

    @precondition(in_state(*REFUNDABLE))
    @rule(who=people, whom=people)
    def refund_for(self, who: int, whom: int) -> None:
        caller, backer = self.people[who], self.people[whom]
        refusal = refusals.refund_by_others(self.book, backer, self.time)
        share, before = self.book.share(backer, self.time), self.witness.balance(backer)
        gas = self._act(caller, self.campaign.refundFor, backer, refusal=refusal)
        if gas is not None:
            self.book.refund(caller, backer, backer, self.time)
            paid = gas if caller == backer and not self.witness.in_token else 0
            assert self.witness.balance(backer) == before + share - paid

    # --- what has to be true ---

    @invariant()
    def the_books_agree(self) -> None:
        self.witness.compare(self.people[self.steps % PEOPLE], self.time)
        self.steps += 1
        self.states_seen[self.state] += 1

    def teardown(self) -> None:
        if not hasattr(self, "witness"):
            return
        try:
            self.witness.compare_events()
            self._everybody_leaves()
            self.witness.compare_events()
            self.events_seen.update(name for name, _ in self.book.events)
        finally:
            rpc("evm_revert", self.snapshot)
            history.clear()  # Brownie would wait for the nonces that were reverted

    def _everybody_leaves(self) -> None:
        """In the end everybody has what is theirs, and less than a unit for each of them is left."""
        self._travel(self.time + 400 * DAY)
        for person in range(PEOPLE if self.state in REFUNDABLE else 0):
            if person % 2:
                self.refund(person)
            else:
                self.refund_for(0, person)
        if self.book.fees:
            self.claim_fees()
        self.the_books_agree()
        assert self.state in (*REFUNDABLE, COMPLETED)
        left = self.book.owed
        assert 0 <= left < PEOPLE
        assert left == 0 or self.state == WIND_DOWN
        assert (self.state == CANCELLED) == bool(self.book.cancelled_at)

    # --- how it is done ---

    def _act(self, caller: Any, function: Any, *arguments: Any, refusal: str, value: int = 0) -> int | None:
        """Makes a call that the books accept and says what its gas cost, or sees it refused by name."""
        found = revert_of(caller, function, *arguments, value=value)
        assert (found[0] if found else "") == refusal, (function.abi["name"], arguments, found)
        return None if refusal else self._send(caller, function, *arguments, value=value)

    def _send(self, caller: Any, function: Any, *arguments: Any, value: int = 0) -> int:
        """Mined in the second that the node stands at, which the call was tried in."""
        rpc("evm_setNextBlockTimestamp", self.time)
        wanted = transaction(caller, function, *arguments, value=value) | {"gas": hex(900_000)}
        receipt = web3.eth.wait_for_transaction_receipt(
            rpc("eth_sendTransaction", wanted), poll_latency=0.005
        )
        assert receipt["status"] == 1, (function.abi["name"], arguments)
        return int(receipt["gasUsed"] * receipt["effectiveGasPrice"])

    def _travel(self, moment: int) -> None:
        rpc("evm_setNextBlockTimestamp", moment)
        rpc("evm_mine")
        self.time = moment
