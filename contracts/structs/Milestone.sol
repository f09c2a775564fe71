// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

/// @notice A milestone as the creator asks for it: a part of the money and the time by which to show for it.
struct MilestoneParams {
    /// Part of what was raised, in hundredths of a percent; those of all milestones add up to 10,000.
    uint16 shareBps;
    /// First second at which it is too late to submit evidence.
    uint64 due;
    /// First second at which evidence is taken; zero for any time after the deadline.
    uint64 notBefore;
}

/// @notice Where the milestone stands that is to be paid next.
struct Review {
    /// Contributions of those who object.
    uint104 objections;
    /// Most that the objections may be for the milestone to be paid.
    uint104 limit;
    /// First second at which objecting is over; zero while there is no evidence.
    uint40 windowEnd;
}
