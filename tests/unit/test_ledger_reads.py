"""Reads of the ledger that other parts decide by: currencies, versions, what stands and what went back."""

from datetime import UTC, datetime, timedelta

import pytest

from django_project.core.addresses import ZERO_ADDRESS
from django_project.ledger import services
from django_project.ledger.models import CampaignLaunched, Chain, Contract, Contribution, Token
from django_project.ledger.returns import returns_to, went_back
from django_project.ledger.selectors import (
    CLAIM_PERIOD,
    Status,
    TokenInfo,
    active_contributions,
    currencies,
    currency_is_known,
    gone_back,
    owed_since,
    token_of,
    unknown_tokens,
    version,
    version_of,
)
from tests.factories import CHAIN_ID, ETHER, FACTORY, TOKEN, World, address

pytestmark = pytest.mark.django_db

OTHER = CHAIN_ID + 1
ODD, NEW = b"\x0d" * 20, b"\x0e" * 20
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    return World()


def test_an_amount_is_spelled_in_whole_tokens_with_groups() -> None:
    assert TokenInfo("TUSD", 6).text(1_234_567_890_123) == "1,234,567.890123"


@pytest.mark.parametrize(
    ("symbol", "decimals", "is_known"),
    [("ETH", 18, True), ("ETH", 0, True), ("ETH", None, False), ("", 18, False), (None, 18, False)],
)
def test_a_currency_is_known_by_symbol_and_decimals(
    symbol: str | None, decimals: int | None, *, is_known: bool
) -> None:
    assert (TokenInfo.of(symbol, decimals) is not None) == is_known


def test_currencies_are_those_of_their_chain(world: World) -> None:
    other = World(OTHER)
    Chain.objects.filter(pk=OTHER).update(currency_symbol="OWN", currency_decimals=9)
    Token.objects.filter(chain=other.chain).update(symbol="USDT", plain_symbol="USDT", decimals=4)
    world.add_unknown_token(ODD)
    other.add_token(ODD, "ODD", 3)
    assert currencies() == {
        (CHAIN_ID, ZERO_ADDRESS): TokenInfo("ETH", 18),
        (CHAIN_ID, TOKEN): TokenInfo("TUSD", 6),
        (OTHER, ZERO_ADDRESS): TokenInfo("OWN", 9),
        (OTHER, TOKEN): TokenInfo("USDT", 4),
        (OTHER, ODD): TokenInfo("ODD", 3),
    }
    for chain in (CHAIN_ID, OTHER, 5):
        for at in (ZERO_ADDRESS, TOKEN, ODD, NEW):
            assert token_of(chain, at) == currencies().get((chain, at))
    assert [(each.chain_id, each.address) for each in unknown_tokens()] == [(CHAIN_ID, ODD)]
    # In the order of chains and addresses, however they came.
    services.create_tokens(OTHER, {NEW})
    services.create_tokens(CHAIN_ID, {NEW, b"\x01" * 20})
    assert [(each.chain_id, each.address) for each in unknown_tokens()] == [
        (CHAIN_ID, b"\x01" * 20),
        (CHAIN_ID, ODD),
        (CHAIN_ID, NEW),
        (OTHER, NEW),
    ]


def test_a_campaign_is_shown_in_a_currency_that_is_known(world: World) -> None:
    world.add_unknown_token(ODD)
    own, known, odd, nameless = (
        world.campaign(),
        world.campaign(token=TOKEN),
        world.campaign(token=ODD),
        World(OTHER).campaign(),
    )
    Chain.objects.filter(pk=OTHER).update(currency_symbol="")
    assert set(CampaignLaunched.objects.filter(currency_is_known())) == {own, known}
    for campaign in (known, odd, nameless):
        world.contribute(campaign, backer=address(1))
    assert [row.campaign for row in Contribution.objects.filter(currency_is_known("campaign"))] == [known]


def test_a_campaign_runs_the_version_of_its_own_factory(world: World) -> None:
    older = World(OTHER, version=1)
    for chain, at, told in ((CHAIN_ID, NEW, 1), (OTHER, NEW, 2)):
        Contract.objects.create(
            chain_id=chain, address=at, kind=Contract.Kind.FACTORY, start_block=0, version=told
        )
    second, first = world.campaign(), older.campaign()
    from_new = world.campaign()
    CampaignLaunched.objects.filter(pk=from_new.pk).update(factory=NEW)
    assert [version_of(each) for each in (second, first, from_new)] == [2, 1, 1]
    world.contribute(second, backer=address(1))
    assert Contribution.objects.values_list(version("campaign"), flat=True).get() == 2
    Contract.objects.filter(address=FACTORY).delete()
    assert version_of(second) == 1


def test_what_stands_and_what_went_back(world: World) -> None:
    campaign, elsewhere = world.campaign(), world.campaign()
    taken = [world.contribute(campaign, backer=address(1)) for _ in range(2)]
    other = world.contribute(campaign, backer=address(2))
    away = world.contribute(elsewhere, backer=address(1))
    back = world.take_pledge_back(campaign, backer=address(1))
    again = world.contribute(campaign, backer=address(1), amount=3)
    assert set(active_contributions()) == {other, away, again}
    assert set(gone_back()) == set(taken)
    refund = world.refund(campaign, backer=address(2))
    assert set(active_contributions()) == {other, away, again}
    assert set(gone_back()) == {*taken, other}

    told = returns_to([address(1), address(2)], [campaign.pk])
    [mine], [others] = told[campaign.pk, address(1)], told[campaign.pk, address(2)]
    assert (mine.kind, mine.seq, mine.amount, mine.recipient) == (
        "taken_back",
        back.seq,
        2 * ETHER,
        address(1),
    )
    assert (mine.block_number, mine.block_time, mine.tx_hash) == (
        back.block_number,
        back.block_time,
        back.tx_hash,
    )
    assert (others.kind, others.seq, others.amount) == ("refunded", refund.seq, ETHER)
    assert [went_back([mine], row.seq) for row in (*taken, again)] == [mine, mine, None]
    assert went_back([], 1) is None


def test_returns_are_those_of_the_backers_and_campaigns_asked_for_and_the_oldest_first(world: World) -> None:
    campaign, elsewhere = world.campaign(), world.campaign()
    for each in (campaign, elsewhere):
        for backer in (1, 2):
            world.contribute(each, backer=address(backer), amount=5)
    first = world.take_pledge_back(campaign, backer=address(1))
    world.take_pledge_back(campaign, backer=address(2))
    world.refund(elsewhere, backer=address(1))
    world.contribute(campaign, backer=address(1), amount=7)
    second = world.take_pledge_back(campaign, backer=address(1))
    world.contribute(campaign, backer=address(1), amount=7)
    third = world.refund(campaign, backer=address(1))
    assert returns_to([address(1)]).keys() == {(campaign.pk, address(1)), (elsewhere.pk, address(1))}
    [(key, rows)] = returns_to([address(1)], [campaign.pk]).items()
    assert key == (campaign.pk, address(1))
    assert [row.seq for row in rows] == [first.seq, second.seq, third.seq]
    assert went_back(rows, first.seq) == rows[1]
    assert returns_to([]) == {}
    assert returns_to([address(1)], []) == {}


def test_a_wind_down_that_nobody_wrote_down_counts_from_when_payment_was_over(world: World) -> None:
    totals = world.campaign().totals
    campaign = totals.campaign

    def since() -> datetime:
        return owed_since(campaign, Status.WIND_DOWN)

    campaign.totals.milestone_due = NOON
    assert since() == NOON
    campaign.totals.window_end, campaign.totals.objection_limit = NOON + DAY, 5
    for objections, expected in ((5, NOON + DAY + CLAIM_PERIOD), (6, NOON + DAY)):
        campaign.totals.objections = objections
        assert since() == expected
    campaign.totals.wound_down_at = NOON - DAY
    assert since() == NOON - DAY
