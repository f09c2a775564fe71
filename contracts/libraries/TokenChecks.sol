// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";

import {ICampaignFactory} from "../interfaces/ICampaignFactory.sol";

/// @title What can be seen of a token before campaigns may be paid in it
/// @notice Views only: how it moves money is for whoever lists it to try out (docs/contracts.md).
library TokenChecks {
    /// @dev A backer's share of a wind-down is rounded down to a base unit, which must be worth next to nothing.
    uint256 internal constant MIN_DECIMALS = 6;

    /// @dev Reverts with the factory's error when `token` is no token for campaigns.
    function requireListable(address token) internal view {
        if (token.code.length == 0) revert ICampaignFactory.Factory_NotAContract(token);
        uint256 decimals = _answer(token, abi.encodeCall(IERC20Metadata.decimals, ()));
        if (decimals > type(uint8).max) {
            revert ICampaignFactory.Factory_NotAToken(token, IERC20Metadata.decimals.selector);
        }
        if (decimals < MIN_DECIMALS) {
            revert ICampaignFactory.Factory_TooFewDecimals(token, decimals, MIN_DECIMALS);
        }
        // An oracle has decimals too.
        _answer(token, abi.encodeCall(IERC20.balanceOf, (address(this))));
        // Also of a contract that doesn't keep to ERC-165 otherwise: the claim is enough.
        if (ERC165Checker.supportsERC165InterfaceUnchecked(token, type(IERC721).interfaceId)) {
            revert ICampaignFactory.Factory_TokenNotFungible(token);
        }
    }

    /// @return The one word that the token gives back.
    function _answer(address token, bytes memory call) private view returns (uint256) {
        (bool isAnswered, bytes memory answer) = token.staticcall(call);
        if (!isAnswered || answer.length < 32) revert ICampaignFactory.Factory_NotAToken(token, bytes4(call));
        return abi.decode(answer, (uint256));
    }
}
