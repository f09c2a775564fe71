// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

import {ICampaign} from "./interfaces/ICampaign.sol";
import {ICampaignFactory} from "./interfaces/ICampaignFactory.sol";
import {ISupporterReceipt} from "./interfaces/ISupporterReceipt.sol";
import {Summary} from "./structs/Summary.sol";

/// @title Proof of having supported a campaign
/// @dev Campaigns know nothing of it: minting within a contribution would make every backer pay for a token that few
/// look at.
contract SupporterReceipt is ISupporterReceipt, ERC1155 {
    /// @inheritdoc ISupporterReceipt
    address public immutable factory;

    /// @param uri Where a receipt's description is found, with `{id}` where ERC-1155 puts the id.
    constructor(address campaignFactory, string memory uri) ERC1155(uri) {
        factory = campaignFactory;
    }

    /// @inheritdoc ISupporterReceipt
    function claim(address campaign) external {
        if (!ICampaignFactory(factory).isCampaign(campaign)) revert SupporterReceipt_UnknownCampaign(campaign);
        uint256 contribution = ICampaign(campaign).contributionOf(msg.sender);
        if (contribution == 0) revert SupporterReceipt_NotABacker(msg.sender, campaign);
        Summary memory summary = ICampaign(campaign).summary();
        // Who has contributed is a part of what was raised, which then is not zero.
        uint256 amount = contribution * (summary.totalWithdrawn + summary.totalFees) / summary.totalRaised;
        if (amount == 0) revert SupporterReceipt_NothingPaidOut(campaign, summary.state);
        uint256 id = uint160(campaign);
        if (balanceOf(msg.sender, id) != 0) revert SupporterReceipt_AlreadyClaimed(msg.sender, campaign);
        emit ReceiptClaimed({backer: msg.sender, campaign: campaign, amount: amount});
        _mint(msg.sender, id, 1, "");
    }

    /// @notice Refused: there is nothing that an operator could do.
    function setApprovalForAll(address, bool) public pure override {
        revert SupporterReceipt_Soulbound();
    }

    /// @dev Only minting passes.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        if (from != address(0)) revert SupporterReceipt_Soulbound();
        super._update(from, to, ids, values);
    }
}
