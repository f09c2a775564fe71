// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

/// @notice Where a campaign stands. Always derived from time and totals; nobody has to call anything for it.
enum State {
    /// Open for contributions: before the deadline.
    Funding,
    /// Past the deadline, the creator may withdraw.
    Succeeded,
    /// Past the deadline, goal unmet: backers take their money back.
    Failed,
    /// Ended by the creator or a guardian before the first payout: backers take their money back.
    Cancelled,
    /// All of the creator's share was withdrawn.
    Completed,
    /// Past the deadline, paid milestone by milestone.
    Releasing,
    /// A milestone was missed or refused: backers share what was not paid out.
    WindDown,
    /// A success whose creator took nothing for 180 days: backers take their money back.
    Expired
}
