// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {ICampaignErrors as Errors} from "../../../contracts/interfaces/ICampaignErrors.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {Permit} from "../../../contracts/structs/Permit.sol";
import {State} from "../../../contracts/structs/State.sol";
import {TierParams} from "../../../contracts/structs/Tier.sol";
import {CampaignTest} from "./CampaignTest.sol";

/// @dev Pledges given, given for others, permitted, taken back and refunded late:
/// trees/{contribute,contributeFor,contributeERC20,contributeERC20For,contributeERC20WithPermit,takeBack,refundFor}.tree.
contract PledgesTest is CampaignTest {
    uint256 private constant ALICE_KEY = 0xA11CE;
    address private immutable ALICE = vm.addr(ALICE_KEY);
    address private constant BOB = address(0xB0B);

    function withTier(uint32 supply) private returns (CampaignParams memory params) {
        params = defaults();
        params.tiers = new TierParams[](2);
        params.tiers[0] = TierParams({price: 1 ether, supply: 0});
        params.tiers[1] = TierParams({price: 1 ether, supply: supply});
    }

    function takeReward(Campaign campaign, address backer, uint32 tierId) private {
        vm.deal(backer, 1 ether);
        vm.prank(backer);
        campaign.contribute{value: 1 ether}(tierId, 0);
    }

    function test_given_for_somebody_else() public {
        Campaign campaign = launch(withTier(1));
        vm.deal(BOB, 3 ether);
        vm.prank(BOB);
        campaign.contributeFor{value: 3 ether}(ALICE, 2, 0);
        vm.assertEq(campaign.contributionOf(ALICE), 3 ether);
        vm.assertEq(campaign.contributionOf(BOB), 0);
        vm.assertEq(campaign.rewardsOf(ALICE, 2), 1);
        end(campaign);
        vm.prank(ALICE);
        campaign.refund();
        vm.assertEq(ALICE.balance, 3 ether);
    }

    function test_nobody_is_no_backer() public {
        Campaign campaign = launch(defaults());
        address[2] memory nobodies = [address(0), address(campaign)];
        for (uint256 index; index < 2; ++index) {
            bytes memory reason = abi.encodeWithSelector(Errors.Campaign_InvalidBacker.selector, nobodies[index]);
            refuses(campaign, BOB, abi.encodeCall(ICampaign.contributeFor, (nobodies[index], 0, 0)), reason);
            refuses(campaign, BOB, abi.encodeCall(ICampaign.contributeERC20For, (nobodies[index], 1, 0, 0)), reason);
        }
    }

    function test_excess_returns_to_who_paid() public {
        CampaignParams memory params = defaults();
        params.cap = 10 ether;
        Campaign campaign = launch(params);
        vm.deal(BOB, 15 ether);
        vm.prank(BOB);
        campaign.contributeFor{value: 15 ether}(ALICE, 0, 0);
        vm.assertEq(BOB.balance, 5 ether);
        vm.assertEq(campaign.contributionOf(ALICE), 10 ether);
    }

    function test_tokens_for_somebody_else() public {
        CampaignParams memory params = defaults();
        params.token = address(token);
        Campaign campaign = launch(params);
        token.mint(BOB, 7);
        vm.prank(BOB);
        token.approve(address(campaign), 7);
        vm.prank(BOB);
        campaign.contributeERC20For(ALICE, 7, 0, 0);
        vm.assertEq(campaign.contributionOf(ALICE), 7);
        vm.assertEq(token.balanceOf(BOB), 0);
    }

    function test_permit_approves_in_the_same_call() public {
        Campaign campaign = inTokens();
        Permit memory permit = permitOf(address(campaign), 9);
        vm.prank(ALICE);
        campaign.contributeERC20WithPermit(9, 0, 0, permit);
        vm.assertEq(campaign.contributionOf(ALICE), 9);
        vm.assertEq(token.allowance(ALICE, address(campaign)), 0);
    }

    /// Whoever saw the permit may use it first; the contribution goes through all the same.
    function test_permit_used_by_a_stranger_first() public {
        Campaign campaign = inTokens();
        Permit memory permit = permitOf(address(campaign), 9);
        vm.prank(BOB);
        token.permit(ALICE, address(campaign), 9, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(ALICE);
        campaign.contributeERC20WithPermit(9, 0, 0, permit);
        vm.assertEq(campaign.contributionOf(ALICE), 9);
    }

    function test_permit_that_is_none() public {
        Campaign campaign = inTokens();
        bytes memory call = abi.encodeCall(
            ICampaign.contributeERC20WithPermit, (9, 0, 0, Permit({deadline: block.timestamp, v: 27, r: 0, s: 0}))
        );
        refuses(
            campaign,
            ALICE,
            call,
            abi.encodeWithSignature(
                "ERC20InsufficientAllowance(address,uint256,uint256)", address(campaign), uint256(0), uint256(9)
            )
        );
        refuses(
            launch(defaults()),
            ALICE,
            call,
            abi.encodeWithSelector(Errors.Campaign_WrongCurrency.selector, address(0))
        );
    }

    function test_taken_back_with_its_reward() public {
        Campaign campaign = launch(withTier(1));
        takeReward(campaign, ALICE, 2);
        takeReward(campaign, ALICE, 1);
        vm.assertEq(campaign.rewardsOf(ALICE, 1), 1);
        bytes memory soldOut = abi.encodeWithSelector(Errors.Campaign_TierSoldOut.selector, 2);
        vm.deal(BOB, 1 ether);
        vm.expectRevert(soldOut);
        vm.prank(BOB);
        campaign.contribute{value: 1 ether}(2, 0);

        uint64 seq = campaign.seq();
        vm.prank(ALICE);
        campaign.takeBack(ALICE);
        vm.assertEq(campaign.seq(), seq + 1);
        vm.assertEq(ALICE.balance, 2 ether);
        vm.assertEq(campaign.totalRaised(), 0);
        vm.assertEq(campaign.contributionOf(ALICE), 0);
        vm.assertEq(campaign.rewardsOf(ALICE, 2), 0);
        vm.assertEq(campaign.tier(1).sold, 0);
        vm.assertEq(campaign.tier(2).sold, 0);
        takeReward(campaign, BOB, 2);
        refuses(
            campaign,
            ALICE,
            abi.encodeCall(ICampaign.takeBack, (ALICE)),
            abi.encodeWithSelector(Errors.Campaign_NothingToRefund.selector, ALICE)
        );
    }

    function test_taken_back_while_contributions_are_paused() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 1 ether);
        factory.grantRole(factory.GUARDIAN_ROLE(), address(this));
        campaign.setContributionsPaused(true);
        vm.prank(ALICE);
        campaign.takeBack(BOB);
        vm.assertEq(BOB.balance, 1 ether);
    }

    function test_when_pledges_are_firm() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 1 ether);
        uint256 firmFrom = campaign.terms().deadline - 24 hours;
        bytes memory call = abi.encodeCall(ICampaign.takeBack, (ALICE));
        refuses(
            campaign,
            ALICE,
            abi.encodeCall(ICampaign.takeBack, (address(0))),
            abi.encodeWithSelector(Errors.Campaign_InvalidRecipient.selector, address(0))
        );
        vm.warp(firmFrom);
        refuses(campaign, ALICE, call, firm(firmFrom, firmFrom, 1 ether));
        vm.warp(firmFrom - 1);
        give(campaign, BOB, 9 ether);
        refuses(campaign, ALICE, call, firm(firmFrom - 1, firmFrom, 10 ether));
        end(campaign);
        refuses(
            campaign, ALICE, call, abi.encodeWithSelector(Errors.Campaign_WrongState.selector, State.Succeeded)
        );

        CampaignParams memory params = defaults();
        params.mode = 1;
        campaign = launch(params);
        give(campaign, ALICE, 1 ether);
        refuses(campaign, ALICE, call, firm(block.timestamp, 0, 1 ether));

        campaign = launch(defaults());
        give(campaign, ALICE, 1 ether);
        vm.warp(campaign.terms().deadline - 24 hours - 1);
        vm.prank(ALICE);
        campaign.takeBack(ALICE);
    }

    function firm(uint256 time, uint256 firmFrom, uint256 raised) private pure returns (bytes memory) {
        return
            abi.encodeWithSelector(Errors.Campaign_PledgeFirm.selector, time, firmFrom, raised, uint256(10 ether));
    }

    /// Firm is what is not to be taken back: from the second that the view names.
    function test_since_when_pledges_are_firm() public {
        Campaign campaign = launch(defaults());
        uint256 firmFrom = campaign.terms().deadline - 24 hours;
        vm.assertEq(campaign.pledgesFirmSince(), firmFrom);
        give(campaign, ALICE, 10 ether - 1);
        vm.assertEq(campaign.pledgesFirmSince(), firmFrom);
        give(campaign, BOB, 1);
        vm.assertEq(campaign.pledgesFirmSince(), 0);
        end(campaign);
        vm.assertEq(campaign.pledgesFirmSince(), 0);
        CampaignParams memory params = defaults();
        params.mode = 1;
        vm.assertEq(launch(params).pledgesFirmSince(), 0);
        // A day is the shortest: nothing of it can be taken back.
        params = defaults();
        params.deadline = uint64(block.timestamp + 1 days);
        campaign = launch(params);
        give(campaign, ALICE, 1);
        vm.assertEq(campaign.pledgesFirmSince(), block.timestamp);
        refuses(
            campaign, ALICE, abi.encodeCall(ICampaign.takeBack, (ALICE)), firm(block.timestamp, block.timestamp, 1)
        );
    }

    /// What was taken is given back to the caller as a number, for whatever contract gives in somebody's place.
    function test_contributions_say_what_was_taken() public {
        CampaignParams memory params = defaults();
        (params.goal, params.cap) = (10, 10);
        Campaign campaign = launch(params);
        vm.deal(address(this), 20);
        vm.assertEq(campaign.contribute{value: 4}(0, 0), 4);
        vm.deal(BOB, 20);
        vm.prank(BOB);
        vm.assertEq(campaign.contributeFor{value: 9}(ALICE, 0, 0), 6);
        vm.assertEq(BOB.balance, 14);

        params = defaults();
        (params.goal, params.cap, params.token) = (10, 10, address(token));
        campaign = launch(params);
        token.mint(address(this), 100);
        token.approve(address(campaign), 100);
        vm.assertEq(campaign.contributeERC20(3, 0, 0), 3);
        vm.assertEq(campaign.contributeERC20For(ALICE, 2, 0, 0), 2);
        Permit memory spent = Permit({deadline: 0, v: 0, r: 0, s: 0});
        vm.assertEq(campaign.contributeERC20WithPermit(8, 0, 0, spent), 5);
    }

    function test_fifteen_rewards_of_a_tier() public {
        Campaign campaign = launch(withTier(0));
        for (uint256 index; index < 15; ++index) {
            takeReward(campaign, ALICE, 2);
        }
        vm.deal(ALICE, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(Errors.Campaign_TooManyRewards.selector, 2, 15));
        vm.prank(ALICE);
        campaign.contribute{value: 1 ether}(2, 0);
        takeReward(campaign, ALICE, 1);
        vm.assertEq(campaign.rewardsOf(ALICE, 1), 1);
        vm.assertEq(campaign.rewardsOf(ALICE, 2), 15);
        vm.expectRevert(abi.encodeWithSelector(Errors.Campaign_UnknownTier.selector, 3, 2));
        campaign.rewardsOf(ALICE, 3);
        vm.expectRevert(abi.encodeWithSelector(Errors.Campaign_UnknownTier.selector, 0, 2));
        campaign.rewardsOf(ALICE, 0);
    }

    /// The last of as many tiers as there can be has its own place in the backer's slot.
    function test_rewards_of_thirty_two_tiers() public {
        CampaignParams memory params = defaults();
        params.goal = 1_000 ether;
        params.tiers = new TierParams[](32);
        for (uint256 index; index < 32; ++index) {
            params.tiers[index] = TierParams({price: 1 ether, supply: 20});
        }
        Campaign campaign = launch(params);
        for (uint32 tierId = 1; tierId <= 32; ++tierId) {
            for (uint256 index; index <= tierId % 15; ++index) {
                takeReward(campaign, ALICE, tierId);
            }
        }
        for (uint32 tierId = 1; tierId <= 32; ++tierId) {
            vm.assertEq(campaign.rewardsOf(ALICE, tierId), tierId % 15 + 1);
            vm.assertEq(campaign.tier(tierId).sold, tierId % 15 + 1);
        }
        vm.prank(ALICE);
        campaign.takeBack(ALICE);
        for (uint32 tierId = 1; tierId <= 32; ++tierId) {
            vm.assertEq(campaign.rewardsOf(ALICE, tierId), 0);
            vm.assertEq(campaign.tier(tierId).sold, 0);
        }
    }

    function test_refunds_by_others_after_thirty_days() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 1 ether);
        bytes memory call = abi.encodeCall(ICampaign.refundFor, (ALICE));
        refuses(campaign, BOB, call, abi.encodeWithSelector(Errors.Campaign_WrongState.selector, State.Funding));
        vm.assertEq(campaign.refundsSince(), 0);
        end(campaign);
        uint256 opens = campaign.terms().deadline + 30 days;
        vm.assertEq(campaign.refundsSince(), opens - 30 days);
        vm.warp(opens - 1);
        refuses(
            campaign, BOB, call, abi.encodeWithSelector(Errors.Campaign_RefundIsBackersOwn.selector, opens - 1, opens)
        );
        vm.warp(opens);
        vm.prank(BOB);
        campaign.refundFor(ALICE);
        vm.assertEq(ALICE.balance, 1 ether);
        refuses(campaign, BOB, call, abi.encodeWithSelector(Errors.Campaign_NothingToRefund.selector, ALICE));
    }

    function test_refunds_by_others_after_a_cancellation() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 1 ether);
        vm.prank(CREATOR);
        campaign.cancel("");
        uint256 cancelledAt = block.timestamp;
        vm.assertEq(campaign.refundsSince(), cancelledAt);
        vm.warp(cancelledAt + 30 days);
        campaign.refundFor(ALICE);
        vm.assertEq(ALICE.balance, 1 ether);
    }

    function test_a_success_nobody_collects_goes_back() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        uint256 expires = campaign.terms().deadline + 180 days;
        vm.warp(expires - 1);
        vm.assertTrue(campaign.state() == State.Succeeded, "to be had");
        vm.warp(expires);
        vm.assertTrue(campaign.state() == State.Expired, "expired");
        vm.assertEq(campaign.refundsSince(), expires);
        refuses(
            campaign,
            CREATOR,
            abi.encodeCall(ICampaign.withdraw, (CREATOR)),
            abi.encodeWithSelector(Errors.Campaign_WrongState.selector, State.Expired)
        );
        refuses(
            campaign,
            CREATOR,
            abi.encodeCall(ICampaign.cancel, ("")),
            abi.encodeWithSelector(Errors.Campaign_WrongState.selector, State.Expired)
        );
        vm.prank(ALICE);
        campaign.refund();
        vm.assertEq(ALICE.balance, 10 ether);
        vm.assertTrue(campaign.state() == State.Expired, "for good");
    }

    /// Giving and taking back in any order leaves what the books say, and no reward is lost or kept.
    function testFuzz_pledges_come_and_go(uint8[12] memory steps, uint64[12] memory amounts) public {
        CampaignParams memory params = withTier(2);
        params.goal = type(uint104).max - 1;
        params.tiers[0].price = 1;
        params.tiers[1].price = 1;
        Campaign campaign = launch(params);
        uint256[3] memory held;
        uint256[3] memory limited;
        uint256 given;
        for (uint256 step; step < 12; ++step) {
            uint256 who = steps[step] % 3;
            address backer = address(uint160(0x1000 + who));
            if (steps[step] % 5 == 0 && held[who] != 0) {
                vm.prank(backer);
                campaign.takeBack(backer);
                vm.assertEq(backer.balance, held[who]);
                vm.deal(backer, 0);
                (given, held[who], limited[who]) = (given - held[who], 0, 0);
            } else if (amounts[step] != 0) {
                bool isLeft = limited[0] + limited[1] + limited[2] < 2;
                vm.deal(backer, amounts[step]);
                vm.prank(backer);
                campaign.contribute{value: amounts[step]}(isLeft ? 2 : 1, 0);
                (given, held[who]) = (given + amounts[step], held[who] + amounts[step]);
                if (isLeft) ++limited[who];
            }
            vm.assertEq(campaign.totalRaised(), given);
            vm.assertEq(address(campaign).balance, given);
            vm.assertEq(campaign.contributionOf(backer), held[who]);
            vm.assertEq(campaign.tier(2).sold, limited[0] + limited[1] + limited[2]);
            vm.assertEq(campaign.rewardsOf(backer, 2), limited[who]);
        }
    }

    /// A cap is a cap on what is pledged now: what was taken back makes room.
    function testFuzz_taking_back_makes_room(uint256 first, uint256 second) public {
        CampaignParams memory params = defaults();
        params.goal = 10 ether;
        params.cap = 10 ether;
        Campaign campaign = launch(params);
        first = bound(first, 1, 10 ether - 1);
        second = bound(second, 1, 30 ether);
        give(campaign, ALICE, first);
        vm.prank(ALICE);
        campaign.takeBack(ALICE);
        give(campaign, BOB, second);
        vm.assertEq(campaign.totalRaised(), second < 10 ether ? second : 10 ether);
        vm.assertEq(BOB.balance, second < 10 ether ? 0 : second - 10 ether);
    }

    /// The deadline's own second is too late for pledges and early enough for what follows.
    function testFuzz_the_deadline_is_one_second(uint256 before, bool reaches) public {
        Campaign campaign = launch(defaults());
        uint256 deadline = campaign.terms().deadline;
        give(campaign, ALICE, reaches ? 10 ether : 10 ether - 1);
        vm.warp(deadline - bound(before, 1, 29 days));
        vm.assertTrue(campaign.state() == State.Funding, "open");
        vm.warp(deadline);
        vm.assertTrue(campaign.state() == (reaches ? State.Succeeded : State.Failed), "over");
        vm.deal(BOB, 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.Campaign_DeadlinePassed.selector, deadline, deadline));
        vm.prank(BOB);
        campaign.contribute{value: 1}(0, 0);
    }

    function inTokens() private returns (Campaign) {
        CampaignParams memory params = defaults();
        params.token = address(token);
        token.mint(ALICE, 100);
        return launch(params);
    }

    function permitOf(address spender, uint256 amount) private view returns (Permit memory permit) {
        bytes32 message = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                ALICE,
                spender,
                amount,
                token.nonces(ALICE),
                block.timestamp
            )
        );
        permit.deadline = block.timestamp;
        (permit.v, permit.r, permit.s) =
            vm.sign(ALICE_KEY, keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), message)));
    }
}
