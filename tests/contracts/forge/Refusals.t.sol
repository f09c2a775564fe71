// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {ICampaignErrors} from "../../../contracts/interfaces/ICampaignErrors.sol";
import {ICampaignFactory as Factory} from "../../../contracts/interfaces/ICampaignFactory.sol";
import {CampaignArgs} from "../../../contracts/libraries/CampaignArgs.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {State} from "../../../contracts/structs/State.sol";
import {TierParams} from "../../../contracts/structs/Tier.sol";
import {CampaignTest} from "./CampaignTest.sol";

/// @dev Every way in which factory and campaign refuse, by the error's name and values.
contract RefusalsTest is CampaignTest {
    uint256 private constant MAX = CampaignArgs.MAX_AMOUNT;
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    function test_terms() public {
        CampaignParams memory params = defaults();
        params.token = BOB;
        refuses(params, abi.encodeWithSelector(Factory.Factory_TokenNotAllowed.selector, BOB));
        params.token = address(0);
        params.mode = 2;
        refuses(params, abi.encodeWithSelector(Factory.Factory_UnknownMode.selector, 2));
        params.mode = 0;
        params.goal = 0;
        refuses(params, abi.encodeWithSelector(Factory.Factory_GoalOutOfBounds.selector, 0, 1, MAX));
        params.goal = MAX + 1;
        refuses(params, abi.encodeWithSelector(Factory.Factory_GoalOutOfBounds.selector, MAX + 1, 1, MAX));
        params.goal = 10;
        params.cap = 9;
        refuses(params, abi.encodeWithSelector(Factory.Factory_CapOutOfBounds.selector, 9, 10, MAX - 1));
        params.cap = MAX;
        refuses(params, abi.encodeWithSelector(Factory.Factory_CapOutOfBounds.selector, MAX, 10, MAX - 1));
        params.cap = 0;
        params.minContribution = 11;
        refuses(params, abi.encodeWithSelector(Factory.Factory_MinContributionTooHigh.selector, 11, 10));
    }

    function test_deadlines() public {
        CampaignParams memory params = defaults();
        (uint256 least, uint256 most) = (block.timestamp + 1, block.timestamp + 90 days);
        params.deadline = uint64(block.timestamp);
        refuses(
            params,
            abi.encodeWithSelector(Factory.Factory_DeadlineOutOfBounds.selector, block.timestamp, least, most)
        );
        params.deadline = uint64(most + 1);
        refuses(params, abi.encodeWithSelector(Factory.Factory_DeadlineOutOfBounds.selector, most + 1, least, most));
    }

    function test_tiers_and_metadata() public {
        CampaignParams memory params = defaults();
        params.tiers = new TierParams[](33);
        refuses(params, abi.encodeWithSelector(Factory.Factory_TooManyTiers.selector, 33, 32));
        params.tiers = new TierParams[](1);
        refuses(params, abi.encodeWithSelector(Factory.Factory_TierPriceOutOfBounds.selector, 1, 0, 1, MAX));
        params.cap = 10 ether;
        params.tiers[0].price = 11 ether;
        refuses(
            params,
            abi.encodeWithSelector(Factory.Factory_TierPriceOutOfBounds.selector, 1, 11 ether, 1, 10 ether)
        );
        params.tiers[0].price = 1;
        params.metadataURI = "";
        refuses(params, abi.encodeWithSelector(Factory.Factory_MetadataURILengthOutOfBounds.selector, 0, 1, 512));
        params.metadataURI = string(new bytes(513));
        refuses(params, abi.encodeWithSelector(Factory.Factory_MetadataURILengthOutOfBounds.selector, 513, 1, 512));
        params.metadataURI = "u";
        params.metadataHash = 0;
        refuses(params, abi.encodeWithSelector(Factory.Factory_MetadataHashMissing.selector));
    }

    function test_factory_settings() public {
        vm.expectRevert(abi.encodeWithSelector(Factory.Factory_FeeTooHigh.selector, 501, 500));
        factory.setFee(501);
        vm.expectRevert(abi.encodeWithSelector(Factory.Factory_InvalidTreasury.selector, address(0)));
        factory.setTreasury(address(0));
        vm.expectRevert(abi.encodeWithSelector(Factory.Factory_NotAContract.selector, BOB));
        factory.setTokenAllowed(BOB, true);
        factory.setTreasury(BOB);
        vm.assertEq(factory.treasury(), BOB);
        factory.pause();
        refuses(defaults(), abi.encodeWithSignature("EnforcedPause()"));
        factory.unpause();
        launch(defaults());
    }

    function test_who_may() public {
        Campaign campaign = launch(defaults());
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NotCreator.selector, ALICE, CREATOR));
        campaign.postUpdate("u", bytes32(uint256(1)));
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NotCreator.selector, ALICE, CREATOR));
        campaign.withdraw(ALICE);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NotCreatorOrGuardian.selector, ALICE, CREATOR));
        campaign.cancel("");
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NotGuardian.selector, CREATOR));
        campaign.setContributionsPaused(true);
        vm.expectRevert(
            abi.encodeWithSelector(ICampaignErrors.Campaign_NotFactory.selector, address(this), address(factory))
        );
        campaign.initialize(new TierParams[](0));
    }

    function test_the_implementation_is_not_a_campaign() public {
        bytes[12] memory calls = [
            abi.encodeCall(ICampaign.initialize, (new TierParams[](0))),
            abi.encodeCall(ICampaign.contribute, (0, 0)),
            abi.encodeCall(ICampaign.contributeERC20, (1, 0, 0)),
            abi.encodeCall(ICampaign.refundTo, (BOB)),
            abi.encodeCall(ICampaign.withdraw, (BOB)),
            abi.encodeCall(ICampaign.claimFees, ()),
            abi.encodeCall(ICampaign.cancel, ("")),
            abi.encodeCall(ICampaign.postUpdate, ("u", bytes32(uint256(1)))),
            abi.encodeCall(ICampaign.setContributionsPaused, (true)),
            abi.encodeCall(ICampaign.state, ()),
            abi.encodeCall(ICampaign.tier, (1)),
            abi.encodeCall(ICampaign.summary, ())
        ];
        address bare = factory.implementation();
        for (uint256 index; index < calls.length; ++index) {
            (bool accepted, bytes memory result) = bare.call(calls[index]);
            vm.assertTrue(!accepted && bytes4(result) == ICampaignErrors.Campaign_NotAClone.selector, "not refused");
        }
    }

    function test_contributions() public {
        CampaignParams memory params = defaults();
        (params.goal, params.cap, params.minContribution) = (10, 15, 4);
        params.tiers = new TierParams[](1);
        params.tiers[0] = TierParams({price: 6, supply: 1});
        Campaign campaign = launch(params);
        refusesNative(campaign, 0, 0, abi.encodeWithSelector(ICampaignErrors.Campaign_ZeroAmount.selector));
        refusesNative(campaign, 3, 0, abi.encodeWithSelector(ICampaignErrors.Campaign_BelowMinimum.selector, 3, 4));
        refusesNative(campaign, 6, 2, abi.encodeWithSelector(ICampaignErrors.Campaign_UnknownTier.selector, 2, 1));
        refusesNative(campaign, 5, 1, abi.encodeWithSelector(ICampaignErrors.Campaign_BelowTierPrice.selector, 1, 5, 6));
        vm.deal(ALICE, 6);
        vm.prank(ALICE);
        campaign.contribute{value: 6}(1, 0);
        refusesNative(campaign, 6, 1, abi.encodeWithSelector(ICampaignErrors.Campaign_TierSoldOut.selector, 1));
        factory.grantRole(factory.GUARDIAN_ROLE(), address(this));
        campaign.setContributionsPaused(true);
        refusesNative(campaign, 5, 0, abi.encodeWithSelector(ICampaignErrors.Campaign_ContributionsPaused.selector));
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_PauseUnchanged.selector, true));
        campaign.setContributionsPaused(true);
        campaign.setContributionsPaused(false);
        give(campaign, BOB, 9);
        refusesNative(campaign, 5, 0, abi.encodeWithSelector(ICampaignErrors.Campaign_CapExceeded.selector, 0));
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_WrongCurrency.selector, address(0)));
        campaign.contributeERC20(5, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_UnknownTier.selector, 0, 1));
        campaign.tier(0);
        end(campaign);
        refusesNative(
            campaign,
            5,
            0,
            abi.encodeWithSelector(ICampaignErrors.Campaign_DeadlinePassed.selector, block.timestamp, block.timestamp)
        );

        params = defaults();
        params.token = address(token);
        campaign = launch(params);
        refusesNative(
            campaign, 5, 0, abi.encodeWithSelector(ICampaignErrors.Campaign_WrongCurrency.selector, address(token))
        );
    }

    function test_endings() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 1 ether);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_WrongState.selector, State.Funding));
        campaign.refund();
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_WrongState.selector, State.Funding));
        campaign.withdraw(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NothingToClaim.selector));
        campaign.claimFees();
        vm.prank(CREATOR);
        campaign.cancel("");
        refusesNative(campaign, 5, 0, abi.encodeWithSelector(ICampaignErrors.Campaign_WrongState.selector, State.Cancelled));
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_WrongState.selector, State.Cancelled));
        campaign.cancel("");
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NothingToRefund.selector, BOB));
        campaign.refund();
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_InvalidRecipient.selector, address(campaign)));
        campaign.refundTo(address(campaign));

        CampaignParams memory params = defaults();
        params.mode = 1;
        campaign = launch(params);
        end(campaign);
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NothingToWithdraw.selector));
        campaign.withdraw(CREATOR);
    }

    function test_texts() public {
        Campaign campaign = launch(defaults());
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_TextTooLong.selector, 513, 512));
        campaign.cancel(string(new bytes(513)));
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_ContentHashMissing.selector));
        campaign.postUpdate("u", 0);
    }

    function refuses(CampaignParams memory params, bytes memory reason) private {
        vm.expectRevert(reason);
        launch(params);
    }

    function refusesNative(Campaign campaign, uint256 amount, uint32 tierId, bytes memory reason) private {
        vm.deal(BOB, amount);
        vm.prank(BOB);
        vm.expectRevert(reason);
        campaign.contribute{value: amount}(tierId, 0);
    }
}
