// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {Campaign} from "./Campaign.sol";
import {ICampaign} from "./interfaces/ICampaign.sol";
import {ICampaignFactory} from "./interfaces/ICampaignFactory.sol";
import {CampaignArgs} from "./libraries/CampaignArgs.sol";
import {TokenChecks} from "./libraries/TokenChecks.sol";
import {Uris} from "./libraries/Uris.sol";
import {CampaignParams} from "./structs/CampaignParams.sol";
import {MilestoneParams} from "./structs/Milestone.sol";
import {Mode} from "./structs/Mode.sol";
import {Terms} from "./structs/Terms.sol";

/// @title Launcher and registry of campaigns
/// @dev Not upgradeable, and holds no money. All roles go to the admin at construction, so that whoever deploys never
/// has any.
contract CampaignFactory is ICampaignFactory, AccessControlDefaultAdminRules, Pausable {
    bytes32 public constant FEE_MANAGER_ROLE = keccak256("FEE_MANAGER_ROLE");
    bytes32 public constant TOKEN_LISTER_ROLE = keccak256("TOKEN_LISTER_ROLE");
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @inheritdoc ICampaignFactory
    uint16 public constant VERSION = 2;

    uint16 public constant MAX_FEE_BPS = 500;
    uint256 public constant MIN_FUNDING_PERIOD = 1 days;
    uint256 public constant MAX_FUNDING_PERIOD = 90 days;
    uint256 public constant MAX_TIERS = 32;
    uint256 public constant MAX_METADATA_URI_LENGTH = 512;
    uint256 public constant MAX_MILESTONES = 10;
    uint256 public constant MAX_FIRST_SHARE_BPS = 5_000;
    uint256 public constant MAX_MILESTONE_PERIOD = 365 days;
    /// @dev What a creator has at least to show its evidence in, whatever it depends on.
    uint256 public constant MIN_EVIDENCE_PERIOD = 1 days;
    uint256 public constant MIN_OBJECTION_WINDOW = 3 days;
    uint256 public constant MAX_OBJECTION_WINDOW = 30 days;
    uint256 public constant MIN_OBJECTION_THRESHOLD_BPS = 1_000;
    uint256 public constant MAX_OBJECTION_THRESHOLD_BPS = 5_000;

    uint256 private constant BASIS_POINTS = 10_000;

    /// @inheritdoc ICampaignFactory
    address public immutable implementation;

    /// @inheritdoc ICampaignFactory
    uint64 public seq;
    /// @inheritdoc ICampaignFactory
    uint64 public campaignCount;
    /// @inheritdoc ICampaignFactory
    uint16 public feeBps;
    /// @inheritdoc ICampaignFactory
    address public treasury;
    /// @inheritdoc ICampaignFactory
    mapping(address campaign => bool) public isCampaign;
    /// @inheritdoc ICampaignFactory
    mapping(address token => bool) public isTokenAllowed;

    /// @param admin Gets every role; changing it takes two steps and `adminDelay` seconds between them.
    /// @param allowedTokens Tokens allowed beside the native currency.
    constructor(
        address admin,
        uint48 adminDelay,
        address initialTreasury,
        uint16 initialFeeBps,
        address[] memory allowedTokens
    ) AccessControlDefaultAdminRules(adminDelay, admin) {
        implementation = address(new Campaign(address(this)));
        _grantRole(FEE_MANAGER_ROLE, admin);
        _grantRole(TOKEN_LISTER_ROLE, admin);
        _grantRole(GUARDIAN_ROLE, admin);
        _setFee(initialFeeBps);
        _setTreasury(initialTreasury);
        _setTokenAllowed(address(0), true);
        for (uint256 index; index < allowedTokens.length; ++index) {
            _setTokenAllowed(allowedTokens[index], true);
        }
    }

    /// @inheritdoc ICampaignFactory
    function createCampaign(CampaignParams calldata params) external whenNotPaused returns (address campaign) {
        _requireTerms(params);
        _requireTiers(params);
        _requireMilestones(params);
        _requireMetadata(params);
        Terms memory terms = _termsOf(msg.sender, params);
        (bytes memory args, bytes32 salt) = (CampaignArgs.pack(terms, params.milestones), _saltOf(params));
        address existing = Clones.predictDeterministicAddressWithImmutableArgs(implementation, args, salt);
        if (isCampaign[existing]) revert Factory_CampaignExists(existing);
        campaign = Clones.cloneDeterministicWithImmutableArgs(implementation, args, salt);
        isCampaign[campaign] = true;
        ++campaignCount;
        _emitCreated(campaign, terms, params);
        if (params.tiers.length != 0 || params.milestones.length != 0) ICampaign(campaign).initialize(params.tiers);
    }

    /// @inheritdoc ICampaignFactory
    function setFee(uint16 newFeeBps) external onlyRole(FEE_MANAGER_ROLE) {
        _setFee(newFeeBps);
    }

    /// @inheritdoc ICampaignFactory
    function setTreasury(address newTreasury) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setTreasury(newTreasury);
    }

    /// @inheritdoc ICampaignFactory
    function setTokenAllowed(address token, bool allowed) external onlyRole(TOKEN_LISTER_ROLE) {
        _setTokenAllowed(token, allowed);
    }

    /// @inheritdoc ICampaignFactory
    function pause() external onlyRole(GUARDIAN_ROLE) {
        _pause();
        emit CreationPaused({by: msg.sender, seq: ++seq, paused: true});
    }

    /// @inheritdoc ICampaignFactory
    function unpause() external onlyRole(GUARDIAN_ROLE) {
        _unpause();
        emit CreationPaused({by: msg.sender, seq: ++seq, paused: false});
    }

    /// @inheritdoc ICampaignFactory
    function campaignAddress(address creator, CampaignParams calldata params) external view returns (address) {
        return Clones.predictDeterministicAddressWithImmutableArgs(
            implementation, CampaignArgs.pack(_termsOf(creator, params), params.milestones), _saltOf(params)
        );
    }

    /// @inheritdoc ICampaignFactory
    function isGuardian(address account) external view returns (bool) {
        return hasRole(GUARDIAN_ROLE, account);
    }

    function _termsOf(address creator, CampaignParams calldata params) private view returns (Terms memory) {
        return Terms({
            creator: creator,
            token: params.token,
            mode: Mode(params.mode),
            goal: params.goal,
            deadline: params.deadline,
            feeBps: feeBps,
            minContribution: params.minContribution,
            cap: params.cap,
            tierCount: uint32(params.tiers.length),
            milestoneCount: uint32(params.milestones.length),
            objectionWindow: params.objectionWindow,
            objectionThresholdBps: params.objectionThresholdBps
        });
    }

    /// @dev All that the creator asks for. Creator and fee are in the clone's code, which the address follows from too.
    function _saltOf(CampaignParams calldata params) private pure returns (bytes32) {
        return keccak256(abi.encode(params));
    }

    function _emitCreated(address campaign, Terms memory terms, CampaignParams calldata params) private {
        emit CampaignCreated({
            campaign: campaign,
            creator: terms.creator,
            token: terms.token,
            seq: ++seq,
            mode: uint8(terms.mode),
            goal: terms.goal,
            start: uint64(block.timestamp),
            deadline: terms.deadline,
            feeBps: terms.feeBps,
            minContribution: terms.minContribution,
            cap: terms.cap,
            metadataURI: params.metadataURI,
            metadataHash: params.metadataHash
        });
    }

    function _setFee(uint16 newFeeBps) private {
        if (newFeeBps > MAX_FEE_BPS) revert Factory_FeeTooHigh(newFeeBps, MAX_FEE_BPS);
        uint16 oldFeeBps = feeBps;
        feeBps = newFeeBps;
        emit FeeUpdated({seq: ++seq, oldFeeBps: oldFeeBps, newFeeBps: newFeeBps});
    }

    function _setTreasury(address newTreasury) private {
        if (newTreasury == address(0) || newTreasury == address(this)) revert Factory_InvalidTreasury(newTreasury);
        address oldTreasury = treasury;
        treasury = newTreasury;
        emit TreasuryUpdated({oldTreasury: oldTreasury, newTreasury: newTreasury, seq: ++seq});
    }

    function _setTokenAllowed(address token, bool allowed) private {
        if (allowed && token != address(0)) TokenChecks.requireListable(token);
        bool wasAllowed = isTokenAllowed[token];
        isTokenAllowed[token] = allowed;
        emit TokenAllowed({token: token, seq: ++seq, wasAllowed: wasAllowed, isAllowed: allowed});
    }

    /// @dev Also keeps every number within what {CampaignArgs} packs it into.
    function _requireTerms(CampaignParams calldata params) private view {
        uint256 max = CampaignArgs.MAX_AMOUNT;
        if (!isTokenAllowed[params.token]) revert Factory_TokenNotAllowed(params.token);
        if (feeBps > params.maxFeeBps) revert Factory_FeeAboveMax(feeBps, params.maxFeeBps);
        if (params.mode > uint8(type(Mode).max)) revert Factory_UnknownMode(params.mode);
        if (params.goal == 0 || params.goal > max) revert Factory_GoalOutOfBounds(params.goal, 1, max);
        uint256 soonest = block.timestamp + MIN_FUNDING_PERIOD;
        uint256 latest = block.timestamp + MAX_FUNDING_PERIOD;
        if (params.deadline < soonest || params.deadline > latest) {
            revert Factory_DeadlineOutOfBounds(params.deadline, soonest, latest);
        }
        // A cap of all ones is how the campaign writes down that there is none.
        if (params.cap != 0 && (params.cap < params.goal || params.cap >= max)) {
            revert Factory_CapOutOfBounds(params.cap, params.goal, max - 1);
        }
        uint256 maxMin = params.goal < CampaignArgs.MAX_MIN_CONTRIBUTION
            ? params.goal
            : CampaignArgs.MAX_MIN_CONTRIBUTION;
        if (params.minContribution > maxMin) revert Factory_MinContributionTooHigh(params.minContribution, maxMin);
    }

    function _requireTiers(CampaignParams calldata params) private pure {
        uint256 count = params.tiers.length;
        if (count > MAX_TIERS) revert Factory_TooManyTiers(count, MAX_TIERS);
        uint256 max = params.cap == 0 ? CampaignArgs.MAX_AMOUNT : params.cap;
        for (uint256 index; index < count; ++index) {
            uint256 price = params.tiers[index].price;
            if (price == 0 || price > max) revert Factory_TierPriceOutOfBounds(index + 1, price, 1, max);
        }
    }

    /// @dev Terms that would let a creator cheat: most of the money before anything is shown, no time or no weight to
    /// object, money locked for years.
    function _requireMilestones(CampaignParams calldata params) private pure {
        uint256 count = params.milestones.length;
        if (count > MAX_MILESTONES) revert Factory_TooManyMilestones(count, MAX_MILESTONES);
        _requireObjectionTerms(params, count != 0);
        if (count == 0) return;
        uint256 shares = 0;
        // Evidence is taken from then on at the earliest; the window of the one before is over by then.
        uint256 opens = params.deadline;
        for (uint256 index; index < count; ++index) {
            MilestoneParams calldata milestone = params.milestones[index];
            uint256 maxShare = index == 0 ? MAX_FIRST_SHARE_BPS : BASIS_POINTS;
            if (milestone.shareBps == 0 || milestone.shareBps > maxShare) {
                revert Factory_MilestoneShareOutOfBounds(index + 1, milestone.shareBps, 1, maxShare);
            }
            shares += milestone.shareBps;
            uint256 before = index == 0 ? params.deadline : params.milestones[index - 1].due;
            _requireDates({
                milestoneId: index + 1,
                milestone: milestone,
                earliest: opens + MIN_EVIDENCE_PERIOD,
                latest: before + MAX_MILESTONE_PERIOD
            });
            opens = uint256(milestone.due) + params.objectionWindow;
        }
        if (shares != BASIS_POINTS) revert Factory_MilestoneSharesNotWhole(shares, BASIS_POINTS);
    }

    function _requireDates(uint256 milestoneId, MilestoneParams calldata milestone, uint256 earliest, uint256 latest)
        private
        pure
    {
        if (milestone.due < earliest || milestone.due > latest) {
            revert Factory_DueDateOutOfBounds(milestoneId, milestone.due, earliest, latest);
        }
        uint256 latestStart = milestone.due - MIN_EVIDENCE_PERIOD;
        if (milestone.notBefore > latestStart) {
            revert Factory_NotBeforeTooLate(milestoneId, milestone.notBefore, latestStart);
        }
    }

    function _requireObjectionTerms(CampaignParams calldata params, bool hasMilestones) private pure {
        (uint256 least, uint256 most) = hasMilestones ? (MIN_OBJECTION_WINDOW, MAX_OBJECTION_WINDOW) : (0, 0);
        if (params.objectionWindow < least || params.objectionWindow > most) {
            revert Factory_ObjectionWindowOutOfBounds(params.objectionWindow, least, most);
        }
        (least, most) = hasMilestones ? (MIN_OBJECTION_THRESHOLD_BPS, MAX_OBJECTION_THRESHOLD_BPS) : (0, 0);
        if (params.objectionThresholdBps < least || params.objectionThresholdBps > most) {
            revert Factory_ObjectionThresholdOutOfBounds(params.objectionThresholdBps, least, most);
        }
    }

    function _requireMetadata(CampaignParams calldata params) private pure {
        uint256 length = bytes(params.metadataURI).length;
        if (length == 0 || length > MAX_METADATA_URI_LENGTH) {
            revert Factory_MetadataURILengthOutOfBounds(length, 1, MAX_METADATA_URI_LENGTH);
        }
        uint256 position = Uris.firstInvalid(params.metadataURI);
        if (position != length) {
            revert Factory_InvalidMetadataURICharacter(position, bytes(params.metadataURI)[position]);
        }
        if (params.metadataHash == 0) revert Factory_MetadataHashMissing();
    }
}
