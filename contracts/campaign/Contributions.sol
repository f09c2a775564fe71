// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {ICampaign} from "../interfaces/ICampaign.sol";
import {CampaignArgs} from "../libraries/CampaignArgs.sol";
import {Mode} from "../structs/Mode.sol";
import {Permit} from "../structs/Permit.sol";
import {State} from "../structs/State.sol";
import {Tier} from "../structs/Tier.sol";
import {CampaignBase} from "./CampaignBase.sol";

/// @title Money coming in, and pledges taken back before the end
abstract contract Contributions is CampaignBase {
    using CampaignArgs for CampaignArgs.Packed;
    using SafeERC20 for IERC20;

    /// @dev In the last day pledges are firm: taking one back then would leave others no time to replace it.
    uint256 private constant FIRM_PERIOD = 24 hours;
    uint256 private constant REWARD_BITS = 4;
    /// @dev What four bits hold.
    uint256 private constant MAX_REWARDS = 15;

    /// @inheritdoc ICampaign
    function contribute(uint32 tierId, bytes32 ref)
        external
        payable
        nonReentrant
        onlyClone
        returns (uint256 accepted)
    {
        return _contributeNative({backer: msg.sender, tierId: tierId, ref: ref});
    }

    /// @inheritdoc ICampaign
    function contributeFor(address backer, uint32 tierId, bytes32 ref)
        external
        payable
        nonReentrant
        onlyClone
        returns (uint256 accepted)
    {
        _requireBacker(backer);
        return _contributeNative({backer: backer, tierId: tierId, ref: ref});
    }

    /// @inheritdoc ICampaign
    function contributeERC20(uint256 amount, uint32 tierId, bytes32 ref)
        external
        nonReentrant
        onlyClone
        returns (uint256 accepted)
    {
        return _contributeToken({backer: msg.sender, amount: amount, tierId: tierId, ref: ref});
    }

    /// @inheritdoc ICampaign
    function contributeERC20For(address backer, uint256 amount, uint32 tierId, bytes32 ref)
        external
        nonReentrant
        onlyClone
        returns (uint256 accepted)
    {
        _requireBacker(backer);
        return _contributeToken({backer: backer, amount: amount, tierId: tierId, ref: ref});
    }

    /// @inheritdoc ICampaign
    function contributeERC20WithPermit(uint256 amount, uint32 tierId, bytes32 ref, Permit calldata permit)
        external
        nonReentrant
        onlyClone
        returns (uint256 accepted)
    {
        address token = CampaignArgs.load().token();
        // Without code the call below would revert before its catch; the currency is refused further down by name.
        if (token != address(0)) {
            // Whoever saw the permit in the mempool can use it first: then the allowance is there, and counts.
            try IERC20Permit(token).permit({
                owner: msg.sender,
                spender: address(this),
                value: amount,
                deadline: permit.deadline,
                v: permit.v,
                r: permit.r,
                s: permit.s
            }) {} catch {}
        }
        return _contributeToken({backer: msg.sender, amount: amount, tierId: tierId, ref: ref});
    }

    /// @inheritdoc ICampaign
    function takeBack(address to) external nonReentrant onlyClone {
        _requireRecipient(to);
        CampaignArgs.Packed memory args = CampaignArgs.load();
        Totals memory totals = _totals;
        _requireState(args, totals, State.Funding);
        _requireNotFirm(args, totals);
        Backer memory entry = _backers[msg.sender];
        if (entry.amount == 0) revert Campaign_NothingToRefund(msg.sender);

        delete _backers[msg.sender];
        _giveRewardsBack(entry.rewards);
        unchecked {
            // The backer's amount is a part of raised.
            totals.raised -= entry.amount;
        }
        uint64 eventSeq = _nextSeq(totals);
        _totals = totals;
        address token = args.token();
        emit PledgeTakenBack({
            backer: msg.sender,
            to: to,
            seq: eventSeq,
            token: token,
            amount: entry.amount,
            totalRaised: totals.raised
        });
        _send({token: token, to: to, amount: entry.amount});
    }

    /// @inheritdoc ICampaign
    function pledgesFirmSince() external view onlyClone returns (uint64) {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        return _totals.raised >= args.goal() ? 0 : uint64(_firmFrom(args));
    }

    function _rewards(Backer memory entry, uint32 tierId) internal pure returns (uint256) {
        return (entry.rewards >> _rewardShift(tierId)) & MAX_REWARDS;
    }

    function _contributeNative(address backer, uint32 tierId, bytes32 ref) private returns (uint256 accepted) {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        if (args.token() != address(0)) revert Campaign_WrongCurrency(args.token());
        accepted = _recordContribution({args: args, backer: backer, offered: msg.value, tierId: tierId, ref: ref});
        if (accepted < msg.value) {
            unchecked {
                // The condition above is that this can't underflow.
                _sendNative(msg.sender, msg.value - accepted);
            }
        }
    }

    function _contributeToken(address backer, uint256 amount, uint32 tierId, bytes32 ref)
        private
        returns (uint256 accepted)
    {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        address token = args.token();
        if (token == address(0)) revert Campaign_WrongCurrency(address(0));
        accepted = _recordContribution({args: args, backer: backer, offered: amount, tierId: tierId, ref: ref});
        _pullToken(IERC20(token), accepted);
    }

    /// @dev Checks a contribution, takes what fits under the cap and writes it down. Moves no money.
    function _recordContribution(
        CampaignArgs.Packed memory args,
        address backer,
        uint256 offered,
        uint32 tierId,
        bytes32 ref
    ) private returns (uint256 accepted) {
        Totals memory totals = _totals;
        if (totals.flags & CANCELLED != 0) revert Campaign_WrongState(State.Cancelled);
        if (block.timestamp >= args.deadline()) revert Campaign_DeadlinePassed(block.timestamp, args.deadline());
        if (_arePaused(totals)) revert Campaign_ContributionsPaused();
        if (offered == 0) revert Campaign_ZeroAmount();
        if (offered < args.minContribution()) revert Campaign_BelowMinimum(offered, args.minContribution());

        Backer memory entry = _backers[backer];
        unchecked {
            // raised never exceeds the limit, and the limit never 104 bits, so neither the difference underflows nor
            // the sums below overflow.
            uint256 remaining = args.limit() - totals.raised;
            // No balance and no time: slither follows the block's time through `turnedAt` into all that is packed with it.
            // slither-disable-next-line incorrect-equality
            if (remaining == 0) revert Campaign_CapExceeded(0);
            accepted = offered < remaining ? offered : remaining;
            totals.raised += uint104(accepted);
            entry.amount += uint104(accepted);
        }
        if (tierId != 0) _takeReward({args: args, entry: entry, tierId: tierId, accepted: accepted});
        uint64 eventSeq = _nextSeq(totals);
        _totals = totals;
        _backers[backer] = entry;
        emit Contributed({
            backer: backer,
            payer: msg.sender,
            ref: ref,
            seq: eventSeq,
            token: args.token(),
            tierId: tierId,
            amount: accepted,
            backerTotal: entry.amount,
            totalRaised: totals.raised
        });
    }

    /// @dev Counts one reward of the tier, which `accepted` must pay for: not what was offered above the cap.
    function _takeReward(CampaignArgs.Packed memory args, Backer memory entry, uint32 tierId, uint256 accepted)
        private
    {
        if (tierId > args.tierCount()) revert Campaign_UnknownTier(tierId, args.tierCount());
        Tier storage taken = _tiers[tierId];
        (uint256 price, uint32 supply, uint32 sold) = (taken.price, taken.supply, taken.sold);
        if (accepted < price) revert Campaign_BelowTierPrice(tierId, accepted, price);
        if (supply != 0 && sold >= supply) revert Campaign_TierSoldOut(tierId);
        if (_rewards(entry, tierId) >= MAX_REWARDS) revert Campaign_TooManyRewards(tierId, MAX_REWARDS);
        taken.sold = sold + 1;
        // The check above leaves room in the tier's four bits.
        entry.rewards += uint128(1 << _rewardShift(tierId));
    }

    /// @dev Otherwise a limited tier could be sold out for nothing, by pledging and taking back.
    function _giveRewardsBack(uint256 rewards) private {
        for (uint32 tierId = 1; rewards != 0; ++tierId) {
            uint32 count = uint32(rewards & MAX_REWARDS);
            if (count != 0) _tiers[tierId].sold -= count;
            rewards >>= REWARD_BITS;
        }
    }

    function _rewardShift(uint32 tierId) private pure returns (uint256) {
        return (uint256(tierId) - 1) * REWARD_BITS;
    }

    function _requireNotFirm(CampaignArgs.Packed memory args, Totals memory totals) private view {
        uint256 firmFrom = _firmFrom(args);
        if (block.timestamp >= firmFrom || totals.raised >= args.goal()) {
            revert Campaign_PledgeFirm({
                time: block.timestamp,
                firmFrom: firmFrom,
                raised: totals.raised,
                goal: args.goal()
            });
        }
    }

    /// @dev By the calendar; pledges are firm before that once the goal is met.
    function _firmFrom(CampaignArgs.Packed memory args) private pure returns (uint256) {
        return args.mode() == Mode.AllOrNothing ? args.deadline() - FIRM_PERIOD : 0;
    }

    function _requireBacker(address backer) private view {
        if (backer == address(0) || backer == address(this)) revert Campaign_InvalidBacker(backer);
    }

    /// @dev Takes `amount` from the caller and insists that exactly that arrived.
    function _pullToken(IERC20 token, uint256 amount) private {
        uint256 balanceBefore = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 balanceAfter = token.balanceOf(address(this));
        uint256 received = balanceAfter < balanceBefore ? 0 : balanceAfter - balanceBefore;
        if (received != amount) revert Campaign_UnexpectedTokenDelta(amount, received);
    }
}
