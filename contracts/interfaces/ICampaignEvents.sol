// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

/// @title What a campaign tells
/// @notice Every event carries `seq`, which counts this campaign's events from 1 without a gap, and money events carry
/// the running total they led to, so that an index can prove that it has missed nothing. Amounts are in the base units
/// of `token`; the zero address stands for the native currency.
interface ICampaignEvents {
    /// @notice A reward tier was offered. A `supply` of zero is unlimited.
    event TierAdded(uint32 indexed tierId, uint64 seq, uint256 price, uint32 supply);

    /// @notice A milestone was promised: evidence before `due`, and not before `notBefore` if that is not zero, opens
    /// `shareBps` of what was raised, unless within `objectionWindow` seconds backers of more than
    /// `objectionThresholdBps` of it object.
    event MilestoneDefined(
        uint32 indexed milestoneId,
        uint64 seq,
        uint16 shareBps,
        uint64 due,
        uint64 notBefore,
        uint32 objectionWindow,
        uint16 objectionThresholdBps
    );

    /// @notice `backer` gave `amount`, paid by `payer`. `ref` is the caller's own reference, zero for none;
    /// `tierId` zero is a gift without a reward. `backerTotal` is what the backer could be refunded from now on.
    event Contributed(
        address indexed backer,
        address indexed payer,
        bytes32 indexed ref,
        uint64 seq,
        address token,
        uint32 tierId,
        uint256 amount,
        uint256 backerTotal,
        uint256 totalRaised
    );

    /// @notice `backer` took back the whole of what it gave, before the end; its rewards are free again. Unlike a
    /// refund this lowers the total raised, to `totalRaised`.
    event PledgeTakenBack(
        address indexed backer, address indexed to, uint64 seq, address token, uint256 amount, uint256 totalRaised
    );

    /// @notice `backer` got back what it gave, or in a wind-down its share of what was left, sent to `to`. It has
    /// nothing more to take.
    event Refunded(
        address indexed backer, address indexed to, uint64 seq, address token, uint256 amount, uint256 totalRefunded
    );

    /// @notice The creator was paid `amount`, sent to `to`.
    event Withdrawn(
        address indexed creator, address indexed to, uint64 seq, address token, uint256 amount, uint256 totalWithdrawn
    );

    /// @notice A payout made `amount` due to the treasury.
    event FeeAccrued(uint64 seq, address token, uint256 amount, uint256 totalFees);

    /// @notice Fees due were sent to the treasury.
    event FeeClaimed(address indexed treasury, uint64 seq, address token, uint256 amount, uint256 totalFeesClaimed);

    /// @notice The creator showed evidence, whose bytes hash to `contentHash`. Until `windowEnd` backers may object;
    /// contributions above `objectionLimit` in all stop the payouts.
    event MilestoneSubmitted(
        address indexed creator,
        uint32 indexed milestoneId,
        uint64 seq,
        string uri,
        bytes32 contentHash,
        uint64 windowEnd,
        uint256 objectionLimit
    );

    /// @notice `backer` objects to the evidence with all it gave. `totalObjections` is what all objectors gave.
    event Objected(
        address indexed backer, uint32 indexed milestoneId, uint64 seq, uint256 weight, uint256 totalObjections
    );

    /// @notice `backer` no longer objects.
    event ObjectionWithdrawn(
        address indexed backer, uint32 indexed milestoneId, uint64 seq, uint256 weight, uint256 totalObjections
    );

    /// @notice A milestone was reached: `amount`, fee included, was paid out. `totalReleased` is that of all milestones.
    /// `nextDue` is when evidence for the next one is due, which is later than the terms said if this one was paid late;
    /// zero after the last.
    event MilestoneReleased(
        uint32 indexed milestoneId, uint64 seq, address token, uint256 amount, uint256 totalReleased, uint64 nextDue
    );

    /// @notice Payouts are over; backers share `remaining` in proportion to what they gave. `since` is when it came to
    /// that, which may be long before this event, but never before the last payout.
    event WindDownStarted(address indexed by, uint64 seq, uint64 since, address token, uint256 remaining);

    /// @notice The campaign was ended before its first payout; backers may take their money back.
    event Cancelled(address indexed by, uint64 seq, string reason);

    /// @notice The creator published a text whose bytes hash to `contentHash`.
    event UpdatePosted(address indexed creator, uint64 seq, string uri, bytes32 contentHash);

    /// @notice A guardian stopped contributions or let them go on.
    event ContributionsPaused(address indexed by, uint64 seq, bool paused);

    /// @notice The creator offered the campaign to another account; the zero address takes the offer back.
    event CreatorTransferStarted(address indexed creator, address indexed newCreator, uint64 seq);

    /// @notice The offer was accepted: payouts and duties are the new creator's.
    event CreatorTransferred(address indexed oldCreator, address indexed newCreator, uint64 seq);

    /// @notice Money that was never contributed (forced in, or sent by mistake) went to the treasury. Anybody can cause
    /// this event, in a `token` of their own making too; `amount` is by how much the campaign's balance fell.
    event SurplusSwept(address indexed treasury, uint64 seq, address token, uint256 amount);
}
