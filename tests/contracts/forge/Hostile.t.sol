// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {ICampaignErrors} from "../../../contracts/interfaces/ICampaignErrors.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {Permit} from "../../../contracts/structs/Permit.sol";
import {CampaignTest} from "./CampaignTest.sol";
import {BombBacker, GasBurner, ReentrantBacker, RevertingBacker} from "./mocks/HostileBackers.sol";
import {
    DrainingToken,
    EverythingToken,
    FalseToken,
    FeeToken,
    HookToken,
    LyingToken
} from "./mocks/HostileTokens.sol";

/// @dev Backers and tokens that do not play by the rules.
contract HostileTest is CampaignTest {
    address private constant ALICE = address(0xA11CE);

    function test_reverting_backer_hurts_only_itself() public {
        Campaign campaign = launch(defaults());
        RevertingBacker bad = new RevertingBacker();
        vm.deal(address(this), 1 ether);
        bad.contribute{value: 1 ether}(campaign);
        give(campaign, ALICE, 2 ether);
        end(campaign);
        vm.expectRevert(
            abi.encodeWithSelector(ICampaignErrors.Campaign_TransferFailed.selector, address(bad), uint256(1 ether))
        );
        bad.refund(campaign);
        vm.prank(ALICE);
        campaign.refund();
        vm.assertEq(ALICE.balance, 2 ether);
        vm.assertEq(campaign.contributionOf(address(bad)), 1 ether);
        bad.refundTo(campaign, address(0xB0B));
        vm.assertEq(address(0xB0B).balance, 1 ether);
    }

    function test_reentering_a_refund_gets_nothing() public {
        bytes[4] memory calls = [
            abi.encodeCall(ICampaign.refund, ()),
            abi.encodeCall(ICampaign.refundTo, (ALICE)),
            abi.encodeCall(ICampaign.claimFees, ()),
            abi.encodeCall(ICampaign.cancel, (""))
        ];
        for (uint256 index; index < calls.length; ++index) {
            Campaign campaign = launch(defaults());
            ReentrantBacker backer = new ReentrantBacker(campaign, calls[index]);
            vm.deal(address(this), 1 ether);
            backer.contribute{value: 1 ether}();
            give(campaign, ALICE, 5 ether);
            end(campaign);
            backer.refund();
            vm.assertTrue(backer.tried());
            vm.assertTrue(!backer.entered());
            vm.assertTrue(
                backer.failure() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "another error"
            );
            vm.assertEq(address(backer).balance, 1 ether);
            vm.assertEq(address(campaign).balance, 5 ether);
        }
    }

    function test_reentering_while_the_excess_comes_back() public {
        CampaignParams memory params = defaults();
        (params.goal, params.cap) = (1 ether, 2 ether);
        Campaign campaign = launch(params);
        ReentrantBacker backer = new ReentrantBacker(campaign, abi.encodeCall(ICampaign.contribute, (0, 0)));
        vm.deal(address(this), 5 ether);
        backer.contribute{value: 5 ether}();
        vm.assertTrue(backer.tried() && !backer.entered());
        vm.assertEq(campaign.totalRaised(), 2 ether);
        vm.assertEq(address(backer).balance, 3 ether);
    }

    function test_returned_data_is_not_copied() public {
        Campaign campaign = launch(defaults());
        BombBacker backer = new BombBacker();
        vm.deal(address(this), 1 ether);
        backer.contribute{value: 1 ether}(campaign);
        end(campaign);
        backer.refund(campaign);
        vm.assertEq(address(backer).balance, 1 ether);
    }

    function test_excess_that_is_refused_undoes_the_contribution() public {
        CampaignParams memory params = defaults();
        (params.goal, params.cap) = (1 ether, 2 ether);
        Campaign campaign = launch(params);
        RevertingBacker bad = new RevertingBacker();
        vm.deal(address(this), 3 ether);
        vm.expectRevert(
            abi.encodeWithSelector(ICampaignErrors.Campaign_TransferFailed.selector, address(bad), uint256(1 ether))
        );
        bad.contribute{value: 3 ether}(campaign);
        vm.assertEq(campaign.totalRaised(), 0);
    }

    function test_token_that_keeps_a_fee() public {
        FeeToken fee = new FeeToken();
        Campaign campaign = launchIn(address(fee));
        fee.mint(ALICE, 1000);
        vm.prank(ALICE);
        fee.approve(address(campaign), 1000);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_UnexpectedTokenDelta.selector, 1000, 990));
        vm.prank(ALICE);
        campaign.contributeERC20(1000, 0, 0);
        vm.assertEq(campaign.totalRaised(), 0);
    }

    function test_tokens_that_lie() public {
        address refusing = address(new FalseToken());
        Campaign campaign = launchIn(refusing);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, refusing));
        vm.prank(ALICE);
        campaign.contributeERC20(5, 0, 0);

        campaign = launchIn(address(new LyingToken()));
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_UnexpectedTokenDelta.selector, 5, 0));
        vm.prank(ALICE);
        campaign.contributeERC20(5, 0, 0);

        DrainingToken draining = new DrainingToken();
        campaign = launchIn(address(draining));
        draining.set(address(campaign), 10);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_UnexpectedTokenDelta.selector, 5, 0));
        vm.prank(ALICE);
        campaign.contributeERC20(5, 0, 0);
    }

    function test_token_that_calls_back() public {
        HookToken hook = new HookToken();
        Campaign campaign = launchIn(address(hook));
        hook.mint(ALICE, 100);
        vm.prank(ALICE);
        hook.approve(address(campaign), 100);
        hook.hook(address(campaign), abi.encodeCall(ICampaign.contributeERC20, (5, 0, 0)));
        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        vm.prank(ALICE);
        campaign.contributeERC20(50, 0, 0);
    }

    /// Every function that a token could be used to reach, while the campaign waits for the token.
    function test_token_that_calls_back_anywhere() public {
        HookToken hook = new HookToken();
        Campaign campaign = launchIn(address(hook));
        bytes[12] memory calls = [
            abi.encodeCall(ICampaign.contribute, (0, 0)),
            abi.encodeCall(ICampaign.contributeFor, (ALICE, 0, 0)),
            abi.encodeCall(ICampaign.contributeERC20For, (ALICE, 1, 0, 0)),
            abi.encodeCall(ICampaign.takeBack, (ALICE)),
            abi.encodeCall(ICampaign.refund, ()),
            abi.encodeCall(ICampaign.refundFor, (ALICE)),
            abi.encodeCall(ICampaign.withdraw, (ALICE)),
            abi.encodeCall(ICampaign.release, (ALICE)),
            abi.encodeCall(ICampaign.windDown, ()),
            abi.encodeCall(ICampaign.claimFees, ()),
            abi.encodeCall(ICampaign.sweepSurplus, (address(hook))),
            abi.encodeCall(ICampaign.acceptCreator, ())
        ];
        hook.mint(ALICE, 100);
        vm.prank(ALICE);
        hook.approve(address(campaign), 100);
        for (uint256 index; index < calls.length; ++index) {
            hook.hook(address(campaign), calls[index]);
            vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
            vm.prank(ALICE);
            campaign.contributeERC20(50, 0, 0);
        }
        vm.assertEq(campaign.totalRaised(), 0);
    }

    /// While a pledge goes back, or a stray amount goes to the treasury, nothing else can be had.
    function test_reentering_a_take_back() public {
        bytes[3] memory calls = [
            abi.encodeCall(ICampaign.takeBack, (ALICE)),
            abi.encodeCall(ICampaign.contribute, (0, 0)),
            abi.encodeCall(ICampaign.sweepSurplus, (address(0)))
        ];
        for (uint256 index; index < calls.length; ++index) {
            Campaign campaign = launch(defaults());
            ReentrantBacker backer = new ReentrantBacker(campaign, calls[index]);
            vm.deal(address(this), 1 ether);
            backer.contribute{value: 1 ether}();
            give(campaign, ALICE, 5 ether);
            vm.prank(address(backer));
            campaign.takeBack(address(backer));
            vm.assertTrue(backer.tried() && !backer.entered());
            vm.assertEq(address(backer).balance, 1 ether);
            vm.assertEq(address(campaign).balance, 5 ether);
        }
    }

    function test_a_creator_that_reenters_its_payout() public {
        Campaign campaign = launch(withMilestones());
        give(campaign, ALICE, 10 ether);
        ReentrantBacker purse = new ReentrantBacker(campaign, abi.encodeCall(ICampaign.release, (ALICE)));
        end(campaign);
        release(campaign, address(purse));
        vm.assertTrue(purse.tried() && !purse.entered());
        vm.assertEq(address(purse).balance, 4.875 ether);
        vm.assertEq(campaign.milestonesReleased(), 1);
    }

    /// A treasury that takes nothing delays its own money, and nobody else's.
    function test_a_treasury_that_refuses() public {
        factory.setTreasury(address(new RevertingBacker()));
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        end(campaign);
        vm.prank(CREATOR);
        campaign.withdraw(CREATOR);
        vm.assertEq(CREATOR.balance, 9.75 ether);
        bytes memory refused = abi.encodeWithSelector(
            ICampaignErrors.Campaign_TransferFailed.selector, factory.treasury(), uint256(0.25 ether)
        );
        vm.expectRevert(refused);
        campaign.claimFees();
        factory.setTreasury(TREASURY);
        campaign.claimFees();
        vm.assertEq(TREASURY.balance, 0.25 ether);
    }

    function test_a_creator_that_refuses_names_another_address() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        end(campaign);
        address refusing = address(new RevertingBacker());
        vm.expectRevert(
            abi.encodeWithSelector(
                ICampaignErrors.Campaign_TransferFailed.selector, refusing, uint256(9.75 ether)
            )
        );
        vm.prank(CREATOR);
        campaign.withdraw(refusing);
        vm.prank(CREATOR);
        campaign.withdraw(TREASURY);
        vm.assertEq(TREASURY.balance, 9.75 ether);
    }

    /// A backer whose receiving burns all gas costs its caller the gas, and the others nothing.
    function test_a_backer_that_burns_gas() public {
        Campaign campaign = launch(defaults());
        GasBurner burner = new GasBurner();
        vm.deal(address(this), 1 ether);
        campaign.contributeFor{value: 1 ether}(address(burner), 0, 0);
        give(campaign, ALICE, 2 ether);
        vm.warp(campaign.terms().deadline + 30 days);
        (bool sent,) = address(campaign).call{gas: 300_000}(abi.encodeCall(ICampaign.refundFor, (address(burner))));
        vm.assertTrue(!sent);
        campaign.refundFor(ALICE);
        vm.assertEq(ALICE.balance, 2 ether);
        vm.assertEq(campaign.contributionOf(address(burner)), 1 ether);
    }

    /// An amount that stands for all that the sender has is an amount like any other here.
    function test_a_token_that_takes_the_largest_number_for_everything() public {
        EverythingToken everything = new EverythingToken();
        Campaign campaign = launchIn(address(everything));
        everything.mint(ALICE, 1_000);
        vm.prank(ALICE);
        everything.approve(address(campaign), type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICampaignErrors.Campaign_UnexpectedTokenDelta.selector, type(uint104).max, 1_000
            )
        );
        vm.prank(ALICE);
        campaign.contributeERC20(type(uint256).max, 0, 0);
        vm.assertEq(campaign.totalRaised(), 0);
    }

    /// A permit that lies about itself is not believed: the allowance decides.
    function test_a_token_whose_permit_does_nothing() public {
        LyingToken lying = new LyingToken();
        Campaign campaign = launchIn(address(lying));
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_UnexpectedTokenDelta.selector, 5, 0));
        vm.prank(ALICE);
        campaign.contributeERC20WithPermit(5, 0, 0, Permit({deadline: 0, v: 0, r: 0, s: 0}));
    }

    function launchIn(address currency) private returns (Campaign) {
        factory.setTokenAllowed(currency, true);
        CampaignParams memory params = defaults();
        params.token = currency;
        return launch(params);
    }
}
