// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {State} from "../structs/State.sol";

/// @title Why a campaign refuses
/// @notice Each error carries what was found and what was expected.
interface ICampaignErrors {
    /// @notice The implementation was called directly.
    error Campaign_NotAClone();
    /// @notice Only the factory may initialize a campaign.
    error Campaign_NotFactory(address caller, address factory);
    /// @notice Only the creator may do this.
    error Campaign_NotCreator(address caller, address creator);
    /// @notice Only the creator or a guardian of the factory may do this.
    error Campaign_NotCreatorOrGuardian(address caller, address creator);
    /// @notice Only a guardian of the factory may do this.
    error Campaign_NotGuardian(address caller);
    /// @notice Only the account that the campaign was offered to may accept it; zero when it was offered to nobody.
    error Campaign_NotPendingCreator(address caller, address pendingCreator);
    /// @notice The campaign is this account's already.
    error Campaign_AlreadyCreator(address creator);
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
    /// @notice A contribution can't be this address's.
    error Campaign_InvalidBacker(address backer);
    /// @notice The contribution is smaller than the campaign's minimum.
    error Campaign_BelowMinimum(uint256 amount, uint256 minimum);
    /// @notice The campaign's cap leaves no room.
    error Campaign_CapExceeded(uint256 remaining);
    /// @notice There is no such tier.
    error Campaign_UnknownTier(uint32 tierId, uint32 tierCount);
    /// @notice There is no such milestone.
    error Campaign_UnknownMilestone(uint32 milestoneId, uint32 milestoneCount);
    /// @notice What the campaign can accept of the contribution does not pay for the tier.
    error Campaign_BelowTierPrice(uint32 tierId, uint256 accepted, uint256 price);
    /// @notice All rewards of the tier were taken.
    error Campaign_TierSoldOut(uint32 tierId);
    /// @notice The backer has as many rewards of the tier as one backer may have.
    error Campaign_TooManyRewards(uint32 tierId, uint256 max);
    /// @notice The token moved another amount than it was asked to.
    error Campaign_UnexpectedTokenDelta(uint256 want, uint256 got);
    /// @notice Pledges can no longer be taken back: since `firmFrom` (zero: from the start), or since the goal was met.
    error Campaign_PledgeFirm(uint256 time, uint256 firmFrom, uint256 raised, uint256 goal);
    /// @notice There is nothing to take back for this backer.
    error Campaign_NothingToRefund(address backer);
    /// @notice For now only the backer itself may ask for its refund.
    error Campaign_RefundIsBackersOwn(uint256 time, uint256 opensToAll);
    /// @notice Nothing was raised.
    error Campaign_NothingToWithdraw();
    /// @notice No fee is due.
    error Campaign_NothingToClaim();
    /// @notice All the campaign has of this token is owed to somebody, or the token didn't let go of the rest alone.
    error Campaign_NothingToSweep(address token);
    /// @notice Evidence for the milestone is there already.
    error Campaign_MilestoneAlreadySubmitted(uint32 milestoneId);
    /// @notice Evidence for the milestone is taken from `notBefore` on.
    error Campaign_EvidenceTooEarly(uint256 time, uint256 notBefore);
    /// @notice There is no evidence for the milestone yet.
    error Campaign_MilestoneNotSubmitted(uint32 milestoneId);
    /// @notice Backers may object to the milestone until `windowEnd`.
    error Campaign_ObjectionWindowOpen(uint256 time, uint256 windowEnd);
    /// @notice The time to object, or to change one's mind, is over.
    error Campaign_ObjectionWindowOver(uint256 time, uint256 windowEnd);
    /// @notice Who launched the campaign, and who owns it now, have no say in its payouts.
    error Campaign_CreatorCannotObject(address creator);
    /// @notice Only who has given has a say.
    error Campaign_NotABacker(address caller);
    /// @notice The backer objects already.
    error Campaign_AlreadyObjected(address backer, uint32 milestoneId);
    /// @notice The backer doesn't object.
    error Campaign_NotObjected(address backer, uint32 milestoneId);
    /// @notice Money can't be sent to this address.
    error Campaign_InvalidRecipient(address to);
    /// @notice The recipient refused the native currency.
    error Campaign_TransferFailed(address to, uint256 amount);
    /// @notice A text is longer than allowed.
    error Campaign_TextTooLong(uint256 length, uint256 max);
    /// @notice The URI's length in bytes must be within these bounds.
    error Campaign_URILengthOutOfBounds(uint256 length, uint256 min, uint256 max);
    /// @notice The URI has a byte that may not stand in one; it has to be percent-encoded.
    error Campaign_InvalidURICharacter(uint256 position, bytes1 character);
    /// @notice What is published must be bound by a hash.
    error Campaign_ContentHashMissing();
}
