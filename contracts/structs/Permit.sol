// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

/// @notice A signed approval by EIP-2612, of exactly the amount that is contributed.
struct Permit {
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}
