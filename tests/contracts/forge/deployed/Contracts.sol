// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {CampaignFactory} from "../../../../contracts/CampaignFactory.sol";
import {TestToken} from "../../../../contracts/mocks/TestToken.sol";
import {SupporterReceipt} from "../../../../contracts/SupporterReceipt.sol";

interface Artifacts {
    function getCode(string calldata path) external view returns (bytes memory);
}

/// @dev The contracts as Brownie compiled them for deployment, so that the tests need no compilation through the IR.
abstract contract Contracts {
    Artifacts private constant _ARTIFACTS = Artifacts(address(uint160(uint256(keccak256("hevm cheat code")))));

    function newToken() internal returns (TestToken) {
        return TestToken(create("TestToken", ""));
    }

    function newFactory(address admin, address treasury, uint16 feeBps, address[] memory allowed)
        internal
        returns (CampaignFactory)
    {
        return CampaignFactory(create("CampaignFactory", abi.encode(admin, 0, treasury, feeBps, allowed)));
    }

    function newReceipt(CampaignFactory factory, string memory uri) internal returns (SupporterReceipt) {
        return SupporterReceipt(create("SupporterReceipt", abi.encode(factory, uri)));
    }

    function create(string memory name, bytes memory arguments) private returns (address created) {
        bytes memory code = _ARTIFACTS.getCode(string.concat("build/contracts/", name, ".json"));
        code = bytes.concat(code, arguments);
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
