// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../../contracts/Campaign.sol";
import {CampaignParams} from "../../../../contracts/structs/CampaignParams.sol";
import {CampaignTest} from "../CampaignTest.sol";

/// @dev For a symbolic prover: money in, out and back, for every amount at once. Shares of a wind-down are left to the
/// fuzzer: a product of two unknowns divided by a third is more than a solver takes.
contract AccountingProof is CampaignTest {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    address private constant PURSE = address(0xCA5);
    uint256 private constant CAP = 12 ether;

    Campaign private _capped;
    Campaign private _keeping;

    function setUp() public override {
        super.setUp();
        CampaignParams memory params = defaults();
        (params.cap, params.minContribution) = (CAP, 1 ether);
        _capped = launch(params);
        give(_capped, ALICE, 7 ether);
        params = defaults();
        params.mode = 1;
        _keeping = launch(params);
    }

    /// @dev What fits under the cap is taken and written down once, the rest is back, or nothing has happened.
    function check_a_contribution_is_what_was_taken(uint128 amount) public {
        vm.deal(BOB, amount);
        vm.prank(BOB);
        try _capped.contribute{value: amount}(0, 0) returns (uint256 accepted) {
            assert(amount >= 1 ether && accepted == (amount < CAP - 7 ether ? amount : CAP - 7 ether));
            assert(BOB.balance == amount - accepted);
            assert(_capped.contributionOf(BOB) == accepted && _capped.totalRaised() == 7 ether + accepted);
            assert(_capped.seq() == 2);
        } catch {
            assert(amount < 1 ether && BOB.balance == amount);
            assert(_capped.contributionOf(BOB) == 0 && _capped.totalRaised() == 7 ether);
        }
        assert(_capped.contributionOf(ALICE) == 7 ether);
        assert(address(_capped).balance == _capped.totalRaised());
    }

    /// @dev Whatever one backer gave and took back, the other's money is there.
    function check_a_pledge_taken_back_is_all_of_it(uint64 amount) public {
        vm.assume(amount >= 1 ether && amount < 3 ether);
        vm.deal(BOB, amount);
        vm.prank(BOB);
        _capped.contribute{value: amount}(0, 0);
        vm.prank(BOB);
        _capped.takeBack(PURSE);
        assert(PURSE.balance == amount && _capped.contributionOf(BOB) == 0);
        assert(_capped.totalRaised() == 7 ether && address(_capped).balance == 7 ether);
    }

    function check_a_refund_is_all_of_it(uint64 amount) public {
        vm.assume(amount >= 1 ether && amount < 5 ether);
        vm.deal(BOB, amount);
        vm.prank(BOB);
        _capped.contribute{value: amount}(0, 0);
        vm.prank(CREATOR);
        _capped.cancel("");
        vm.prank(BOB);
        _capped.refundTo(PURSE);
        assert(PURSE.balance == amount && _capped.contributionOf(BOB) == 0);
        assert(_capped.totalRefunded() == amount && address(_capped).balance == 7 ether);
    }

    /// @dev Creator and treasury get all there is between them, and the fee is its rate, rounded down.
    function check_a_payout_is_split_exactly(uint96 amount) public {
        vm.assume(amount != 0);
        give(_keeping, BOB, amount);
        end(_keeping);
        vm.prank(CREATOR);
        _keeping.withdraw(PURSE);
        uint256 fee = _keeping.totalFees();
        assert(PURSE.balance + fee == amount && _keeping.totalWithdrawn() == PURSE.balance);
        assert(fee == uint256(amount) * FEE_BPS / 10_000);
        assert(address(_keeping).balance == fee);
    }
}
