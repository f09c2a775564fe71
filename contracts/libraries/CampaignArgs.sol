// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Mode} from "../structs/Mode.sol";
import {Terms} from "../structs/Terms.sol";

/// @title A campaign's terms as the immutable arguments at the end of its clone's code
/// @notice Three words, of which the last keeps its 22 used bytes: code costs 200 gas a byte at creation, and reading
/// it in the clone costs about as much as one warm storage slot. Nothing of the moment of creation is among them, so
/// that the address, which follows from them, is the same whenever the creation is mined.
/// @dev Layout, most significant byte first:
///      word 0  goal (13) | cap, all ones for none (13) | deadline (5) | mode (1)
///      word 1  token (20) | minContribution (11) | tierCount (1)
///      word 2  creator (20) | feeBps (2)
library CampaignArgs {
    /// @dev Totals of a campaign share a storage slot, 104 bits each: 2.0e13 whole tokens of 18 decimals.
    uint256 internal constant MAX_AMOUNT = type(uint104).max;
    /// @dev 3.0e8 whole tokens of 18 decimals.
    uint256 internal constant MAX_MIN_CONTRIBUTION = type(uint88).max;

    uint256 private constant LENGTH = 86;
    /// @dev Where the arguments start in a clone made by OpenZeppelin's {Clones}.
    uint256 private constant OFFSET = 0x2d;

    /// @dev The words as they are in the code; fields are taken out by the functions below, those needed only.
    struct Packed {
        uint256 word0;
        uint256 word1;
        uint256 word2;
    }

    /// @dev The caller has checked that every value fits; a value that doesn't would spoil its neighbour.
    function pack(Terms memory terms) internal pure returns (bytes memory) {
        return abi.encodePacked(
            uint104(terms.goal),
            uint104(terms.cap == 0 ? MAX_AMOUNT : terms.cap),
            uint40(terms.deadline),
            uint8(terms.mode),
            terms.token,
            uint88(terms.minContribution),
            uint8(terms.tierCount),
            terms.creator,
            terms.feeBps
        );
    }

    /// @dev Reads the arguments of the clone that is running.
    function load() internal view returns (Packed memory args) {
        assembly ("memory-safe") {
            extcodecopy(address(), args, OFFSET, LENGTH)
        }
    }

    function goal(Packed memory args) internal pure returns (uint256) {
        return args.word0 >> 152;
    }

    /// @dev The most that may be raised: the cap, or the largest amount when there is none.
    function limit(Packed memory args) internal pure returns (uint256) {
        return uint104(args.word0 >> 48);
    }

    function deadline(Packed memory args) internal pure returns (uint64) {
        return uint40(args.word0 >> 8);
    }

    function mode(Packed memory args) internal pure returns (Mode) {
        return Mode(uint8(args.word0));
    }

    function token(Packed memory args) internal pure returns (address) {
        return address(uint160(args.word1 >> 96));
    }

    function minContribution(Packed memory args) internal pure returns (uint256) {
        return uint88(args.word1 >> 8);
    }

    function tierCount(Packed memory args) internal pure returns (uint32) {
        return uint8(args.word1);
    }

    function creator(Packed memory args) internal pure returns (address) {
        return address(uint160(args.word2 >> 96));
    }

    function feeBps(Packed memory args) internal pure returns (uint16) {
        return uint16(args.word2 >> 80);
    }

    function unpack(Packed memory args) internal pure returns (Terms memory) {
        uint256 most = limit(args);
        return Terms({
            creator: creator(args),
            token: token(args),
            mode: mode(args),
            goal: goal(args),
            deadline: deadline(args),
            feeBps: feeBps(args),
            minContribution: minContribution(args),
            cap: most == MAX_AMOUNT ? 0 : most,
            tierCount: tierCount(args)
        });
    }
}
