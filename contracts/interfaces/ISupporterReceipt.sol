// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {State} from "../structs/State.sol";

/// @title Proof of having supported a campaign
/// @notice A token by ERC-1155 that its owner claims when it likes to, after the campaign has succeeded, and that
/// nobody can transfer. Its id is the campaign's address as a number; everybody has one of a kind at most. It speaks of
/// the moment at which it was claimed: a later refund doesn't take it away.
interface ISupporterReceipt {
    /// @notice `backer` claimed its receipt for `amount`, in base units of the campaign's token.
    event ReceiptClaimed(address indexed backer, address indexed campaign, uint256 amount);

    /// @notice The factory knows of no such campaign.
    error SupporterReceipt_UnknownCampaign(address campaign);
    /// @notice Contributions to the campaign are not final: there is no success, or not any more.
    error SupporterReceipt_NotSucceeded(address campaign, State state);
    /// @notice The caller has given nothing to the campaign.
    error SupporterReceipt_NotABacker(address caller, address campaign);
    /// @notice The caller has its receipt.
    error SupporterReceipt_AlreadyClaimed(address caller, address campaign);
    /// @notice Receipts stay with who earned them.
    error SupporterReceipt_Soulbound();

    /// @notice Gives the caller its receipt for a campaign that it has supported.
    function claim(address campaign) external;

    /// @notice The factory whose campaigns receipts are for.
    function factory() external view returns (address);
}
