// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Review} from "../structs/Milestone.sol";
import {Permit} from "../structs/Permit.sol";
import {State} from "../structs/State.sol";
import {Summary} from "../structs/Summary.sol";
import {Terms} from "../structs/Terms.sol";
import {Tier, TierParams} from "../structs/Tier.sol";
import {ICampaignErrors} from "./ICampaignErrors.sol";
import {ICampaignEvents} from "./ICampaignEvents.sol";

/// @title Escrow and lifecycle of one crowdfunding campaign
/// @notice Holds the backers' money until time and totals decide whose it is. Amounts are in the base units of the
/// campaign's token; the zero address stands for the native currency.
interface ICampaign is ICampaignEvents, ICampaignErrors {
    /// @notice Called once by the factory in the transaction that creates a campaign with tiers or milestones.
    function initialize(TierParams[] calldata tiers) external;

    /// @notice Gives the native currency sent along. Above the cap, what fits is taken and the rest comes back.
    /// @param tierId Reward asked for, 0 for none. Its price must be covered by what is taken.
    /// @param ref Free reference that comes back in the event, 0 for none.
    /// @return accepted What was taken, in base units.
    function contribute(uint32 tierId, bytes32 ref) external payable returns (uint256 accepted);

    /// @notice As {contribute} for somebody else, whose the contribution, its reward and any refund are.
    /// @return accepted What was taken, in base units.
    function contributeFor(address backer, uint32 tierId, bytes32 ref) external payable returns (uint256 accepted);

    /// @notice Gives up to `amount` of the campaign's token, which the caller has approved. Above the cap only what
    /// fits is taken.
    /// @return accepted What was taken, in base units.
    function contributeERC20(uint256 amount, uint32 tierId, bytes32 ref) external returns (uint256 accepted);

    /// @notice As {contributeERC20} for somebody else, whose the contribution, its reward and any refund are.
    /// @return accepted What was taken, in base units.
    function contributeERC20For(address backer, uint256 amount, uint32 tierId, bytes32 ref)
        external
        returns (uint256 accepted);

    /// @notice As {contributeERC20} with the approval in the same call. A permit that was used already, or that the
    /// token doesn't take, is no reason to fail while the allowance is enough.
    /// @return accepted What was taken, in base units.
    function contributeERC20WithPermit(uint256 amount, uint32 tierId, bytes32 ref, Permit calldata permit)
        external
        returns (uint256 accepted);

    /// @notice Sends the caller's whole contribution to `to` and frees its rewards. Possible until 24 hours before the
    /// deadline while the goal of an all-or-nothing campaign is unmet.
    function takeBack(address to) external;

    /// @notice Sends the caller all it gave, once the campaign has failed, was cancelled or has expired; its share of
    /// what is left in a wind-down.
    function refund() external;

    /// @notice As {refund}, sent to another address of the caller's choice.
    function refundTo(address to) external;

    /// @notice Sends `backer` its refund, asked for by anyone 30 days after {refundsSince}.
    function refundFor(address backer) external;

    /// @notice Sends the creator's share to `to`, once a campaign without milestones has succeeded. The fee stays for
    /// {claimFees}.
    function withdraw(address to) external;

    /// @notice Sends the fees due to the factory's treasury. Anyone may call.
    function claimFees() external;

    /// @notice Shows evidence for the next milestone, bound by the hash of its bytes, and opens the objection window.
    /// Creator only, once for each milestone, not before the time that the terms name and before it is due.
    function submitMilestone(string calldata uri, bytes32 contentHash) external;

    /// @notice Objects to the evidence with all that the caller gave. Backers only, while the window is open.
    function object() external;

    /// @notice Takes the caller's objection back while the window is open.
    function unobject() external;

    /// @notice Sends the creator's share of the milestone to `to`, after a window without objections above the limit.
    /// Creator only, within 180 days. However late that is, the next milestone keeps the time that the terms put between
    /// the two: see {milestoneDue}.
    function release(address to) external;

    /// @notice Writes down that payouts are over. Anyone, once a milestone was missed or refused (refunds do not wait
    /// for it); the creator at any time between the deadline and the last payout.
    function windDown() external;

    /// @notice Ends the campaign before its first payout; backers take their money back. Creator or guardian.
    function cancel(string calldata reason) external;

    /// @notice Publishes an update, bound by the hash of its bytes. Creator only.
    function postUpdate(string calldata uri, bytes32 contentHash) external;

    /// @notice Offers the campaign, its payouts and its duties to another account; the zero address takes the offer
    /// back. Creator only.
    function transferCreator(address newCreator) external;

    /// @notice Accepts an offered campaign. Not while backers may object to evidence, so that who has a say and the
    /// limit of objections remain those of the day on which it was shown.
    function acceptCreator() external;

    /// @notice Stops contributions or lets them go on. Never touches refunds or withdrawals. Guardian only.
    function setContributionsPaused(bool paused) external;

    /// @notice Sends what the campaign has of `token` and owes to nobody to the treasury, which can give it back to
    /// whoever sent it by mistake. Anyone may call. Told is what has left the campaign.
    function sweepSurplus(address token) external;

    /// @notice Where the campaign stands now.
    function state() external view returns (State);

    /// @notice How many events the campaign has emitted.
    function seq() external view returns (uint64);

    /// @notice Sum of the contributions that were not taken back before the end.
    function totalRaised() external view returns (uint256);

    /// @notice Sum of all refunds.
    function totalRefunded() external view returns (uint256);

    /// @notice Sum of what the creator was paid.
    function totalWithdrawn() external view returns (uint256);

    /// @notice Sum of the fees accrued, claimed or not.
    function totalFees() external view returns (uint256);

    /// @notice Sum of the fees sent to the treasury.
    function totalFeesClaimed() external view returns (uint256);

    /// @notice What `backer` gave and has not taken back.
    function contributionOf(address backer) external view returns (uint256);

    /// @notice How many rewards of a tier `backer` has paid for and not given back.
    function rewardsOf(address backer, uint32 tierId) external view returns (uint256);

    /// @notice Whether `backer` objects to the evidence under review.
    function isObjecting(address backer) external view returns (bool);

    /// @notice Whose the campaign is.
    function creator() external view returns (address);

    /// @notice Whom the campaign was offered to; zero for nobody.
    function pendingCreator() external view returns (address);

    /// @notice A reward tier; tiers are numbered from 1.
    function tier(uint32 tierId) external view returns (Tier memory);

    /// @notice A milestone; milestones are numbered from 1.
    /// @return shareBps Its part of what was raised, in hundredths of a percent.
    /// @return due First second at which it is too late to submit evidence, by the terms; see {milestoneDue}.
    /// @return notBefore First second at which evidence is taken; zero for any time after the deadline.
    function milestone(uint32 milestoneId) external view returns (uint16 shareBps, uint64 due, uint64 notBefore);

    /// @notice First second at which it is too late to submit evidence for the milestone under way: when the terms say,
    /// or, if the one before was paid late, as long after that as the terms put between the two, less the objection
    /// window. Zero when no milestone is to come or payouts are over.
    function milestoneDue() external view returns (uint64);

    /// @notice How many milestones were paid out.
    function milestonesReleased() external view returns (uint32);

    /// @notice Where the milestone stands that is to be paid next.
    function review() external view returns (Review memory);

    /// @notice From when no pledge can be taken back, in seconds: 24 hours before the deadline, which may be to come;
    /// zero when there is nothing to wait for, because the campaign keeps what it raises or has met its goal. Pledges
    /// are firm when this is not after the block's time.
    function pledgesFirmSince() external view returns (uint64);

    /// @notice When refunds opened, in seconds; zero while they are not open. Never before a moment at which they were
    /// closed, and once told the same for good.
    function refundsSince() external view returns (uint64);

    /// @notice What the campaign promised at its creation.
    function terms() external view returns (Terms memory);

    /// @notice Terms, state and totals in one call.
    function summary() external view returns (Summary memory);
}
