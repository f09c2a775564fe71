// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

/// @dev Tokens of the kinds that there are, for what decides about listing. All is minted to whoever deploys.
contract Coin {
    address internal immutable _issuer = msg.sender;
    uint8 public immutable decimals;
    mapping(address account => uint256) internal _balances;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 amount);

    constructor(uint8 howManyDecimals) {
        decimals = howManyDecimals;
        _balances[msg.sender] = 10 ** 30;
        emit Transfer(address(0), msg.sender, 10 ** 30);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external virtual {}

    function symbol() external view virtual returns (string memory) {
        return "COIN";
    }

    function balanceOf(address account) public view virtual returns (uint256) {
        return _balances[account];
    }

    function transfer(address to, uint256 amount) public virtual returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) public virtual returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function approve(address spender, uint256 amount) public virtual returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        _balances[from] -= amount;
        _balances[to] += amount;
        emit Transfer(from, to, amount);
    }
}

contract PlainCoin is Coin(6) {}

contract CentsCoin is Coin(2) {}

contract TinyUnitsCoin is Coin(24) {}

/// @dev Keeps a hundredth of what arrives, of nobody's but its issuer's.
contract FeeCoin is Coin(18) {
    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        if (from != _issuer) super._move(to, _issuer, amount / 100);
    }
}

/// @dev Takes a hundredth more from who sends, of everybody's but its issuer's.
contract SenderFeeCoin is Coin(18) {
    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        if (from != _issuer) super._move(from, _issuer, amount / 100);
    }
}

/// @dev One unit less arrives, as where balances are shares of something.
contract UnitShortCoin is Coin(18) {
    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        _balances[to] -= 1;
    }
}

contract SharesCoin is Coin(18) {
    function sharesOf(address account) external view returns (uint256) {
        return _balances[account];
    }
}

contract RebasingCoin is Coin(9) {
    function rebase(uint256, int256) external {}
}

/// @dev Bears interest in the balance, a thousandth a day.
contract InterestCoin is Coin(18) {
    uint256 private immutable _start = block.timestamp;

    function balanceOf(address account) public view override returns (uint256) {
        return _balances[account] + _balances[account] * ((block.timestamp - _start) / 1 days) / 1000;
    }
}

contract NoZeroApprovalCoin is Coin(18) {
    function approve(address spender, uint256 amount) public override returns (bool) {
        require(amount != 0, "zero");
        return super.approve(spender, amount);
    }
}

/// @dev Says no instead of reverting, to everybody but its issuer.
contract FalseCoin is Coin(18) {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

contract Collectible is Coin(6) {
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0x01ffc9a7 || id == 0x80ac58cd;
    }
}

/// @dev Says yes to every question, which is no answer.
contract YesCoin is Coin(6) {
    function supportsInterface(bytes4) external pure returns (bool) {
        return true;
    }
}

contract HookedCoin is Coin(18) {
    function granularity() external pure returns (uint256) {
        return 1;
    }
}

contract DaiCoin {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    bytes32 public constant symbol = "DAI";
    uint256 public constant decimals = 18;

    constructor() {
        balanceOf[msg.sender] = 10 ** 30;
    }

    function permit(address, address, uint256, uint256, bool, uint8, bytes32, bytes32) external {}

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// @dev As Tether's on Ethereum: nothing returned, approvals from zero only, an issuer with every power.
contract TetherCoin {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    string public constant symbol = "USDT";
    uint256 public constant decimals = 6;
    uint256 public constant basisPointsRate = 0;
    bool public constant paused = false;

    constructor() {
        balanceOf[msg.sender] = 10 ** 30;
    }

    function pause() external {}

    function addBlackList(address) external {}

    function approve(address spender, uint256 amount) external {
        require(amount == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

contract NamelessCoin is Coin(18) {
    function symbol() external pure override returns (string memory) {
        return "";
    }
}

/// @dev Its symbol reads from right to left.
contract BackwardsCoin is Coin(18) {
    function symbol() external pure override returns (string memory) {
        return unicode"US\u202eTD";
    }
}

/// @dev Keeps its storage for the code that it runs, whose address is where EIP-1967 says.
contract ProxiedTether {
    bytes32 private constant SLOT = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);

    constructor() {
        address code = address(new TetherCoin());
        bytes32 slot = SLOT;
        uint256 amount = 10 ** 30;
        assembly {
            sstore(slot, code)
            mstore(0, caller())
            mstore(32, 0)
            sstore(keccak256(0, 64), amount)
        }
    }

    fallback() external {
        bytes32 slot = SLOT;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), sload(slot), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(ok) {
                revert(0, returndatasize())
            }
            return(0, returndatasize())
        }
    }
}
