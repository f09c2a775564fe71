// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ICampaign} from "./interfaces/ICampaign.sol";
import {ICampaignFactory} from "./interfaces/ICampaignFactory.sol";
import {CampaignArgs} from "./libraries/CampaignArgs.sol";
import {Mode} from "./structs/Mode.sol";
import {State} from "./structs/State.sol";
import {Summary} from "./structs/Summary.sol";
import {Terms} from "./structs/Terms.sol";
import {Tier, TierParams} from "./structs/Tier.sol";

/// @title Escrow and lifecycle of one crowdfunding campaign
/// @dev Runs behind clones made by the factory, which carry the terms in their code (see {CampaignArgs}). Money is
/// accounted for by what came in through the functions below; the contract's balance is never read for a decision
/// but to check what a token moved.
contract Campaign is ICampaign, ReentrancyGuardTransient {
    using CampaignArgs for CampaignArgs.Packed;
    using SafeERC20 for IERC20;

    uint256 private constant BASIS_POINTS = 10_000;
    uint256 private constant MAX_TEXT_LENGTH = 512;

    address private immutable _factory;
    address private immutable _implementation;

    uint8 private constant CANCELLED = 1;
    uint8 private constant CONTRIBUTIONS_PAUSED = 2;

    /// @dev All that a contribution or a refund changes or asks for beside the backer's own slot: one slot, full.
    /// `flags` is a sum of the constants above; two booleans would be one byte too many.
    struct Totals {
        uint40 seq;
        uint104 raised;
        uint104 refunded;
        uint8 flags;
    }

    struct Payouts {
        uint104 withdrawn;
        uint104 fees;
    }

    Totals private _totals;
    Payouts private _payouts;
    uint256 private _feesClaimed;
    mapping(address backer => uint256 amount) private _contributions;
    mapping(uint32 tierId => Tier) private _tiers;

    /// @param factory The only caller of {initialize}, whose guardians and treasury count for all clones.
    constructor(address factory) {
        _factory = factory;
        _implementation = address(this);
    }

    /// @dev The implementation itself has no terms: what would be read as such is its own code.
    modifier onlyClone() {
        if (address(this) == _implementation) revert Campaign_NotAClone();
        _;
    }

    /// @inheritdoc ICampaign
    function initialize(TierParams[] calldata tiers) external onlyClone {
        if (msg.sender != _factory) revert Campaign_NotFactory(msg.sender, _factory);
        uint40 eventSeq = 0;
        for (uint32 index; index < tiers.length; ++index) {
            uint32 tierId = index + 1;
            TierParams calldata offered = tiers[index];
            // The factory bounds prices by CampaignArgs.MAX_AMOUNT, which fits.
            _tiers[tierId] = Tier({price: uint128(offered.price), supply: offered.supply, sold: 0});
            emit TierAdded({tierId: tierId, seq: ++eventSeq, price: offered.price, supply: offered.supply});
        }
        _totals.seq = eventSeq;
    }

    /// @inheritdoc ICampaign
    function contribute(uint32 tierId, bytes32 ref) external payable nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        if (args.token() != address(0)) revert Campaign_WrongCurrency(args.token());
        uint256 accepted = _recordContribution(args, msg.value, tierId, ref);
        if (accepted < msg.value) {
            unchecked {
                // The condition above is that this can't underflow.
                _sendNative(msg.sender, msg.value - accepted);
            }
        }
    }

    /// @inheritdoc ICampaign
    function contributeERC20(uint256 amount, uint32 tierId, bytes32 ref) external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        address token = args.token();
        if (token == address(0)) revert Campaign_WrongCurrency(address(0));
        uint256 accepted = _recordContribution(args, amount, tierId, ref);
        _pullToken(IERC20(token), accepted);
    }

    /// @inheritdoc ICampaign
    function refund() external nonReentrant onlyClone {
        _refund(msg.sender);
    }

    /// @inheritdoc ICampaign
    function refundTo(address to) external nonReentrant onlyClone {
        _refund(to);
    }

    /// @inheritdoc ICampaign
    function withdraw(address to) external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        _requireCreator(args);
        _requireRecipient(to);
        Totals memory totals = _totals;
        State current = _state(args, totals);
        if (current != State.Succeeded) revert Campaign_WrongState(current);
        if (totals.raised == 0) revert Campaign_NothingToWithdraw();

        // A fee of at most 5 % (bounded by the factory) leaves something of any amount, and both parts fit in what
        // held their sum.
        uint256 fee = (uint256(totals.raised) * args.feeBps()) / BASIS_POINTS;
        uint256 amount = totals.raised - fee;
        _payouts = Payouts({withdrawn: uint104(amount), fees: uint104(fee)});
        _totals.seq = totals.seq + (fee == 0 ? 1 : 2);
        address token = args.token();
        emit Withdrawn({
            creator: msg.sender,
            to: to,
            seq: totals.seq + 1,
            token: token,
            amount: amount,
            totalWithdrawn: amount
        });
        if (fee != 0) emit FeeAccrued({seq: totals.seq + 2, token: token, amount: fee, totalFees: fee});
        _send(token, to, amount);
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
    function cancel(string calldata reason) external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        if (msg.sender != args.creator() && !_isGuardian(msg.sender)) {
            revert Campaign_NotCreatorOrGuardian(msg.sender, args.creator());
        }
        _requireText(reason);
        Totals memory totals = _totals;
        State current = _state(args, totals);
        if (current != State.Funding && current != State.Succeeded) revert Campaign_WrongState(current);
        totals.flags |= CANCELLED;
        totals.seq += 1;
        _totals = totals;
        emit Cancelled({by: msg.sender, seq: totals.seq, reason: reason});
    }

    /// @inheritdoc ICampaign
    function postUpdate(string calldata uri, bytes32 contentHash) external nonReentrant onlyClone {
        _requireCreator(CampaignArgs.load());
        _requireText(uri);
        if (contentHash == 0) revert Campaign_ContentHashMissing();
        emit UpdatePosted({creator: msg.sender, seq: ++_totals.seq, uri: uri, contentHash: contentHash});
    }

    /// @inheritdoc ICampaign
    function setContributionsPaused(bool paused) external nonReentrant onlyClone {
        if (!_isGuardian(msg.sender)) revert Campaign_NotGuardian(msg.sender);
        Totals memory totals = _totals;
        if (_arePaused(totals) == paused) revert Campaign_PauseUnchanged(paused);
        totals.flags ^= CONTRIBUTIONS_PAUSED;
        totals.seq += 1;
        _totals = totals;
        emit ContributionsPaused({by: msg.sender, seq: totals.seq, paused: paused});
    }

    /// @inheritdoc ICampaign
    function state() external view onlyClone returns (State) {
        return _state(CampaignArgs.load(), _totals);
    }

    /// @inheritdoc ICampaign
    function seq() external view returns (uint64) {
        return _totals.seq;
    }

    /// @inheritdoc ICampaign
    function totalRaised() external view returns (uint256) {
        return _totals.raised;
    }

    /// @inheritdoc ICampaign
    function totalRefunded() external view returns (uint256) {
        return _totals.refunded;
    }

    /// @inheritdoc ICampaign
    function totalWithdrawn() external view returns (uint256) {
        return _payouts.withdrawn;
    }

    /// @inheritdoc ICampaign
    function totalFees() external view returns (uint256) {
        return _payouts.fees;
    }

    /// @inheritdoc ICampaign
    function totalFeesClaimed() external view returns (uint256) {
        return _feesClaimed;
    }

    /// @inheritdoc ICampaign
    function contributionOf(address backer) external view returns (uint256) {
        return _contributions[backer];
    }

    /// @inheritdoc ICampaign
    function tier(uint32 tierId) external view onlyClone returns (Tier memory) {
        uint32 tierCount = CampaignArgs.load().tierCount();
        if (tierId == 0 || tierId > tierCount) revert Campaign_UnknownTier(tierId, tierCount);
        return _tiers[tierId];
    }

    /// @inheritdoc ICampaign
    function terms() external view onlyClone returns (Terms memory) {
        return CampaignArgs.load().unpack();
    }

    /// @inheritdoc ICampaign
    function summary() external view onlyClone returns (Summary memory) {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        Totals memory totals = _totals;
        return Summary({
            terms: args.unpack(),
            state: _state(args, totals),
            contributionsPaused: _arePaused(totals),
            seq: totals.seq,
            totalRaised: totals.raised,
            totalRefunded: totals.refunded,
            totalWithdrawn: _payouts.withdrawn,
            totalFees: _payouts.fees,
            totalFeesClaimed: _feesClaimed
        });
    }

    /// @dev Checks a contribution of the caller, takes what fits under the cap and writes it down. Moves no money.
    function _recordContribution(CampaignArgs.Packed memory args, uint256 offered, uint32 tierId, bytes32 ref)
        private
        returns (uint256 accepted)
    {
        Totals memory totals = _totals;
        if (_isCancelled(totals)) revert Campaign_WrongState(State.Cancelled);
        if (block.timestamp >= args.deadline()) revert Campaign_DeadlinePassed(block.timestamp, args.deadline());
        if (_arePaused(totals)) revert Campaign_ContributionsPaused();
        if (offered == 0) revert Campaign_ZeroAmount();
        if (offered < args.minContribution()) revert Campaign_BelowMinimum(offered, args.minContribution());

        uint256 backerTotal;
        unchecked {
            // raised never exceeds the limit, and the limit never 104 bits, so neither the difference underflows nor
            // the sums below overflow; the campaign would have to emit 2^40 events for seq to wrap.
            uint256 remaining = args.limit() - totals.raised;
            if (remaining == 0) revert Campaign_CapExceeded(0);
            accepted = offered < remaining ? offered : remaining;
            totals.raised += uint104(accepted);
            totals.seq += 1;
            backerTotal = _contributions[msg.sender] + accepted;
        }
        if (tierId != 0) _takeReward(args, tierId, accepted);
        _totals = totals;
        _contributions[msg.sender] = backerTotal;
        emit Contributed({
            backer: msg.sender,
            payer: msg.sender,
            ref: ref,
            seq: totals.seq,
            token: args.token(),
            tierId: tierId,
            amount: accepted,
            backerTotal: backerTotal,
            totalRaised: totals.raised
        });
    }

    /// @dev Counts one reward of the tier, which `accepted` must pay for: not what was offered above the cap.
    function _takeReward(CampaignArgs.Packed memory args, uint32 tierId, uint256 accepted) private {
        if (tierId > args.tierCount()) revert Campaign_UnknownTier(tierId, args.tierCount());
        Tier storage taken = _tiers[tierId];
        (uint256 price, uint32 supply, uint32 sold) = (taken.price, taken.supply, taken.sold);
        if (accepted < price) revert Campaign_BelowTierPrice(tierId, accepted, price);
        if (supply != 0 && sold >= supply) revert Campaign_TierSoldOut(tierId);
        taken.sold = sold + 1;
    }

    /// @dev Sends the caller's whole contribution to `to`.
    function _refund(address to) private {
        _requireRecipient(to);
        CampaignArgs.Packed memory args = CampaignArgs.load();
        Totals memory totals = _totals;
        State current = _state(args, totals);
        if (current != State.Failed && current != State.Cancelled) revert Campaign_WrongState(current);
        uint256 amount = _contributions[msg.sender];
        if (amount == 0) revert Campaign_NothingToRefund(msg.sender);

        _contributions[msg.sender] = 0;
        unchecked {
            // refunded is a part of raised, which fits; seq as in _recordContribution.
            totals.refunded += uint104(amount);
            totals.seq += 1;
        }
        _totals = totals;
        address token = args.token();
        emit Refunded({
            backer: msg.sender,
            to: to,
            seq: totals.seq,
            token: token,
            amount: amount,
            totalRefunded: totals.refunded
        });
        _send(token, to, amount);
    }

    function _state(CampaignArgs.Packed memory args, Totals memory totals) private view returns (State) {
        if (_isCancelled(totals)) return State.Cancelled;
        if (block.timestamp < args.deadline()) return State.Funding;
        if (args.mode() == Mode.AllOrNothing && totals.raised < args.goal()) return State.Failed;
        return _payouts.withdrawn == 0 ? State.Succeeded : State.Completed;
    }

    function _isCancelled(Totals memory totals) private pure returns (bool) {
        return totals.flags & CANCELLED != 0;
    }

    function _arePaused(Totals memory totals) private pure returns (bool) {
        return totals.flags & CONTRIBUTIONS_PAUSED != 0;
    }

    function _isGuardian(address account) private view returns (bool) {
        return ICampaignFactory(_factory).isGuardian(account);
    }

    function _requireCreator(CampaignArgs.Packed memory args) private view {
        if (msg.sender != args.creator()) revert Campaign_NotCreator(msg.sender, args.creator());
    }

    function _requireRecipient(address to) private view {
        if (to == address(0) || to == address(this)) revert Campaign_InvalidRecipient(to);
    }

    function _requireText(string calldata text) private pure {
        uint256 length = bytes(text).length;
        if (length > MAX_TEXT_LENGTH) revert Campaign_TextTooLong(length, MAX_TEXT_LENGTH);
    }

    /// @dev Takes `amount` from the caller and insists that exactly that arrived.
    function _pullToken(IERC20 token, uint256 amount) private {
        uint256 balanceBefore = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 balanceAfter = token.balanceOf(address(this));
        uint256 received = balanceAfter < balanceBefore ? 0 : balanceAfter - balanceBefore;
        if (received != amount) revert Campaign_UnexpectedTokenDelta(amount, received);
    }

    function _send(address token, address to, uint256 amount) private {
        if (token == address(0)) _sendNative(to, amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /// @dev All gas goes along (contract wallets need it) and nothing that comes back is copied.
    function _sendNative(address to, uint256 amount) private {
        if (!LowLevelCall.callNoReturn(to, amount, "")) revert Campaign_TransferFailed(to, amount);
    }
}
