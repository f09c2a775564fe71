// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {CampaignParams} from "../structs/CampaignParams.sol";

/// @title Launcher and registry of campaigns
/// @notice Checks the terms, deploys one clone per campaign and keeps what campaigns have in common: fee for future
/// campaigns, treasury, allowed tokens. `seq` counts the factory's own events (roles and OpenZeppelin's excepted)
/// from 1 without a gap.
interface ICampaignFactory {
    /// @notice A campaign was launched. Its terms can't change after this. `start` is the time of this block.
    event CampaignCreated(
        address indexed campaign,
        address indexed creator,
        address indexed token,
        uint64 seq,
        uint8 mode,
        uint256 goal,
        uint64 start,
        uint64 deadline,
        uint16 feeBps,
        uint256 minContribution,
        uint256 cap,
        string metadataURI,
        bytes32 metadataHash
    );

    /// @notice Campaigns created from now on pay another fee, in hundredths of a percent.
    event FeeUpdated(uint64 seq, uint16 oldFeeBps, uint16 newFeeBps);

    /// @notice Fees go to another address from now on.
    event TreasuryUpdated(address indexed oldTreasury, address indexed newTreasury, uint64 seq);

    /// @notice Campaigns may (or may no longer) be created in this token. Running campaigns are not touched.
    event TokenAllowed(address indexed token, uint64 seq, bool wasAllowed, bool isAllowed);

    /// @notice Creation of campaigns was stopped or let go on.
    event CreationPaused(address indexed by, uint64 seq, bool paused);

    /// @notice The fee is above what any campaign may ever pay.
    error Factory_FeeTooHigh(uint256 feeBps, uint256 max);
    /// @notice The treasury can't be this address.
    error Factory_InvalidTreasury(address treasury);
    /// @notice There is no contract at the token's address.
    error Factory_NotAContract(address token);
    /// @notice The contract does not answer the view function `unanswered` as an ERC-20 token does.
    error Factory_NotAToken(address token, bytes4 unanswered);
    /// @notice The contract says that it is an ERC-721, whose numbers are things and not amounts.
    error Factory_TokenNotFungible(address token);
    /// @notice With so few decimals, what rounding leaves behind is worth something.
    error Factory_TooFewDecimals(address token, uint256 decimals, uint256 min);
    /// @notice Campaigns may not be created in this token.
    error Factory_TokenNotAllowed(address token);
    /// @notice The factory's fee is above what the creator agrees to.
    error Factory_FeeAboveMax(uint256 feeBps, uint256 maxFeeBps);
    /// @notice There is no such mode.
    error Factory_UnknownMode(uint8 mode);
    /// @notice The goal must be within these bounds.
    error Factory_GoalOutOfBounds(uint256 goal, uint256 min, uint256 max);
    /// @notice The deadline must be within these bounds.
    error Factory_DeadlineOutOfBounds(uint256 deadline, uint256 min, uint256 max);
    /// @notice The cap must be zero (none) or within these bounds, the lower being the goal.
    error Factory_CapOutOfBounds(uint256 cap, uint256 min, uint256 max);
    /// @notice The minimum contribution must not be above the goal.
    error Factory_MinContributionTooHigh(uint256 minContribution, uint256 max);
    /// @notice More tiers than a campaign may have.
    error Factory_TooManyTiers(uint256 count, uint256 max);
    /// @notice The price of tier `tierId` must be within these bounds.
    error Factory_TierPriceOutOfBounds(uint256 tierId, uint256 price, uint256 min, uint256 max);
    /// @notice The metadata URI's length in bytes must be within these bounds.
    error Factory_MetadataURILengthOutOfBounds(uint256 length, uint256 min, uint256 max);
    /// @notice The metadata URI has a byte that may not stand in one; it has to be percent-encoded.
    error Factory_InvalidMetadataURICharacter(uint256 position, bytes1 character);
    /// @notice More milestones than a campaign may have.
    error Factory_TooManyMilestones(uint256 count, uint256 max);
    /// @notice The share of milestone `milestoneId` must be within these bounds, in hundredths of a percent.
    error Factory_MilestoneShareOutOfBounds(uint256 milestoneId, uint256 shareBps, uint256 min, uint256 max);
    /// @notice The shares of all milestones must add up to the whole, in hundredths of a percent.
    error Factory_MilestoneSharesNotWhole(uint256 sumBps, uint256 wholeBps);
    /// @notice Evidence for milestone `milestoneId` must be due within these bounds.
    error Factory_DueDateOutOfBounds(uint256 milestoneId, uint256 due, uint256 min, uint256 max);
    /// @notice Evidence for milestone `milestoneId` must be taken from `latest` on at the latest, a day before it is due.
    error Factory_NotBeforeTooLate(uint256 milestoneId, uint256 notBefore, uint256 latest);
    /// @notice The time to object must be within these bounds, in seconds; zero without milestones.
    error Factory_ObjectionWindowOutOfBounds(uint256 window, uint256 min, uint256 max);
    /// @notice The part of the contributions that may object without effect must be within these bounds, in hundredths
    /// of a percent; zero without milestones.
    error Factory_ObjectionThresholdOutOfBounds(uint256 thresholdBps, uint256 min, uint256 max);
    /// @notice The metadata must be bound by a hash.
    error Factory_MetadataHashMissing();
    /// @notice The creator has launched exactly this already, as `campaign`, whatever became of it. With another `nonce`
    /// the same terms are launched once more.
    error Factory_CampaignExists(address campaign);

    /// @notice Launches a campaign; the caller is its creator.
    /// @return campaign Address of the new campaign, which is also its identity in the index. It follows from the
    /// creator, the fee and all of `params`, and from nothing else: if a reorganisation drops the creation, no other
    /// campaign can take its address, and the same creation mined again gets it again.
    function createCampaign(CampaignParams calldata params) external returns (address campaign);

    /// @notice Sets the fee of campaigns created from now on, in hundredths of a percent. Fee manager only.
    function setFee(uint16 newFeeBps) external;

    /// @notice Sets where fees go, for all campaigns. Admin only.
    function setTreasury(address newTreasury) external;

    /// @notice Allows or forbids a token for campaigns created from now on. Token lister only. A token must answer
    /// decimals() with 6 or more and balanceOf(), and must not say that it is an ERC-721 (ERC-165). What can't be seen
    /// in this way (fees on transfers, rebasing, freezing, pausing) is for the lister to know.
    function setTokenAllowed(address token, bool allowed) external;

    /// @notice Stops the creation of campaigns, and nothing else. Guardian only.
    function pause() external;

    /// @notice Lets campaigns be created again. Guardian only.
    function unpause() external;

    /// @notice Which version of the contracts this is; those before the second don't say.
    function VERSION() external view returns (uint16);

    /// @notice How many of its own events the factory has emitted.
    function seq() external view returns (uint64);

    /// @notice How many campaigns were created.
    function campaignCount() external view returns (uint64);

    /// @notice The code that all campaigns of this factory run.
    function implementation() external view returns (address);

    /// @notice Fee of campaigns created now, in hundredths of a percent.
    function feeBps() external view returns (uint16);

    /// @notice Where fees go.
    function treasury() external view returns (address);

    /// @notice Where {createCampaign} would put the campaign of `creator`, at the fee of now. `params` are not
    /// checked: most terms out of bounds have an address too, at which nothing will ever be. A mode that is none and
    /// shares above what fits in 16 bits panic.
    function campaignAddress(address creator, CampaignParams calldata params) external view returns (address);

    /// @notice Whether this factory created `campaign`.
    function isCampaign(address campaign) external view returns (bool);

    /// @notice Whether campaigns may be created in `token`; zero is the native currency.
    function isTokenAllowed(address token) external view returns (bool);

    /// @notice Whether `account` may cancel campaigns and pause contributions or creation.
    function isGuardian(address account) external view returns (bool);
}
