"""What the page of a pledge says in each state, and what it lets its backer do."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from types import SimpleNamespace
from typing import cast, get_args

import pytest

from django_project.campaigns.selectors import CampaignCard
from django_project.pledges.following import PledgeStatus, Sequel
from django_project.pledges.models import PledgeIntent
from django_project.web.pledge_notices import FAILURES, notice

State, Failure = PledgeIntent.State, PledgeIntent.Failure
NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
HASH = "0x" + "ab" * 32
PLEDGE = PledgeStatus(
    public_id=uuid.UUID(int=1),
    state=State.SUBMITTED,
    failure="",
    is_by_contract=False,
    card=None,
    chain_id=31337,
    campaign_address="0x5FbDB2315678afecb367f032d93F642f64180aa3",
    backer="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    ref=HASH,
    token="0x0000000000000000000000000000000000000000",
    token_symbol="ETH",
    amount=3,
    amount_text="3",
    amount_plain="3",
    tier_id=0,
    reported_tx_hash=HASH,
    tx_hash="",
    explorer_url="",
    indexed_block=1_300,
    block_number=1_234,
    confirmed_amount=2,
    confirmed_amount_text="2",
    confirmations=5,
    confirmations_needed=64,
    sequel="",
    created_at=NOW,
    updated_at=NOW,
)


def campaign(*, is_open: bool) -> CampaignCard:
    return cast("CampaignCard", SimpleNamespace(is_open=is_open))


@pytest.mark.parametrize(
    ("state", "tone", "icon", "headline", "tells_search"),
    [
        (State.CREATED, "warn", "wallet", "We have not heard from your wallet", True),
        (State.ASKED, "warn", "wallet", "We have not heard from your wallet", True),
        (State.REJECTED, "warn", "cross-circle", "Your wallet told us that it was rejected", True),
        (State.SUBMITTED, "", "", "Sent, waiting for the network", True),
        (State.CONFIRMED, "good", "check-circle", "Confirmed: 2 ETH", False),
        (State.REORGED, "warn", "clock", "The network replaced its latest blocks; checking again", False),
        (State.FINAL, "good", "check-circle", "Final: 2 ETH", False),
        (State.FAILED, "bad", "alert", "Payment not confirmed", False),
    ],
)
def test_each_state_has_its_notice(
    state: str, tone: str, icon: str, headline: str, tells_search: bool
) -> None:
    found = notice(replace(PLEDGE, state=state))
    assert (found.tone, found.icon, found.headline, found.tells_search) == (
        tone,
        icon,
        headline,
        tells_search,
    )
    assert all(found.paragraphs)


def test_every_state_is_in_the_table_above() -> None:
    table = test_each_state_has_its_notice.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {row[0] for row in table} == set(State)


@pytest.mark.parametrize("state", State)
def test_what_went_back_comes_before_the_state_of_the_payment(state: str) -> None:
    back, due = (notice(replace(PLEDGE, state=state, sequel=sequel)) for sequel in ("taken-back", "due"))
    assert (back.tone, back.headline) == ("", "Refunded or taken back")
    assert (due.tone, due.headline) == ("warn", "You can claim a refund of this contribution")


def test_who_shares_a_wallet_waits_for_others() -> None:
    found = notice(replace(PLEDGE, is_by_contract=True))
    assert found.headline == "Waiting for your wallet to send it"
    assert "Do not pay again." in found.paragraphs[0]


def test_a_confirmation_counts_blocks() -> None:
    assert notice(replace(PLEDGE, state=State.CONFIRMED)).paragraphs == (
        "In block 1234, seen in the contract itself. Final after 64 blocks: 5 of 64.",
    )


def test_what_comes_next_is_said_while_the_campaign_runs() -> None:
    final = replace(PLEDGE, state=State.FINAL)
    counts = {
        card and card.is_open: len(notice(replace(final, card=card)).paragraphs)
        for card in (campaign(is_open=True), campaign(is_open=False), None)
    }
    assert counts == {True: 2, False: 1, None: 1}


def test_every_failure_has_words_of_its_own() -> None:
    assert set(FAILURES) == set(Failure)
    told = {
        failure: notice(replace(PLEDGE, state=State.FAILED, failure=failure)).paragraphs[0]
        for failure in Failure
    }
    assert len(set(told.values())) == len(Failure)
    check = "Check your wallet's activity before you pay again."
    assert {failure for failure, words in told.items() if not words.endswith(check)} == {Failure.CLOSED}
    assert told[Failure.DROPPED] == notice(replace(PLEDGE, state=State.FAILED)).paragraphs[0]


def test_what_a_backer_can_do_follows_from_the_state() -> None:
    """By state: is in a block, awaits one, has its transaction watched, can be started again."""
    told = {
        each.state: (
            each.is_in_a_block,
            each.awaits_a_block,
            bool(each.watched_tx_hash),
            each.can_start_again,
        )
        for each in (replace(PLEDGE, state=state) for state in State)
    }
    assert told == {
        State.CREATED: (False, False, False, False),
        State.ASKED: (False, False, False, False),
        State.REJECTED: (False, False, False, True),
        State.SUBMITTED: (False, True, True, False),
        State.CONFIRMED: (True, True, False, False),
        State.REORGED: (False, True, True, False),
        State.FINAL: (True, False, False, False),
        State.FAILED: (False, False, False, True),
    }


def test_a_closed_campaign_takes_no_second_try() -> None:
    failed = {failure: replace(PLEDGE, state=State.FAILED, failure=failure) for failure in Failure}
    assert {failure for failure, each in failed.items() if not each.can_start_again} == {Failure.CLOSED}


def test_money_stays_given_while_nothing_of_it_went_back() -> None:
    staying = {
        (state, sequel)
        for state, sequel in product(State, get_args(Sequel))
        if replace(PLEDGE, state=state, sequel=sequel).stays_given
    }
    assert staying == {(State.FINAL, "")}
