// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Mode} from "./Mode.sol";

/// @notice The promises a campaign was launched with. They are part of its code and can't change.
struct Terms {
    /// Who launched the campaign; {ICampaign-creator} is whose it is now.
    address creator;
    address token;
    Mode mode;
    uint256 goal;
    uint64 deadline;
    uint16 feeBps;
    uint256 minContribution;
    uint256 cap;
    uint32 tierCount;
    uint32 milestoneCount;
    uint32 objectionWindow;
    uint16 objectionThresholdBps;
}
