// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Review} from "./Milestone.sol";
import {State} from "./State.sol";
import {Terms} from "./Terms.sol";

/// @notice Everything a page needs to know about a campaign, in one call; the same in every version of the contracts.
struct Summary {
    Terms terms;
    State state;
    bool contributionsPaused;
    uint64 seq;
    uint256 totalRaised;
    uint256 totalRefunded;
    uint256 totalWithdrawn;
    uint256 totalFees;
    uint256 totalFeesClaimed;
    address creator;
    uint32 milestonesReleased;
    Review review;
}
