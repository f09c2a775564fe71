"""What the site says of refunds is what both versions of the contracts do, to the unit and the second."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override
from web3.exceptions import Web3Exception

from devtools.servers import Anvil
from django_project.campaigns import refund_words
from django_project.campaigns.selectors import RefundTerms, refund_terms
from django_project.campaigns.selectors.refund_terms import BACKERS_OWN_PERIOD, Due, Firm, Reason, Way
from django_project.core.addresses import parse_address
from django_project.ledger.selectors import campaigns_with_status
from django_project.pledges.selectors import owed
from tests.support.contracts import (
    Suite,
    contribute,
    create_campaign,
    deploy_first_version,
    deploy_suite,
    node,
)
from tests.support.indexing import index_once

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86_400
CREATOR, ALICE, BOB, DUST = 2, 3, 4, 5
BACKERS = (ALICE, BOB, DUST)
EVIDENCE = "ipfs://evidence", b"\x01" * 32
# Once the first milestone is paid a half of this is left: of a single unit that is nothing.
GIVEN = {ALICE: 7_000, BOB: 3_000, DUST: 1}
MILESTONES = ((5_000, timedelta(days=20)), (5_000, timedelta(days=60)))


@pytest.fixture(params=[2, 1], ids=["second version", "first version"])
def suite(request: pytest.FixtureRequest, anvil: Anvil, deployments_dir: Path) -> Suite:
    newest = deploy_suite(anvil, deployments_dir)
    return newest if request.param == newest.version else deploy_first_version(newest)


def wait(suite: Suite, days: float) -> None:
    node(suite, "evm_increaseTime", int(days * DAY))
    node(suite, "anvil_mine", hex(1))


def act(suite: Suite, campaign: Any, account: int, function: str, *arguments: object) -> None:
    suite.send(campaign.functions[function](*arguments), suite.accounts[account])


def launched(
    suite: Suite, *, goal: int, mode: int = 0, has_milestones: bool = False, empty: bool = False
) -> Any:
    campaign = create_campaign(
        suite,
        goal=goal,
        mode=mode,
        duration=timedelta(days=3),
        milestones=MILESTONES if has_milestones else (),
        objection_window=timedelta(days=3),
    )
    for account, amount in ({} if empty else GIVEN).items():
        contribute(suite, campaign, backer=suite.accounts[account], amount=amount)
    return campaign


def now_of(suite: Suite) -> datetime:
    return datetime.fromtimestamp(suite.web3.eth.get_block("latest")["timestamp"], UTC)


def terms_of(suite: Suite, campaign: Any) -> RefundTerms:
    index_once(suite)
    now = now_of(suite)
    row = campaigns_with_status(now).get(address=parse_address(campaign.address))
    return refund_terms(row, row.status, now)


def paid(suite: Suite, call: Any, account: int) -> int:
    """What a call sends the account, after which the chain forgets it; 0 when the contract refuses."""
    snapshot = node(suite, "evm_snapshot")
    before = suite.web3.eth.get_balance(suite.accounts[account])
    try:
        receipt = suite.send(call, suite.accounts[account])
    except (RuntimeError, Web3Exception, ValueError):
        return 0
    after = suite.web3.eth.get_balance(suite.accounts[account])
    node(suite, "evm_revert", snapshot)
    return int(after - before + receipt["gasUsed"] * receipt["effectiveGasPrice"])


def holds(suite: Suite, campaign: Any) -> RefundTerms:
    """The terms, once each of their claims was tried on the contract for every backer."""
    terms = terms_of(suite, campaign)
    since = campaign.functions.refundsSince().call()
    assert (int(terms.since.timestamp()) if terms.since else 0) == since
    due = set(
        owed().filter(campaign__address=parse_address(campaign.address)).values_list("backer", flat=True)
    )
    for account in BACKERS:
        contributed = campaign.functions.contributionOf(suite.accounts[account]).call()
        address = parse_address(suite.accounts[account])
        refund = paid(suite, campaign.functions.refund(), account)
        assert terms.refund_of(contributed) == refund
        assert (address in due) is (refund > 0)
        taken = paid(suite, campaign.functions.takeBack(suite.accounts[account]), account)
        assert (contributed if terms.firm is None else 0) == taken
    with override("en"):
        assert refund_words.rule(terms)
        assert bool(refund_words.outcome(terms)) is (terms.status != "open")
        assert all(refund_words.terms_now(terms))
    return terms


def in_another_future(suite: Suite, campaign: Any, *steps: tuple[Any, ...]) -> RefundTerms:
    """The terms after steps that are then forgotten: (days to wait, account, function, arguments)."""
    snapshot = node(suite, "evm_snapshot")
    for days, *call in steps:
        wait(suite, days)
        if call:
            act(suite, campaign, *call)
    terms = holds(suite, campaign)
    node(suite, "evm_revert", snapshot)
    return terms


def test_all_or_nothing_from_the_first_day_to_a_missed_goal(suite: Suite) -> None:
    campaign = launched(suite, goal=20_000)
    terms = holds(suite, campaign)
    assert (terms.firm, terms.ways) == (None, (Way.GOAL_MISSED, Way.CANCELLED, Way.UNCLAIMED))
    assert (terms.firm_with(9_998), terms.firm_with(9_999)) == (None, Firm.GOAL_REACHED)
    act(suite, campaign, BOB, "takeBack", suite.accounts[BOB])
    contribute(suite, campaign, backer=suite.accounts[BOB], amount=11)
    assert terms_of(suite, campaign).raised == 7_012
    assert in_another_future(suite, campaign, (0.5, CREATOR, "cancel", "")).reason is Reason.CANCELLED
    wait(suite, 2)
    terms = holds(suite, campaign)
    assert (terms.firm, terms.take_back_until) == (Firm.LAST_DAY, None)
    wait(suite, 1)
    terms = holds(suite, campaign)
    assert (terms.due, terms.reason, terms.ways) == (Due.ALL, Reason.GOAL_MISSED, ())
    act(suite, campaign, ALICE, "refundTo", suite.accounts[9])
    assert holds(suite, campaign).left == 12


def test_a_goal_that_was_reached(suite: Suite) -> None:
    campaign = launched(suite, goal=10_001)
    terms = holds(suite, campaign)
    assert (terms.firm, terms.ways) == (Firm.GOAL_REACHED, (Way.CANCELLED, Way.UNCLAIMED))
    wait(suite, 3)
    terms = holds(suite, campaign)
    assert (terms.due, terms.firm) == (Due.NOTHING, Firm.ENDED)
    assert in_another_future(suite, campaign, (1, CREATOR, "cancel", "")).reason is Reason.CANCELLED
    expired = in_another_future(suite, campaign, (180,))
    assert (expired.reason, expired.since) == (Reason.UNCLAIMED, terms.unclaimed_from)
    act(suite, campaign, CREATOR, "withdraw", suite.accounts[CREATOR])
    terms = holds(suite, campaign)
    assert (terms.status, terms.ways) == ("completed", ())


def test_what_is_kept_below_the_goal(suite: Suite) -> None:
    campaign, nothing = launched(suite, goal=20_000, mode=1), launched(suite, goal=9, mode=1, empty=True)
    terms = holds(suite, campaign)
    assert (terms.firm, terms.ways) == (Firm.KEEPS_WHAT_IT_RAISES, (Way.CANCELLED, Way.UNCLAIMED))
    wait(suite, 3)
    assert holds(suite, campaign).status == "succeeded"
    assert refund_words.outcome(holds(suite, nothing)) == "Funding has ended, and nothing was raised."
    act(suite, campaign, CREATOR, "withdraw", suite.accounts[CREATOR])
    assert refund_words.outcome(holds(suite, campaign)) == "Funding has ended, and the creator has been paid."


def test_payouts_by_milestones(suite: Suite) -> None:
    campaign = launched(suite, goal=1, has_milestones=True)
    assert holds(suite, campaign).ways == (Way.CANCELLED, Way.PAYOUTS_STOPPED)
    wait(suite, 3)
    assert in_another_future(suite, campaign, (1, CREATOR, "cancel", "")).due is Due.ALL
    missed = in_another_future(suite, campaign, (20,))
    assert (missed.due, missed.reason) == (Due.SHARE, Reason.EVIDENCE_MISSED)
    assert [missed.refund_of(each) for each in GIVEN.values()] == list(GIVEN.values())
    act(suite, campaign, CREATOR, "submitMilestone", *EVIDENCE)
    refused = in_another_future(suite, campaign, (1, ALICE, "object"), (3,))
    assert refused.reason is Reason.MILESTONE_REFUSED
    assert in_another_future(suite, campaign, (183.5,)).reason is Reason.MILESTONE_UNCLAIMED
    wait(suite, 3.5)
    act(suite, campaign, CREATOR, "release", suite.accounts[CREATOR])
    terms = holds(suite, campaign)
    assert (terms.due, terms.ways) == (Due.NOTHING, (Way.PAYOUTS_STOPPED,))
    stopped = in_another_future(suite, campaign, (1, CREATOR, "windDown"))
    assert (stopped.reason, stopped.unpaid) == (Reason.STOPPED_BY_CREATOR, 5_001)
    assert [stopped.refund_of(each) for each in GIVEN.values()] == [3_500, 1_500, 0]
    wait(suite, 70)
    act(suite, campaign, ALICE, "refund")
    terms = holds(suite, campaign)
    assert (terms.reason, terms.left, terms.refund_of(7_000)) == (Reason.EVIDENCE_MISSED, 1_501, 3_500)


def test_others_may_send_a_refund_from_the_day_that_is_told(suite: Suite) -> None:
    campaign = launched(suite, goal=20_000)
    wait(suite, 3)
    terms = holds(suite, campaign)
    assert terms.since is not None
    assert terms.anyone_from == terms.since + BACKERS_OWN_PERIOD
    call = campaign.functions.refundFor(suite.accounts[BOB])
    opens = int(terms.anyone_from.timestamp())
    for second in (opens - 1, opens):
        node(suite, "evm_setNextBlockTimestamp", second)
        node(suite, "anvil_mine", hex(1))
        if second < opens:
            with pytest.raises(Web3Exception):
                call.call({"from": suite.accounts[9]})
        else:
            call.call({"from": suite.accounts[9]})


def test_milestones_of_nothing_can_never_be_shown(suite: Suite) -> None:
    campaign = launched(suite, goal=9, mode=1, has_milestones=True, empty=True)
    wait(suite, 4)
    assert refund_words.outcome(holds(suite, campaign)) == "Funding has ended, and nothing was raised."
    with pytest.raises(Web3Exception):
        act(suite, campaign, CREATOR, "submitMilestone", *EVIDENCE)
    wait(suite, 20)
    terms = holds(suite, campaign)
    assert (terms.status, terms.refund_of(0)) == ("wind-down", 0)
    assert refund_words.outcome(terms).endswith("Nothing was raised.")
