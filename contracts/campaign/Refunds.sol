// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

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
        Totals memory totals = _totals;
        State current = _state(args, totals);
        _requireRefunds(current);
        uint256 opensToAll = _refundsSince({args: args, totals: totals, current: current}) + BACKERS_OWN_PERIOD;
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
        uint256 since = current == State.Releasing ? block.timestamp : _payableUntil(args);
        _startWindDown({args: args, totals: totals, since: since});
        _totals = totals;
    }

    /// @inheritdoc ICampaign
    function refundsSince() external view onlyClone returns (uint64) {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        Totals memory totals = _totals;
        State current = _state(args, totals);
        if (!_opensRefunds(current)) return 0;
        return uint64(_refundsSince({args: args, totals: totals, current: current}));
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
            _startWindDown({args: args, totals: totals, since: _payableUntil(args)});
        }
        delete _backers[backer];
        unchecked {
            // refunded is a part of raised, which fits.
            totals.refunded += uint104(amount);
        }
        uint64 eventSeq = _nextSeq(totals);
        _totals = totals;
        address token = args.token();
        emit Refunded({
            backer: backer,
            to: to,
            seq: eventSeq,
            token: token,
            amount: amount,
            totalRefunded: totals.refunded
        });
        _send({token: token, to: to, amount: amount});
    }

    /// @dev Changes `totals`, which the caller stores.
    function _startWindDown(CampaignArgs.Packed memory args, Totals memory totals, uint256 since) private {
        totals.flags |= WOUND_DOWN;
        _paidOut.turnedAt = uint40(since);
        emit WindDownStarted({
            by: msg.sender,
            seq: _nextSeq(totals),
            since: uint64(since),
            token: args.token(),
            remaining: _unpaid(totals)
        });
    }

    /// @dev What was raised and not paid out: it no longer changes once the campaign winds down.
    function _unpaid(Totals memory totals) private view returns (uint256) {
        return totals.raised - _paidOut.withdrawn - _paidOut.fees;
    }

    /// @dev Only in a state that opens refunds.
    function _refundsSince(CampaignArgs.Packed memory args, Totals memory totals, State current)
        private
        view
        returns (uint256)
    {
        if (current == State.Failed) return args.deadline();
        if (current == State.Expired) return args.deadline() + CLAIM_PERIOD;
        // Written down, or still what time alone has brought about.
        return _isEnded(totals) ? _paidOut.turnedAt : _payableUntil(args);
    }

    function _opensRefunds(State current) private pure returns (bool) {
        return current == State.Failed || current == State.Cancelled || current == State.WindDown
            || current == State.Expired;
    }

    function _requireRefunds(State current) private pure {
        if (!_opensRefunds(current)) revert Campaign_WrongState(current);
    }
}
