// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ISupporterReceipt} from "../../../contracts/interfaces/ISupporterReceipt.sol";
import {SupporterReceipt} from "../../../contracts/SupporterReceipt.sol";
import {State} from "../../../contracts/structs/State.sol";
import {CampaignTest} from "./CampaignTest.sol";
import {ReceiptHunter, ReceiptRefuser} from "./mocks/HostileBackers.sol";

/// @dev trees/claim.tree.
contract ReceiptsTest is CampaignTest {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    SupporterReceipt private _receipt;

    function setUp() public override {
        super.setUp();
        _receipt = new SupporterReceipt(address(factory), "chainfund:receipt:{id}");
    }

    function claimAs(address backer, Campaign campaign) private {
        vm.prank(backer);
        _receipt.claim(address(campaign));
    }

    function idOf(Campaign campaign) private pure returns (uint256) {
        return uint160(address(campaign));
    }

    function succeeded() private returns (Campaign campaign) {
        campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        end(campaign);
    }

    function test_a_backer_claims_once() public {
        Campaign campaign = succeeded();
        claimAs(ALICE, campaign);
        vm.assertEq(_receipt.balanceOf(ALICE, idOf(campaign)), 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISupporterReceipt.SupporterReceipt_AlreadyClaimed.selector, ALICE, address(campaign)
            )
        );
        claimAs(ALICE, campaign);
        vm.expectRevert(
            abi.encodeWithSelector(ISupporterReceipt.SupporterReceipt_NotABacker.selector, BOB, address(campaign))
        );
        claimAs(BOB, campaign);
        vm.assertEq(_receipt.factory(), address(factory));
    }

    function test_claims_while_and_after_being_paid() public {
        Campaign campaign = succeeded();
        vm.prank(CREATOR);
        campaign.withdraw(CREATOR);
        claimAs(ALICE, campaign);
        campaign = launch(withMilestones());
        give(campaign, ALICE, 10 ether);
        end(campaign);
        claimAs(ALICE, campaign);
    }

    function test_no_receipt_without_a_success() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 1 ether);
        refusesIn(campaign, State.Funding);
        end(campaign);
        refusesIn(campaign, State.Failed);
        campaign = launch(defaults());
        vm.prank(CREATOR);
        campaign.cancel("");
        refusesIn(campaign, State.Cancelled);
        campaign = succeeded();
        vm.warp(block.timestamp + 180 days);
        refusesIn(campaign, State.Expired);
        campaign = launch(withMilestones());
        give(campaign, ALICE, 10 ether);
        vm.warp(campaign.terms().deadline + 300 days);
        refusesIn(campaign, State.WindDown);
    }

    function refusesIn(Campaign campaign, State state) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                ISupporterReceipt.SupporterReceipt_NotSucceeded.selector, address(campaign), state
            )
        );
        claimAs(ALICE, campaign);
    }

    function test_only_campaigns_of_the_factory() public {
        vm.expectRevert(
            abi.encodeWithSelector(ISupporterReceipt.SupporterReceipt_UnknownCampaign.selector, address(this))
        );
        _receipt.claim(address(this));
    }

    function test_receipts_stay_where_they_are() public {
        Campaign campaign = succeeded();
        claimAs(ALICE, campaign);
        vm.expectRevert(ISupporterReceipt.SupporterReceipt_Soulbound.selector);
        vm.prank(ALICE);
        _receipt.safeTransferFrom(ALICE, BOB, idOf(campaign), 1, "");
        vm.expectRevert(ISupporterReceipt.SupporterReceipt_Soulbound.selector);
        vm.prank(ALICE);
        _receipt.setApprovalForAll(BOB, true);
    }

    function test_a_receiver_that_claims_again_or_refuses() public {
        Campaign campaign = launch(defaults());
        ReceiptHunter hunter = new ReceiptHunter();
        ReceiptRefuser refuser = new ReceiptRefuser();
        vm.deal(address(this), 10 ether);
        campaign.contributeFor{value: 5 ether}(address(hunter), 0, 0);
        campaign.contributeFor{value: 5 ether}(address(refuser), 0, 0);
        end(campaign);
        hunter.claim(_receipt, address(campaign));
        vm.assertTrue(!hunter.succeeded());
        vm.assertEq(_receipt.balanceOf(address(hunter), idOf(campaign)), 1);
        vm.expectRevert(abi.encodeWithSignature("ERC1155InvalidReceiver(address)", address(refuser)));
        refuser.claim(_receipt, address(campaign));
        vm.assertEq(_receipt.balanceOf(address(refuser), idOf(campaign)), 0);
    }
}
