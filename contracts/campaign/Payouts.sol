// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ICampaignFactory} from "../interfaces/ICampaignFactory.sol";
import {ICampaign} from "../interfaces/ICampaign.sol";
import {CampaignArgs} from "../libraries/CampaignArgs.sol";
import {State} from "../structs/State.sol";
import {CampaignBase} from "./CampaignBase.sol";

/// @title Money going to the creator, the fees on it, and what is nobody's
abstract contract Payouts is CampaignBase {
    using CampaignArgs for CampaignArgs.Packed;

    /// @inheritdoc ICampaign
    function withdraw(address to) external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        _requireCreator(args);
        _requireRecipient(to);
        Totals memory totals = _totals;
        _requireState(args, totals, State.Succeeded);
        if (totals.raised == 0) revert Campaign_NothingToWithdraw();
        _payOut({args: args, totals: totals, paidOut: _paidOut, to: to, gross: totals.raised});
    }

    /// @inheritdoc ICampaign
    function claimFees() external nonReentrant onlyClone {
        uint256 total = _paidOut.fees;
        uint256 amount = total - _feesClaimed;
        if (amount == 0) revert Campaign_NothingToClaim();
        _feesClaimed = total;
        address token = CampaignArgs.load().token();
        address treasury = ICampaignFactory(_factory).treasury();
        emit FeeClaimed({
            treasury: treasury,
            seq: _countEvent(),
            token: token,
            amount: amount,
            totalFeesClaimed: total
        });
        _send({token: token, to: treasury, amount: amount});
    }

    /// @inheritdoc ICampaign
    function sweepSurplus(address token) external nonReentrant onlyClone {
        address currency = CampaignArgs.load().token();
        uint256 balance = _balanceIn(token);
        (uint256 owed, uint256 kept) = token == currency ? (_owed(), _owed()) : (0, _balanceIn(currency));
        if (balance <= owed) revert Campaign_NothingToSweep(token);
        address treasury = ICampaignFactory(_factory).treasury();
        _send({token: token, to: treasury, amount: balance - owed});
        // What is told is what has left, as the token itself counts: one that was made for it still says what it likes,
        // about itself. And what is owed stays: a token may take a fee of its sender, or be reached by two addresses.
        uint256 left = _balanceIn(token);
        if (left >= balance || _balanceIn(currency) < kept) revert Campaign_NothingToSweep(token);
        emit SurplusSwept({treasury: treasury, seq: _countEvent(), token: token, amount: balance - left});
    }

    /// @dev Writes down a payout of `gross`, its fee included, and sends the creator its part. The fee is that of all
    /// payouts together less what accrued before, so that it doesn't round to nothing by splitting; both parts fit in
    /// what held their sum.
    function _payOut(
        CampaignArgs.Packed memory args,
        Totals memory totals,
        PaidOut memory paidOut,
        address to,
        uint256 gross
    ) internal {
        address token = args.token();
        uint256 paid = uint256(paidOut.withdrawn) + paidOut.fees + gross;
        uint256 totalFees = (paid * args.feeBps()) / BASIS_POINTS;
        uint256 fee = totalFees - paidOut.fees;
        uint256 amount = gross - fee;
        paidOut.withdrawn += uint104(amount);
        paidOut.fees = uint104(totalFees);
        _paidOut = paidOut;
        if (amount != 0) {
            emit Withdrawn({
                creator: msg.sender,
                to: to,
                seq: _nextSeq(totals),
                token: token,
                amount: amount,
                totalWithdrawn: paidOut.withdrawn
            });
        }
        if (fee != 0) {
            emit FeeAccrued({seq: _nextSeq(totals), token: token, amount: fee, totalFees: totalFees});
        }
        _totals = totals;
        if (amount != 0) _send({token: token, to: to, amount: amount});
    }

    function _balanceIn(address token) private view returns (uint256) {
        return token == address(0) ? address(this).balance : IERC20(token).balanceOf(address(this));
    }

    /// @dev What the campaign holds for backers, creator and treasury.
    function _owed() private view returns (uint256) {
        return uint256(_totals.raised) - _totals.refunded - _paidOut.withdrawn - _feesClaimed;
    }
}
