// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

/// @notice A reward tier as the creator asks for it.
struct TierParams {
    /// Least contribution that earns the reward, in the token's base units.
    uint256 price;
    /// How many are offered; zero for no limit.
    uint32 supply;
}

/// @notice A reward tier as the campaign keeps it: one storage slot.
struct Tier {
    uint128 price;
    uint32 supply;
    uint32 sold;
}
