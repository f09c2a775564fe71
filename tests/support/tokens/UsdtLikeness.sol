// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

/// @title A likeness of USDT as it is on Ethereum, written for tests
/// @dev Its habits, none of which ERC-20 has: nothing is returned, an allowance is not changed into another one
/// without being zero in between, and what is not covered ends in an invalid instruction, which takes nearly all gas.
contract UsdtLikeness {
    string public constant name = "Likeness of Tether USD";
    string public constant symbol = "USDT";
    uint256 public constant decimals = 6;

    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external {
        if (value != 0 && allowance[msg.sender][spender] != 0) {
            assembly {
                revert(0, 0)
            }
        }
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
    }

    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed < type(uint256).max) allowance[from][msg.sender] = _less(allowed, value);
        _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private {
        balanceOf[from] = _less(balanceOf[from], value);
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }

    function _less(uint256 from, uint256 value) private pure returns (uint256) {
        if (value > from) {
            assembly {
                invalid()
            }
        }
        return from - value;
    }
}
