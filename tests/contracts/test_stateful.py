"""Random lives of campaigns on a real node: every call does what the book says, and the events tell all.

`CHAINFUND_STATEFUL_EXAMPLES=200 tools/test-contracts.sh stateful` lives longer; hypothesis prints the
shortest life that goes wrong.
"""

import os
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from book import CANCELLED, COMPLETED, REFUNDABLE, WIND_DOWN, Book, Promise
from brownie import history, web3
from chain import now, plain, revert_of, rpc
from conftest import ALL_OR_NOTHING, DAY, FEE_BPS, KEEP, METADATA_HASH, NATIVE, NO_REF, Suite
from eth_utils import to_checksum_address
from folding import assert_storage, events_of
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django_project.ledger.projection import InconsistentEventError, MissingEventError, project

EXAMPLES = int(os.environ.get("CHAINFUND_STATEFUL_EXAMPLES", "40"))
STEPS = 40
GOAL, CAP, NO_CAP = 1_000, 1_700, 2**104 - 1
PRICES = ((100, 0), (150, 2))
SHARES = (5_000, 3_000, 2_000)
PURSE = to_checksum_address("0x" + "ca5e" * 10)
PEOPLE = 4

people = st.integers(0, PEOPLE - 1)
amounts = st.one_of(st.integers(0, 40), st.integers(90, 700), st.just(GOAL), st.just(2 * CAP))


class Life(RuleBasedStateMachine):
    """One campaign from launch to its end. The last of the people is its creator, who may give as well."""

    suite: ClassVar[Suite]
    launch: ClassVar[Callable[..., Any]]

    @initialize(
        in_token=st.booleans(), keeps=st.booleans(), with_milestones=st.booleans(), capped=st.booleans()
    )
    def begin(self, in_token: bool, keeps: bool, with_milestones: bool, capped: bool) -> None:
        self.snapshot = rpc("evm_snapshot")
        deadline = now() + 5 * DAY
        milestones = [(share, deadline + (n + 1) * 9 * DAY) for n, share in enumerate(SHARES)]
        self.campaign = type(self).launch(
            token=self.suite.token if in_token else NATIVE,
            mode=KEEP if keeps else ALL_OR_NOTHING,
            goal=GOAL,
            cap=CAP if capped else 0,
            deadline=deadline,
            tiers=list(PRICES),
            milestones=milestones if with_milestones else [],
            objection_window=3 * DAY if with_milestones else 0,
            objection_threshold_bps=2_000 if with_milestones else 0,
        )
        self.people = [*self.suite.backers[: PEOPLE - 1], self.suite.creator]
        self.in_token = in_token
        self.surplus = 0
        promise = Promise(
            str(self.suite.creator), keeps, GOAL, CAP if capped else NO_CAP, deadline, FEE_BPS, PRICES,
            tuple(milestones) if with_milestones else (), 3 * DAY, 2_000,
        )  # fmt: skip
        self.book = Book(promise)
        if in_token:
            for person in self.people:
                self._send(person, self.suite.token.mint, str(person), 100 * CAP)
                self._send(person, self.suite.token.approve, self.campaign.address, 2**200)

    # --- what people do ---

    @rule(who=people, whom=people, amount=amounts, tier_id=st.integers(0, 3))
    def contribute(self, who: int, whom: int, amount: int, tier_id: int) -> None:
        backer = str(self.people[whom])
        refusal = self.book.refuses_contribution(backer, amount, tier_id, now())
        if self.in_token:
            call, arguments, value = self.campaign.contributeERC20For, (backer, amount, tier_id, NO_REF), 0
        else:
            call, arguments, value = self.campaign.contributeFor, (backer, tier_id, NO_REF), amount
        if self._acts(self.people[who], call, *arguments, refusal=refusal, value=value):
            self.book.contribute(backer, amount, tier_id)

    @rule(who=people)
    def take_back(self, who: int) -> None:
        backer = str(self.people[who])
        refusal = self.book.refuses_take_back(backer, now())
        if self._acts(backer, self.campaign.takeBack, PURSE, refusal=refusal, pays=self.book.pledges[backer]):
            self.book.take_back(backer)

    @rule(who=people)
    def refund(self, who: int) -> None:
        backer = str(self.people[who])
        refusal, share = self.book.refuses_refund(backer, now()), self.book.share(backer, now())
        if self._acts(backer, self.campaign.refundTo, PURSE, refusal=refusal, pays=share):
            self.book.refund(backer, now())

    @rule(who=people)
    def withdraw(self, who: int) -> None:
        caller = str(self.people[who])
        refusal = self.book.refuses_withdrawal(caller, now())
        net = self.book.raised - self.book.raised * FEE_BPS // 10_000
        if self._acts(caller, self.campaign.withdraw, PURSE, refusal=refusal, pays=net):
            self.book.pay(self.book.raised)

    @rule(by_creator=st.booleans())
    def submit(self, by_creator: bool) -> None:
        caller = self.book.creator if by_creator else str(self.people[0])
        refusal = self.book.refuses_evidence(caller, now())
        if self._acts(caller, self.campaign.submitMilestone, "ipfs://e", METADATA_HASH, refusal=refusal):
            self.book.submit(now())

    @rule(who=people)
    def object(self, who: int) -> None:
        backer = str(self.people[who])
        if self._acts(backer, self.campaign.object, refusal=self.book.refuses_objection(backer, now())):
            self.book.object_to(backer)

    @rule(who=people)
    def unobject(self, who: int) -> None:
        backer = str(self.people[who])
        if self._acts(
            backer, self.campaign.unobject, refusal=self.book.refuses_second_thought(backer, now())
        ):
            self.book.think_again(backer)

    @rule(by_creator=st.booleans())
    def release(self, by_creator: bool) -> None:
        caller = self.book.creator if by_creator else str(self.people[0])
        refusal, before = self.book.refuses_release(caller, now()), self._balance(PURSE)
        if self._acts(caller, self.campaign.release, PURSE, refusal=refusal):
            assert self._balance(PURSE) - before == self.book.release()

    @rule(who=people)
    def wind_down(self, who: int) -> None:
        caller = str(self.people[who])
        if self._acts(caller, self.campaign.windDown, refusal=self.book.refuses_wind_down(caller, now())):
            self.book.wind_down(now())

    @precondition(lambda self: self.book.raised > GOAL // 2)
    @rule(who=people)
    def cancel(self, who: int) -> None:
        caller = str(self.people[who])
        if self._acts(
            caller, self.campaign.cancel, "", refusal=self.book.refuses_cancellation(caller, now())
        ):
            self.book.cancelled = True

    @rule()
    def claim_fees(self) -> None:
        due = self.book.fees - self.book.claimed
        refusal = "" if due else "Campaign_NothingToClaim"
        before = self._balance(str(self.suite.treasury))
        if self._acts(self.suite.owner, self.campaign.claimFees, refusal=refusal):
            assert self._balance(str(self.suite.treasury)) - before == due
            self.book.claimed = self.book.fees

    @rule(whom=people)
    def hand_over(self, whom: int) -> None:
        successor = str(self.people[whom])
        refusal = "Campaign_AlreadyCreator" if successor == self.book.creator else ""
        if self._acts(self.book.creator, self.campaign.transferCreator, successor, refusal=refusal):
            assert self.campaign.pendingCreator() == successor
            assert self._acts(successor, self.campaign.acceptCreator, refusal="")
            self.book.creator = successor

    @rule(amount=st.integers(1, 50), swept=st.booleans())
    def money_by_mistake(self, amount: int, swept: bool) -> None:
        if self.in_token:
            self._send(self.suite.owner, self.suite.token.mint, self.campaign.address, amount)
        else:
            balance = self._balance(self.campaign.address)
            rpc("anvil_setBalance", self.campaign.address, hex(balance + amount))
        self.surplus += amount
        if swept:
            currency = self.suite.token.address if self.in_token else NATIVE
            assert self._acts(self.suite.owner, self.campaign.sweepSurplus, currency, refusal="")
            self.surplus = 0

    @rule(boundary=st.sampled_from(["firm", "deadline", "window", "due", "late"]), offset=st.integers(-1, 1))
    def wait_until(self, boundary: str, offset: int) -> None:
        book, promise = self.book, self.book.promise
        moment = promise.deadline
        if boundary == "firm":
            moment -= DAY
        elif boundary == "window" and book.window_end:
            moment = book.window_end
        elif boundary == "due" and book.released < len(promise.milestones):
            moment = promise.milestones[book.released][1]
        elif boundary == "late" and now() >= promise.deadline:
            moment = max(promise.deadline, book.window_end) + 180 * DAY
        if moment + offset > now():
            rpc("evm_setNextBlockTimestamp", moment + offset)
            rpc("evm_mine")
            self._compare()

    # --- what has to be true ---

    def _acts(
        self, caller: Any, call: Any, *arguments: Any, refusal: str, value: int = 0, pays: int | None = None
    ) -> bool:
        """Makes a call that the book accepts, or sees that another one is refused by the right name."""
        found = revert_of(caller, call, *arguments, value=value)
        assert (found[0] if found else "") == refusal, (call, arguments)
        if refusal:
            return False
        before = self._balance(PURSE)
        self._send(caller, call, *arguments, value=value)
        if pays is not None:
            assert self._balance(PURSE) - before == pays
        return True

    def _send(self, caller: Any, call: Any, *arguments: Any, value: int = 0) -> None:
        """Mined in the second that the node stands at, which the call was tried in."""
        rpc("evm_setNextBlockTimestamp", now())
        transaction = {
            "from": str(caller),
            "to": call._address,
            "data": call.encode_input(*arguments),
            "value": hex(value),
            "gas": hex(900_000),
        }
        sent = rpc("eth_sendTransaction", transaction)
        assert web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.005)["status"] == 1

    def _balance(self, address: str) -> int:
        if self.in_token:
            return int(self.suite.token.balanceOf(address))
        return int(web3.eth.get_balance(address))

    def _compare(self) -> None:
        book, campaign = self.book, self.campaign
        summary = plain(campaign.summary())
        assert summary[1] == book.state(now())
        assert summary[4:9] == (book.raised, book.refunded, book.withdrawn, book.fees, book.claimed)
        assert summary[9:] == (
            book.creator, book.released, (book.objections, book.limit, book.window_end)
        )  # fmt: skip
        assert (
            self._balance(campaign.address)
            == book.unpaid - book.refunded + book.fees - book.claimed + self.surplus
        )
        for person in map(str, self.people):
            assert campaign.contributionOf(person) == book.pledges[person]
            assert campaign.isObjecting(person) == book.objects(person)

    def teardown(self) -> None:
        if not hasattr(self, "snapshot"):
            return
        try:
            self._compare()
            self._everybody_leaves()
            self._events_tell_all()
        finally:
            rpc("evm_revert", self.snapshot)
            history.clear()  # Brownie would wait for the nonces that were reverted

    def _everybody_leaves(self) -> None:
        """In the end everybody has what is theirs, and less than a unit for each of them is left."""
        rpc("evm_setNextBlockTimestamp", now() + 400 * DAY)
        rpc("evm_mine")
        if self.book.state(now()) in REFUNDABLE:
            for person in range(PEOPLE):
                self.refund(person)
        self.claim_fees()
        left = self.book.unpaid - self.book.refunded
        assert 0 <= left < PEOPLE
        assert self.book.state(now()) in (*REFUNDABLE, COMPLETED)
        assert left == 0 or self.book.state(now()) == WIND_DOWN
        self._compare()

    def _events_tell_all(self) -> None:
        events = events_of(self.campaign)
        assert_storage(self.campaign, project(events), [str(person) for person in self.people])
        assert self.book.cancelled == (self.campaign.state() == CANCELLED)
        if len(events) > 3:
            with pytest.raises(MissingEventError):
                project(events[:2] + events[3:])


def test_lives_of_campaigns(suite: Suite, launch: Callable[..., Any]) -> None:
    Life.suite, Life.launch = suite, staticmethod(launch)
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_forged_or_doubled_event_is_noticed(suite: Suite, launch: Callable[..., Any]) -> None:
    campaign = launch(tiers=[(5, 1)])
    campaign.contribute(1, NO_REF, {"from": suite.backers[0], "value": 5})
    campaign.contribute(0, NO_REF, {"from": suite.backers[1], "value": 7})
    campaign.takeBack(PURSE, {"from": suite.backers[0]})
    events = events_of(campaign)
    assert [event.name for event in events] == ["TierAdded", "Contributed", "Contributed", "PledgeTakenBack"]
    assert_storage(campaign, project(events), [str(backer) for backer in suite.backers[:3]])
    with pytest.raises(MissingEventError):
        project([*events, events[-1]])
    for argument in ("amount", "backerTotal", "totalRaised"):
        forged = type(events[1])(events[1].name, events[1].time, {**events[1].arguments, argument: 6})
        with pytest.raises(InconsistentEventError):
            project([events[0], forged, *events[2:]])
