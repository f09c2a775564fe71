// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {CampaignFactory} from "../../../contracts/CampaignFactory.sol";
import {ICampaignFactory as Factory} from "../../../contracts/interfaces/ICampaignFactory.sol";
import {CampaignTest} from "./CampaignTest.sol";
import {AnsweringToken} from "./mocks/HostileTokens.sol";

/// @dev What may be listed as a currency: trees/setTokenAllowed.tree.
contract ListingTest is CampaignTest {
    bytes4 private constant DECIMALS = IERC20Metadata.decimals.selector;
    bytes4 private constant BALANCE_OF = IERC20.balanceOf.selector;
    address private constant BOB = address(0xB0B);

    /// @dev Six decimals and balances: all that is asked for.
    function plain() private returns (AnsweringToken answering) {
        answering = new AnsweringToken();
        answering.answer(DECIMALS, abi.encode(6));
        answering.answer(BALANCE_OF, abi.encode(0));
    }

    function test_a_token_that_answers_is_listed() public {
        address listed = address(plain());
        factory.setTokenAllowed(listed, true);
        vm.assertTrue(factory.isTokenAllowed(listed), "listed");
        factory.setTokenAllowed(listed, false);
        vm.assertTrue(!factory.isTokenAllowed(listed), "no longer");
    }

    function test_no_contract_no_token() public {
        refuses(BOB, abi.encodeWithSelector(Factory.Factory_NotAContract.selector, BOB));
        factory.setTokenAllowed(BOB, false);
        factory.setTokenAllowed(address(0), false);
        factory.setTokenAllowed(address(0), true);
        vm.assertTrue(factory.isTokenAllowed(address(0)), "the native currency");
    }

    function test_decimals() public {
        AnsweringToken answering = plain();
        for (uint256 decimals; decimals < 6; ++decimals) {
            answering.answer(DECIMALS, abi.encode(decimals));
            refuses(
                address(answering),
                abi.encodeWithSelector(Factory.Factory_TooFewDecimals.selector, answering, decimals, 6)
            );
        }
        uint256[2] memory enough = [uint256(18), 255];
        for (uint256 index; index < 2; ++index) {
            answering.answer(DECIMALS, abi.encode(enough[index]));
            factory.setTokenAllowed(address(answering), true);
        }
        answering.answer(DECIMALS, abi.encode(256));
        refuses(address(answering), unanswered(answering, DECIMALS));
    }

    /// Nothing, too little, or a price feed, which has decimals and no balances.
    function test_contracts_that_are_no_token() public {
        AnsweringToken answering = plain();
        answering.answer(DECIMALS, hex"06");
        refuses(address(answering), unanswered(answering, DECIMALS));
        answering = new AnsweringToken();
        refuses(address(answering), unanswered(answering, DECIMALS));
        answering.answer(DECIMALS, abi.encode(8));
        refuses(address(answering), unanswered(answering, BALANCE_OF));
        refuses(
            address(factory),
            abi.encodeWithSelector(Factory.Factory_NotAToken.selector, address(factory), DECIMALS)
        );
    }

    function test_an_nft_is_no_currency() public {
        AnsweringToken answering = plain();
        answering.answer(IERC165.supportsInterface.selector, abi.encode(true));
        refuses(
            address(answering), abi.encodeWithSelector(Factory.Factory_TokenNotFungible.selector, answering)
        );
        answering.answer(IERC165.supportsInterface.selector, abi.encode(false));
        factory.setTokenAllowed(address(answering), true);
    }

    /// The list of the constructor is looked at as any other.
    function test_the_first_list() public {
        address[] memory list = new address[](2);
        (list[0], list[1]) = (address(token), BOB);
        vm.expectRevert(abi.encodeWithSelector(Factory.Factory_NotAContract.selector, BOB));
        newFactory(address(this), TREASURY, FEE_BPS, list);
    }

    /// What misbehaves is taken off the list whatever it answers by then.
    function test_taken_off_the_list() public {
        AnsweringToken answering = plain();
        factory.setTokenAllowed(address(answering), true);
        answering.answer(DECIMALS, abi.encode(0));
        factory.setTokenAllowed(address(answering), false);
        vm.assertTrue(!factory.isTokenAllowed(address(answering)), "no longer");
    }

    function unanswered(AnsweringToken answering, bytes4 selector) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Factory.Factory_NotAToken.selector, answering, selector);
    }

    function refuses(address listed, bytes memory reason) private {
        vm.expectRevert(reason);
        factory.setTokenAllowed(listed, true);
    }
}
