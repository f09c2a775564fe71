// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MilestoneParams} from "../structs/Milestone.sol";
import {Mode} from "../structs/Mode.sol";
import {Terms} from "../structs/Terms.sol";

/// @title A campaign's terms as the immutable arguments at the end of its clone's code
/// @notice Three words, of which the last keeps its 28 used bytes, and twelve bytes for each milestone: code costs 200
/// gas a byte at creation, and reading it in the clone costs about as much as one warm storage slot. Nothing of the
/// moment of creation is among them, so that the address, which follows from them, is the same whenever the creation
/// is mined.
/// @dev Layout, most significant byte first:
///      word 0     goal (13) | cap, all ones for none (13) | deadline (5) | mode (1)
///      word 1     token (20) | minContribution (11) | tierCount (1)
///      word 2     creator (20) | feeBps (2) | milestoneCount (1) | objectionWindow (3) | objectionThresholdBps (2)
///      milestone  share of this one and all before it in hundredths of a percent (2) | due (5) | notBefore (5)
///      The constants named ..._AT are how many bits stand below a field in its word.
library CampaignArgs {
    /// @dev Totals of a campaign share a storage slot, 104 bits each: 2.0e13 whole tokens of 18 decimals.
    uint256 internal constant MAX_AMOUNT = type(uint104).max;
    /// @dev 3.0e8 whole tokens of 18 decimals.
    uint256 internal constant MAX_MIN_CONTRIBUTION = type(uint88).max;

    uint256 private constant GOAL_AT = 152;
    uint256 private constant LIMIT_AT = 48;
    uint256 private constant DEADLINE_AT = 8;

    uint256 private constant TOKEN_AT = 96;
    uint256 private constant MIN_CONTRIBUTION_AT = 8;

    uint256 private constant CREATOR_AT = 96;
    uint256 private constant FEE_BPS_AT = 80;
    uint256 private constant MILESTONE_COUNT_AT = 72;
    uint256 private constant OBJECTION_WINDOW_AT = 48;
    uint256 private constant OBJECTION_THRESHOLD_BPS_AT = 32;

    uint256 private constant SHARES_AT = 80;
    uint256 private constant DUE_AT = 40;

    uint256 private constant LENGTH = 92;
    /// @dev Where the arguments start in a clone made by OpenZeppelin's {Clones}.
    uint256 private constant OFFSET = 0x2d;
    /// @dev OFFSET + LENGTH, as a number since assembly takes nothing else.
    uint256 private constant MILESTONES_OFFSET = 0x89;
    uint256 private constant MILESTONE_LENGTH = 12;
    /// @dev What a word has above a milestone that was moved to its low end: 256 - 8 * MILESTONE_LENGTH.
    uint256 private constant ABOVE_MILESTONE = 160;

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
            MilestoneParams calldata milestone = milestones[index];
            shares += milestone.shareBps;
            args = bytes.concat(args, abi.encodePacked(shares, uint40(milestone.due), uint40(milestone.notBefore)));
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
        return _milestone(milestoneId) >> SHARES_AT;
    }

    /// @dev Of the clone that is running; the caller has checked that it has that many milestones.
    /// @return First second at which it is too late to submit evidence for milestone `milestoneId`, by the terms.
    function dueOf(uint256 milestoneId) internal view returns (uint256) {
        return uint40(_milestone(milestoneId) >> DUE_AT);
    }

    /// @dev Of the clone that is running; the caller has checked that it has that many milestones.
    /// @return First second at which evidence for milestone `milestoneId` is taken; zero for no such second.
    function notBeforeOf(uint256 milestoneId) internal view returns (uint256) {
        return uint40(_milestone(milestoneId));
    }

    function goal(Packed memory args) internal pure returns (uint256) {
        return args.word0 >> GOAL_AT;
    }

    /// @dev The most that may be raised: the cap, or the largest amount when there is none.
    function limit(Packed memory args) internal pure returns (uint256) {
        return uint104(args.word0 >> LIMIT_AT);
    }

    function deadline(Packed memory args) internal pure returns (uint64) {
        return uint40(args.word0 >> DEADLINE_AT);
    }

    function mode(Packed memory args) internal pure returns (Mode) {
        return Mode(uint8(args.word0));
    }

    function token(Packed memory args) internal pure returns (address) {
        return address(uint160(args.word1 >> TOKEN_AT));
    }

    function minContribution(Packed memory args) internal pure returns (uint256) {
        return uint88(args.word1 >> MIN_CONTRIBUTION_AT);
    }

    function tierCount(Packed memory args) internal pure returns (uint32) {
        return uint8(args.word1);
    }

    function creator(Packed memory args) internal pure returns (address) {
        return address(uint160(args.word2 >> CREATOR_AT));
    }

    function feeBps(Packed memory args) internal pure returns (uint16) {
        return uint16(args.word2 >> FEE_BPS_AT);
    }

    function milestoneCount(Packed memory args) internal pure returns (uint32) {
        return uint8(args.word2 >> MILESTONE_COUNT_AT);
    }

    function objectionWindow(Packed memory args) internal pure returns (uint32) {
        return uint24(args.word2 >> OBJECTION_WINDOW_AT);
    }

    function objectionThresholdBps(Packed memory args) internal pure returns (uint16) {
        return uint16(args.word2 >> OBJECTION_THRESHOLD_BPS_AT);
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
            word := shr(ABOVE_MILESTONE, mload(0))
        }
    }
}
