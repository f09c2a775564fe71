// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {ICampaign} from "../../../../contracts/interfaces/ICampaign.sol";
import {ISupporterReceipt} from "../../../../contracts/interfaces/ISupporterReceipt.sol";

/// @dev A backer that refuses to be paid.
contract RevertingBacker {
    function contribute(ICampaign campaign) external payable {
        campaign.contribute{value: msg.value}(0, 0);
    }

    function refund(ICampaign campaign) external {
        campaign.refund();
    }

    function refundTo(ICampaign campaign, address to) external {
        campaign.refundTo(to);
    }

    receive() external payable {
        revert("no, thank you");
    }
}

/// @dev A backer that calls the campaign while it is being paid, and notes whether that worked.
contract ReentrantBacker {
    ICampaign private immutable _campaign;
    bytes private _call;
    bool public entered;
    bool public tried;
    bytes4 public failure;

    constructor(ICampaign campaign, bytes memory call) {
        (_campaign, _call) = (campaign, call);
    }

    function contribute() external payable {
        _campaign.contribute{value: msg.value}(0, 0);
    }

    function refund() external {
        _campaign.refund();
    }

    receive() external payable {
        tried = true;
        bytes memory result;
        (entered, result) = address(_campaign).call(_call);
        failure = bytes4(result);
    }
}

/// @dev A backer that answers with a megabyte.
contract BombBacker {
    function contribute(ICampaign campaign) external payable {
        campaign.contribute{value: msg.value}(0, 0);
    }

    function refund(ICampaign campaign) external {
        campaign.refund();
    }

    receive() external payable {
        assembly ("memory-safe") {
            return(0, 1000000)
        }
    }
}

/// @dev Claims its receipt a second time while it gets the first.
contract ReceiptHunter {
    bool public succeeded;
    ISupporterReceipt private _receipt;
    address private _campaign;

    function claim(ISupporterReceipt receipt, address campaign) external {
        (_receipt, _campaign) = (receipt, campaign);
        receipt.claim(campaign);
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external returns (bytes4) {
        (succeeded,) = address(_receipt).call(abi.encodeCall(ISupporterReceipt.claim, (_campaign)));
        return this.onERC1155Received.selector;
    }
}

/// @dev A contract that takes no tokens.
contract ReceiptRefuser {
    function claim(ISupporterReceipt receipt, address campaign) external {
        receipt.claim(campaign);
    }
}

/// @dev Spends all gas it is given.
contract GasBurner {
    receive() external payable {
        for (uint256 spent;; ++spent) {}
    }
}

/// @dev A treasury that keeps nothing.
contract ForwardingTreasury {
    address private immutable _next;

    constructor(address next) {
        _next = next;
    }

    receive() external payable {
        (bool sent,) = _next.call{value: msg.value}("");
        require(sent, "not passed on");
    }
}
