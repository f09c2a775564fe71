// SPDX-License-Identifier: MIT
pragma solidity ^0.8.25;

import {Campaign} from "../../../contracts/Campaign.sol";
import {ICampaignEvents} from "../../../contracts/interfaces/ICampaignEvents.sol";
import {CampaignParams} from "../../../contracts/structs/CampaignParams.sol";
import {MilestoneParams, Review} from "../../../contracts/structs/Milestone.sol";
import {State} from "../../../contracts/structs/State.sol";
import {Summary} from "../../../contracts/structs/Summary.sol";
import {TierParams} from "../../../contracts/structs/Tier.sol";
import {CampaignTest} from "./CampaignTest.sol";
import {Crowd} from "./Crowd.sol";

/// @dev Runs a crowd over campaigns of every kind (native currency or token, all-or-nothing or not, with milestones or
/// without), and after every step asks whether the books are right.
contract AccountingTest is CampaignTest {
    /// @dev Of {test_the_crowd_gets_everywhere}.
    uint256 private constant LIVES = 128;

    Campaign[] private _campaigns;
    Crowd private _crowd;

    function setUp() public override {
        super.setUp();
        delete _campaigns;
        for (uint256 kind; kind < 6; ++kind) {
            CampaignParams memory params = kind < 3 ? defaults() : withMilestones();
            (params.goal, params.cap) = (3 ether, 7 ether);
            params.deadline = uint64(block.timestamp + 4 days);
            for (uint256 index; index < params.milestones.length; ++index) {
                params.milestones[index].due = params.deadline + uint64(9 days * (index + 1));
            }
            params.tiers = new TierParams[](2);
            params.tiers[0] = TierParams({price: 1 ether, supply: 0});
            params.tiers[1] = TierParams({price: 2 ether, supply: 2});
            if (kind % 3 != 0) params.token = address(token);
            if (kind % 3 == 2) params.mode = 1;
            _campaigns.push(launch(params));
        }
        _crowd = new Crowd(_campaigns, token);
        factory.grantRole(factory.GUARDIAN_ROLE(), address(_crowd));
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_crowd);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector({addr: address(_crowd), selectors: _acts()});
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev The crowd again, its acts drawn by hashes: what is asked after every step says little of a state or an event
    /// that no step comes to.
    function test_the_crowd_gets_everywhere() public {
        vm.pauseGasMetering(); // forge allows a test a thousand million
        
        uint256[8] memory visits;
        bytes32[] memory events = _events();
        uint256[] memory emitted = new uint256[](events.length);
        for (uint256 life; life < LIVES; ++life) {
            if (life != 0) setUp();
            for (uint256 step; step < 64; ++step) {
                this.act(uint256(keccak256(abi.encode(life, step))));
            }
            for (uint256 state; state < visits.length; ++state) {
                visits[state] += _crowd.visits(State(state));
            }
            for (uint256 index; index < events.length; ++index) {
                emitted[index] += _crowd.emitted(events[index]);
            }
            this.afterInvariant();
        }
        for (uint256 state; state < visits.length; ++state) {
            vm.assertGe(visits[state], LIVES / 2, string.concat("state ", vm.toString(state)));
        }
        for (uint256 index; index < events.length; ++index) {
            vm.assertGe(emitted[index], LIVES / 32, string.concat("event ", vm.toString(index)));
        }
    }

    /// @dev A call of its own, whose memory goes with it.
    function act(uint256 chance) external {
        bytes4[] memory acts = _acts();
        bytes memory words = abi.encode(
            keccak256(abi.encode(chance, 1)),
            keccak256(abi.encode(chance, 2)),
            keccak256(abi.encode(chance, 3)),
            keccak256(abi.encode(chance, 4)),
            keccak256(abi.encode(chance, 5))
        );
        (bool done,) = address(_crowd).call(bytes.concat(acts[chance % acts.length], words));
        vm.assertTrue(done, "the crowd itself failed");
        _requireRightBooks(_crowd.touched());
    }

    function _acts() private pure returns (bytes4[] memory acts) {
        acts = new bytes4[](23);
        (acts[0], acts[1], acts[2]) =
            (Crowd.contribute.selector, Crowd.contributeFor.selector, Crowd.contributeWithPermit.selector);
        (acts[3], acts[4], acts[5]) = (Crowd.takeBack.selector, Crowd.refund.selector, Crowd.refundFor.selector);
        (acts[6], acts[7], acts[8]) = (Crowd.withdraw.selector, Crowd.submitMilestone.selector, Crowd.object.selector);
        (acts[9], acts[10], acts[11]) = (Crowd.unobject.selector, Crowd.release.selector, Crowd.windDown.selector);
        (acts[12], acts[13], acts[14]) = (Crowd.claimFees.selector, Crowd.cancel.selector, Crowd.postUpdate.selector);
        (acts[15], acts[16], acts[17]) = (Crowd.pause.selector, Crowd.transferCreator.selector, Crowd.force.selector);
        (acts[18], acts[19], acts[20]) = (Crowd.sweepSurplus.selector, Crowd.pass.selector, Crowd.passLong.selector);
        (acts[21], acts[22]) = (Crowd.passTo.selector, Crowd.proceed.selector);
    }

    function _events() private pure returns (bytes32[] memory events) {
        events = new bytes32[](17);
        (events[0], events[1]) = (ICampaignEvents.Contributed.selector, ICampaignEvents.PledgeTakenBack.selector);
        (events[2], events[3]) = (ICampaignEvents.Refunded.selector, ICampaignEvents.Withdrawn.selector);
        (events[4], events[5]) = (ICampaignEvents.FeeAccrued.selector, ICampaignEvents.FeeClaimed.selector);
        (events[6], events[7]) = (ICampaignEvents.SurplusSwept.selector, ICampaignEvents.Cancelled.selector);
        (events[8], events[9]) = (ICampaignEvents.MilestoneSubmitted.selector, ICampaignEvents.Objected.selector);
        (events[10], events[11]) =
            (ICampaignEvents.ObjectionWithdrawn.selector, ICampaignEvents.MilestoneReleased.selector);
        (events[12], events[13]) = (ICampaignEvents.WindDownStarted.selector, ICampaignEvents.UpdatePosted.selector);
        (events[14], events[15], events[16]) = (
            ICampaignEvents.ContributionsPaused.selector,
            ICampaignEvents.CreatorTransferStarted.selector,
            ICampaignEvents.CreatorTransferred.selector
        );
    }

    /// @dev The end of every run: nobody is turned away and nothing but rounding stays behind.
    function afterInvariant() public {
        for (uint256 index; index < _campaigns.length; ++index) {
            Campaign campaign = _campaigns[index];
            _requireRightBooks(campaign);
            uint256 left = _crowd.everybodyLeaves(campaign, block.timestamp + index);
            vm.assertTrue(left < _crowd.MEMBERS(), "more than dust was left");
            vm.assertEq(_crowd.balanceOf(campaign), left + _crowd.forced(campaign), "balance at the end");
        }
    }

    /// @dev One function for all, so that each is asked after every step of every run: of the campaign that the step was
    /// about, since no call reaches another one.
    function invariant_the_books_are_right() public view {
        _requireRightBooks(_crowd.touched());
    }

    function _requireRightBooks(Campaign campaign) private view {
        _contributions_add_up(campaign);
        _balance_is_what_is_owed(campaign);
        _seq_counts_every_event(campaign);
        _payouts_are_what_the_terms_say(campaign);
        _who_is_refunded_and_when(campaign);
        _rewards_are_counted(campaign);
        _objections_are_their_objectors(campaign);
        vm.assertEq(_crowd.backward(), "", "a time that was told runs backwards");
    }

    function _contributions_add_up(Campaign campaign) private view {
        uint256 outstanding;
        for (uint256 member; member < _crowd.MEMBERS(); ++member) {
            outstanding += campaign.contributionOf(_crowd.memberAt(member));
        }
        vm.assertEq(campaign.totalRaised(), _crowd.given(campaign), "raised");
        vm.assertEq(_crowd.late(campaign), 0, "taken after the deadline");
        vm.assertEq(outstanding, campaign.totalRaised() - _crowd.cleared(campaign), "contributions");
        vm.assertLe(campaign.totalRefunded(), _crowd.cleared(campaign), "a refund above its contribution");
    }

    function _balance_is_what_is_owed(Campaign campaign) private view {
        uint256 left = campaign.totalRaised() - campaign.totalRefunded() - campaign.totalWithdrawn()
            - campaign.totalFeesClaimed();
        vm.assertEq(_crowd.balanceOf(campaign), left + _crowd.forced(campaign), "balance");
    }

    function _seq_counts_every_event(Campaign campaign) private view {
        uint256 atCreation = campaign.terms().tierCount + campaign.terms().milestoneCount;
        vm.assertEq(campaign.seq(), atCreation + _crowd.events(campaign), "seq");
        vm.assertEq(_crowd.gaps(campaign), 0, "an event's seq is not the one before plus one");
    }

    function _payouts_are_what_the_terms_say(Campaign campaign) private view {
        Summary memory summary = campaign.summary();
        uint256 paid = summary.totalWithdrawn + summary.totalFees;
        vm.assertEq(summary.totalFees, paid * summary.terms.feeBps / 10_000, "fee");
        vm.assertLe(summary.totalFeesClaimed, summary.totalFees, "fees claimed");
        vm.assertLe(summary.totalRaised, summary.terms.cap, "cap");
        if (summary.terms.milestoneCount == 0) {
            vm.assertTrue((summary.state == State.Completed) == (paid != 0), "completed is paid out");
            vm.assertTrue(paid == 0 || paid == summary.totalRaised, "paid in part");
            return;
        }
        uint256 shares;
        for (uint32 milestoneId = 1; milestoneId <= summary.milestonesReleased; ++milestoneId) {
            (uint16 shareBps,,) = campaign.milestone(milestoneId);
            shares += shareBps;
        }
        vm.assertEq(paid, summary.totalRaised * shares / 10_000, "tranches");
    }

    function _who_is_refunded_and_when(Campaign campaign) private view {
        Summary memory summary = campaign.summary();
        uint256 paid = summary.totalWithdrawn + summary.totalFees;
        vm.assertLe(summary.totalRefunded, summary.totalRaised - paid, "shares above what is left");
        bool opens = summary.state == State.Failed || summary.state == State.Cancelled
            || summary.state == State.WindDown || summary.state == State.Expired;
        vm.assertTrue(opens || summary.totalRefunded == 0, "refunded in the wrong state");
        vm.assertTrue(
            paid == 0 || summary.totalRefunded == 0 || summary.state == State.WindDown, "paid out and refunded"
        );
        vm.assertTrue(opens == (campaign.refundsSince() != 0), "since when");
    }

    function _rewards_are_counted(Campaign campaign) private view {
        for (uint32 tierId = 1; tierId <= 2; ++tierId) {
            uint256 held;
            for (uint256 member; member < _crowd.MEMBERS(); ++member) {
                held += campaign.rewardsOf(_crowd.memberAt(member), tierId);
            }
            uint256 sold = campaign.tier(tierId).sold;
            // Who was refunded has none any more, and what was promised to it is promised to nobody else.
            vm.assertTrue(_crowd.cleared(campaign) == 0 ? held == sold : held <= sold, "rewards");
        }
        vm.assertLe(campaign.tier(2).sold, 2, "sold");
    }

    function _objections_are_their_objectors(Campaign campaign) private view {
        Review memory review = campaign.review();
        if (review.windowEnd == 0 || _crowd.cleared(campaign) != 0) return;
        uint256 weight;
        for (uint256 member; member < _crowd.MEMBERS(); ++member) {
            address backer = _crowd.memberAt(member);
            if (campaign.isObjecting(backer)) weight += campaign.contributionOf(backer);
        }
        vm.assertEq(review.objections, weight, "objections");
        vm.assertLe(review.limit, campaign.totalRaised() / 5, "limit");
    }
}
