// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {ICampaignErrors as Errors} from "../../../contracts/interfaces/ICampaignErrors.sol";
import {ICampaignEvents} from "../../../contracts/interfaces/ICampaignEvents.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {MilestoneParams} from "../../../contracts/structs/Milestone.sol";
import {State} from "../../../contracts/structs/State.sol";
import {CampaignTest} from "./CampaignTest.sol";
import {Vm} from "./Vm.sol";

/// @dev When a milestone can be shown, paid and taken over, and since when refunds are open: no time that was told runs
/// backwards, and none is so near that nobody could keep it.
contract DatesTest is CampaignTest {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    address private constant CAROL = address(0xCA401);
    address private constant STRANGER = address(0x57A46E);
    uint256 private constant CLAIM_PERIOD = 180 days;
    uint256 private constant WINDOW = 3 days;

    function funded(CampaignParams memory params) private returns (Campaign campaign) {
        campaign = launch(params);
        give(campaign, ALICE, 10 ether);
        end(campaign);
    }

    function dueOf(Campaign campaign, uint32 milestoneId) private view returns (uint256 due) {
        (, due,) = campaign.milestone(milestoneId);
    }

    function submitCall() private pure returns (bytes memory) {
        return abi.encodeCall(ICampaign.submitMilestone, ("u", keccak256("u")));
    }

    function wrongState(State state) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Errors.Campaign_WrongState.selector, state);
    }

    /// @dev Evidence now, the payout at `time`; returns when the event says that the next evidence is due.
    function releaseAt(Campaign campaign, uint256 time) private returns (uint64 nextDue) {
        if (campaign.review().windowEnd == 0) submit(campaign);
        vm.warp(time);
        vm.recordLogs();
        vm.prank(CREATOR);
        campaign.release(CREATOR);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        vm.assertTrue(log.topics[0] == ICampaignEvents.MilestoneReleased.selector, "another event");
        (,,,, nextDue) = abi.decode(log.data, (uint64, address, uint256, uint256, uint64));
    }

    function test_dues_are_those_of_the_terms_when_all_is_in_time() public {
        Campaign campaign = launch(withMilestones());
        vm.assertEq(campaign.milestoneDue(), dueOf(campaign, 1));
        give(campaign, ALICE, 10 ether);
        end(campaign);
        // Through the IR the block's time is read once in a function, whatever warps come between.
        uint256 ended = campaign.terms().deadline;
        vm.assertEq(campaign.milestoneDue(), dueOf(campaign, 1));
        vm.assertEq(releaseAt(campaign, ended + WINDOW), dueOf(campaign, 2));
        vm.assertEq(campaign.milestoneDue(), dueOf(campaign, 2));
        vm.assertEq(releaseAt(campaign, ended + 2 * WINDOW), dueOf(campaign, 3));
        vm.assertEq(releaseAt(campaign, ended + 3 * WINDOW), 0);
        vm.assertEq(campaign.milestoneDue(), 0);
    }

    function test_no_due_where_nothing_is_to_come() public {
        Campaign campaign = launch(defaults());
        vm.assertEq(campaign.milestoneDue(), 0);
        give(campaign, ALICE, 10 ether);
        end(campaign);
        vm.assertEq(campaign.milestoneDue(), 0);
        campaign = launch(withMilestones());
        end(campaign);
        vm.assertTrue(campaign.state() == State.Failed, "failed");
        vm.assertEq(campaign.milestoneDue(), 0);
        campaign = funded(withMilestones());
        vm.prank(CREATOR);
        campaign.windDown();
        vm.assertEq(campaign.milestoneDue(), 0);
    }

    /// Paid a month after the next one was due by the terms: it was late, and nothing is lost by it.
    function test_a_late_release_leaves_the_next_its_time() public {
        Campaign campaign = funded(withMilestones());
        uint256 late = dueOf(campaign, 2) + 31 days;
        uint256 nextDue = releaseAt(campaign, late);
        vm.assertEq(nextDue, late + 30 days - WINDOW);
        vm.assertTrue(campaign.state() == State.Releasing, "goes on");
        vm.assertEq(campaign.refundsSince(), 0);
        refuses(
            campaign, STRANGER, abi.encodeCall(ICampaign.refundFor, (ALICE)), wrongState(State.Releasing)
        );
        vm.assertEq(campaign.milestoneDue(), nextDue);
        vm.warp(nextDue - 1);
        submit(campaign);
        vm.assertEq(campaign.milestonesReleased(), 1);
    }

    /// The second that follows from the terms alone, and the one after it.
    function test_a_release_that_is_just_in_time() public {
        for (uint256 late; late < 3; ++late) {
            Campaign campaign = funded(withMilestones());
            uint256 lastInTime = dueOf(campaign, 1) + WINDOW;
            vm.warp(dueOf(campaign, 1) - 1);
            uint256 nextDue = releaseAt(campaign, lastInTime - 1 + late);
            vm.assertEq(nextDue, dueOf(campaign, 2) + (late == 2 ? 1 : 0));
        }
    }

    /// Missed after that, refunds open at that moment: no earlier, and strangers wait for a month from then.
    function test_refunds_open_at_the_moment_that_was_told() public {
        Campaign campaign = funded(withMilestones());
        uint256 late = campaign.milestoneDue() + 150 days;
        uint256 nextDue = releaseAt(campaign, late);
        vm.warp(nextDue - 1);
        vm.assertEq(campaign.refundsSince(), 0);
        vm.warp(nextDue);
        vm.assertTrue(campaign.state() == State.WindDown, "missed");
        vm.assertEq(campaign.refundsSince(), nextDue);
        bytes memory call = abi.encodeCall(ICampaign.refundFor, (ALICE));
        bytes memory own =
            abi.encodeWithSelector(Errors.Campaign_RefundIsBackersOwn.selector, nextDue, nextDue + 30 days);
        refuses(campaign, STRANGER, call, own);
        vm.warp(nextDue + 30 days - 1);
        vm.prank(BOB);
        campaign.windDown();
        vm.assertEq(campaign.refundsSince(), nextDue);
        vm.warp(nextDue + 30 days);
        vm.prank(STRANGER);
        campaign.refundFor(ALICE);
        vm.assertEq(ALICE.balance, 5 ether);
    }

    /// On the last second of the 180 days, milestone after milestone.
    function test_every_release_as_late_as_can_be() public {
        Campaign campaign = funded(withMilestones());
        for (uint32 milestoneId = 1; milestoneId <= 3; ++milestoneId) {
            vm.warp(campaign.milestoneDue() - 1);
            submit(campaign);
            uint256 last = campaign.review().windowEnd + CLAIM_PERIOD - 1;
            uint256 nextDue = releaseAt(campaign, last);
            vm.assertEq(nextDue, milestoneId == 3 ? 0 : last + 30 days - WINDOW);
        }
        vm.assertTrue(campaign.state() == State.Completed, "completed");
        vm.assertEq(CREATOR.balance, 9.75 ether);
    }

    /// Given up after a late release: refunds are open from now on.
    function test_given_up_after_a_late_release() public {
        Campaign campaign = funded(withMilestones());
        releaseAt(campaign, dueOf(campaign, 3) + 1 days);
        vm.prank(CREATOR);
        campaign.windDown();
        vm.assertEq(campaign.refundsSince(), block.timestamp);
        vm.assertEq(campaign.milestoneDue(), 0);
    }

    /// As near to each other as the factory allows, shown in the last second: a day is left for the next.
    function test_milestones_as_close_as_can_be() public {
        CampaignParams memory params = withMilestones();
        params.milestones[0].due = params.deadline + 1 days;
        params.milestones[1].due = params.deadline + 2 days + uint64(WINDOW);
        params.milestones[2].due = params.deadline + 3 days + 2 * uint64(WINDOW);
        Campaign campaign = funded(params);
        for (uint256 index; index < 2; ++index) {
            vm.warp(campaign.milestoneDue() - 1);
            submit(campaign);
            uint256 nextDue = releaseAt(campaign, campaign.review().windowEnd + 12);
            vm.assertGe(nextDue, block.timestamp + 1 days, "less than a day");
            vm.assertTrue(campaign.state() == State.Releasing, "goes on");
        }
    }

    /// Whatever dates and delays: the next evidence is never due earlier than the terms say, nor less than a day from
    /// the payout; and refunds open when the last date that was told has passed.
    function testFuzz_dues_never_run_backwards(uint32[4] memory gaps, uint32[3] memory shown, uint32[3] memory paid)
        public
    {
        CampaignParams memory params = withMilestones();
        params.milestones = spaced(params.deadline, gaps);
        Campaign campaign = funded(params);
        (uint256 told, uint256 paidAt) = (0, params.deadline);
        for (uint32 milestoneId = 1; milestoneId <= 3; ++milestoneId) {
            uint256 due = campaign.milestoneDue();
            vm.assertGe(due, told, "earlier than was told");
            vm.warp(bound(shown[milestoneId - 1], paidAt, due - 1));
            submit(campaign);
            uint256 windowEnd = campaign.review().windowEnd;
            paidAt = bound(paid[milestoneId - 1], windowEnd, windowEnd + CLAIM_PERIOD - 1);
            told = releaseAt(campaign, paidAt);
            vm.assertEq(told, campaign.milestoneDue());
            vm.assertGe(told, dueOf(campaign, milestoneId + 1), "earlier than the terms");
            vm.assertGe(told, paidAt + 1 days, "less than a day");
            vm.assertEq(campaign.refundsSince(), 0);
        }
        vm.warp(told);
        vm.assertEq(campaign.refundsSince(), told);
    }

    /// @dev Four milestones of a quarter, each due so long after the one before, within the bounds.
    function spaced(uint64 deadline, uint32[4] memory gaps) private pure returns (MilestoneParams[] memory all) {
        all = new MilestoneParams[](4);
        uint64 due = deadline;
        for (uint256 index; index < 4; ++index) {
            uint256 least = index == 0 ? 1 days : WINDOW + 1 days;
            due += uint64(bound(gaps[index], least, 365 days));
            all[index] = MilestoneParams({shareBps: 2_500, due: due, notBefore: 0});
        }
    }

    /// Yearly milestones with a date before which none can be shown: they can't all be paid within two weeks.
    function test_evidence_waits_for_its_date() public {
        CampaignParams memory params = withMilestones();
        for (uint64 index; index < 3; ++index) {
            params.milestones[index].due = params.deadline + 365 days * (index + 1);
            params.milestones[index].notBefore = params.deadline + 365 days * (index + 1) - 30 days;
        }
        Campaign campaign = funded(params);
        for (uint256 index; index < 3; ++index) {
            uint256 opens = params.milestones[index].notBefore;
            bytes memory early =
                abi.encodeWithSelector(Errors.Campaign_EvidenceTooEarly.selector, block.timestamp, opens);
            refuses(campaign, CREATOR, submitCall(), early);
            vm.warp(opens - 1);
            early = abi.encodeWithSelector(Errors.Campaign_EvidenceTooEarly.selector, opens - 1, opens);
            refuses(campaign, CREATOR, submitCall(), early);
            vm.warp(opens);
            release(campaign, CREATOR);
        }
        vm.assertTrue(campaign.state() == State.Completed, "completed");
    }

    /// Who has a say, and the limit that was counted without the creator, are of one moment.
    function test_no_handing_over_while_backers_may_object() public {
        Campaign campaign = launch(withMilestones());
        give(campaign, ALICE, 6 ether);
        give(campaign, BOB, 2.5 ether);
        give(campaign, CAROL, 1.5 ether);
        end(campaign);
        handOver(campaign, CREATOR, BOB);
        vm.prank(BOB);
        campaign.submitMilestone("u", keccak256("u"));
        vm.assertEq(campaign.review().limit, 1.5 ether);
        uint256 windowEnd = campaign.review().windowEnd;
        vm.prank(BOB);
        campaign.transferCreator(CAROL);
        bytes memory call = abi.encodeCall(ICampaign.acceptCreator, ());
        refuses(campaign, CAROL, call, windowOpen(block.timestamp, windowEnd));
        vm.warp(windowEnd - 1);
        refuses(campaign, CAROL, call, windowOpen(windowEnd - 1, windowEnd));
        refuses(
            campaign,
            BOB,
            abi.encodeCall(ICampaign.object, ()),
            abi.encodeWithSelector(Errors.Campaign_CreatorCannotObject.selector, BOB)
        );
        vm.warp(windowEnd);
        vm.prank(CAROL);
        campaign.acceptCreator();
        vm.prank(CAROL);
        campaign.release(CAROL);
        // From the next evidence on Bob counts again, in the limit and as an objector, and Carol in neither.
        vm.prank(CAROL);
        campaign.submitMilestone("u", keccak256("u"));
        vm.assertEq(campaign.review().limit, 1.7 ether);
        vm.prank(BOB);
        campaign.object();
        vm.assertEq(campaign.review().objections, 2.5 ether);
    }

    /// Where nobody may object any more nobody has to wait.
    function test_handing_over_what_was_ended_within_the_window() public {
        Campaign campaign = funded(withMilestones());
        submit(campaign);
        vm.prank(CREATOR);
        campaign.cancel("");
        handOver(campaign, CREATOR, BOB);
        vm.assertEq(campaign.creator(), BOB);
        campaign = funded(withMilestones());
        submit(campaign);
        vm.prank(CREATOR);
        campaign.windDown();
        handOver(campaign, CREATOR, BOB);
        vm.assertEq(campaign.creator(), BOB);
    }

    function handOver(Campaign campaign, address from, address to) private {
        vm.prank(from);
        campaign.transferCreator(to);
        vm.prank(to);
        campaign.acceptCreator();
    }

    function windowOpen(uint256 time, uint256 windowEnd) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Errors.Campaign_ObjectionWindowOpen.selector, time, windowEnd);
    }

    /// The price of milestones that nobody can stop, as docs/contracts.md names it: with a threshold t, R (1/t - 1) of
    /// one's own beside the honest R. All that it costs in the end is the fee on both.
    function test_what_outvoting_by_sybils_costs() public {
        Campaign campaign = launch(withMilestones());
        give(campaign, ALICE, 10 ether);
        address sybil = address(0x5B11);
        give(campaign, sybil, 40 ether);
        end(campaign);
        for (uint256 index; index < 3; ++index) {
            submit(campaign);
            vm.prank(ALICE);
            campaign.object();
            vm.assertEq(campaign.review().objections, campaign.review().limit);
            vm.warp(campaign.review().windowEnd);
            vm.prank(CREATOR);
            campaign.release(CREATOR);
        }
        vm.assertEq(CREATOR.balance, 50 ether - 1.25 ether);
    }
}
