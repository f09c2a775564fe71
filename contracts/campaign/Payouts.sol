// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

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
        _payOut(args, totals, _payouts, to, totals.raised);
    }

    /// @inheritdoc ICampaign
    function claimFees() external nonReentrant onlyClone {
        uint256 total = _payouts.fees;
        uint256 amount = total - _feesClaimed;
        if (amount == 0) revert Campaign_NothingToClaim();
        _feesClaimed = total;
        address token = CampaignArgs.load().token();
        address treasury = ICampaignFactory(_factory).treasury();
        emit FeeClaimed({treasury: treasury, seq: ++_totals.seq, token: token, amount: amount, totalFeesClaimed: total});
        _send(token, treasury, amount);
    }

    /// @inheritdoc ICampaign
    function sweepSurplus(address token) external nonReentrant onlyClone {
        address currency = CampaignArgs.load().token();
        (uint256 balance, uint256 held) = (_balanceIn(token), _balanceIn(currency));
        uint256 owed = token == currency ? _owed() : 0;
        if (balance <= owed) revert Campaign_NothingToSweep(token);
        uint256 amount = balance - owed;
        address treasury = ICampaignFactory(_factory).treasury();
        emit SurplusSwept({treasury: treasury, seq: ++_totals.seq, token: token, amount: amount});
        _send(token, treasury, amount);
        // A token that was moved to a new contract may be reached by both addresses: by one of them all would be surplus.
        if (token != currency && _balanceIn(currency) < held) revert Campaign_NothingToSweep(token);
    }

    /// @dev Writes down a payout of `gross`, its fee included, and sends the creator its part. The fee is that of all
    /// payouts together less what accrued before, so that it doesn't round to nothing by splitting; both parts fit in
    /// what held their sum.
    function _payOut(
        CampaignArgs.Packed memory args,
        Totals memory totals,
        Payouts memory payouts,
        address to,
        uint256 gross
    ) internal {
        address token = args.token();
        uint256 paid = uint256(payouts.withdrawn) + payouts.fees + gross;
        uint256 totalFees = (paid * args.feeBps()) / BASIS_POINTS;
        uint256 fee = totalFees - payouts.fees;
        uint256 amount = gross - fee;
        payouts.withdrawn += uint104(amount);
        payouts.fees = uint104(totalFees);
        _payouts = payouts;
        if (amount != 0) {
            totals.seq += 1;
            emit Withdrawn({
                creator: msg.sender,
                to: to,
                seq: totals.seq,
                token: token,
                amount: amount,
                totalWithdrawn: payouts.withdrawn
            });
        }
        if (fee != 0) {
            totals.seq += 1;
            emit FeeAccrued({seq: totals.seq, token: token, amount: fee, totalFees: totalFees});
        }
        _totals = totals;
        if (amount != 0) _send(token, to, amount);
    }

    function _balanceIn(address token) private view returns (uint256) {
        return token == address(0) ? address(this).balance : IERC20(token).balanceOf(address(this));
    }

    /// @dev What the campaign holds for backers, creator and treasury.
    function _owed() private view returns (uint256) {
        return uint256(_totals.raised) - _totals.refunded - _payouts.withdrawn - _feesClaimed;
    }
}
