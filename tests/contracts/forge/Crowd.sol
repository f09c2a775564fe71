// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaignEvents} from "../../../contracts/interfaces/ICampaignEvents.sol";
import {TestToken} from "../../../contracts/mocks/TestToken.sol";
import {Permit} from "../../../contracts/structs/Permit.sol";
import {State} from "../../../contracts/structs/State.sol";
import {Terms} from "../../../contracts/structs/Terms.sol";
import {Vm} from "./Vm.sol";

/// @dev Does to the campaigns what people do, sensible things and others, and keeps its own books from what it sent and
/// from the events that came of it. What a campaign refuses is caught; what it must not refuse is asked for in
/// {everybodyLeaves}. Most acts of a run are about one campaign: of six at once, none would come far.
contract Crowd {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 public constant MEMBERS = 5;
    address private constant STRANGER = address(0x57A46E);
    address private constant PURSE = address(0xCA5);

    /// @dev One call in so many does what it says, or no campaign would ever reach its end.
    uint256 private constant CANCEL = 24;
    uint256 private constant PAUSE = 8;
    uint256 private constant GIVE_UP = 12;
    uint256 private constant LONG_WAIT = 6;
    /// @dev One call in so many is about another campaign than the run's own.
    uint256 private constant ASIDE = 8;

    Campaign[] private _campaigns;
    Campaign private _own;
    address[] private _members;
    TestToken private immutable _token;

    /// @dev Contributions less what was taken back.
    mapping(Campaign => uint256) public given;
    /// @dev What backers had given whose refund or share is gone.
    mapping(Campaign => uint256) public cleared;
    mapping(Campaign => uint256) public forced;
    mapping(Campaign => uint256) public events;
    mapping(Campaign => uint256) public gaps;
    /// @dev Contributions taken at or after the deadline.
    mapping(Campaign => uint256) public late;
    /// @dev In which states the acts left their campaigns, and which events they made it emit, by their topic.
    mapping(State => uint256) public visits;
    mapping(bytes32 => uint256) public emitted;
    /// @dev What the last call was about.
    Campaign public touched;
    /// @dev What a campaign told that a later time contradicts; empty as long as there is none.
    string public backward;
    mapping(Campaign => Told) private _told;

    /// @dev Times that a campaign has told. `closedAt` is the last at which refunds were not open.
    struct Told {
        uint256 closedAt;
        uint256 refundsSince;
        uint256 due;
        uint256 lastRelease;
    }

    constructor(Campaign[] memory campaigns, TestToken token) {
        (_campaigns, _token, touched) = (campaigns, token, campaigns[0]);
        for (uint256 index; index < MEMBERS; ++index) {
            _members.push(vm.addr(_keyOf(index)));
        }
    }

    function memberAt(uint256 index) public view returns (address) {
        return _members[index % MEMBERS];
    }

    function balanceOf(Campaign campaign) public view returns (uint256) {
        return _isNative(campaign) ? address(campaign).balance : _token.balanceOf(address(campaign));
    }

    function contribute(uint256 which, uint256 who, uint256 amount, uint256 tierId) external {
        _contribute(_pick(which), who, memberAt(who), _gift(amount), tierId, false);
    }

    function contributeFor(uint256 which, uint256 who, uint256 whom, uint256 amount, uint256 tierId) external {
        _contribute(_pick(which), who, memberAt(whom), _gift(amount), tierId, false);
    }

    function contributeWithPermit(uint256 which, uint256 who, uint256 amount, uint256 tierId) external {
        Campaign campaign = _pick(which);
        _contribute(campaign, who, memberAt(who), _gift(amount), tierId, !_isNative(campaign));
    }

    function takeBack(uint256 which, uint256 who) external {
        Campaign campaign = _pick(which);
        address member = _giverFrom(campaign, who);
        uint256 before = campaign.contributionOf(member);
        vm.recordLogs();
        vm.prank(member);
        try campaign.takeBack(member) {
            given[campaign] -= before;
        } catch {}
        _readEvents(campaign);
    }

    function refund(uint256 which, uint256 who) public {
        _refund(_pick(which), memberAt(who), memberAt(who));
    }

    function refundFor(uint256 which, uint256 who) external {
        _refund(_pick(which), STRANGER, memberAt(who));
    }

    function withdraw(uint256 which) public {
        Campaign campaign = _asCreator(which);
        try campaign.withdraw(PURSE) {} catch {}
        _readEvents(campaign);
    }

    function submitMilestone(uint256 which) public {
        Campaign campaign = _asCreator(which);
        try campaign.submitMilestone("ipfs://evidence", keccak256("evidence")) {} catch {}
        _readEvents(campaign);
    }

    function object(uint256 which, uint256 who) public {
        Campaign campaign = _as(_giverFrom(_pick(which), who), which);
        try campaign.object() {} catch {}
        _readEvents(campaign);
    }

    /// @dev By somebody who has objected, if anybody has.
    function unobject(uint256 which, uint256 who) public {
        for (uint256 step; step < MEMBERS && !_pick(which).isObjecting(memberAt(who)); ++step) {
            who = who % MEMBERS + 1;
        }
        Campaign campaign = _as(memberAt(who), which);
        try campaign.unobject() {} catch {}
        _readEvents(campaign);
    }

    /// @dev Takes what time and objections allow, as a creator would who has been waiting for it.
    function release(uint256 which, uint256 waits) public {
        Campaign campaign = _pick(which);
        uint256 windowEnd = campaign.review().windowEnd;
        if (waits % 2 == 0 && windowEnd > block.timestamp) vm.warp(windowEnd);
        _asCreator(which);
        try campaign.release(PURSE) {} catch {}
        _readEvents(campaign);
    }

    function windDown(uint256 which, uint256 chance) external {
        Campaign campaign = _pick(which);
        if (campaign.state() == State.Releasing && !_happens(chance, GIVE_UP)) return proceed(which, chance);
        _asCreator(which);
        try campaign.windDown() {} catch {}
        _readEvents(campaign);
    }

    function claimFees(uint256 which) public {
        Campaign campaign = _as(STRANGER, which);
        try campaign.claimFees() {} catch {}
        _readEvents(campaign);
    }

    function cancel(uint256 which, uint256 chance) external {
        if (!_happens(chance, CANCEL)) return proceed(which, chance);
        Campaign campaign = _asCreator(which);
        try campaign.cancel("") {} catch {}
        _readEvents(campaign);
    }

    function postUpdate(uint256 which) external {
        Campaign campaign = _asCreator(which);
        campaign.postUpdate("u", keccak256("u"));
        _readEvents(campaign);
    }

    function pause(uint256 which, uint256 chance) external {
        Campaign campaign = _as(address(this), which);
        try campaign.setContributionsPaused(_happens(chance, PAUSE)) {} catch {}
        _readEvents(campaign);
    }

    /// @dev To a member too: whoever pays and is paid may be the same.
    function transferCreator(uint256 which, uint256 whom) external {
        Campaign campaign = _pick(which);
        address successor = whom % 3 == 0 ? memberAt(whom) : address(uint160(0xC4EA00 + (whom % 7)));
        if (successor == campaign.creator()) return;
        _asCreator(which);
        campaign.transferCreator(successor);
        _readEvents(campaign);
        _as(successor, which);
        try campaign.acceptCreator() {} catch {}
        _readEvents(campaign);
    }

    function force(uint256 which, uint256 amount) external {
        Campaign campaign = _pick(which);
        amount = amount % 1 ether;
        bytes32 before = keccak256(abi.encode(campaign.summary()));
        forced[campaign] += amount;
        if (_isNative(campaign)) vm.deal(address(campaign), address(campaign).balance + amount);
        else _token.mint(address(campaign), amount);
        if (keccak256(abi.encode(campaign.summary())) != before) revert("money forced in has changed something");
    }

    function sweepSurplus(uint256 which) external {
        Campaign campaign = _pick(which);
        address currency = campaign.terms().token;
        _as(STRANGER, which);
        try campaign.sweepSurplus(currency) {
            forced[campaign] = 0;
        } catch {}
        _readEvents(campaign);
    }

    /// @dev What brings a campaign on from where it is.
    function proceed(uint256 which, uint256 how) public {
        Campaign campaign = _pick(which);
        Terms memory terms = campaign.terms();
        State state = campaign.state();
        if (state == State.Funding) {
            if (campaign.totalRaised() >= terms.goal) vm.warp(terms.deadline);
            else _contribute(campaign, how, memberAt(how), _towards(terms.goal - campaign.totalRaised(), how), 0, false);
        } else if (state == State.Succeeded) {
            withdraw(which);
        } else if (state == State.Releasing) {
            if (campaign.review().windowEnd == 0) submitMilestone(which);
            else if (campaign.review().objections != 0 && _happens(how, 3)) unobject(which, how);
            else if (_happens(how, 2)) object(which, how);
            else release(which, 0);
        } else if (state == State.Completed) {
            claimFees(which);
        } else {
            refund(which, how);
        }
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + 1 hours + time % 12 hours);
    }

    /// @dev So long that what nobody collects is lost to its creator.
    function passLong(uint256 chance) external {
        if (!_happens(chance, LONG_WAIT)) return proceed(chance, chance);
        vm.warp(block.timestamp + 181 days);
    }

    /// @dev To a second at which something changes for a campaign, or the one before it.
    function passTo(uint256 which, uint256 boundary, uint256 before) external {
        Campaign campaign = _pick(which);
        Terms memory terms = campaign.terms();
        uint256 moment = terms.deadline;
        if (boundary % 5 == 0) moment -= 24 hours;
        if (boundary % 5 == 2 && campaign.review().windowEnd != 0) moment = campaign.review().windowEnd;
        if (boundary % 5 == 3 && campaign.milestoneDue() != 0) moment = campaign.milestoneDue();
        // Past the next due date of the terms, so that a release from then on is a late one.
        if (boundary % 5 == 4 && campaign.review().windowEnd != 0) moment = campaign.review().windowEnd + 30 days;
        if (before % 2 == 0) moment -= 1;
        if (moment > block.timestamp && moment < block.timestamp + 40 days) vm.warp(moment);
    }

    /// @dev All time limits pass and everybody takes what is theirs. Whatever happened before, nobody is turned away,
    /// in whatever order they come, and only rounding is left.
    function everybodyLeaves(Campaign campaign, uint256 order) external returns (uint256 left) {
        vm.warp(block.timestamp + 400 days);
        State state = campaign.state();
        if (state == State.Succeeded) revert("nothing was collected for 400 days");
        if (state == State.Completed) _requireNothingOwedTo(campaign);
        else _refundEverybody(campaign, order);
        if (campaign.totalFees() > campaign.totalFeesClaimed()) campaign.claimFees();
        return campaign.totalRaised() - campaign.totalRefunded() - campaign.totalWithdrawn()
            - campaign.totalFeesClaimed();
    }

    function _requireNothingOwedTo(Campaign campaign) private view {
        if (campaign.totalRaised() != campaign.totalWithdrawn() + campaign.totalFees()) revert("not all was paid out");
    }

    function _refundEverybody(Campaign campaign, uint256 order) private {
        for (uint256 step; step < MEMBERS; ++step) {
            address member = memberAt(step * 3 + order);
            if (_shareOf(campaign, member) == 0) continue;
            vm.prank(member);
            campaign.refund();
        }
    }

    /// @dev What is due to a backer when the campaign gives money back; in a wind-down it may round to nothing.
    function _shareOf(Campaign campaign, address member) private view returns (uint256) {
        uint256 amount = campaign.contributionOf(member);
        if (amount == 0 || campaign.state() != State.WindDown) return amount;
        uint256 unpaid = campaign.totalRaised() - campaign.totalWithdrawn() - campaign.totalFees();
        return amount * unpaid / campaign.totalRaised();
    }

    function _contribute(
        Campaign campaign,
        uint256 payer,
        address backer,
        uint256 amount,
        uint256 anyTier,
        bool permitted
    ) private {
        uint32 tierId = uint32(anyTier % 3);
        uint256 before = campaign.contributionOf(backer);
        vm.recordLogs();
        if (_isNative(campaign)) {
            vm.deal(memberAt(payer), amount);
            vm.prank(memberAt(payer));
            try campaign.contributeFor{value: amount}(backer, tierId, 0) {} catch {}
        } else if (permitted) {
            _token.mint(backer, amount);
            Permit memory permit = _permitOf(payer, address(campaign), amount);
            vm.prank(backer);
            try campaign.contributeERC20WithPermit(amount, tierId, 0, permit) {} catch {}
        } else {
            _token.mint(memberAt(payer), amount);
            vm.prank(memberAt(payer));
            _token.approve(address(campaign), amount);
            vm.prank(memberAt(payer));
            try campaign.contributeERC20For(backer, amount, tierId, 0) {} catch {}
        }
        uint256 accepted = campaign.contributionOf(backer) - before;
        given[campaign] += accepted;
        if (accepted != 0 && block.timestamp >= campaign.terms().deadline) ++late[campaign];
        _readEvents(campaign);
    }

    function _refund(Campaign campaign, address caller, address member) private {
        uint256 before = campaign.contributionOf(member);
        vm.recordLogs();
        vm.prank(caller);
        if (caller == member) {
            try campaign.refund() {
                cleared[campaign] += before;
            } catch {}
        } else {
            try campaign.refundFor(member) {
                cleared[campaign] += before;
            } catch {}
        }
        _readEvents(campaign);
    }

    /// @dev Somebody who has given, if anybody has.
    function _giverFrom(Campaign campaign, uint256 who) private view returns (address) {
        for (uint256 step; step < MEMBERS && campaign.contributionOf(memberAt(who)) == 0; ++step) {
            who = who % MEMBERS + 1;
        }
        return memberAt(who);
    }

    /// @dev Mostly too little to reach a goal by itself, so that pledges can be taken back.
    function _gift(uint256 amount) private pure returns (uint256) {
        return amount % (_happens(amount, 4) ? 4 ether : 0.5 ether);
    }

    /// @dev All that is missing, or a part of it.
    function _towards(uint256 missing, uint256 how) private pure returns (uint256) {
        return _happens(how, 3) ? missing : missing / 4 + 1;
    }

    function _permitOf(uint256 who, address spender, uint256 amount) private view returns (Permit memory permit) {
        bytes32 message = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                memberAt(who),
                spender,
                amount,
                _token.nonces(memberAt(who)),
                block.timestamp
            )
        );
        permit.deadline = block.timestamp;
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", _token.DOMAIN_SEPARATOR(), message));
        (permit.v, permit.r, permit.s) = vm.sign(_keyOf(who), digest);
    }

    function _asCreator(uint256 which) private returns (Campaign campaign) {
        address creator = _pick(which).creator();
        return _as(creator, which);
    }

    function _as(address caller, uint256 which) private returns (Campaign campaign) {
        campaign = _pick(which);
        vm.recordLogs();
        vm.prank(caller);
    }

    function _keyOf(uint256 index) private pure returns (uint256) {
        return 0xBACE00 + (index % MEMBERS);
    }

    /// @dev The fuzzer prefers small and large numbers; their hashes are even.
    function _happens(uint256 chance, uint256 outOf) private pure returns (bool) {
        return uint256(keccak256(abi.encode(chance))) % outOf == 0;
    }

    function _pick(uint256 which) private returns (Campaign campaign) {
        uint256 number = uint256(keccak256(abi.encode(which)));
        campaign = _campaigns[(number >> 8) % _campaigns.length];
        if (address(_own) == address(0)) _own = campaign;
        if (number % ASIDE != 0) campaign = _own;
        touched = campaign;
    }

    function _isNative(Campaign campaign) private view returns (bool) {
        return campaign.terms().token == address(0);
    }

    /// @dev The seq of each new event must be one more than that of the event before it.
    function _readEvents(Campaign campaign) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 index; index < logs.length; ++index) {
            if (logs[index].emitter != address(campaign)) continue;
            ++emitted[logs[index].topics[0]];
            Terms memory terms = campaign.terms();
            uint256 expected = terms.tierCount + terms.milestoneCount + ++events[campaign];
            // seq is the first word of data in every event of a campaign.
            if (abi.decode(logs[index].data, (uint256)) != expected) ++gaps[campaign];
            _readTimes(campaign, logs[index]);
        }
        _compareTimes(campaign);
        ++visits[campaign.state()];
    }

    function _readTimes(Campaign campaign, Vm.Log memory log) private {
        Told storage told = _told[campaign];
        if (log.topics[0] == ICampaignEvents.MilestoneReleased.selector) {
            (,,,, uint64 nextDue) = abi.decode(log.data, (uint64, address, uint256, uint256, uint64));
            if (nextDue != 0 && nextDue < block.timestamp + 1 days) backward = "no day is left for the next evidence";
            if (nextDue != 0 && nextDue != campaign.milestoneDue() && campaign.milestoneDue() != 0) {
                backward = "the next evidence is due at another time than was told";
            }
            told.lastRelease = block.timestamp;
        } else if (log.topics[0] == ICampaignEvents.WindDownStarted.selector) {
            (, uint64 since) = abi.decode(log.data, (uint64, uint64));
            if (since != campaign.refundsSince()) backward = "refunds opened at another time than the wind-down";
            if (since < told.lastRelease) backward = "a wind-down from before a payout";
        }
    }

    /// @dev Asked after every act, at whatever time: refunds opened after the last moment at which they were closed and
    /// at one moment for good, and evidence is never due earlier than was said.
    function _compareTimes(Campaign campaign) private {
        Told storage told = _told[campaign];
        uint256 since = campaign.refundsSince();
        if (since == 0) {
            if (told.refundsSince != 0) backward = "refunds were open";
            told.closedAt = block.timestamp;
        } else {
            if (since < told.closedAt || since > block.timestamp) backward = "refunds opened at another time";
            if (told.refundsSince != 0 && told.refundsSince != since) backward = "refunds opened at two times";
            told.refundsSince = since;
        }
        uint256 due = campaign.milestoneDue();
        if (due != 0) {
            if (due < told.due) backward = "evidence is due earlier than was told";
            told.due = due;
        }
    }
}
