// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {MilestoneParams} from "./Milestone.sol";
import {TierParams} from "./Tier.sol";

/// @notice What a creator asks for when launching a campaign. Frozen once the campaign is live.
struct CampaignParams {
    /// Token the campaign is paid in; the zero address means the chain's native currency.
    address token;
    /// How the campaign ends (see {Mode}), as a number so that an unknown one can be named in the error.
    uint8 mode;
    /// Amount to reach, in the token's base units.
    uint256 goal;
    /// First second at which contributions are no longer accepted.
    uint64 deadline;
    /// Smallest contribution a backer may send; zero for none.
    uint256 minContribution;
    /// Most the campaign may raise; zero for no cap.
    uint256 cap;
    /// Where the campaign's document is found.
    string metadataURI;
    /// keccak256 of the document's bytes: what is read is what was promised.
    bytes32 metadataHash;
    /// Reward tiers, numbered from 1 in this order.
    TierParams[] tiers;
    /// Milestones, numbered from 1 in this order; none for a payout at once.
    MilestoneParams[] milestones;
    /// Seconds that backers have to object to a milestone's evidence; zero without milestones.
    uint32 objectionWindow;
    /// Objections above this part of the contributions stop the payouts, in hundredths of a percent; zero without
    /// milestones.
    uint16 objectionThresholdBps;
    /// Highest fee that the creator agrees to, in hundredths of a percent: the factory's may have changed meanwhile.
    uint16 maxFeeBps;
    /// Any number. The same terms can be launched once for each.
    uint64 nonce;
}
