// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A wallet whose owner's key signs for it
contract OwnedWallet is IERC1271 {
    address public immutable owner;

    constructor(address firstOwner) {
        owner = firstOwner;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecover(hash, signature);
        return signer == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @title A wallet that belongs to whoever was the last to take it
contract CarelessWallet is IERC1271 {
    address public owner;

    function take(address newOwner) external {
        owner = newOwner;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecover(hash, signature);
        return signer == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @title A wallet whose signers confirm on the chain: a signature is then empty
contract ConfirmingWallet is IERC1271 {
    mapping(bytes32 hash => bool) public confirmed;

    function confirm(bytes32 hash) external {
        confirmed[hash] = true;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bool accepted = signature.length == 0 && confirmed[hash];
        return accepted ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @title Deploys wallets to addresses that are known before
contract WalletFactory {
    function deploy(address owner, bytes32 salt) external returns (address) {
        return address(new OwnedWallet{salt: salt}(owner));
    }
}

/// @title Answers whatever it is asked with the same bytes
contract Answering {
    bytes private _answer;

    constructor(bytes memory answer) {
        _answer = answer;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return _answer;
    }
}

/// @title Gives back what it is told, and so begins with the right four bytes
contract Echoing {
    fallback(bytes calldata question) external returns (bytes memory) {
        return question;
    }
}

contract Reverting {
    fallback() external {
        revert("no");
    }
}

/// @title Means no, in the words of a yes
contract RevertingWithYes {
    fallback() external {
        assembly {
            mstore(0, 0x1626ba7e00000000000000000000000000000000000000000000000000000000)
            revert(0, 0x20)
        }
    }
}

/// @title Says yes after it has used up so much gas
contract Costly {
    uint256 private immutable _gas;

    constructor(uint256 gasNeeded) {
        _gas = gasNeeded;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        uint256 before = gasleft();
        while (before - gasleft() < _gas) keccak256(abi.encode(before));
        return abi.encode(bytes4(0x1626ba7e));
    }
}

/// @title Ends only when its gas does
contract Burning {
    fallback() external {
        while (true) keccak256(abi.encode(gasleft()));
    }
}

/// @title Has an answer of 400 kB
contract Flooding {
    fallback() external {
        assembly {
            mstore(0, 0x1626ba7e00000000000000000000000000000000000000000000000000000000)
            return(0, 400000)
        }
    }
}

/// @title Says yes and writes it down, which nobody may who is only asked
contract Writing {
    uint256 private _asked;

    fallback(bytes calldata) external returns (bytes memory) {
        _asked++;
        return abi.encode(bytes4(0x1626ba7e));
    }
}
