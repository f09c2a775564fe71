// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {State} from "../structs/State.sol";

/// @title Proof of having supported a campaign
/// @notice A token by ERC-1155 that its owner claims when it likes to, once the campaign was paid from what it gave, and
/// that nobody can transfer. Its id is the campaign's address as a number; everybody has one of a kind at most. It
/// speaks of the moment at which it was claimed: what is paid out or given back later doesn't change it.
interface ISupporterReceipt {
    /// @notice `backer` claimed its receipt for `amount`, in base units of the campaign's token: its part of what was
    /// paid out, fees included, which can't come back.
    event ReceiptClaimed(address indexed backer, address indexed campaign, uint256 amount);

    /// @notice The factory knows of no such campaign.
    error SupporterReceipt_UnknownCampaign(address campaign);
    /// @notice Nothing of the caller's contribution was paid out yet: all of it may come back.
    error SupporterReceipt_NothingPaidOut(address campaign, State state);
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
