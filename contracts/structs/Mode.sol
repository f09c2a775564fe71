// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

/// @notice What happens to the money when the deadline passes with the goal unmet.
enum Mode {
    /// Backers take it back.
    AllOrNothing,
    /// The creator keeps it.
    KeepWhatYouRaise
}
