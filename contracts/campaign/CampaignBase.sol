// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ICampaign} from "../interfaces/ICampaign.sol";
import {ICampaignFactory} from "../interfaces/ICampaignFactory.sol";
import {CampaignArgs} from "../libraries/CampaignArgs.sol";
import {Uris} from "../libraries/Uris.sol";
import {Review} from "../structs/Milestone.sol";
import {Mode} from "../structs/Mode.sol";
import {State} from "../structs/State.sol";
import {Tier} from "../structs/Tier.sol";

/// @title What a campaign keeps, where it stands, and how it sends money
/// @dev The parts of {Campaign} stand on this one and only write what they are about.
abstract contract CampaignBase is ICampaign, ReentrancyGuardTransient {
    using CampaignArgs for CampaignArgs.Packed;
    using SafeERC20 for IERC20;

    uint256 internal constant BASIS_POINTS = 10_000;
    uint256 internal constant MAX_TEXT_LENGTH = 512;
    /// @dev How long a creator may leave money that is its own to take; then it is the backers' again.
    uint256 internal constant CLAIM_PERIOD = 180 days;

    uint8 internal constant CANCELLED = 1;
    uint8 internal constant CONTRIBUTIONS_PAUSED = 2;
    uint8 internal constant WOUND_DOWN = 4;

    address internal immutable _factory;
    address private immutable _implementation;

    /// @dev All that a contribution or a refund changes or asks for beside the backer's own slot: one slot, full.
    /// `flags` is a sum of the constants above; booleans would be bytes too many. `raised` is without what was taken
    /// back, and stands still from the deadline on.
    struct Totals {
        uint40 seq;
        uint104 raised;
        uint104 refunded;
        uint8 flags;
    }

    /// @dev What went out on the creator's side, and what only matters by then. `turnedAt` is when the last milestone
    /// was paid, and once the campaign was cancelled or winds down, when refunds opened.
    struct PaidOut {
        uint104 withdrawn;
        uint104 fees;
        uint40 turnedAt;
        uint8 released;
    }

    /// @dev What a backer gave and has not taken back; how many rewards of each tier that earned, four bits a tier from
    /// the lowest; and the last milestone it objected to.
    struct Backer {
        uint104 amount;
        uint128 rewards;
        uint8 objectedTo;
    }

    Totals internal _totals;
    PaidOut internal _paidOut;
    Review internal _review;
    uint256 internal _feesClaimed;
    mapping(address backer => Backer) internal _backers;
    mapping(uint32 tierId => Tier) internal _tiers;
    /// @dev Zero as long as the campaign is whose it was at its creation.
    address internal _newCreator;
    address internal _pendingCreator;

    /// @param factory The only caller of {initialize}, whose guardians and treasury count for all clones.
    constructor(address factory) {
        _factory = factory;
        _implementation = address(this);
    }

    /// @dev The implementation itself has no terms: what would be read as such is its own code.
    modifier onlyClone() {
        if (address(this) == _implementation) revert Campaign_NotAClone();
        _;
    }

    function _state(CampaignArgs.Packed memory args, Totals memory totals) internal view returns (State) {
        if (totals.flags & CANCELLED != 0) return State.Cancelled;
        if (totals.flags & WOUND_DOWN != 0) return State.WindDown;
        if (block.timestamp < args.deadline()) return State.Funding;
        if (args.mode() == Mode.AllOrNothing && totals.raised < args.goal()) return State.Failed;
        if (args.milestoneCount() != 0) return _stateOfMilestones(args);
        if (_paidOut.withdrawn != 0) return State.Completed;
        return block.timestamp < args.deadline() + CLAIM_PERIOD ? State.Succeeded : State.Expired;
    }

    function _stateOfMilestones(CampaignArgs.Packed memory args) private view returns (State) {
        if (_paidOut.released >= args.milestoneCount()) return State.Completed;
        return block.timestamp < _payableUntil(args) ? State.Releasing : State.WindDown;
    }

    /// @dev First second at which the milestone under way can no longer be paid as things stand: it was missed, refused
    /// or left alone. Only while there is one. Whatever changes it (evidence, an objection, a release) can only be done
    /// before it and puts it later than that moment, so it is also the moment at which refunds open, and when they are
    /// open it no longer moves.
    function _payableUntil(CampaignArgs.Packed memory args) internal view returns (uint256) {
        Review memory current = _review;
        if (current.windowEnd != 0) {
            return current.objections > current.limit ? current.windowEnd : current.windowEnd + CLAIM_PERIOD;
        }
        return _dueAfter(args, _paidOut.released, _paidOut.turnedAt);
    }

    /// @dev Only while there is another milestone.
    /// @return due First second at which it is too late to submit evidence for the one after `released`, the last of
    /// which was paid at `releasedAt`. If that was late, the next has the time that the terms put between the two,
    /// counted from then; a day at least, since the factory asks for one beyond the window.
    function _dueAfter(CampaignArgs.Packed memory args, uint256 released, uint256 releasedAt)
        internal
        view
        returns (uint256 due)
    {
        due = CampaignArgs.dueOf(released + 1);
        if (released > 0) {
            uint256 earliest = releasedAt + due - CampaignArgs.dueOf(released) - args.objectionWindow();
            if (earliest > due) due = earliest;
        }
    }

    function _isEnded(Totals memory totals) internal pure returns (bool) {
        return totals.flags & (CANCELLED | WOUND_DOWN) != 0;
    }

    /// @dev The number of the next event; the caller stores `totals`.
    function _nextSeq(Totals memory totals) internal pure returns (uint64) {
        unchecked {
            // The campaign would have to emit 2^40 events.
            return ++totals.seq;
        }
    }

    /// @dev As {_nextSeq}, where an event is all that the totals change by.
    function _countEvent() internal returns (uint64 eventSeq) {
        Totals memory totals = _totals;
        eventSeq = _nextSeq(totals);
        _totals = totals;
    }

    function _requireState(CampaignArgs.Packed memory args, Totals memory totals, State wanted) internal view {
        State current = _state(args, totals);
        if (current != wanted) revert Campaign_WrongState(current);
    }

    function _arePaused(Totals memory totals) internal pure returns (bool) {
        return totals.flags & CONTRIBUTIONS_PAUSED != 0;
    }

    function _isGuardian(address account) internal view returns (bool) {
        return ICampaignFactory(_factory).isGuardian(account);
    }

    function _creator(CampaignArgs.Packed memory args) internal view returns (address) {
        return _newCreator == address(0) ? args.creator() : _newCreator;
    }

    function _requireCreator(CampaignArgs.Packed memory args) internal view {
        address current = _creator(args);
        if (msg.sender != current) revert Campaign_NotCreator(msg.sender, current);
    }

    function _requireRecipient(address to) internal view {
        if (to == address(0) || to == address(this)) revert Campaign_InvalidRecipient(to);
    }

    /// @dev What is published: a URI that can be shown as it is, and the hash of what is found there.
    function _requireContent(string calldata uri, bytes32 contentHash) internal pure {
        uint256 length = bytes(uri).length;
        if (length == 0 || length > MAX_TEXT_LENGTH) revert Campaign_URILengthOutOfBounds(length, 1, MAX_TEXT_LENGTH);
        uint256 position = Uris.firstInvalid(uri);
        if (position != length) revert Campaign_InvalidURICharacter(position, bytes(uri)[position]);
        if (contentHash == 0) revert Campaign_ContentHashMissing();
    }

    function _send(address token, address to, uint256 amount) internal {
        if (token == address(0)) _sendNative(to, amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /// @dev All gas goes along (contract wallets need it) and nothing that comes back is copied.
    function _sendNative(address to, uint256 amount) internal {
        if (!LowLevelCall.callNoReturn(to, amount, "")) revert Campaign_TransferFailed(to, amount);
    }
}
