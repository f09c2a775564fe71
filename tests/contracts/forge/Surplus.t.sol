// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {ICampaignErrors} from "../../../contracts/interfaces/ICampaignErrors.sol";
import {ICampaignEvents} from "../../../contracts/interfaces/ICampaignEvents.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {CampaignTest} from "./CampaignTest.sol";
import {ForwardingTreasury} from "./mocks/HostileBackers.sol";
import {BoastfulToken, FeeToken, RebasingToken, SenderFeeToken, TwoAddressToken} from "./mocks/HostileTokens.sol";
import {Vm} from "./Vm.sol";

/// @dev What is nobody's, and what is told of it: trees/sweepSurplus.tree.
contract SurplusTest is CampaignTest {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    function test_only_surplus_is_swept() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 3 ether);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NothingToSweep.selector, address(0)));
        campaign.sweepSurplus(address(0));
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NothingToSweep.selector, address(token)));
        campaign.sweepSurplus(address(token));
        vm.deal(address(campaign), 3 ether + 5);
        token.mint(address(campaign), 7);
        vm.prank(BOB);
        campaign.sweepSurplus(address(0));
        vm.prank(BOB);
        campaign.sweepSurplus(address(token));
        vm.assertEq(TREASURY.balance, 5);
        vm.assertEq(token.balanceOf(TREASURY), 7);
        vm.assertEq(address(campaign).balance, 3 ether);
        vm.assertEq(campaign.seq(), 3);
    }

    /// After a payout only the fees are owed to somebody.
    function test_surplus_beside_unclaimed_fees() public {
        CampaignParams memory params = defaults();
        params.mode = 1;
        Campaign campaign = launch(params);
        give(campaign, ALICE, 3 ether);
        end(campaign);
        vm.prank(CREATOR);
        campaign.withdraw(CREATOR);
        uint256 fees = campaign.totalFees();
        vm.deal(address(campaign), fees + 5);
        campaign.sweepSurplus(address(0));
        vm.assertEq(TREASURY.balance, 5);
        vm.assertEq(address(campaign).balance, fees);
    }

    /// A stranger's token says that it has moved the largest number there is: nothing of it is written down.
    function test_a_token_that_was_made_for_the_event() public {
        Campaign campaign = launch(defaults());
        address boastful = address(new BoastfulToken());
        refusesToSweep(campaign, boastful);
        end(campaign);
        vm.warp(block.timestamp + 1_000 days);
        refusesToSweep(campaign, boastful);
        vm.assertEq(campaign.seq(), 0);
    }

    /// What is told is what has left, whatever part of it has arrived.
    function test_a_stranger_token_that_keeps_a_fee() public {
        Campaign campaign = launch(defaults());
        FeeToken fee = new FeeToken();
        fee.mint(address(campaign), 1_000);
        vm.assertEq(sweptAmount(campaign, address(fee)), 1_000);
        vm.assertEq(fee.balanceOf(TREASURY), 990);
        vm.assertEq(fee.balanceOf(address(campaign)), 0);
    }

    /// With a fee on top, taken of its sender, a sweep of a single unit would cost the backers more than it.
    function test_a_token_that_takes_a_fee_of_its_sender() public {
        SenderFeeToken costly = new SenderFeeToken();
        factory.setTokenAllowed(address(costly), true);
        CampaignParams memory params = defaults();
        params.token = address(costly);
        Campaign campaign = launch(params);
        costly.mint(ALICE, 100);
        vm.prank(ALICE);
        costly.approve(address(campaign), 100);
        vm.prank(ALICE);
        campaign.contributeERC20(100, 0, 0);
        costly.mint(address(campaign), 5);
        costly.setFee(1);
        refusesToSweep(campaign, address(costly));
        vm.assertEq(costly.balanceOf(address(campaign)), 105);
        costly.setFee(0);
        vm.assertEq(sweptAmount(campaign, address(costly)), 5);
        vm.assertEq(costly.balanceOf(address(campaign)), 100);
    }

    /// A stranger's token may take its fee: it is nobody's here.
    function test_a_stranger_token_that_takes_a_fee_of_its_sender() public {
        Campaign campaign = launch(defaults());
        SenderFeeToken costly = new SenderFeeToken();
        costly.mint(address(campaign), 10);
        costly.setFee(1);
        refuses(
            campaign,
            BOB,
            abi.encodeCall(ICampaign.sweepSurplus, (address(costly))),
            abi.encodeWithSignature(
                "ERC20InsufficientBalance(address,uint256,uint256)", address(campaign), uint256(0), uint256(1)
            )
        );
        costly.setFee(0);
        vm.assertEq(sweptAmount(campaign, address(costly)), 10);
    }

    /// The amount is not what the treasury has afterwards: one may pass on what it gets.
    function test_a_treasury_that_passes_on() public {
        factory.setTreasury(address(new ForwardingTreasury(BOB)));
        Campaign campaign = launch(defaults());
        vm.deal(address(campaign), 7);
        vm.assertEq(sweptAmount(campaign, address(0)), 7);
        vm.assertEq(BOB.balance, 7);
    }

    /// What would go round in a circle has not left.
    function test_a_treasury_that_is_the_campaign() public {
        Campaign campaign = launch(defaults());
        factory.setTreasury(address(campaign));
        token.mint(address(campaign), 7);
        refusesToSweep(campaign, address(token));
        vm.assertEq(campaign.seq(), 0);
    }

    /// What a rebasing token adds is surplus; what it takes away is missing for who comes last, which is why such
    /// tokens must not be listed.
    function test_a_token_whose_balances_move() public {
        RebasingToken moving = new RebasingToken();
        Campaign campaign = launchIn(address(moving));
        moving.mint(ALICE, 100);
        vm.prank(ALICE);
        moving.approve(address(campaign), 100);
        vm.prank(ALICE);
        campaign.contributeERC20(100, 0, 0);
        moving.set(address(campaign), 130);
        vm.assertEq(sweptAmount(campaign, address(moving)), 30);
        vm.assertEq(moving.balanceOf(TREASURY), 30);
        moving.set(address(campaign), 90);
        refusesToSweep(campaign, address(moving));
        vm.assertEq(campaign.totalRaised(), 100);
    }

    /// A token with a second address must not be swept by it: what it moves is the backers'.
    function test_a_token_with_two_addresses() public {
        TwoAddressToken two = new TwoAddressToken();
        Campaign campaign = launchIn(address(two));
        two.mint(ALICE, 100);
        vm.prank(ALICE);
        two.approve(address(campaign), 100);
        vm.prank(ALICE);
        campaign.contributeERC20(100, 0, 0);
        refusesToSweep(campaign, address(two.alias_()));
        vm.assertEq(two.balanceOf(address(campaign)), 100);
    }

    /// Neither contracts without balances nor addresses without code are tokens.
    function test_addresses_that_are_no_token() public {
        Campaign campaign = launch(defaults());
        address[4] memory strange = [address(campaign), address(factory), address(1), BOB];
        for (uint256 index; index < 4; ++index) {
            vm.prank(BOB);
            (bool accepted,) = address(campaign).call(abi.encodeCall(ICampaign.sweepSurplus, (strange[index])));
            vm.assertTrue(!accepted, "swept");
        }
        vm.assertEq(campaign.seq(), 0);
    }

    /// What rounding leaves when all backers of a wind-down have their shares is less than a unit for each of them, and
    /// stays: to know that everybody came would cost each refund more than it is worth.
    function test_what_rounding_leaves_of_a_wind_down() public {
        CampaignParams memory params = withMilestones();
        (params.goal, params.mode, params.token) = (1, 1, address(token));
        Campaign campaign = launch(params);
        for (uint160 index; index < 3; ++index) {
            giveTokens(campaign, address(0x1000 + index), 5);
        }
        end(campaign);
        release(campaign, CREATOR);
        vm.prank(CREATOR);
        campaign.windDown();
        for (uint160 index; index < 3; ++index) {
            vm.prank(address(0x1000 + index));
            campaign.refund();
            vm.assertEq(token.balanceOf(address(0x1000 + index)), 2);
        }
        // Of 15, 7 were paid out and no fee of them is a whole unit: 8 were left, 6 are shared.
        vm.assertEq(campaign.totalWithdrawn(), 7);
        vm.assertEq(token.balanceOf(address(campaign)), 2);
        refusesToSweep(campaign, address(token));
    }

    function launchIn(address currency) private returns (Campaign) {
        factory.setTokenAllowed(currency, true);
        CampaignParams memory params = defaults();
        params.token = currency;
        return launch(params);
    }

    function refusesToSweep(Campaign campaign, address swept) private {
        refuses(
            campaign,
            BOB,
            abi.encodeCall(ICampaign.sweepSurplus, (swept)),
            abi.encodeWithSelector(ICampaignErrors.Campaign_NothingToSweep.selector, swept)
        );
    }

    /// @dev What the event tells.
    function sweptAmount(Campaign campaign, address swept) private returns (uint256 amount) {
        vm.recordLogs();
        vm.prank(BOB);
        campaign.sweepSurplus(swept);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        vm.assertTrue(last.topics[0] == ICampaignEvents.SurplusSwept.selector, "another event");
        address told;
        (, told, amount) = abi.decode(last.data, (uint64, address, uint256));
        vm.assertEq(told, swept);
    }
}
