// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ISupporterReceipt} from "../../../contracts/interfaces/ISupporterReceipt.sol";
import {SupporterReceipt} from "../../../contracts/SupporterReceipt.sol";
import {State} from "../../../contracts/structs/State.sol";
import {CampaignTest} from "./CampaignTest.sol";
import {Vm} from "./Vm.sol";
import {ReceiptHunter, ReceiptRefuser} from "./mocks/HostileBackers.sol";

/// @dev trees/claim.tree.
contract ReceiptsTest is CampaignTest {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    SupporterReceipt private _receipt;

    function setUp() public override {
        super.setUp();
        _receipt = newReceipt(factory, "chainfund:receipt:{id}");
    }

    function claimAs(address backer, Campaign campaign) private {
        vm.prank(backer);
        _receipt.claim(address(campaign));
    }

    function idOf(Campaign campaign) private pure returns (uint256) {
        return uint160(address(campaign));
    }

    function paid() private returns (Campaign campaign) {
        campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        end(campaign);
        vm.prank(CREATOR);
        campaign.withdraw(CREATOR);
    }

    function amountClaimedBy(address backer, Campaign campaign) private returns (uint256 amount) {
        vm.recordLogs();
        claimAs(backer, campaign);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        vm.assertTrue(log.topics[0] == ISupporterReceipt.ReceiptClaimed.selector, "another event");
        return abi.decode(log.data, (uint256));
    }

    function test_a_backer_claims_once() public {
        Campaign campaign = paid();
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

    /// A receipt is for what can't come back: all of it, or the part of the milestones that were paid.
    function test_the_amount_is_what_was_paid_out() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 7 ether);
        give(campaign, BOB, 3 ether);
        end(campaign);
        vm.prank(CREATOR);
        campaign.withdraw(CREATOR);
        vm.assertEq(amountClaimedBy(ALICE, campaign), 7 ether);
        vm.assertEq(amountClaimedBy(BOB, campaign), 3 ether);

        campaign = launch(withMilestones());
        give(campaign, ALICE, 7 ether);
        give(campaign, BOB, 3 ether);
        end(campaign);
        release(campaign, CREATOR);
        vm.assertEq(amountClaimedBy(ALICE, campaign), 3.5 ether);
        vm.prank(CREATOR);
        campaign.windDown();
        vm.assertEq(amountClaimedBy(BOB, campaign), 1.5 ether);
        vm.prank(BOB);
        campaign.refund();
        vm.assertEq(BOB.balance, 1.5 ether);
        vm.assertEq(_receipt.balanceOf(BOB, idOf(campaign)), 1);
    }

    /// As long as nothing was paid out, all may come back: by a cancellation in the next second.
    function test_no_receipt_before_a_payout() public {
        Campaign campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        refusesIn(campaign, State.Funding);
        end(campaign);
        refusesIn(campaign, State.Succeeded);
        vm.prank(CREATOR);
        campaign.cancel("");
        refusesIn(campaign, State.Cancelled);
        campaign = launch(defaults());
        give(campaign, ALICE, 1 ether);
        end(campaign);
        refusesIn(campaign, State.Failed);
        campaign = launch(defaults());
        give(campaign, ALICE, 10 ether);
        vm.warp(campaign.terms().deadline + 180 days);
        refusesIn(campaign, State.Expired);
        campaign = launch(withMilestones());
        give(campaign, ALICE, 10 ether);
        end(campaign);
        refusesIn(campaign, State.Releasing);
        submit(campaign);
        vm.warp(campaign.review().windowEnd);
        refusesIn(campaign, State.Releasing);
        vm.warp(campaign.terms().deadline + 300 days);
        refusesIn(campaign, State.WindDown);
    }

    /// Who was refunded has supported nothing.
    function test_no_receipt_after_a_refund() public {
        Campaign campaign = launch(withMilestones());
        give(campaign, ALICE, 10 ether);
        end(campaign);
        release(campaign, CREATOR);
        vm.prank(CREATOR);
        campaign.windDown();
        vm.prank(ALICE);
        campaign.refund();
        vm.expectRevert(
            abi.encodeWithSelector(ISupporterReceipt.SupporterReceipt_NotABacker.selector, ALICE, address(campaign))
        );
        claimAs(ALICE, campaign);
    }

    function refusesIn(Campaign campaign, State state) private {
        vm.assertTrue(campaign.state() == state, "another state");
        vm.expectRevert(
            abi.encodeWithSelector(
                ISupporterReceipt.SupporterReceipt_NothingPaidOut.selector, address(campaign), state
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
        Campaign campaign = paid();
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
        vm.prank(CREATOR);
        campaign.withdraw(CREATOR);
        hunter.claim(_receipt, address(campaign));
        vm.assertTrue(!hunter.succeeded());
        vm.assertEq(_receipt.balanceOf(address(hunter), idOf(campaign)), 1);
        vm.expectRevert(abi.encodeWithSignature("ERC1155InvalidReceiver(address)", address(refuser)));
        refuser.claim(_receipt, address(campaign));
        vm.assertEq(_receipt.balanceOf(address(refuser), idOf(campaign)), 0);
    }
}
