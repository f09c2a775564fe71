// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {CampaignArgs} from "../../../../contracts/libraries/CampaignArgs.sol";
import {MilestoneParams} from "../../../../contracts/structs/Milestone.sol";
import {Mode} from "../../../../contracts/structs/Mode.sol";
import {Terms} from "../../../../contracts/structs/Terms.sol";

/// @dev For a symbolic prover: what is packed into a clone's code comes out of it as it went in, for every value within
/// the factory's bounds.
contract PackingProof {
    using CampaignArgs for CampaignArgs.Packed;

    uint256 private constant LENGTH = 92;
    uint256 private constant MILESTONE_LENGTH = 12;

    function check_terms_survive_packing(
        address creator,
        address token,
        bool keeps,
        uint104 goal,
        uint40 deadline,
        uint16 feeBps,
        uint88 minContribution,
        uint104 cap,
        uint8 tierCount,
        uint24 objectionWindow,
        uint16 objectionThresholdBps
    ) public view {
        if (cap == CampaignArgs.MAX_AMOUNT) return;
        Terms memory terms = Terms({
            creator: creator,
            token: token,
            mode: Mode(keeps ? 1 : 0),
            goal: goal,
            deadline: deadline,
            feeBps: feeBps,
            minContribution: minContribution,
            cap: cap,
            tierCount: tierCount,
            milestoneCount: 0,
            objectionWindow: objectionWindow,
            objectionThresholdBps: objectionThresholdBps
        });
        bytes memory args = this.pack(terms, new MilestoneParams[](0));
        assert(args.length == LENGTH);
        Terms memory found = CampaignArgs.Packed(wordAt(args, 0), wordAt(args, 32), wordAt(args, 64)).unpack();
        assert(found.creator == creator && found.token == token && found.mode == terms.mode && found.goal == goal);
        assert(found.deadline == deadline && found.feeBps == feeBps && found.minContribution == minContribution);
        assert(found.cap == cap && found.tierCount == tierCount && found.milestoneCount == 0);
        assert(found.objectionWindow == objectionWindow);
        assert(found.objectionThresholdBps == objectionThresholdBps);
    }

    /// @dev Of two milestones, each stands where {CampaignArgs} reads it: shares so far, due, not before.
    function check_milestones_survive_packing(
        uint16 firstBps,
        uint16 secondBps,
        uint40 firstDue,
        uint40 secondDue,
        uint40 firstOpens,
        uint40 secondOpens
    ) public view {
        if (firstBps > 10_000 || secondBps > 10_000) return;
        MilestoneParams[] memory milestones = new MilestoneParams[](2);
        milestones[0] = MilestoneParams({shareBps: firstBps, due: firstDue, notBefore: firstOpens});
        milestones[1] = MilestoneParams({shareBps: secondBps, due: secondDue, notBefore: secondOpens});
        Terms memory terms;
        terms.milestoneCount = 2;
        bytes memory args = this.pack(terms, milestones);
        assert(args.length == LENGTH + 2 * MILESTONE_LENGTH);
        assert(CampaignArgs.Packed(wordAt(args, 0), wordAt(args, 32), wordAt(args, 64)).milestoneCount() == 2);
        uint256 first = wordAt(args, LENGTH) >> 160;
        uint256 second = wordAt(args, LENGTH + MILESTONE_LENGTH) >> 160;
        assert(first >> 80 == firstBps && uint40(first >> 40) == firstDue && uint40(first) == firstOpens);
        assert(second >> 80 == uint256(firstBps) + secondBps);
        assert(uint40(second >> 40) == secondDue && uint40(second) == secondOpens);
    }

    function pack(Terms memory terms, MilestoneParams[] calldata milestones) external pure returns (bytes memory) {
        return CampaignArgs.pack(terms, milestones);
    }

    function wordAt(bytes memory data, uint256 position) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), position))
        }
    }
}
