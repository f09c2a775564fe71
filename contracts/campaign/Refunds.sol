// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {ICampaign} from "../interfaces/ICampaign.sol";
import {CampaignArgs} from "../libraries/CampaignArgs.sol";
import {State} from "../structs/State.sol";
import {CampaignBase} from "./CampaignBase.sol";

/// @title Money going back: all of it, or in a wind-down each backer's share of what was not paid out
abstract contract Refunds is CampaignBase {
    using CampaignArgs for CampaignArgs.Packed;

    /// @dev Before that only the backer itself may ask: an exchange's address must not be paid by surprise.
    uint256 private constant BACKERS_OWN_PERIOD = 30 days;

    /// @inheritdoc ICampaign
    function refund() external nonReentrant onlyClone {
        _refund(msg.sender, msg.sender);
    }

    /// @inheritdoc ICampaign
    function refundTo(address to) external nonReentrant onlyClone {
        _refund(msg.sender, to);
    }

    /// @inheritdoc ICampaign
    function refundFor(address backer) external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        State current = _state(args, _totals);
        _requireRefunds(current);
        uint256 opensToAll = _refundsSince(args, current) + BACKERS_OWN_PERIOD;
        if (block.timestamp < opensToAll) revert Campaign_RefundIsBackersOwn(block.timestamp, opensToAll);
        _refund(backer, backer);
    }

    /// @inheritdoc ICampaign
    function windDown() external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        Totals memory totals = _totals;
        State current = _state(args, totals);
        if (totals.flags & WOUND_DOWN != 0 || (current != State.WindDown && current != State.Releasing)) {
            revert Campaign_WrongState(current);
        }
        if (current == State.Releasing) _requireCreator(args);
        _startWindDown(args, totals, current == State.Releasing ? block.timestamp : _payableUntil());
        _totals = totals;
    }

    /// @inheritdoc ICampaign
    function refundsSince() external view onlyClone returns (uint64) {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        State current = _state(args, _totals);
        return _opensRefunds(current) ? uint64(_refundsSince(args, current)) : 0;
    }

    /// @dev Sends all that is `backer`'s to `to`.
    function _refund(address backer, address to) private {
        _requireRecipient(to);
        CampaignArgs.Packed memory args = CampaignArgs.load();
        Totals memory totals = _totals;
        State current = _state(args, totals);
        _requireRefunds(current);
        uint256 amount = _backers[backer].amount;
        // Who has given something is a part of what was raised, which then is not zero.
        if (current == State.WindDown && amount != 0) amount = (amount * _unpaid(totals)) / totals.raised;
        // No balance: what is written down for the backer.
        // slither-disable-next-line incorrect-equality
        if (amount == 0) revert Campaign_NothingToRefund(backer);

        if (current == State.WindDown && totals.flags & WOUND_DOWN == 0) {
            _startWindDown(args, totals, _payableUntil());
        }
        delete _backers[backer];
        unchecked {
            // refunded is a part of raised, which fits; seq as in a contribution.
            totals.refunded += uint104(amount);
            totals.seq += 1;
        }
        _totals = totals;
        address token = args.token();
        emit Refunded({
            backer: backer,
            to: to,
            seq: totals.seq,
            token: token,
            amount: amount,
            totalRefunded: totals.refunded
        });
        _send(token, to, amount);
    }

    /// @dev Changes `totals`, which the caller stores.
    function _startWindDown(CampaignArgs.Packed memory args, Totals memory totals, uint256 since) private {
        totals.flags |= WOUND_DOWN;
        totals.seq += 1;
        _payouts.endedAt = uint40(since);
        emit WindDownStarted({
            by: msg.sender,
            seq: totals.seq,
            since: uint64(since),
            token: args.token(),
            remaining: _unpaid(totals)
        });
    }

    /// @dev What was raised and not paid out: it no longer changes once the campaign winds down.
    function _unpaid(Totals memory totals) private view returns (uint256) {
        return totals.raised - _payouts.withdrawn - _payouts.fees;
    }

    /// @dev Only in a state that opens refunds.
    function _refundsSince(CampaignArgs.Packed memory args, State current) private view returns (uint256) {
        if (current == State.Failed) return args.deadline();
        if (current == State.Expired) return args.deadline() + CLAIM_PERIOD;
        return _payouts.endedAt != 0 ? _payouts.endedAt : _payableUntil();
    }

    function _opensRefunds(State current) private pure returns (bool) {
        return current == State.Failed || current == State.Cancelled || current == State.WindDown
            || current == State.Expired;
    }

    function _requireRefunds(State current) private pure {
        if (!_opensRefunds(current)) revert Campaign_WrongState(current);
    }
}
