// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title Whether a contract calls a signature its own (ERC-1271), also one that is not deployed yet (ERC-6492)
/// @dev Never deployed: the site runs the constructor in an `eth_call` without `to`, so that whatever the contracts
/// below do is forgotten. Where other constructors hand back code, it hands back one byte: 1 for yes, 0 for no.
contract SignatureCheck {
    /// @dev What an account holds instead of code when it lets a contract act for it (EIP-7702), before the contract's
    /// address. No code begins with 0xef (EIP-3541).
    bytes3 private constant DELEGATION_PREFIX = 0xef0100;

    /// @param chainId The chain that is meant; a node of another one says no.
    /// @param signer The wallet.
    /// @param digest The hash that was signed.
    /// @param signature What the wallet is asked about, out of its ERC-6492 wrapper.
    /// @param factory Who deploys the wallet while it has no code; the zero address does nothing.
    /// @param factoryData What to tell the factory.
    constructor(
        uint256 chainId,
        address signer,
        bytes32 digest,
        bytes memory signature,
        address factory,
        bytes memory factoryData
    ) {
        if (signer.code.length == 0) {
            // Whether it worked is seen from the signer's code, and nothing else counts.
            (bool ignored,) = factory.call(factoryData);
            ignored;
        }
        bool accepted = block.chainid == chainId && !_delegates(signer) && _accepts(signer, digest, signature);
        assembly ("memory-safe") {
            mstore8(0, accepted)
            return(0, 1)
        }
    }

    /// @dev An account that delegates still has its key, which holds on every chain while the delegation is of one.
    function _delegates(address account) private view returns (bool) {
        return bytes3(account.code) == DELEGATION_PREFIX;
    }

    /// @dev The answer has to be one word and nothing more: a contract that gives back what it is told begins its
    /// answer with the right four bytes too. No more than that word is copied, however long the answer is. Where no
    /// code is, no answer is.
    function _accepts(address signer, bytes32 digest, bytes memory signature) private view returns (bool accepted) {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 yes = IERC1271.isValidSignature.selector;
        assembly ("memory-safe") {
            let answered := staticcall(gas(), signer, add(question, 0x20), mload(question), 0, 0x20)
            accepted := and(answered, and(eq(returndatasize(), 0x20), eq(mload(0), yes)))
        }
    }
}
