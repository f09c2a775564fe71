// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {MilestoneParams} from "../structs/Milestone.sol";
import {Mode} from "../structs/Mode.sol";
import {Terms} from "../structs/Terms.sol";

/// @title A campaign's terms as the immutable arguments at the end of its clone's code
/// @notice Three words, of which the last keeps its 28 used bytes, and seven bytes for each milestone: code costs 200
/// gas a byte at creation, and reading it in the clone costs about as much as one warm storage slot. Nothing of the
/// moment of creation is among them, so that the address, which follows from them, is the same whenever the creation
/// is mined.
/// @dev Layout, most significant byte first:
///      word 0     goal (13) | cap, all ones for none (13) | deadline (5) | mode (1)
///      word 1     token (20) | minContribution (11) | tierCount (1)
///      word 2     creator (20) | feeBps (2) | milestoneCount (1) | objectionWindow (3) | objectionThresholdBps (2)
///      milestone  share of this one and all before it in hundredths of a percent (2) | due (5)
library CampaignArgs {
    /// @dev Totals of a campaign share a storage slot, 104 bits each: 2.0e13 whole tokens of 18 decimals.
    uint256 internal constant MAX_AMOUNT = type(uint104).max;
    /// @dev 3.0e8 whole tokens of 18 decimals.
    uint256 internal constant MAX_MIN_CONTRIBUTION = type(uint88).max;

    uint256 private constant LENGTH = 92;
    /// @dev Where the arguments start in a clone made by OpenZeppelin's {Clones}.
    uint256 private constant OFFSET = 0x2d;
    /// @dev OFFSET + LENGTH, as a number since assembly takes nothing else.
    uint256 private constant MILESTONES_OFFSET = 0x89;
    uint256 private constant MILESTONE_LENGTH = 7;

    /// @dev The words as they are in the code; fields are taken out by the functions below, those needed only.
    struct Packed {
        uint256 word0;
        uint256 word1;
        uint256 word2;
    }

    /// @dev The caller has checked that every value fits; a value that doesn't would spoil its neighbour.
    function pack(Terms memory terms, MilestoneParams[] calldata milestones) internal pure returns (bytes memory args) {
        args = bytes.concat(
            abi.encodePacked(
                uint104(terms.goal),
                uint104(terms.cap == 0 ? MAX_AMOUNT : terms.cap),
                uint40(terms.deadline),
                uint8(terms.mode),
                terms.token,
                uint88(terms.minContribution),
                uint8(terms.tierCount)
            ),
            abi.encodePacked(
                terms.creator,
                terms.feeBps,
                uint8(terms.milestoneCount),
                uint24(terms.objectionWindow),
                terms.objectionThresholdBps
            )
        );
        uint16 shares = 0;
        for (uint256 index; index < milestones.length; ++index) {
            shares += milestones[index].shareBps;
            args = bytes.concat(args, abi.encodePacked(shares, uint40(milestones[index].due)));
        }
    }

    /// @dev Reads the arguments of the clone that is running.
    function load() internal view returns (Packed memory args) {
        assembly ("memory-safe") {
            extcodecopy(address(), args, OFFSET, LENGTH)
        }
    }

    /// @dev Of the clone that is running; the caller has checked that it has that many milestones.
    /// @return Share of milestone `milestoneId` and all before it, in hundredths of a percent.
    function sharesUpTo(uint256 milestoneId) internal view returns (uint256) {
        return _milestone(milestoneId) >> 40;
    }

    /// @dev Of the clone that is running; the caller has checked that it has that many milestones.
    /// @return First second at which it is too late to submit evidence for milestone `milestoneId`.
    function dueOf(uint256 milestoneId) internal view returns (uint256) {
        return uint40(_milestone(milestoneId));
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

    function milestoneCount(Packed memory args) internal pure returns (uint32) {
        return uint8(args.word2 >> 72);
    }

    function objectionWindow(Packed memory args) internal pure returns (uint32) {
        return uint24(args.word2 >> 48);
    }

    function objectionThresholdBps(Packed memory args) internal pure returns (uint16) {
        return uint16(args.word2 >> 32);
    }

    function unpack(Packed memory args) internal pure returns (Terms memory terms) {
        uint256 most = limit(args);
        terms.creator = creator(args);
        terms.token = token(args);
        terms.mode = mode(args);
        terms.goal = goal(args);
        terms.deadline = deadline(args);
        terms.feeBps = feeBps(args);
        terms.minContribution = minContribution(args);
        terms.cap = most == MAX_AMOUNT ? 0 : most;
        terms.tierCount = tierCount(args);
        terms.milestoneCount = milestoneCount(args);
        terms.objectionWindow = objectionWindow(args);
        terms.objectionThresholdBps = objectionThresholdBps(args);
    }

    function _milestone(uint256 milestoneId) private view returns (uint256 word) {
        assembly ("memory-safe") {
            let offset := add(MILESTONES_OFFSET, mul(sub(milestoneId, 1), MILESTONE_LENGTH))
            extcodecopy(address(), 0, offset, MILESTONE_LENGTH)
            word := shr(200, mload(0))
        }
    }
}
