// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICampaign} from "../interfaces/ICampaign.sol";
import {CampaignArgs} from "../libraries/CampaignArgs.sol";
import {Review} from "../structs/Milestone.sol";
import {State} from "../structs/State.sol";
import {Payouts} from "./Payouts.sol";

/// @title Payouts by milestones: evidence, a window to object, then the tranche or, refused, the wind-down
/// @dev One milestone at a time, in order, so that all there is to keep of the one under way is {Review}.
abstract contract Milestones is Payouts {
    using CampaignArgs for CampaignArgs.Packed;

    /// @inheritdoc ICampaign
    function submitMilestone(string calldata uri, bytes32 contentHash) external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        _requireCreator(args);
        _requireContent(uri, contentHash);
        Totals memory totals = _totals;
        _requireState(args, totals, State.Releasing);
        uint32 milestoneId = uint32(_paidOut.released) + 1;
        if (_review.windowEnd != 0) revert Campaign_MilestoneAlreadySubmitted(milestoneId);
        uint256 notBefore = CampaignArgs.notBeforeOf(milestoneId);
        if (block.timestamp < notBefore) revert Campaign_EvidenceTooEarly(block.timestamp, notBefore);
        if (totals.raised == 0) revert Campaign_NothingToWithdraw();

        // Frozen here, as is who counts: the campaign changes hands only outside the window.
        uint256 limit = (_votingTotal(args, totals) * args.objectionThresholdBps()) / BASIS_POINTS;
        uint256 windowEnd = block.timestamp + args.objectionWindow();
        _review = Review({objections: 0, limit: uint104(limit), windowEnd: uint40(windowEnd)});
        emit MilestoneSubmitted({
            creator: msg.sender,
            milestoneId: milestoneId,
            seq: _countEvent(),
            uri: uri,
            contentHash: contentHash,
            windowEnd: uint64(windowEnd),
            objectionLimit: limit
        });
    }

    /// @inheritdoc ICampaign
    function object() external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        if (msg.sender == args.creator() || msg.sender == _creator(args)) {
            revert Campaign_CreatorCannotObject(msg.sender);
        }
        Backer memory entry = _backers[msg.sender];
        uint32 milestoneId = _requireOpenWindow(args);
        if (entry.amount == 0) revert Campaign_NotABacker(msg.sender);
        if (entry.objectedTo >= milestoneId) revert Campaign_AlreadyObjected(msg.sender, milestoneId);
        _backers[msg.sender].objectedTo = uint8(milestoneId);
        _review.objections += entry.amount;
        emit Objected({
            backer: msg.sender,
            milestoneId: milestoneId,
            seq: _countEvent(),
            weight: entry.amount,
            totalObjections: _review.objections
        });
    }

    /// @inheritdoc ICampaign
    function unobject() external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        Backer memory entry = _backers[msg.sender];
        uint32 milestoneId = _requireOpenWindow(args);
        if (entry.objectedTo != milestoneId) revert Campaign_NotObjected(msg.sender, milestoneId);
        _backers[msg.sender].objectedTo = 0;
        _review.objections -= entry.amount;
        emit ObjectionWithdrawn({
            backer: msg.sender,
            milestoneId: milestoneId,
            seq: _countEvent(),
            weight: entry.amount,
            totalObjections: _review.objections
        });
    }

    /// @inheritdoc ICampaign
    function release(address to) external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        _requireCreator(args);
        _requireRecipient(to);
        Totals memory totals = _totals;
        _requireState(args, totals, State.Releasing);
        PaidOut memory paidOut = _paidOut;
        uint32 milestoneId = uint32(paidOut.released) + 1;
        uint256 windowEnd = _review.windowEnd;
        if (windowEnd == 0) revert Campaign_MilestoneNotSubmitted(milestoneId);
        // Past the window only a milestone without too many objections is still Releasing.
        if (block.timestamp < windowEnd) revert Campaign_ObjectionWindowOpen(block.timestamp, windowEnd);

        // From the sum of all shares so far, so that no milestone's rounding is lost and the last one takes the rest.
        uint256 released = (totals.raised * CampaignArgs.sharesUpTo(milestoneId)) / BASIS_POINTS;
        uint256 amount = released - paidOut.withdrawn - paidOut.fees;
        delete _review;
        (paidOut.released, paidOut.turnedAt) = (uint8(milestoneId), uint40(block.timestamp));
        bool isLast = milestoneId == args.milestoneCount();
        emit MilestoneReleased({
            milestoneId: milestoneId,
            seq: _nextSeq(totals),
            token: args.token(),
            amount: amount,
            totalReleased: released,
            nextDue: isLast ? 0 : uint64(_dueAfter({args: args, released: milestoneId, releasedAt: block.timestamp}))
        });
        _payOut({args: args, totals: totals, paidOut: paidOut, to: to, gross: amount});
    }

    /// @return milestoneId The milestone whose evidence can be objected to now.
    function _requireOpenWindow(CampaignArgs.Packed memory args) private view returns (uint32 milestoneId) {
        State current = _state(args, _totals);
        uint256 windowEnd = _review.windowEnd;
        milestoneId = uint32(_paidOut.released) + 1;
        if (windowEnd != 0 && block.timestamp >= windowEnd) {
            revert Campaign_ObjectionWindowOver(block.timestamp, windowEnd);
        }
        if (current != State.Releasing) revert Campaign_WrongState(current);
        if (windowEnd == 0) revert Campaign_MilestoneNotSubmitted(milestoneId);
    }

    /// @dev The contributions of those who may object: all but those of whoever launched the campaign and whose it is.
    function _votingTotal(CampaignArgs.Packed memory args, Totals memory totals) private view returns (uint256 total) {
        address launcher = args.creator();
        total = totals.raised - _backers[launcher].amount;
        if (_creator(args) != launcher) total -= _backers[_creator(args)].amount;
    }
}
