// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Keeps one percent of every transfer.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0)) return super._update(from, to, amount);
        super._update(from, to, amount - amount / 100);
        super._update(from, address(0xdead), amount / 100);
    }
}

/// @dev Says false instead of reverting, and moves nothing.
contract FalseToken {
    uint8 public constant decimals = 18;
    mapping(address => uint256) public balanceOf;

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }
}

/// @dev Says true and moves nothing; its permit permits nothing.
contract LyingToken {
    uint8 public constant decimals = 18;
    mapping(address => uint256) public balanceOf;

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external pure {}

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return true;
    }
}

/// @dev Takes from the receiver what it should give to it.
contract DrainingToken {
    uint8 public constant decimals = 18;
    mapping(address => uint256) public balanceOf;

    function set(address account, uint256 amount) external {
        balanceOf[account] = amount;
    }

    function transferFrom(address, address to, uint256 amount) external returns (bool) {
        balanceOf[to] -= amount;
        return true;
    }
}

/// @dev Calls whoever is set while it moves, as ERC-777 tokens do.
contract HookToken is ERC20("Hook", "HOOK") {
    address private _target;
    bytes private _call;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function hook(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_target == address(0)) return;
        (address target, bytes memory data) = (_target, _call);
        _target = address(0);
        (bool ok, bytes memory result) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}

/// @dev Takes any amount above the balance for the whole balance, as some tokens do with the largest number.
contract EverythingToken is ERC20("Everything", "ALL") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0) && amount > balanceOf(from)) amount = balanceOf(from);
        super._update(from, to, amount);
    }
}

/// @dev Lets balances be changed from outside, as a rebase does.
contract RebasingToken is ERC20("Rebasing", "RBS") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function set(address account, uint256 amount) external {
        uint256 before = balanceOf(account);
        if (amount > before) _mint(account, amount - before);
        else _burn(account, before - amount);
    }
}

/// @dev One book behind two addresses, as tokens have had that were moved to a new contract: what {TokenAlias} moves is
/// gone here too.
contract TwoAddressToken is ERC20("Two", "TWO") {
    TokenAlias public immutable alias_ = new TokenAlias(this);

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function moveFor(address from, address to, uint256 amount) external {
        require(msg.sender == address(alias_), "not the alias");
        _transfer(from, to, amount);
    }
}

contract TokenAlias {
    TwoAddressToken private immutable _token;

    constructor(TwoAddressToken token) {
        _token = token;
    }

    function balanceOf(address account) external view returns (uint256) {
        return _token.balanceOf(account);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _token.moveFor(msg.sender, to, amount);
        return true;
    }
}

/// @dev Takes a fee of its sender on top of what it moves, once that is turned on.
contract SenderFeeToken is ERC20("Sender", "SND") {
    uint256 private _fee;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setFee(uint256 fee) external {
        _fee = fee;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && _fee != 0) super._update(from, address(0xdead), _fee);
    }
}

/// @dev Says that everybody has all there is, and that all of it was moved.
contract BoastfulToken {
    function balanceOf(address) external pure returns (uint256) {
        return type(uint256).max;
    }

    function transfer(address, uint256) external pure returns (bool) {
        return true;
    }
}

/// @dev Answers what it is told to, a word for each view function, and nothing for those it wasn't told of.
contract AnsweringToken {
    mapping(bytes4 selector => bytes) private _answers;

    function answer(bytes4 selector, bytes calldata word) external {
        _answers[selector] = word;
    }

    fallback() external {
        bytes memory word = _answers[msg.sig];
        if (word.length == 0) revert("no such function");
        assembly ("memory-safe") {
            return(add(word, 0x20), mload(word))
        }
    }
}
