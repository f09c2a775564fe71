// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {ICampaign} from "../../contracts/interfaces/ICampaign.sol";

/// @dev Contributes to campaigns in turn for made-up backers, many times in one transaction. It holds the money it gives.
contract LoadGenerator {
    uint256 private constant BACKERS = 10_000;

    ICampaign[] private _campaigns;

    constructor(ICampaign[] memory campaigns) payable {
        _campaigns = campaigns;
    }

    /// @dev Contributions `first` to `first + count - 1` of the one endless sequence that this contract gives.
    function contribute(uint256 first, uint256 count) external {
        uint256 campaigns = _campaigns.length;
        for (uint256 index = first; index < first + count; ++index) {
            uint256 random = uint256(keccak256(abi.encode(index)));
            address backer = address(uint160(1_000_000 + random % BACKERS));
            _campaigns[index % campaigns].contributeFor{value: 1 + (random >> 128) % 1 ether}(backer, 0, 0);
        }
    }
}
