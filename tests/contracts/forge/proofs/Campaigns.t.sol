// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../../contracts/Campaign.sol";
import {ICampaign} from "../../../../contracts/interfaces/ICampaign.sol";
import {State} from "../../../../contracts/structs/State.sol";
import {CampaignTest} from "../CampaignTest.sol";

/// @dev For a symbolic prover: what no call can do to a campaign with three milestones, whoever makes it, at whatever
/// second of three years. Functions are called by name, since a prover gets lost among selectors it may choose.
abstract contract CampaignProof is CampaignTest {
    address internal constant ALICE = address(0xA11CE);
    uint256 internal constant YEARS = 1_100 days;
    uint256 internal constant ACTS = 12;

    Campaign internal campaign;

    function setUp() public virtual override {
        super.setUp();
        campaign = launch(withMilestones());
        give(campaign, ALICE, 10 ether);
    }

    function call(uint8 act, address caller, address to) internal {
        bytes memory data;
        if (act == 0) data = abi.encodeCall(ICampaign.refundFor, (ALICE));
        else if (act == 1) data = abi.encodeCall(ICampaign.refundTo, (to));
        else if (act == 2) data = abi.encodeCall(ICampaign.takeBack, (to));
        else if (act == 3) data = abi.encodeCall(ICampaign.withdraw, (to));
        else if (act == 4) data = abi.encodeCall(ICampaign.release, (to));
        else if (act == 5) data = abi.encodeCall(ICampaign.windDown, ());
        else if (act == 6) data = abi.encodeCall(ICampaign.claimFees, ());
        else if (act == 7) data = abi.encodeCall(ICampaign.sweepSurplus, (address(0)));
        else if (act == 8) data = abi.encodeCall(ICampaign.acceptCreator, ());
        else if (act == 9) data = abi.encodeCall(ICampaign.object, ());
        else if (act == 10) data = abi.encodeCall(ICampaign.unobject, ());
        else data = abi.encodeCall(ICampaign.cancel, (""));
        vm.prank(caller);
        (bool done,) = address(campaign).call(data);
        done;
    }

    function at(uint256 time) internal {
        vm.assume(time >= block.timestamp && time < block.timestamp + YEARS);
        vm.warp(time);
    }
}

/// @dev Money: a campaign that backers have given to, at any time from then on.
contract StrangerProof is CampaignProof {
    /// @dev What Alice gave stays hers, unless she is paid it.
    function check_no_stranger_takes_the_money(uint8 act, address caller, address to, uint256 time) public {
        vm.assume(caller != ALICE && caller != CREATOR && caller != address(this) && caller != address(campaign));
        vm.assume(act < ACTS);
        at(time);
        call(act, caller, to);
        assert(campaign.contributionOf(ALICE) + ALICE.balance == 10 ether);
        assert(address(campaign).balance == campaign.contributionOf(ALICE));
    }
}

/// @dev Times: evidence is shown, and nobody objects (yet).
abstract contract TimesProof is CampaignProof {
    /// @dev Whatever anybody does: refunds that are open opened when they did, refunds that open, open now, and evidence
    /// is not due earlier than was told.
    function _no_act_turns_time_back(uint8 act, address caller, uint256 time) internal {
        vm.assume(act < ACTS && caller != address(campaign));
        at(time);
        (uint256 since, uint256 due) = (campaign.refundsSince(), campaign.milestoneDue());
        call(act, caller, CREATOR);
        uint256 sinceThen = campaign.refundsSince();
        if (since != 0) assert(sinceThen == since);
        else assert(sinceThen == 0 || sinceThen == time);
        uint256 dueThen = campaign.milestoneDue();
        assert(dueThen == 0 || dueThen >= due);
    }

    /// @dev And if nobody does anything: refunds open after every moment at which they were closed, and stay open.
    function _no_waiting_turns_time_back(uint256 earlier, uint256 later) internal {
        at(earlier);
        uint256 since = campaign.refundsSince();
        at(later);
        uint256 sinceThen = campaign.refundsSince();
        if (since != 0) assert(sinceThen == since);
        else assert(sinceThen == 0 || (sinceThen > earlier && sinceThen <= later));
    }
}

contract InReviewProof is TimesProof {
    function setUp() public override {
        super.setUp();
        end(campaign);
        submit(campaign);
    }

    function check_no_act_turns_time_back(uint8 act, address caller, uint256 time) public {
        _no_act_turns_time_back(act, caller, time);
    }

    function check_no_waiting_turns_time_back(uint256 earlier, uint256 later) public {
        _no_waiting_turns_time_back(earlier, later);
    }

    /// @dev At any second at which a milestone can be paid, the next has a day at least, and refunds stay closed.
    function check_a_release_leaves_a_day(uint256 time) public {
        uint256 windowEnd = campaign.review().windowEnd;
        vm.assume(time >= windowEnd && time < windowEnd + 180 days);
        vm.warp(time);
        vm.prank(CREATOR);
        campaign.release(CREATOR);
        assert(campaign.state() == State.Releasing);
        assert(campaign.refundsSince() == 0);
        (, uint64 due,) = campaign.milestone(2);
        assert(campaign.milestoneDue() >= due && campaign.milestoneDue() >= time + 1 days);
    }
}

contract RefusedProof is TimesProof {
    function setUp() public override {
        super.setUp();
        end(campaign);
        submit(campaign);
        vm.prank(ALICE);
        campaign.object();
    }

    function check_no_act_turns_time_back(uint8 act, address caller, uint256 time) public {
        _no_act_turns_time_back(act, caller, time);
    }

    function check_no_waiting_turns_time_back(uint256 earlier, uint256 later) public {
        _no_waiting_turns_time_back(earlier, later);
    }
}

/// @dev The first milestone was paid on the last second of the 180 days.
contract PaidLateProof is TimesProof {
    function setUp() public override {
        super.setUp();
        end(campaign);
        submit(campaign);
        vm.warp(uint256(campaign.review().windowEnd) + 180 days - 1);
        vm.prank(CREATOR);
        campaign.release(CREATOR);
    }

    function check_no_act_turns_time_back(uint8 act, address caller, uint256 time) public {
        _no_act_turns_time_back(act, caller, time);
    }

    function check_no_waiting_turns_time_back(uint256 earlier, uint256 later) public {
        _no_waiting_turns_time_back(earlier, later);
    }
}
