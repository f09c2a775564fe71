// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {ICampaignErrors} from "../../../contracts/interfaces/ICampaignErrors.sol";
import {ICampaignFactory as Factory} from "../../../contracts/interfaces/ICampaignFactory.sol";
import {CampaignArgs} from "../../../contracts/libraries/CampaignArgs.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {MilestoneParams} from "../../../contracts/structs/Milestone.sol";
import {Permit} from "../../../contracts/structs/Permit.sol";
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
        (uint256 least, uint256 most) = (block.timestamp + 1 days, block.timestamp + 90 days);
        uint256[4] memory outside = [block.timestamp, block.timestamp + 1, least - 1, most + 1];
        for (uint256 index; index < 4; ++index) {
            params.deadline = uint64(outside[index]);
            refuses(
                params,
                abi.encodeWithSelector(Factory.Factory_DeadlineOutOfBounds.selector, outside[index], least, most)
            );
        }
        params.deadline = uint64(least);
        launch(params);
        params.deadline = uint64(most);
        launch(params);
    }

    /// A fee that was raised in front of the creation is not agreed to; one that was lowered is.
    function test_the_highest_fee_that_is_agreed_to() public {
        CampaignParams memory params = defaults();
        params.maxFeeBps = FEE_BPS;
        factory.setFee(FEE_BPS + 1);
        refuses(params, abi.encodeWithSelector(Factory.Factory_FeeAboveMax.selector, FEE_BPS + 1, FEE_BPS));
        params.maxFeeBps = 0;
        refuses(params, abi.encodeWithSelector(Factory.Factory_FeeAboveMax.selector, FEE_BPS + 1, 0));
        params.maxFeeBps = FEE_BPS;
        factory.setFee(FEE_BPS);
        vm.assertEq(launch(params).terms().feeBps, FEE_BPS);
        factory.setFee(0);
        vm.assertEq(launch(params).terms().feeBps, 0);
    }

    /// What was launched and cancelled stays where it is; the same terms go live again under another number.
    function test_the_same_terms_again() public {
        CampaignParams memory params = withMilestones();
        Campaign first = launch(params);
        vm.prank(CREATOR);
        first.cancel("a typing error");
        refuses(params, abi.encodeWithSelector(Factory.Factory_CampaignExists.selector, address(first)));
        params.nonce = 1;
        address foretold = factory.campaignAddress(CREATOR, params);
        Campaign second = launch(params);
        vm.assertEq(address(second), foretold);
        vm.assertTrue(second != first, "another campaign");
        vm.assertTrue(second.state() == State.Funding, "open");
        vm.assertTrue(first.state() == State.Cancelled, "as it was");
        vm.assertEq(abi.encode(second.terms()), abi.encode(first.terms()));
        refuses(params, abi.encodeWithSelector(Factory.Factory_CampaignExists.selector, address(second)));
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

    function test_strange_metadata_uris() public {
        CampaignParams memory params = defaults();
        string[7] memory strange = ["a b", "\"", "a\n", "a\x7f", "caf\xc3\xa9", "<script>", "a\\b"];
        uint256[7] memory positions = [uint256(1), 0, 1, 1, 3, 0, 1];
        for (uint256 index; index < strange.length; ++index) {
            params.metadataURI = strange[index];
            bytes1 found = bytes(strange[index])[positions[index]];
            refuses(
                params,
                abi.encodeWithSelector(
                    Factory.Factory_InvalidMetadataURICharacter.selector, positions[index], found
                )
            );
        }
        params.metadataURI = "https://example.org/~a/b.json?c=d&e=[1]%20(2)#f:g;h,i!j$k'l*m+n@o-p_q";
        launch(params);
    }

    /// Exactly the characters of RFC 3986 pass, wherever they stand.
    function testFuzz_uri_characters(bytes1 character, uint256 length, uint256 position) public {
        bytes memory uri = new bytes(bound(length, 1, 64));
        for (uint256 index; index < uri.length; ++index) {
            uri[index] = "a";
        }
        position = bound(position, 0, uri.length - 1);
        uri[position] = character;
        CampaignParams memory params = defaults();
        params.metadataURI = string(uri);
        bytes memory allowed =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%";
        bool isAllowed = false;
        for (uint256 index; index < allowed.length; ++index) {
            if (allowed[index] == character) isAllowed = true;
        }
        if (!isAllowed) {
            vm.expectRevert(
                abi.encodeWithSelector(Factory.Factory_InvalidMetadataURICharacter.selector, position, character)
            );
        }
        launch(params);
    }

    function test_milestone_terms() public {
        CampaignParams memory params = withMilestones();
        params.milestones[1].shareBps = 3_001;
        refuses(params, abi.encodeWithSelector(Factory.Factory_MilestoneSharesNotWhole.selector, 10_001, 10_000));
        params.milestones[1].shareBps = 2_999;
        refuses(params, abi.encodeWithSelector(Factory.Factory_MilestoneSharesNotWhole.selector, 9_999, 10_000));
        params.milestones[1].shareBps = 0;
        refuses(params, abi.encodeWithSelector(Factory.Factory_MilestoneShareOutOfBounds.selector, 2, 0, 1, 10_000));
        params.milestones[1].shareBps = 10_001;
        refuses(
            params, abi.encodeWithSelector(Factory.Factory_MilestoneShareOutOfBounds.selector, 2, 10_001, 1, 10_000)
        );
        params.milestones[0].shareBps = 5_001;
        refuses(params, abi.encodeWithSelector(Factory.Factory_MilestoneShareOutOfBounds.selector, 1, 5_001, 1, 5_000));
        params.milestones = new MilestoneParams[](11);
        refuses(params, abi.encodeWithSelector(Factory.Factory_TooManyMilestones.selector, 11, 10));
    }

    /// Whatever an evidence date depends on, there is a day at least between the two.
    function test_due_dates() public {
        CampaignParams memory params = withMilestones();
        (uint64 first, uint64 last) = (params.deadline + 1 days, params.deadline + 365 days);
        params.milestones[0].due = first - 1;
        refuses(params, dueOutOfBounds(1, first - 1, first, last));
        params.milestones[0].due = last + 1;
        refuses(params, dueOutOfBounds(1, last + 1, first, last));
        params.milestones[0].due = first;
        uint64 second = first + 3 days + 1 days;
        params.milestones[1].due = second - 1;
        refuses(params, dueOutOfBounds(2, second - 1, second, first + 365 days));
        params.milestones[1].due = second;
        launch(params);
        params.objectionWindow = 3 days + 1;
        refuses(params, dueOutOfBounds(2, second, second + 1, first + 365 days));
    }

    function test_evidence_not_before() public {
        CampaignParams memory params = withMilestones();
        uint64 latest = params.milestones[1].due - 1 days;
        uint64[3] memory late = [latest + 1, params.milestones[1].due, type(uint64).max];
        for (uint256 index; index < 3; ++index) {
            params.milestones[1].notBefore = late[index];
            refuses(
                params,
                abi.encodeWithSelector(Factory.Factory_NotBeforeTooLate.selector, 2, late[index], latest)
            );
        }
        params.milestones[1].notBefore = latest;
        (,, uint64 notBefore) = launch(params).milestone(2);
        vm.assertEq(notBefore, latest);
    }

    function dueOutOfBounds(uint256 milestoneId, uint256 due, uint256 least, uint256 most)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(Factory.Factory_DueDateOutOfBounds.selector, milestoneId, due, least, most);
    }

    function test_objection_terms() public {
        CampaignParams memory params = withMilestones();
        uint32[2] memory windows = [uint32(3 days - 1), 30 days + 1];
        for (uint256 index; index < 2; ++index) {
            params.objectionWindow = windows[index];
            refuses(
                params,
                abi.encodeWithSelector(
                    Factory.Factory_ObjectionWindowOutOfBounds.selector, windows[index], 3 days, 30 days
                )
            );
        }
        params.objectionWindow = 29 days;
        uint16[2] memory thresholds = [uint16(999), 5_001];
        for (uint256 index; index < 2; ++index) {
            params.objectionThresholdBps = thresholds[index];
            refuses(
                params,
                abi.encodeWithSelector(
                    Factory.Factory_ObjectionThresholdOutOfBounds.selector, thresholds[index], 1_000, 5_000
                )
            );
        }
        params = defaults();
        params.objectionWindow = 3 days;
        refuses(params, abi.encodeWithSelector(Factory.Factory_ObjectionWindowOutOfBounds.selector, 3 days, 0, 0));
        params.objectionWindow = 0;
        params.objectionThresholdBps = 1_000;
        refuses(params, abi.encodeWithSelector(Factory.Factory_ObjectionThresholdOutOfBounds.selector, 1_000, 0, 0));
    }

    function test_creators_change_in_two_steps() public {
        Campaign campaign = launch(defaults());
        vm.assertEq(campaign.creator(), CREATOR);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NotCreator.selector, ALICE, CREATOR));
        campaign.transferCreator(ALICE);
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_AlreadyCreator.selector, CREATOR));
        campaign.transferCreator(CREATOR);
        vm.prank(ALICE);
        vm.expectRevert(
            abi.encodeWithSelector(ICampaignErrors.Campaign_NotPendingCreator.selector, ALICE, address(0))
        );
        campaign.acceptCreator();
        vm.prank(CREATOR);
        campaign.transferCreator(ALICE);
        vm.assertEq(campaign.pendingCreator(), ALICE);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_NotPendingCreator.selector, BOB, ALICE));
        campaign.acceptCreator();
        vm.prank(CREATOR);
        campaign.postUpdate("u", bytes32(uint256(1)));
        vm.prank(CREATOR);
        campaign.transferCreator(address(0));
        vm.prank(ALICE);
        vm.expectRevert(
            abi.encodeWithSelector(ICampaignErrors.Campaign_NotPendingCreator.selector, ALICE, address(0))
        );
        campaign.acceptCreator();
        vm.prank(CREATOR);
        campaign.transferCreator(ALICE);
        vm.prank(ALICE);
        campaign.acceptCreator();
        vm.assertEq(campaign.creator(), ALICE);
        vm.assertEq(campaign.pendingCreator(), address(0));
        vm.assertEq(campaign.terms().creator, CREATOR);
        vm.prank(CREATOR);
        vm.expectRevert(
            abi.encodeWithSelector(ICampaignErrors.Campaign_NotCreatorOrGuardian.selector, CREATOR, ALICE)
        );
        campaign.cancel("");
        give(campaign, BOB, 10 ether);
        end(campaign);
        vm.prank(ALICE);
        campaign.withdraw(ALICE);
        vm.assertEq(ALICE.balance, 9.75 ether);
    }

    /// The smallest payout there is: nothing of it is a fee, and it is sent and told like any other.
    function test_a_payout_of_one_unit() public {
        CampaignParams memory params = defaults();
        params.mode = 1;
        Campaign campaign = launch(params);
        give(campaign, ALICE, 1);
        end(campaign);
        vm.prank(CREATOR);
        campaign.withdraw(BOB);
        vm.assertEq(BOB.balance, 1);
        vm.assertEq(campaign.totalWithdrawn(), 1);
        vm.assertEq(campaign.seq(), 2);
    }

    function test_milestones_and_views_by_number() public {
        Campaign campaign = launch(withMilestones());
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_UnknownMilestone.selector, 0, 3));
        campaign.milestone(0);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_UnknownMilestone.selector, 4, 3));
        campaign.milestone(4);
        (uint16 shareBps, uint64 due, uint64 notBefore) = campaign.milestone(2);
        vm.assertEq(shareBps, 3_000);
        vm.assertEq(due, campaign.terms().deadline + 60 days);
        vm.assertEq(notBefore, 0);
        vm.assertEq(campaign.terms().milestoneCount, 3);
        vm.assertEq(campaign.terms().objectionWindow, 3 days);
        vm.assertEq(campaign.terms().objectionThresholdBps, 2_000);
        vm.assertEq(campaign.seq(), 3);
    }

    /// A clone that a stranger makes has terms of the stranger's choice, and no factory that would say so.
    function test_a_clone_of_ones_own_is_no_campaign() public {
        Campaign real = launch(defaults());
        bytes memory code = address(real).code;
        bytes memory args = new bytes(code.length - 0x2d);
        for (uint256 index; index < args.length; ++index) {
            args[index] = code[0x2d + index];
        }
        address copy = Clones.cloneWithImmutableArgs(factory.implementation(), args);
        vm.assertEq(Campaign(copy).terms().creator, CREATOR);
        vm.assertTrue(!factory.isCampaign(copy));
        vm.expectRevert(
            abi.encodeWithSelector(ICampaignErrors.Campaign_NotFactory.selector, address(this), address(factory))
        );
        Campaign(copy).initialize(new TierParams[](0));
    }

    function test_factory_settings() public {
        vm.expectRevert(abi.encodeWithSelector(Factory.Factory_FeeTooHigh.selector, 501, 500));
        factory.setFee(501);
        vm.expectRevert(abi.encodeWithSelector(Factory.Factory_InvalidTreasury.selector, address(0)));
        factory.setTreasury(address(0));
        vm.assertEq(factory.VERSION(), 2);
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
        bytes[29] memory calls = [
            abi.encodeCall(ICampaign.initialize, (new TierParams[](0))),
            abi.encodeCall(ICampaign.contribute, (0, 0)),
            abi.encodeCall(ICampaign.contributeERC20, (1, 0, 0)),
            abi.encodeCall(ICampaign.contributeFor, (BOB, 0, 0)),
            abi.encodeCall(ICampaign.contributeERC20For, (BOB, 1, 0, 0)),
            abi.encodeCall(ICampaign.contributeERC20WithPermit, (1, 0, 0, Permit(0, 0, 0, 0))),
            abi.encodeCall(ICampaign.takeBack, (BOB)),
            abi.encodeCall(ICampaign.refund, ()),
            abi.encodeCall(ICampaign.refundFor, (BOB)),
            abi.encodeCall(ICampaign.submitMilestone, ("u", bytes32(uint256(1)))),
            abi.encodeCall(ICampaign.object, ()),
            abi.encodeCall(ICampaign.unobject, ()),
            abi.encodeCall(ICampaign.release, (BOB)),
            abi.encodeCall(ICampaign.windDown, ()),
            abi.encodeCall(ICampaign.transferCreator, (BOB)),
            abi.encodeCall(ICampaign.acceptCreator, ()),
            abi.encodeCall(ICampaign.sweepSurplus, (address(0))),
            abi.encodeCall(ICampaign.refundsSince, ()),
            abi.encodeCall(ICampaign.pledgesFirmSince, ()),
            abi.encodeCall(ICampaign.milestoneDue, ()),
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

    function test_the_smallest_contribution_is_enough() public {
        CampaignParams memory params = defaults();
        params.minContribution = 4;
        Campaign campaign = launch(params);
        give(campaign, ALICE, 4);
        vm.assertEq(campaign.totalRaised(), 4);
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
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_URILengthOutOfBounds.selector, 0, 1, 512));
        campaign.postUpdate("", bytes32(uint256(1)));
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(ICampaignErrors.Campaign_URILengthOutOfBounds.selector, 513, 1, 512));
        campaign.postUpdate(string(new bytes(513)), bytes32(uint256(1)));
        bytes memory longest = new bytes(512);
        for (uint256 index; index < longest.length; ++index) {
            longest[index] = "a";
        }
        vm.prank(CREATOR);
        campaign.postUpdate(string(longest), bytes32(uint256(1)));
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
