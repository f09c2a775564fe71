// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {State} from "../structs/State.sol";
import {Summary} from "../structs/Summary.sol";
import {Terms} from "../structs/Terms.sol";
import {Tier, TierParams} from "../structs/Tier.sol";

/// @title Escrow and lifecycle of one crowdfunding campaign
/// @notice Holds the backers' money until time and totals decide whose it is. Amounts are in the base units of the
/// campaign's token; the zero address stands for the native currency. Every event carries `seq`, which counts this
/// campaign's events from 1 without a gap, and money events carry the running total they led to, so that an index
/// can prove that it has missed nothing.
interface ICampaign {
    /// @notice A reward tier was offered. A `supply` of zero is unlimited.
    event TierAdded(uint32 indexed tierId, uint64 seq, uint256 price, uint32 supply);

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

    /// @notice `backer` took back the whole of what it gave, sent to `to`.
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

    /// @notice The campaign was ended before its first payout; backers may take their money back.
    event Cancelled(address indexed by, uint64 seq, string reason);

    /// @notice The creator published a text whose bytes hash to `contentHash`.
    event UpdatePosted(address indexed creator, uint64 seq, string uri, bytes32 contentHash);

    /// @notice A guardian stopped contributions or let them go on.
    event ContributionsPaused(address indexed by, uint64 seq, bool paused);

    /// @notice The implementation was called directly, or an argument-less clone.
    error Campaign_NotAClone();
    /// @notice Only the factory may initialize a campaign.
    error Campaign_NotFactory(address caller, address factory);
    /// @notice Only the creator may do this.
    error Campaign_NotCreator(address caller, address creator);
    /// @notice Only the creator or a guardian of the factory may do this.
    error Campaign_NotCreatorOrGuardian(address caller, address creator);
    /// @notice Only a guardian of the factory may do this.
    error Campaign_NotGuardian(address caller);
    /// @notice The deadline has passed.
    error Campaign_DeadlinePassed(uint256 time, uint256 deadline);
    /// @notice What was asked for is not possible in this state.
    error Campaign_WrongState(State state);
    /// @notice A guardian has stopped contributions.
    error Campaign_ContributionsPaused();
    /// @notice Contributions are already stopped (`paused`) or already open (not `paused`).
    error Campaign_PauseUnchanged(bool paused);
    /// @notice The campaign takes another currency; a zero `token` is the native one.
    error Campaign_WrongCurrency(address token);
    /// @notice Nothing was sent.
    error Campaign_ZeroAmount();
    /// @notice The contribution is smaller than the campaign's minimum.
    error Campaign_BelowMinimum(uint256 amount, uint256 minimum);
    /// @notice The campaign's cap leaves no room.
    error Campaign_CapExceeded(uint256 remaining);
    /// @notice There is no such tier.
    error Campaign_UnknownTier(uint32 tierId, uint32 tierCount);
    /// @notice What the campaign can accept of the contribution does not pay for the tier.
    error Campaign_BelowTierPrice(uint32 tierId, uint256 accepted, uint256 price);
    /// @notice All rewards of the tier were taken.
    error Campaign_TierSoldOut(uint32 tierId);
    /// @notice The token moved another amount than it was asked to.
    error Campaign_UnexpectedTokenDelta(uint256 want, uint256 got);
    /// @notice There is nothing to take back for this backer.
    error Campaign_NothingToRefund(address backer);
    /// @notice Nothing was raised.
    error Campaign_NothingToWithdraw();
    /// @notice No fee is due.
    error Campaign_NothingToClaim();
    /// @notice Money can't be sent to this address.
    error Campaign_InvalidRecipient(address to);
    /// @notice The recipient refused the native currency.
    error Campaign_TransferFailed(address to, uint256 amount);
    /// @notice A text is longer than allowed.
    error Campaign_TextTooLong(uint256 length, uint256 max);
    /// @notice An update must be bound by a hash.
    error Campaign_ContentHashMissing();

    /// @notice Called once by the factory in the transaction that creates a campaign with tiers.
    function initialize(TierParams[] calldata tiers) external;

    /// @notice Gives the native currency sent along. Above the cap, what fits is taken and the rest comes back.
    /// @param tierId Reward asked for, 0 for none. Its price must be covered by what is taken.
    /// @param ref Free reference that comes back in the event, 0 for none.
    function contribute(uint32 tierId, bytes32 ref) external payable;

    /// @notice Gives up to `amount` of the campaign's token, which the caller has approved. Above the cap only what
    /// fits is taken.
    function contributeERC20(uint256 amount, uint32 tierId, bytes32 ref) external;

    /// @notice Sends the caller all it gave, once the campaign has failed or was cancelled.
    function refund() external;

    /// @notice As {refund}, sent to another address of the caller's choice.
    function refundTo(address to) external;

    /// @notice Sends the creator's share to `to`, once the campaign has succeeded. The fee stays for {claimFees}.
    function withdraw(address to) external;

    /// @notice Sends the fees due to the factory's treasury. Anyone may call.
    function claimFees() external;

    /// @notice Ends the campaign before its first payout; backers take their money back. Creator or guardian.
    function cancel(string calldata reason) external;

    /// @notice Publishes an update, bound by the hash of its bytes. Creator only.
    function postUpdate(string calldata uri, bytes32 contentHash) external;

    /// @notice Stops contributions or lets them go on. Never touches refunds or withdrawals. Guardian only.
    function setContributionsPaused(bool paused) external;

    /// @notice Where the campaign stands now.
    function state() external view returns (State);

    /// @notice How many events the campaign has emitted.
    function seq() external view returns (uint64);

    /// @notice Sum of all contributions ever taken.
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

    /// @notice A reward tier; tiers are numbered from 1.
    function tier(uint32 tierId) external view returns (Tier memory);

    /// @notice What the campaign promised at its creation.
    function terms() external view returns (Terms memory);

    /// @notice Terms, state and totals in one call.
    function summary() external view returns (Summary memory);
}
