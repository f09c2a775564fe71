"""Looks at a campaign on a node from all sides, and holds what it sees against the books."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import refusals
from book import NOBODY, Book
from chain import batch, call, returned, revert_in
from conftest import METADATA_HASH, METADATA_URI, NATIVE, NO_REF
from eth_utils import to_checksum_address
from folding import assert_storage, events_of

from django_project.ledger.projection import Event

PURSE = to_checksum_address("0x" + "ca5e" * 10)
TRIED = 120


@dataclass
class Witness:
    """`purse` and `treasury` are what those two must have got since the beginning."""

    campaign: Any
    receipts: Any
    token: Any
    book: Book
    people: list[str]
    purse: int = 0
    treasury: int = 0
    _before: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._before = {address: self.balance(address) for address in (PURSE, self.book.treasury)}

    @property
    def in_token(self) -> bool:
        return self.book.promise.token != NATIVE

    def balance(self, address: str) -> int:
        (response,) = batch([self._balance(address)])
        return int(response["result"], 16)

    def _balance(self, address: str) -> tuple[str, list[Any]]:
        if self.in_token:
            return call(NOBODY, self.token.balanceOf, address)
        return "eth_getBalance", [address, "latest"]

    def compare(self, caller: str, now: int) -> None:
        """All views, all balances, and what becomes of every call that `caller` could make now."""
        views = list(self._views(now))
        attempts = list(self._attempts(caller, now))
        balances = {
            self.campaign.address: self.book.owed + self.book.surplus,
            PURSE: self._before[PURSE] + self.purse,
            self.book.treasury: self._before[self.book.treasury] + self.treasury,
        }
        responses = iter(
            batch(
                [call(NOBODY, function, *arguments) for function, arguments, _ in views]
                + [
                    call(caller, function, *arguments, value=value)
                    for function, arguments, value, _ in attempts
                ]
                + [self._balance(address) for address in balances]
            )
        )
        for function, arguments, expected in views:
            found = returned(function, next(responses))
            assert found == expected, (function.abi["name"], arguments, found, expected)
        for function, arguments, _, expected in attempts:
            found = (revert_in(next(responses)) or ("",))[0]
            assert found == expected, (function.abi["name"], arguments, found, expected)
        assert {address: int(next(responses)["result"], 16) for address in balances} == balances

    def _views(self, now: int) -> Iterator[tuple[Any, tuple[Any, ...], Any]]:
        book, campaign = self.book, self.campaign
        review = (book.objections, book.limit, book.window_end)
        yield campaign.summary, (), (
            self._terms(), book.state(now), book.paused, len(book.events), book.raised, book.refunded,
            book.withdrawn, book.fees, book.claimed, book.creator.lower(), book.released, review,
        )  # fmt: skip
        yield campaign.terms, (), self._terms()
        yield campaign.state, (), book.state(now)
        yield campaign.seq, (), len(book.events)
        yield campaign.totalRaised, (), book.raised
        yield campaign.totalRefunded, (), book.refunded
        yield campaign.totalWithdrawn, (), book.withdrawn
        yield campaign.totalFees, (), book.fees
        yield campaign.totalFeesClaimed, (), book.claimed
        yield campaign.creator, (), book.creator.lower()
        yield campaign.pendingCreator, (), book.pending.lower()
        yield campaign.milestonesReleased, (), book.released
        yield campaign.review, (), review
        yield campaign.refundsSince, (), book.refunds_since(now)
        yield campaign.milestoneDue, (), book.told_due(now)
        yield campaign.pledgesFirmSince, (), book.firm_since()
        for tier_id, (price, supply) in enumerate(book.promise.tiers, start=1):
            yield campaign.tier, (tier_id,), (price, supply, book.sold(tier_id))
        for milestone_id, promised in enumerate(book.promise.milestones, start=1):
            yield campaign.milestone, (milestone_id,), promised
        identifier = int(campaign.address, 16)
        for person in self.people:
            yield campaign.contributionOf, (person,), book.pledges[person]
            yield campaign.isObjecting, (person,), book.objects(person)
            yield self.receipts.balanceOf, (person, identifier), int(person in book.receipts)
            for tier_id in range(1, len(book.promise.tiers) + 1):
                yield campaign.rewardsOf, (person, tier_id), book.rewards[person].count(tier_id)

    def _terms(self) -> tuple[Any, ...]:
        promise = self.book.promise
        return (
            promise.creator.lower(), promise.token.lower(), int(promise.keeps), promise.goal,
            promise.deadline, promise.fee_bps, promise.minimum, promise.cap, len(promise.tiers),
            len(promise.milestones), promise.window, promise.threshold_bps,
        )  # fmt: skip

    def _attempts(self, caller: str, now: int) -> Iterator[tuple[Any, tuple[Any, ...], int, str]]:
        """Calls, the money sent along, and the error that each has to end with."""
        book, campaign = self.book, self.campaign
        other = self.people[(self.people.index(caller) + 1) % len(self.people)]
        content = (METADATA_URI, METADATA_HASH)
        for tier_id in (0, 1):
            expected = refusals.contribution(book, caller, TRIED, tier_id, now)
            if self.in_token:
                yield campaign.contributeERC20, (TRIED, tier_id, NO_REF), 0, expected
            else:
                yield campaign.contribute, (tier_id, NO_REF), TRIED, expected
        if self.in_token:
            yield campaign.contribute, (0, NO_REF), TRIED, "Campaign_WrongCurrency"
        else:
            yield campaign.contributeERC20, (TRIED, 0, NO_REF), 0, "Campaign_WrongCurrency"
        yield campaign.takeBack, (PURSE,), 0, refusals.take_back(book, caller, now)
        yield campaign.refund, (), 0, refusals.refund(book, caller, now)
        yield campaign.refundTo, (PURSE,), 0, refusals.refund(book, caller, now)
        yield campaign.refundFor, (other,), 0, refusals.refund_by_others(book, other, now)
        yield campaign.withdraw, (PURSE,), 0, refusals.withdrawal(book, caller, now)
        yield campaign.submitMilestone, content, 0, refusals.evidence(book, caller, now)
        yield campaign.object, (), 0, refusals.objection(book, caller, now)
        yield campaign.unobject, (), 0, refusals.second_thought(book, caller, now)
        yield campaign.release, (PURSE,), 0, refusals.release(book, caller, now)
        yield campaign.windDown, (), 0, refusals.wind_down(book, caller, now)
        yield campaign.cancel, ("",), 0, refusals.cancellation(book, caller, now)
        yield campaign.postUpdate, content, 0, refusals.update(book, caller)
        yield campaign.transferCreator, (other,), 0, refusals.offer(book, caller, other)
        yield campaign.transferCreator, (caller,), 0, refusals.offer(book, caller, caller)
        yield campaign.acceptCreator, (), 0, refusals.acceptance(book, caller, now)
        for paused in (True, False):
            expected = refusals.pause(book, caller, paused=paused)
            yield campaign.setContributionsPaused, (paused,), 0, expected
        yield campaign.claimFees, (), 0, refusals.fees(book)
        yield campaign.sweepSurplus, (book.promise.token,), 0, refusals.sweep(book)
        yield campaign.initialize, ([],), 0, "Campaign_NotFactory"
        yield self.receipts.claim, (campaign.address,), 0, refusals.receipt(book, caller)

    def compare_events(self) -> None:
        """Every event was told with every value, in order, and together they make the storage."""
        assert [told(event) for event in events_of(self.campaign)] == self.book.events
        assert_storage(self.campaign, self.people)


def told(event: Event) -> tuple[str, dict[str, int | str | bytes]]:
    """An event as the books have it."""
    return event.name, {
        name: to_checksum_address(value) if isinstance(value, bytes) and len(value) == 20 else value
        for name, value in event.arguments.items()
    }
