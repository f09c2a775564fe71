// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CampaignBase} from "./campaign/CampaignBase.sol";
import {Contributions} from "./campaign/Contributions.sol";
import {Milestones} from "./campaign/Milestones.sol";
import {Refunds} from "./campaign/Refunds.sol";
import {ICampaign} from "./interfaces/ICampaign.sol";
import {CampaignArgs} from "./libraries/CampaignArgs.sol";
import {Review} from "./structs/Milestone.sol";
import {State} from "./structs/State.sol";
import {Summary} from "./structs/Summary.sol";
import {Terms} from "./structs/Terms.sol";
import {Tier, TierParams} from "./structs/Tier.sol";

/// @title Escrow and lifecycle of one crowdfunding campaign
/// @dev Runs behind clones made by the factory, which carry the terms in their code (see {CampaignArgs}). Money is
/// accounted for by what came in through {Contributions}; the contract's balance is never read for a decision but to
/// check what a token moved and to tell surplus from what is owed.
contract Campaign is Contributions, Refunds, Milestones {
    using CampaignArgs for CampaignArgs.Packed;

    constructor(address factory) CampaignBase(factory) {}

    /// @inheritdoc ICampaign
    function initialize(TierParams[] calldata tiers) external onlyClone {
        if (msg.sender != _factory) revert Campaign_NotFactory(msg.sender, _factory);
        Totals memory totals = _totals;
        for (uint32 index; index < tiers.length; ++index) {
            uint32 tierId = index + 1;
            TierParams calldata offered = tiers[index];
            // The factory bounds prices by CampaignArgs.MAX_AMOUNT, which fits.
            _tiers[tierId] = Tier({price: uint128(offered.price), supply: offered.supply, sold: 0});
            emit TierAdded({tierId: tierId, seq: _nextSeq(totals), price: offered.price, supply: offered.supply});
        }
        CampaignArgs.Packed memory args = CampaignArgs.load();
        for (uint32 milestoneId = 1; milestoneId <= args.milestoneCount(); ++milestoneId) {
            (uint16 shareBps, uint64 due, uint64 notBefore) = _milestone(milestoneId);
            emit MilestoneDefined({
                milestoneId: milestoneId,
                seq: _nextSeq(totals),
                shareBps: shareBps,
                due: due,
                notBefore: notBefore,
                objectionWindow: args.objectionWindow(),
                objectionThresholdBps: args.objectionThresholdBps()
            });
        }
        _totals = totals;
    }

    /// @inheritdoc ICampaign
    function cancel(string calldata reason) external nonReentrant onlyClone {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        if (msg.sender != _creator(args) && !_isGuardian(msg.sender)) {
            revert Campaign_NotCreatorOrGuardian(msg.sender, _creator(args));
        }
        uint256 length = bytes(reason).length;
        if (length > MAX_TEXT_LENGTH) revert Campaign_TextTooLong(length, MAX_TEXT_LENGTH);
        Totals memory totals = _totals;
        State current = _state(args, totals);
        bool isPaid = _paidOut.released != 0;
        if (current != State.Funding && current != State.Succeeded && (current != State.Releasing || isPaid)) {
            revert Campaign_WrongState(current);
        }
        totals.flags |= CANCELLED;
        uint64 eventSeq = _nextSeq(totals);
        _totals = totals;
        _paidOut.turnedAt = uint40(block.timestamp);
        emit Cancelled({by: msg.sender, seq: eventSeq, reason: reason});
    }

    /// @inheritdoc ICampaign
    function postUpdate(string calldata uri, bytes32 contentHash) external nonReentrant onlyClone {
        _requireCreator(CampaignArgs.load());
        _requireContent(uri, contentHash);
        emit UpdatePosted({creator: msg.sender, seq: _countEvent(), uri: uri, contentHash: contentHash});
    }

    /// @inheritdoc ICampaign
    function transferCreator(address newCreator) external nonReentrant onlyClone {
        _requireCreator(CampaignArgs.load());
        if (newCreator == msg.sender) revert Campaign_AlreadyCreator(newCreator);
        _pendingCreator = newCreator;
        emit CreatorTransferStarted({creator: msg.sender, newCreator: newCreator, seq: _countEvent()});
    }

    /// @inheritdoc ICampaign
    function acceptCreator() external nonReentrant onlyClone {
        if (msg.sender != _pendingCreator) revert Campaign_NotPendingCreator(msg.sender, _pendingCreator);
        uint256 windowEnd = _review.windowEnd;
        // Who may object, and the limit of objections, are those of the creator who has shown the evidence.
        if (block.timestamp < windowEnd && !_isEnded(_totals)) {
            revert Campaign_ObjectionWindowOpen(block.timestamp, windowEnd);
        }
        address oldCreator = _creator(CampaignArgs.load());
        _newCreator = msg.sender;
        _pendingCreator = address(0);
        emit CreatorTransferred({oldCreator: oldCreator, newCreator: msg.sender, seq: _countEvent()});
    }

    /// @inheritdoc ICampaign
    function setContributionsPaused(bool paused) external nonReentrant onlyClone {
        if (!_isGuardian(msg.sender)) revert Campaign_NotGuardian(msg.sender);
        Totals memory totals = _totals;
        bool isChange = _arePaused(totals) != paused;
        if (!isChange) revert Campaign_PauseUnchanged(paused);
        totals.flags ^= CONTRIBUTIONS_PAUSED;
        uint64 eventSeq = _nextSeq(totals);
        _totals = totals;
        emit ContributionsPaused({by: msg.sender, seq: eventSeq, paused: paused});
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
        return _paidOut.withdrawn;
    }

    /// @inheritdoc ICampaign
    function totalFees() external view returns (uint256) {
        return _paidOut.fees;
    }

    /// @inheritdoc ICampaign
    function totalFeesClaimed() external view returns (uint256) {
        return _feesClaimed;
    }

    /// @inheritdoc ICampaign
    function contributionOf(address backer) external view returns (uint256) {
        return _backers[backer].amount;
    }

    /// @inheritdoc ICampaign
    function rewardsOf(address backer, uint32 tierId) external view onlyClone returns (uint256) {
        _requireTier(tierId);
        return _rewards(_backers[backer], tierId);
    }

    /// @inheritdoc ICampaign
    function isObjecting(address backer) external view returns (bool) {
        return _review.windowEnd != 0 && _backers[backer].objectedTo > _paidOut.released;
    }

    /// @inheritdoc ICampaign
    function creator() external view onlyClone returns (address) {
        return _creator(CampaignArgs.load());
    }

    /// @inheritdoc ICampaign
    function pendingCreator() external view returns (address) {
        return _pendingCreator;
    }

    /// @inheritdoc ICampaign
    function tier(uint32 tierId) external view onlyClone returns (Tier memory) {
        _requireTier(tierId);
        return _tiers[tierId];
    }

    /// @inheritdoc ICampaign
    function milestone(uint32 milestoneId)
        external
        view
        onlyClone
        returns (uint16 shareBps, uint64 due, uint64 notBefore)
    {
        uint32 milestoneCount = CampaignArgs.load().milestoneCount();
        if (milestoneId == 0 || milestoneId > milestoneCount) {
            revert Campaign_UnknownMilestone(milestoneId, milestoneCount);
        }
        return _milestone(milestoneId);
    }

    /// @inheritdoc ICampaign
    function milestoneDue() external view onlyClone returns (uint64) {
        CampaignArgs.Packed memory args = CampaignArgs.load();
        State current = _state(args, _totals);
        bool isToCome = current == State.Funding && args.milestoneCount() != 0;
        if (!isToCome && current != State.Releasing) return 0;
        return uint64(_dueAfter({args: args, released: _paidOut.released, releasedAt: _paidOut.turnedAt}));
    }

    /// @inheritdoc ICampaign
    function milestonesReleased() external view returns (uint32) {
        return _paidOut.released;
    }

    /// @inheritdoc ICampaign
    function review() external view returns (Review memory) {
        return _review;
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
            totalWithdrawn: _paidOut.withdrawn,
            totalFees: _paidOut.fees,
            totalFeesClaimed: _feesClaimed,
            creator: _creator(args),
            milestonesReleased: _paidOut.released,
            review: _review
        });
    }

    function _requireTier(uint32 tierId) private view {
        uint32 tierCount = CampaignArgs.load().tierCount();
        if (tierId == 0 || tierId > tierCount) revert Campaign_UnknownTier(tierId, tierCount);
    }

    function _milestone(uint32 milestoneId) private view returns (uint16 shareBps, uint64 due, uint64 notBefore) {
        uint256 before = milestoneId == 1 ? 0 : CampaignArgs.sharesUpTo(milestoneId - 1);
        shareBps = uint16(CampaignArgs.sharesUpTo(milestoneId) - before);
        due = uint64(CampaignArgs.dueOf(milestoneId));
        notBefore = uint64(CampaignArgs.notBeforeOf(milestoneId));
    }
}
