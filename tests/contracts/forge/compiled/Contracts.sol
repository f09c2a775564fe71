// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {CampaignFactory} from "../../../../contracts/CampaignFactory.sol";
import {TestToken} from "../../../../contracts/mocks/TestToken.sol";
import {SupporterReceipt} from "../../../../contracts/SupporterReceipt.sol";

/// @dev The contracts as they are compiled with the tests: for proofs, coverage, mutants and the profile `default`.
abstract contract Contracts {
    function newToken() internal returns (TestToken) {
        return new TestToken();
    }

    function newFactory(address admin, address treasury, uint16 feeBps, address[] memory allowed)
        internal
        returns (CampaignFactory)
    {
        return new CampaignFactory(admin, 0, treasury, feeBps, allowed);
    }

    function newReceipt(CampaignFactory factory, string memory uri) internal returns (SupporterReceipt) {
        return new SupporterReceipt(address(factory), uri);
    }
}
