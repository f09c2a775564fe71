// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaign} from "../../../contracts/interfaces/ICampaign.sol";
import {TestToken} from "../../../contracts/mocks/TestToken.sol";
import {State} from "../../../contracts/structs/State.sol";
import {Vm} from "./Vm.sol";

/// @dev Does to the campaigns what people do, mostly sensible things, and keeps its own books from what it sent and
/// from the events that came of it.
contract Crowd {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 public constant MEMBERS = 5;

    /// @dev One call in so many does what it says, or no campaign would ever reach its end.
    uint256 private constant CANCEL = 32;
    uint256 private constant PAUSE = 8;

    Campaign[] private _campaigns;
    TestToken private immutable _token;
    address private immutable _creator;

    mapping(Campaign => uint256) public given;
    mapping(Campaign => uint256) public forced;
    mapping(Campaign => uint256) public events;
    mapping(Campaign => uint256) public gaps;

    constructor(Campaign[] memory campaigns, TestToken token, address creator) {
        (_campaigns, _token, _creator) = (campaigns, token, creator);
    }

    function memberAt(uint256 index) public pure returns (address) {
        return address(uint160(0xBACE00 + (index % MEMBERS)));
    }

    function balanceOf(Campaign campaign) public view returns (uint256) {
        return _isNative(campaign) ? address(campaign).balance : _token.balanceOf(address(campaign));
    }

    function contribute(uint256 which, uint256 who, uint256 amount, uint32 tierId) external {
        Campaign campaign = _pick(which);
        address member = memberAt(who);
        amount = amount % 4 ether;
        tierId = tierId % 3;
        uint256 before = campaign.contributionOf(member);
        vm.recordLogs();
        if (_isNative(campaign)) {
            vm.deal(member, amount);
            vm.prank(member);
            try campaign.contribute{value: amount}(tierId, 0) {} catch {}
        } else {
            _token.mint(member, amount);
            vm.prank(member);
            _token.approve(address(campaign), amount);
            vm.prank(member);
            try campaign.contributeERC20(amount, tierId, 0) {} catch {}
        }
        given[campaign] += campaign.contributionOf(member) - before;
        _readEvents(campaign);
    }

    function refund(uint256 which, uint256 who) external {
        Campaign campaign = _pick(which);
        vm.recordLogs();
        vm.prank(memberAt(who));
        try campaign.refund() {} catch {}
        _readEvents(campaign);
    }

    function withdraw(uint256 which) external {
        Campaign campaign = _pick(which);
        vm.recordLogs();
        vm.prank(_creator);
        try campaign.withdraw(address(0xCA5)) {} catch {}
        _readEvents(campaign);
    }

    function claimFees(uint256 which) external {
        Campaign campaign = _pick(which);
        vm.recordLogs();
        try campaign.claimFees() {} catch {}
        _readEvents(campaign);
    }

    function cancel(uint256 which, uint256 chance) external {
        if (!_happens(chance, CANCEL)) return;
        Campaign campaign = _pick(which);
        vm.recordLogs();
        vm.prank(_creator);
        try campaign.cancel("") {} catch {}
        _readEvents(campaign);
    }

    function postUpdate(uint256 which) external {
        Campaign campaign = _pick(which);
        vm.recordLogs();
        vm.prank(_creator);
        campaign.postUpdate("u", keccak256("u"));
        _readEvents(campaign);
    }

    function pause(uint256 which, uint256 chance) external {
        Campaign campaign = _pick(which);
        vm.recordLogs();
        try campaign.setContributionsPaused(_happens(chance, PAUSE)) {} catch {}
        _readEvents(campaign);
    }

    function force(uint256 which, uint256 amount) external {
        Campaign campaign = _pick(which);
        amount = amount % 1 ether;
        forced[campaign] += amount;
        if (_isNative(campaign)) vm.deal(address(campaign), address(campaign).balance + amount);
        else _token.mint(address(campaign), amount);
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + 12 hours + time % 12 hours);
    }

    /// @dev The fuzzer prefers small and large numbers; their hashes are even.
    function _happens(uint256 chance, uint256 outOf) private pure returns (bool) {
        return uint256(keccak256(abi.encode(chance))) % outOf == 0;
    }

    function _pick(uint256 which) private view returns (Campaign) {
        return _campaigns[which % _campaigns.length];
    }

    function _isNative(Campaign campaign) private view returns (bool) {
        return campaign.terms().token == address(0);
    }

    /// @dev The seq of each new event must be one more than that of the event before it.
    function _readEvents(Campaign campaign) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 index; index < logs.length; ++index) {
            if (logs[index].emitter != address(campaign)) continue;
            uint256 expected = 2 + ++events[campaign];
            // seq is the first word of data in every event of a campaign.
            if (abi.decode(logs[index].data, (uint256)) != expected) ++gaps[campaign];
        }
    }
}
