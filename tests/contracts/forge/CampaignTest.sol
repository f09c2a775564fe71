// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Contracts} from "@under-test/Contracts.sol";

import {Campaign} from "../../../contracts/Campaign.sol";
import {CampaignFactory} from "../../../contracts/CampaignFactory.sol";
import {TestToken} from "../../../contracts/mocks/TestToken.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {MilestoneParams} from "../../../contracts/structs/Milestone.sol";
import {TierParams} from "../../../contracts/structs/Tier.sol";
import {Vm} from "./Vm.sol";

/// @dev A factory, a token and words to launch campaigns with.
abstract contract CampaignTest is Contracts {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal constant TREASURY = address(0x7EA5);
    address internal constant CREATOR = address(0xC4EA);
    uint16 internal constant FEE_BPS = 250;

    CampaignFactory internal factory;
    TestToken internal token;
    uint256 private _documents;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        token = newToken();
        address[] memory allowed = new address[](1);
        allowed[0] = address(token);
        factory = newFactory(address(this), TREASURY, FEE_BPS, allowed);
    }

    /// @dev Each call has a document of its own: the factory launches nothing twice.
    function defaults() internal returns (CampaignParams memory) {
        return CampaignParams({
            token: address(0),
            mode: 0,
            goal: 10 ether,
            deadline: uint64(block.timestamp + 30 days),
            minContribution: 0,
            cap: 0,
            metadataURI: "chainfund:metadata:0x00",
            metadataHash: keccak256(abi.encode("document", ++_documents)),
            tiers: new TierParams[](0),
            milestones: new MilestoneParams[](0),
            objectionWindow: 0,
            objectionThresholdBps: 0,
            maxFeeBps: 500,
            nonce: 0
        });
    }

    /// @dev Three milestones of 50, 30 and 20 %, due a month apart, with three days to object and 20 % to stop.
    function withMilestones() internal returns (CampaignParams memory params) {
        params = defaults();
        params.goal = 1 ether;
        params.milestones = new MilestoneParams[](3);
        uint16[3] memory shares = [uint16(5_000), 3_000, 2_000];
        for (uint256 index; index < 3; ++index) {
            uint64 due = params.deadline + uint64(30 days * (index + 1));
            params.milestones[index] = MilestoneParams({shareBps: shares[index], due: due, notBefore: 0});
        }
        (params.objectionWindow, params.objectionThresholdBps) = (3 days, 2_000);
    }

    function launch(CampaignParams memory params) internal returns (Campaign) {
        vm.prank(CREATOR);
        return Campaign(factory.createCampaign(params));
    }

    function give(Campaign campaign, address backer, uint256 amount) internal {
        vm.deal(backer, backer.balance + amount);
        vm.prank(backer);
        campaign.contribute{value: amount}(0, 0);
    }

    function giveTokens(Campaign campaign, address backer, uint256 amount) internal {
        token.mint(backer, amount);
        vm.prank(backer);
        token.approve(address(campaign), amount);
        vm.prank(backer);
        campaign.contributeERC20(amount, 0, 0);
    }

    function submit(Campaign campaign) internal {
        vm.prank(CREATOR);
        campaign.submitMilestone("ipfs://evidence", keccak256("evidence"));
    }

    /// @dev Evidence, a window without objections, and the payout.
    function release(Campaign campaign, address to) internal {
        submit(campaign);
        vm.warp(campaign.review().windowEnd);
        vm.prank(CREATOR);
        campaign.release(to);
    }

    /// @dev Compares what comes back itself: an expectRevert is content with a revert that has no data.
    function refuses(Campaign campaign, address caller, bytes memory call, bytes memory reason) internal {
        vm.prank(caller);
        (bool accepted, bytes memory result) = address(campaign).call(call);
        vm.assertTrue(!accepted, "accepted");
        vm.assertEq(result, reason);
    }

    function end(Campaign campaign) internal {
        vm.warp(campaign.terms().deadline);
    }

    function bound(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + value % (most - least + 1);
    }
}
