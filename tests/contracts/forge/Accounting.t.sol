// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {State} from "../../../contracts/structs/State.sol";
import {Summary} from "../../../contracts/structs/Summary.sol";
import {TierParams} from "../../../contracts/structs/Tier.sol";
import {CampaignTest} from "./CampaignTest.sol";
import {Crowd} from "./Crowd.sol";

/// @dev Runs a crowd over one campaign in the native currency and one in a token, and after every step asks whether
/// the books are right.
contract AccountingTest is CampaignTest {
    Campaign[] private _campaigns;
    Crowd private _crowd;

    function setUp() public override {
        super.setUp();
        CampaignParams memory params = defaults();
        (params.goal, params.cap) = (3 ether, 7 ether);
        params.deadline = uint64(block.timestamp + 4 days);
        params.tiers = new TierParams[](2);
        params.tiers[0] = TierParams({price: 1 ether, supply: 0});
        params.tiers[1] = TierParams({price: 2 ether, supply: 2});
        _campaigns.push(launch(params));
        params.token = address(token);
        _campaigns.push(launch(params));
        params.mode = 1;
        _campaigns.push(launch(params));
        _crowd = new Crowd(_campaigns, token, CREATOR);
        factory.grantRole(factory.GUARDIAN_ROLE(), address(_crowd));
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_crowd);
    }

    function invariant_contributions_add_up() public view {
        for (uint256 index; index < _campaigns.length; ++index) {
            Campaign campaign = _campaigns[index];
            uint256 outstanding;
            for (uint256 member; member < _crowd.MEMBERS(); ++member) {
                outstanding += campaign.contributionOf(_crowd.memberAt(member));
            }
            vm.assertEq(outstanding, campaign.totalRaised() - campaign.totalRefunded(), "contributions");
            vm.assertEq(campaign.totalRaised(), _crowd.given(campaign), "raised");
        }
    }

    function invariant_balance_is_what_is_owed() public view {
        for (uint256 index; index < _campaigns.length; ++index) {
            Campaign campaign = _campaigns[index];
            uint256 left = campaign.totalRaised() - campaign.totalRefunded() - campaign.totalWithdrawn()
                - campaign.totalFeesClaimed();
            vm.assertEq(_crowd.balanceOf(campaign), left + _crowd.forced(campaign), "balance");
        }
    }

    function invariant_seq_counts_every_event() public view {
        for (uint256 index; index < _campaigns.length; ++index) {
            vm.assertEq(_campaigns[index].seq(), 2 + _crowd.events(_campaigns[index]), "seq");
            vm.assertEq(_crowd.gaps(_campaigns[index]), 0, "an event's seq is not the one before plus one");
        }
    }

    function invariant_one_outcome_only() public view {
        for (uint256 index; index < _campaigns.length; ++index) {
            Summary memory summary = _campaigns[index].summary();
            vm.assertTrue(summary.totalRefunded == 0 || summary.totalWithdrawn == 0, "paid out and refunded");
            vm.assertLe(summary.totalRefunded, summary.totalRaised, "refunded");
            vm.assertLe(summary.totalFeesClaimed, summary.totalFees, "fees claimed");
            vm.assertLe(summary.totalFees * 10_000, summary.totalRaised * summary.terms.feeBps, "fee");
            vm.assertLe(summary.totalRaised, summary.terms.cap, "cap");
            vm.assertLe(_campaigns[index].tier(2).sold, 2, "sold");
            vm.assertTrue(
                (summary.state == State.Completed) == (summary.totalWithdrawn != 0), "completed is paid out"
            );
        }
    }
}
