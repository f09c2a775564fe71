// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaignFactory} from "../../../contracts/interfaces/ICampaignFactory.sol";
import {CampaignArgs} from "../../../contracts/libraries/CampaignArgs.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {State} from "../../../contracts/structs/State.sol";
import {Summary} from "../../../contracts/structs/Summary.sol";
import {Terms} from "../../../contracts/structs/Terms.sol";
import {TierParams} from "../../../contracts/structs/Tier.sol";
import {CampaignTest} from "./CampaignTest.sol";

contract CampaignFuzzTest is CampaignTest {
    /// What the factory accepts is what the clone says of itself, field by field.
    function testFuzz_terms_survive_packing(
        uint256 goal,
        uint256 cap,
        uint256 minContribution,
        uint256 duration,
        bool keep,
        bool inToken,
        uint256 tierCount
    ) public {
        CampaignParams memory params = defaults();
        params.goal = bound(goal, 1, CampaignArgs.MAX_AMOUNT - 1);
        params.cap = cap % 4 == 0 ? 0 : bound(cap, params.goal, CampaignArgs.MAX_AMOUNT - 1);
        uint256 most = params.goal < CampaignArgs.MAX_MIN_CONTRIBUTION
            ? params.goal
            : CampaignArgs.MAX_MIN_CONTRIBUTION;
        params.minContribution = bound(minContribution, 0, most);
        params.deadline = uint64(block.timestamp + bound(duration, 1 days, 90 days));
        params.mode = keep ? 1 : 0;
        params.token = inToken ? address(token) : address(0);
        params.tiers = new TierParams[](tierCount % 5);
        for (uint256 index; index < params.tiers.length; ++index) {
            params.tiers[index] = TierParams({price: params.goal, supply: uint32(index)});
        }
        address predicted = factory.campaignAddress(CREATOR, params);
        Campaign campaign = launch(params);
        vm.assertEq(address(campaign), predicted);
        Terms memory terms = campaign.terms();
        vm.assertEq(terms.creator, CREATOR);
        vm.assertEq(terms.token, params.token);
        vm.assertEq(uint8(terms.mode), params.mode);
        vm.assertEq(terms.goal, params.goal);
        vm.assertEq(terms.deadline, params.deadline);
        vm.assertEq(terms.feeBps, FEE_BPS);
        vm.assertEq(terms.minContribution, params.minContribution);
        vm.assertEq(terms.cap, params.cap);
        vm.assertEq(terms.tierCount, params.tiers.length);
        for (uint32 index; index < params.tiers.length; ++index) {
            vm.assertEq(campaign.tier(index + 1).price, params.goal);
            vm.assertEq(campaign.tier(index + 1).supply, index);
        }
    }

    /// An address commits to the creator and to all that was asked for, and to nothing of the moment.
    function testFuzz_address_commits_to_what_was_asked_for(uint256 field, uint256 elapsed, address other) public {
        CampaignParams memory params = withMilestones();
        params.goal = 2 ether;
        params.cap = 7 ether;
        params.tiers = new TierParams[](1);
        params.tiers[0] = TierParams({price: 1 ether, supply: 1});
        address predicted = factory.campaignAddress(CREATOR, params);
        vm.warp(block.timestamp + elapsed % 29 days);
        vm.assertEq(address(launch(params)), predicted);
        vm.expectRevert(abi.encodeWithSelector(ICampaignFactory.Factory_CampaignExists.selector, predicted));
        launch(params);

        field %= 18;
        if (field == 0) params.token = address(token);
        if (field == 1) params.mode = 1;
        if (field == 2) params.goal += 1;
        if (field == 3) params.deadline += 1;
        if (field == 4) params.minContribution = 1;
        if (field == 5) params.cap = 0;
        if (field == 6) params.metadataURI = "chainfund:metadata:0x01";
        if (field == 7) params.metadataHash = ~params.metadataHash;
        if (field == 8) params.tiers[0].price += 1;
        if (field == 9) params.tiers[0].supply = 0;
        if (field == 10) params.tiers = new TierParams[](0);
        if (field == 11) (params.milestones[0].shareBps, params.milestones[1].shareBps) = (4_999, 3_001);
        if (field == 12) params.milestones[2].due += 1;
        if (field == 13) params.objectionWindow += 1;
        if (field == 14) params.objectionThresholdBps += 1;
        if (field == 15) params.milestones[1].notBefore = params.deadline;
        if (field == 16) params.maxFeeBps -= 1;
        if (field == 17) params.nonce += 1;
        vm.assertTrue(address(launch(params)) != predicted);
        if (other != CREATOR) vm.assertTrue(factory.campaignAddress(other, params) != predicted);
    }

    /// Whatever is offered, the campaign holds what it has written down and the rest is back with the backer.
    function testFuzz_cap_takes_what_fits(uint128 cap, uint128[5] memory offers) public {
        CampaignParams memory params = defaults();
        params.cap = bound(cap, 10 ether, CampaignArgs.MAX_AMOUNT - 1);
        Campaign campaign = launch(params);
        address backer = address(0xBAC);
        uint256 given;
        for (uint256 index; index < offers.length; ++index) {
            uint256 offer = offers[index];
            uint256 room = params.cap - campaign.totalRaised();
            if (offer == 0 || room == 0) continue;
            vm.deal(backer, offer);
            vm.prank(backer);
            campaign.contribute{value: offer}(0, 0);
            uint256 accepted = offer < room ? offer : room;
            vm.assertEq(backer.balance, offer - accepted);
            given += accepted;
        }
        vm.assertEq(campaign.totalRaised(), given);
        vm.assertEq(campaign.contributionOf(backer), given);
        vm.assertEq(address(campaign).balance, given);
    }

    /// The fee is never above its rate, never more than a unit below it, and nothing is lost between the two parts.
    function testFuzz_payout_is_split_exactly(uint256 amount, uint16 feeBps) public {
        uint16 fee = uint16(bound(feeBps, 0, 500));
        factory.setFee(fee);
        CampaignParams memory params = defaults();
        params.mode = 1;
        Campaign campaign = launch(params);
        amount = bound(amount, 1, CampaignArgs.MAX_AMOUNT);
        give(campaign, address(0xBAC), amount);
        end(campaign);
        vm.prank(CREATOR);
        campaign.withdraw(address(0xCA5));
        uint256 due = campaign.totalFees();
        vm.assertLe(due * 10_000, amount * fee, "fee above its rate");
        vm.assertTrue((due + 1) * 10_000 > amount * fee, "fee a whole unit below its rate");
        vm.assertEq(campaign.totalWithdrawn() + due, amount);
        vm.assertEq(address(0xCA5).balance, amount - due);
        vm.assertTrue(campaign.state() == State.Completed);
        if (due != 0) campaign.claimFees();
        Summary memory summary = campaign.summary();
        vm.assertEq(summary.seq, campaign.seq());
        vm.assertEq(summary.totalRaised, amount);
        vm.assertEq(summary.totalWithdrawn, amount - due);
        vm.assertEq(summary.totalFeesClaimed, due);
        vm.assertEq(campaign.totalFeesClaimed(), due);
        vm.assertEq(address(campaign).balance, 0);
        vm.assertEq(TREASURY.balance, due);
    }

    /// After a failure every backer gets all of it back, in whatever order they come.
    function testFuzz_refunds_in_any_order(uint96[6] memory amounts, uint256 order) public {
        CampaignParams memory params = defaults();
        params.goal = CampaignArgs.MAX_AMOUNT;
        Campaign campaign = launch(params);
        for (uint160 index; index < 6; ++index) {
            if (amounts[index] != 0) give(campaign, address(0x1000 + index), amounts[index]);
        }
        end(campaign);
        for (uint256 step; step < 6; ++step) {
            uint256 index = (step * 5 + order % 6) % 6;
            if (amounts[index] == 0) continue;
            address backer = address(uint160(0x1000 + index));
            vm.prank(backer);
            campaign.refund();
            vm.assertEq(backer.balance, amounts[index]);
        }
        vm.assertEq(address(campaign).balance, 0);
        vm.assertEq(campaign.totalRefunded(), campaign.totalRaised());
    }
}
