// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {ICampaignErrors as Errors} from "../../../contracts/interfaces/ICampaignErrors.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {MilestoneParams, Review} from "../../../contracts/structs/Milestone.sol";
import {State} from "../../../contracts/structs/State.sol";
import {CampaignTest} from "./CampaignTest.sol";

/// @dev Evidence, objections, tranches and wind-downs: trees/{submitMilestone,object,unobject,release,windDown}.tree.
contract MilestonesTest is CampaignTest {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    address private constant CAROL = address(0xCA401);
    address private constant PURSE = address(0xCA5);

    bytes32 private constant HASH = keccak256("evidence");

    /// @dev Alice gave 70, Bob and Carol 15 each: alone neither of the two stops a milestone, together they do.
    function funded() private returns (Campaign campaign) {
        campaign = launch(withMilestones());
        give(campaign, ALICE, 70 ether);
        give(campaign, BOB, 15 ether);
        give(campaign, CAROL, 15 ether);
        end(campaign);
    }

    function objectAs(Campaign campaign, address backer) private {
        vm.prank(backer);
        campaign.object();
    }

    function wrongState(State state) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Errors.Campaign_WrongState.selector, state);
    }

    function test_submit_opens_a_window() public {
        Campaign campaign = funded();
        submit(campaign);
        Review memory review = campaign.review();
        vm.assertEq(review.windowEnd, block.timestamp + 3 days);
        vm.assertEq(review.limit, 20 ether);
        vm.assertEq(review.objections, 0);
        vm.assertEq(campaign.seq(), 3 + 3 + 1);
    }

    function test_submit_is_the_creators_and_bound() public {
        Campaign campaign = funded();
        bytes memory call = abi.encodeCall(ICampaign.submitMilestone, ("u", HASH));
        refuses(campaign, ALICE, call, abi.encodeWithSelector(Errors.Campaign_NotCreator.selector, ALICE, CREATOR));
        call = abi.encodeCall(ICampaign.submitMilestone, ("", HASH));
        refuses(
            campaign, CREATOR, call, abi.encodeWithSelector(Errors.Campaign_URILengthOutOfBounds.selector, 0, 1, 512)
        );
        call = abi.encodeCall(ICampaign.submitMilestone, ("a<b", HASH));
        refuses(
            campaign,
            CREATOR,
            call,
            abi.encodeWithSelector(Errors.Campaign_InvalidURICharacter.selector, 1, bytes1("<"))
        );
        call = abi.encodeCall(ICampaign.submitMilestone, ("u", 0));
        refuses(campaign, CREATOR, call, abi.encodeWithSelector(Errors.Campaign_ContentHashMissing.selector));
    }

    function test_submit_once_for_each() public {
        Campaign campaign = funded();
        submit(campaign);
        bytes memory call = abi.encodeCall(ICampaign.submitMilestone, ("u", HASH));
        refuses(
            campaign, CREATOR, call, abi.encodeWithSelector(Errors.Campaign_MilestoneAlreadySubmitted.selector, 1)
        );
        vm.warp(campaign.review().windowEnd);
        vm.prank(CREATOR);
        campaign.release(PURSE);
        submit(campaign);
        refuses(
            campaign, CREATOR, call, abi.encodeWithSelector(Errors.Campaign_MilestoneAlreadySubmitted.selector, 2)
        );
    }

    function test_submit_needs_the_right_state_and_money() public {
        bytes memory call = abi.encodeCall(ICampaign.submitMilestone, ("u", HASH));
        Campaign campaign = launch(withMilestones());
        refuses(campaign, CREATOR, call, wrongState(State.Funding));
        end(campaign);
        refuses(campaign, CREATOR, call, wrongState(State.Failed));
        CampaignParams memory params = withMilestones();
        params.mode = 1;
        campaign = launch(params);
        end(campaign);
        refuses(campaign, CREATOR, call, abi.encodeWithSelector(Errors.Campaign_NothingToWithdraw.selector));
        campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        end(campaign);
        refuses(campaign, CREATOR, call, wrongState(State.Succeeded));
    }

    function test_submit_before_it_is_due() public {
        Campaign campaign = funded();
        (, uint64 due,) = campaign.milestone(1);
        vm.warp(due);
        vm.assertTrue(campaign.state() == State.WindDown, "due");
        refuses(
            campaign, CREATOR, abi.encodeCall(ICampaign.submitMilestone, ("u", HASH)), wrongState(State.WindDown)
        );
        vm.warp(due - 1);
        vm.assertTrue(campaign.state() == State.Releasing, "not yet due");
        submit(campaign);
        vm.warp(due);
        vm.assertTrue(campaign.state() == State.Releasing, "in review");
    }

    function test_objections_above_the_limit_stop_the_payouts() public {
        Campaign campaign = funded();
        submit(campaign);
        objectAs(campaign, BOB);
        objectAs(campaign, CAROL);
        vm.assertEq(campaign.review().objections, 30 ether);
        uint256 windowEnd = campaign.review().windowEnd;
        vm.warp(windowEnd - 1);
        vm.assertTrue(campaign.state() == State.Releasing, "the window is open");
        vm.assertEq(campaign.refundsSince(), 0);
        vm.warp(windowEnd);
        vm.assertTrue(campaign.state() == State.WindDown, "refused");
        vm.assertEq(campaign.refundsSince(), windowEnd);
        refuses(campaign, CREATOR, abi.encodeCall(ICampaign.release, (PURSE)), wrongState(State.WindDown));
    }

    function test_objecting_is_for_backers() public {
        Campaign campaign = launch(withMilestones());
        give(campaign, ALICE, 70 ether);
        give(campaign, CREATOR, 30 ether);
        bytes memory call = abi.encodeCall(ICampaign.object, ());
        refuses(campaign, ALICE, call, wrongState(State.Funding));
        end(campaign);
        refuses(campaign, ALICE, call, abi.encodeWithSelector(Errors.Campaign_MilestoneNotSubmitted.selector, 1));
        submit(campaign);
        // What the creator gave is not in the base.
        vm.assertEq(campaign.review().limit, 14 ether);
        refuses(campaign, BOB, call, abi.encodeWithSelector(Errors.Campaign_NotABacker.selector, BOB));
        refuses(campaign, CREATOR, call, abi.encodeWithSelector(Errors.Campaign_CreatorCannotObject.selector, CREATOR));
        objectAs(campaign, ALICE);
        vm.assertTrue(campaign.isObjecting(ALICE), "objecting");
        refuses(campaign, ALICE, call, abi.encodeWithSelector(Errors.Campaign_AlreadyObjected.selector, ALICE, 1));
        uint256 windowEnd = campaign.review().windowEnd;
        vm.warp(windowEnd);
        refuses(
            campaign,
            ALICE,
            call,
            abi.encodeWithSelector(Errors.Campaign_ObjectionWindowOver.selector, windowEnd, windowEnd)
        );
    }

    function test_unobject_ends_with_the_window() public {
        Campaign campaign = funded();
        bytes memory call = abi.encodeCall(ICampaign.unobject, ());
        refuses(campaign, BOB, call, abi.encodeWithSelector(Errors.Campaign_MilestoneNotSubmitted.selector, 1));
        submit(campaign);
        refuses(campaign, BOB, call, abi.encodeWithSelector(Errors.Campaign_NotObjected.selector, BOB, 1));
        objectAs(campaign, BOB);
        vm.prank(BOB);
        campaign.unobject();
        vm.assertEq(campaign.review().objections, 0);
        vm.assertTrue(!campaign.isObjecting(BOB), "not any more");
        objectAs(campaign, BOB);
        objectAs(campaign, CAROL);
        uint256 windowEnd = campaign.review().windowEnd;
        vm.warp(windowEnd);
        refuses(
            campaign,
            BOB,
            call,
            abi.encodeWithSelector(Errors.Campaign_ObjectionWindowOver.selector, windowEnd, windowEnd)
        );
    }

    function test_an_objection_is_to_one_milestone() public {
        Campaign campaign = funded();
        submit(campaign);
        objectAs(campaign, BOB);
        vm.warp(campaign.review().windowEnd);
        vm.prank(CREATOR);
        campaign.release(PURSE);
        vm.assertTrue(!campaign.isObjecting(BOB), "nothing to object to");
        submit(campaign);
        vm.assertTrue(!campaign.isObjecting(BOB), "not to this one");
        vm.assertEq(campaign.review().objections, 0);
        refuses(
            campaign,
            BOB,
            abi.encodeCall(ICampaign.unobject, ()),
            abi.encodeWithSelector(Errors.Campaign_NotObjected.selector, BOB, 2)
        );
        objectAs(campaign, BOB);
        vm.assertEq(campaign.review().objections, 15 ether);
    }

    function test_release_waits_for_evidence_and_window() public {
        Campaign campaign = funded();
        bytes memory call = abi.encodeCall(ICampaign.release, (PURSE));
        refuses(campaign, ALICE, call, abi.encodeWithSelector(Errors.Campaign_NotCreator.selector, ALICE, CREATOR));
        refuses(campaign, CREATOR, call, abi.encodeWithSelector(Errors.Campaign_MilestoneNotSubmitted.selector, 1));
        submit(campaign);
        uint256 windowEnd = campaign.review().windowEnd;
        vm.warp(windowEnd - 1);
        refuses(
            campaign,
            CREATOR,
            call,
            abi.encodeWithSelector(Errors.Campaign_ObjectionWindowOpen.selector, windowEnd - 1, windowEnd)
        );
        vm.warp(windowEnd);
        refuses(
            campaign,
            CREATOR,
            abi.encodeCall(ICampaign.release, (address(0))),
            abi.encodeWithSelector(Errors.Campaign_InvalidRecipient.selector, address(0))
        );
        vm.prank(CREATOR);
        campaign.release(PURSE);
        vm.assertEq(PURSE.balance, 50 ether - 1.25 ether);
        vm.assertEq(campaign.totalFees(), 1.25 ether);
        vm.assertEq(campaign.milestonesReleased(), 1);
        vm.assertEq(campaign.review().windowEnd, 0);
    }

    function test_all_milestones_pay_everything() public {
        Campaign campaign = funded();
        for (uint256 index; index < 3; ++index) {
            vm.assertTrue(campaign.state() == State.Releasing, "under way");
            release(campaign, PURSE);
        }
        vm.assertTrue(campaign.state() == State.Completed, "completed");
        vm.assertEq(PURSE.balance, 97.5 ether);
        campaign.claimFees();
        vm.assertEq(address(campaign).balance, 0);
        refuses(
            campaign, CREATOR, abi.encodeCall(ICampaign.submitMilestone, ("u", HASH)), wrongState(State.Completed)
        );
        refuses(campaign, ALICE, abi.encodeCall(ICampaign.refund, ()), wrongState(State.Completed));
        refuses(campaign, CREATOR, abi.encodeCall(ICampaign.withdraw, (PURSE)), wrongState(State.Completed));
    }

    function test_an_accepted_milestone_left_alone_winds_down() public {
        Campaign campaign = funded();
        submit(campaign);
        uint256 limit = uint256(campaign.review().windowEnd) + 180 days;
        vm.warp(limit - 1);
        vm.assertTrue(campaign.state() == State.Releasing, "still to be had");
        vm.warp(limit);
        vm.assertTrue(campaign.state() == State.WindDown, "left alone");
        vm.assertEq(campaign.refundsSince(), limit);
        refuses(campaign, CREATOR, abi.encodeCall(ICampaign.release, (PURSE)), wrongState(State.WindDown));
    }

    function test_wind_down_shares_what_is_left() public {
        Campaign campaign = funded();
        release(campaign, PURSE);
        (, uint64 due,) = campaign.milestone(2);
        vm.warp(due + 1 days);
        uint64 seq = campaign.seq();
        vm.prank(ALICE);
        campaign.refund();
        // The first refund writes down the wind-down, from when it counts.
        vm.assertEq(campaign.seq(), seq + 2);
        vm.assertEq(campaign.refundsSince(), due);
        vm.assertEq(ALICE.balance, 35 ether);
        vm.assertEq(campaign.contributionOf(ALICE), 0);
        refuses(
            campaign,
            ALICE,
            abi.encodeCall(ICampaign.refund, ()),
            abi.encodeWithSelector(Errors.Campaign_NothingToRefund.selector, ALICE)
        );
        vm.prank(BOB);
        campaign.refundTo(PURSE);
        vm.warp(due + 30 days);
        campaign.refundFor(CAROL);
        vm.assertEq(CAROL.balance, 7.5 ether);
        campaign.claimFees();
        vm.assertEq(address(campaign).balance, 0);
        vm.assertTrue(campaign.state() == State.WindDown, "for good");
    }

    function test_a_share_that_rounds_to_nothing() public {
        Campaign campaign = launch(withMilestones());
        give(campaign, ALICE, 2 ether);
        give(campaign, BOB, 1);
        end(campaign);
        release(campaign, PURSE);
        vm.prank(CREATOR);
        campaign.windDown();
        refuses(
            campaign,
            BOB,
            abi.encodeCall(ICampaign.refund, ()),
            abi.encodeWithSelector(Errors.Campaign_NothingToRefund.selector, BOB)
        );
        vm.prank(ALICE);
        campaign.refund();
        vm.assertEq(address(campaign).balance - campaign.totalFees(), 1);
    }

    function test_nothing_raised_is_nothing_to_share() public {
        CampaignParams memory params = withMilestones();
        params.mode = 1;
        Campaign campaign = launch(params);
        (, uint64 due,) = campaign.milestone(1);
        vm.warp(due);
        vm.assertTrue(campaign.state() == State.WindDown, "missed");
        refuses(
            campaign,
            ALICE,
            abi.encodeCall(ICampaign.refund, ()),
            abi.encodeWithSelector(Errors.Campaign_NothingToRefund.selector, ALICE)
        );
        vm.assertEq(campaign.seq(), 3);
    }

    function test_wind_down_is_written_down_once() public {
        Campaign campaign = funded();
        bytes memory call = abi.encodeCall(ICampaign.windDown, ());
        (, uint64 due,) = campaign.milestone(1);
        vm.warp(due + 9 days);
        vm.prank(BOB);
        campaign.windDown();
        vm.assertEq(campaign.refundsSince(), due);
        refuses(campaign, BOB, call, wrongState(State.WindDown));
        uint64 seq = campaign.seq();
        vm.prank(ALICE);
        campaign.refund();
        vm.assertEq(campaign.seq(), seq + 1);
    }

    function test_a_creator_may_give_up() public {
        Campaign campaign = funded();
        bytes memory call = abi.encodeCall(ICampaign.windDown, ());
        refuses(campaign, ALICE, call, abi.encodeWithSelector(Errors.Campaign_NotCreator.selector, ALICE, CREATOR));
        release(campaign, PURSE);
        vm.prank(CREATOR);
        campaign.windDown();
        vm.assertTrue(campaign.state() == State.WindDown, "given up");
        vm.assertEq(campaign.refundsSince(), block.timestamp);
        vm.prank(ALICE);
        campaign.refund();
        vm.assertEq(ALICE.balance, 35 ether);
    }

    function test_wind_down_elsewhere_is_refused() public {
        bytes memory call = abi.encodeCall(ICampaign.windDown, ());
        Campaign campaign = launch(withMilestones());
        refuses(campaign, CREATOR, call, wrongState(State.Funding));
        end(campaign);
        refuses(campaign, CREATOR, call, wrongState(State.Failed));
        campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        end(campaign);
        refuses(campaign, CREATOR, call, wrongState(State.Succeeded));
    }

    function test_cancelling_ends_with_the_first_payout() public {
        Campaign campaign = funded();
        submit(campaign);
        vm.prank(CREATOR);
        campaign.cancel("");
        vm.assertTrue(campaign.state() == State.Cancelled, "cancelled in review");
        refuses(campaign, ALICE, abi.encodeCall(ICampaign.object, ()), wrongState(State.Cancelled));
        vm.prank(ALICE);
        campaign.refund();
        vm.assertEq(ALICE.balance, 70 ether);

        campaign = funded();
        release(campaign, PURSE);
        refuses(campaign, CREATOR, abi.encodeCall(ICampaign.cancel, ("")), wrongState(State.Releasing));
    }

    /// A change of hands after the vote must not turn it: the base is that of the day of the evidence.
    function test_handing_over_does_not_turn_the_vote() public {
        Campaign campaign = launch(withMilestones());
        give(campaign, ALICE, 76 ether);
        give(campaign, BOB, 15 ether);
        give(campaign, CAROL, 9 ether);
        end(campaign);
        handOver(campaign, CREATOR, CAROL);
        vm.prank(CAROL);
        campaign.submitMilestone("u", HASH);
        // Of 91 that may object, 20 % are 18.2: Bob and nobody else is not enough.
        vm.assertEq(campaign.review().limit, 18.2 ether);
        refuses(
            campaign,
            CAROL,
            abi.encodeCall(ICampaign.object, ()),
            abi.encodeWithSelector(Errors.Campaign_CreatorCannotObject.selector, CAROL)
        );
        objectAs(campaign, ALICE);
        vm.warp(campaign.review().windowEnd);
        vm.assertTrue(campaign.state() == State.WindDown, "refused");
        handOver(campaign, CAROL, BOB);
        vm.assertTrue(campaign.state() == State.WindDown, "still refused");
    }

    function test_the_launcher_has_no_say_after_handing_over() public {
        Campaign campaign = launch(withMilestones());
        give(campaign, ALICE, 60 ether);
        give(campaign, CREATOR, 40 ether);
        end(campaign);
        handOver(campaign, CREATOR, BOB);
        vm.prank(BOB);
        campaign.submitMilestone("u", HASH);
        vm.assertEq(campaign.review().limit, 12 ether);
        refuses(
            campaign,
            CREATOR,
            abi.encodeCall(ICampaign.object, ()),
            abi.encodeWithSelector(Errors.Campaign_CreatorCannotObject.selector, CREATOR)
        );
    }

    function handOver(Campaign campaign, address from, address to) private {
        vm.prank(from);
        campaign.transferCreator(to);
        vm.prank(to);
        campaign.acceptCreator();
    }

    /// Whatever the shares and the amount, the tranches add up to it, and the fee is that of the sum.
    function testFuzz_tranches_add_up(uint256 amount, uint16[9] memory cuts, uint16 feeBps) public {
        factory.setFee(uint16(bound(feeBps, 0, 500)));
        CampaignParams memory params = withMilestones();
        (params.goal, params.mode) = (1, 1);
        params.milestones = sharesOf(cuts, params.deadline);
        Campaign campaign = launch(params);
        amount = bound(amount, 1, type(uint104).max);
        give(campaign, ALICE, amount);
        end(campaign);
        uint256 shares;
        for (uint256 index; index < params.milestones.length; ++index) {
            release(campaign, PURSE);
            shares += params.milestones[index].shareBps;
            uint256 paid = campaign.totalWithdrawn() + campaign.totalFees();
            vm.assertEq(paid, amount * shares / 10_000);
            vm.assertEq(campaign.totalFees(), paid * campaign.terms().feeBps / 10_000);
        }
        vm.assertTrue(campaign.state() == State.Completed, "completed");
        vm.assertEq(PURSE.balance + campaign.totalFees(), amount);
        vm.assertEq(address(campaign).balance, campaign.totalFees());
    }

    /// @dev Ten shares between the cuts, first ones at most half, each at least one.
    function sharesOf(uint16[9] memory cuts, uint64 deadline) private pure returns (MilestoneParams[] memory all) {
        all = new MilestoneParams[](10);
        uint256 left = 10_000;
        for (uint256 index; index < 9; ++index) {
            uint256 most = index == 0 ? 5_000 : left - (9 - index);
            uint16 share = uint16(bound(cuts[index], 1, most));
            uint64 due = deadline + uint64(30 days * (index + 1));
            all[index] = MilestoneParams({shareBps: share, due: due, notBefore: 0});
            left -= share;
        }
        all[9] = MilestoneParams({shareBps: uint16(left), due: deadline + 300 days, notBefore: 0});
    }

    /// Shares never exceed what is left, what rounding leaves is less than a unit for each backer, in any order.
    function testFuzz_wind_down_shares(uint96[5] memory amounts, uint256 order, uint256 released) public {
        CampaignParams memory params = withMilestones();
        (params.goal, params.mode) = (1, 1);
        Campaign campaign = launch(params);
        uint256 backers;
        for (uint160 index; index < 5; ++index) {
            if (amounts[index] == 0) continue;
            give(campaign, address(0x1000 + index), amounts[index]);
            ++backers;
        }
        vm.assume(backers != 0);
        end(campaign);
        for (uint256 step; step < released % 3; ++step) {
            release(campaign, PURSE);
        }
        vm.prank(CREATOR);
        campaign.windDown();
        uint256 left = campaign.totalRaised() - campaign.totalWithdrawn() - campaign.totalFees();
        uint256 shared;
        for (uint256 step; step < 5; ++step) {
            uint256 index = (step * 3 + order % 5) % 5;
            uint256 share = amounts[index] * left / campaign.totalRaised();
            if (share == 0) continue;
            address backer = address(uint160(0x1000 + index));
            vm.prank(backer);
            campaign.refund();
            vm.assertEq(backer.balance, share);
            shared += share;
        }
        vm.assertLe(shared, left, "more than what was left");
        vm.assertTrue(left - shared < backers, "more than dust");
    }

    /// One unit decides: at the limit the milestone is paid, above it is not.
    function testFuzz_the_limit_is_exact(uint256 raised, uint16 thresholdBps, bool above) public {
        CampaignParams memory params = withMilestones();
        (params.goal, params.mode) = (1, 1);
        params.objectionThresholdBps = uint16(bound(thresholdBps, 1_000, 5_000));
        raised = bound(raised, 10_000, type(uint104).max);
        uint256 limit = raised * params.objectionThresholdBps / 10_000;
        Campaign campaign = launch(params);
        give(campaign, ALICE, above ? limit + 1 : limit);
        give(campaign, BOB, raised - campaign.totalRaised());
        end(campaign);
        submit(campaign);
        objectAs(campaign, ALICE);
        vm.warp(campaign.review().windowEnd);
        vm.assertTrue(campaign.state() == (above ? State.WindDown : State.Releasing), "the limit");
    }
}
