"""What stands between a draft and its launch: the contract's rules, at their exact bounds."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.ledger.models import Chain, Contract, FactoryEvent
from django_project.studio.checks import DATE_FORM, Checker
from django_project.studio.launching import launch_currencies
from django_project.studio.models import Draft
from tests.factories import CHAIN_ID, FACTORY, TOKEN, World, address

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)
ETH = f"{CHAIN_ID}:{format_address(ZERO_ADDRESS)}"
GOOD = {
    "title": "Honey",
    "publisher": "Bees of the roof",
    "story": "We keep bees.",
    "category": "food",
    "language": "en",
    "currency": ETH,
    "mode": "all-or-nothing",
    "goal": "10",
    "deadline": "2027-02-10T12:00",
}


def at(**after: float) -> str:
    return (NOW + timedelta(**after)).strftime(DATE_FORM)


def found(
    texts: Mapping[str, str], rows: Mapping[str, list[str]] | None = None, now: datetime = NOW
) -> dict[str, str]:
    """What stops a draft that is good but for these texts."""
    draft = Draft(texts=GOOD | dict(texts), rows=dict(rows or {}))
    return {each.field: str(each.message) for each in Checker(draft, launch_currencies(), now).problems()}


@pytest.fixture(autouse=True)
def world() -> World:
    return World()


def allow(token: bytes, number: int, *, is_allowed: bool = True, factory: bytes = FACTORY) -> None:
    FactoryEvent.objects.create(
        chain_id=CHAIN_ID,
        block_number=number,
        block_time=NOW,
        tx_hash=address(number) + bytes(12),
        log_index=0,
        factory=factory,
        kind=FactoryEvent.Kind.TOKEN_ALLOWED,
        seq=number,
        arguments={"token": format_address(token), "isAllowed": is_allowed, "wasAllowed": False},
    )


def test_a_whole_draft_is_found_to_be_whole() -> None:
    assert found({}) == {}


@pytest.mark.parametrize("field", sorted(GOOD))
def test_what_is_still_to_be_filled_in_is_told_as_such(field: str) -> None:
    draft = Draft(texts=GOOD | {field: " "})
    problems = Checker(draft, launch_currencies(), NOW).problems()
    assert [(each.field, each.is_missing) for each in problems if each.is_missing] == [(field, True)]


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("title", "x" * 121, "at most 120 characters here, and this has 121"),
        ("title", "\u202ehoney", "turns the direction"),
        ("tagline", "x" * 241, "at most 240"),
        ("publisher", "ChainFund team", "could be taken for the site"),
        ("story", "x" * 60_001, "at most 60,000 characters here, and this has 60,001"),
        ("category", "gone", "no longer offered"),
        ("language", "fr", "no longer offered"),
        ("currency", f"1:{format_address(ZERO_ADDRESS)}", "no longer offered"),
        ("mode", "all", "no longer offered"),
        ("goal", "0", "at least 0.000000000000000001 ETH"),
        ("goal", "1,5", "Did you mean 1.5"),
        ("goal", "20282409603651.670423947251286016", "at most 20,282,409,603,651.670423947251286015 ETH"),
        ("minimum", "10.000000000000000001", "at most 10 ETH"),
        ("cap", "9.999999999999999999", "at least 10 ETH"),
        ("deadline", "tomorrow", "Enter a date and a time"),
        ("deadline", at(days=1, minutes=-1), "2027-01-11 12:00 UTC or later"),
        ("deadline", at(days=90, minutes=1), "2027-04-10 12:00 UTC at the latest"),
    ],
)
def test_what_a_campaign_does_not_take_is_said(field: str, text: str, words: str) -> None:
    problems = found({field: text})
    assert words in problems.pop(field)
    # Without a currency no amount can be read, and none is called wrong.
    assert problems == {}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("title", "x" * 120),
        ("story", "x" * 60_000),
        ("goal", "20282409603651.670423947251286015"),
        ("minimum", "10"),
        ("cap", "10"),
        ("deadline", at(days=1)),
        ("deadline", at(days=90)),
        ("deadline", "2027-02-10 12:00"),
    ],
)
def test_the_bound_itself_is_taken(field: str, text: str) -> None:
    assert found({field: text}) == {}


def test_the_soonest_deadline_is_told_in_a_minute_that_will_do() -> None:
    soon = NOW + timedelta(seconds=20)
    told = found({"deadline": at(days=1)}, now=soon)["deadline"]
    assert told == "This has to be 2027-01-11 12:01 UTC or later."
    assert found({"deadline": at(days=1, minutes=1)}, now=soon) == {}


def reward(**texts: str) -> dict[str, str]:
    good = {"title": "A jar", "price": "0.5"} | texts
    return {f"rewards.0a0a0a0a.{name}": text for name, text in good.items()}


@pytest.mark.parametrize(
    ("texts", "field", "words"),
    [
        ({"title": ""}, "title", "still to be filled in"),
        ({"title": "x" * 121}, "title", "at most 120"),
        ({"description": "x" * 2_001}, "description", "at most 2,000"),
        ({"price": ""}, "price", "still to be filled in"),
        ({"price": "0"}, "price", "at least"),
        ({"price": "12.1"}, "price", "at most 12 ETH"),
        ({"supply": "0"}, "supply", "from 1 to 4,294,967,295"),
        ({"supply": "1.5"}, "supply", "whole number"),
        ({"supply": "4294967296"}, "supply", "from 1 to 4,294,967,295"),
    ],
)
def test_a_reward_is_held_to_what_the_contract_takes(texts: dict[str, str], field: str, words: str) -> None:
    problems = found({"cap": "12"} | reward(**texts), {"rewards": ["0a0a0a0a"]})
    assert words in problems.pop(f"rewards.0a0a0a0a.{field}")
    assert problems == {}


def test_a_reward_may_cost_the_whole_cap() -> None:
    assert found({"cap": "12"} | reward(price="12", supply="4,294,967,295"), {"rewards": ["0a0a0a0a"]}) == {}


DEADLINE = datetime(2027, 2, 10, 12, 0, tzinfo=UTC)
OBJECTIONS = {"objection_days": "7", "objection_percent": "25"}


def due(**after: float) -> str:
    return (DEADLINE + timedelta(**after)).strftime(DATE_FORM)


def milestones(*rows: tuple[str, str], **texts: str) -> dict[str, str]:
    keys = [f"0000000{number}" for number in range(len(rows))]
    cells: dict[str, str] = {}
    for key, (share, moment) in zip(keys, rows, strict=True):
        cells |= {f"milestones.{key}.share": share, f"milestones.{key}.due": moment}
    return found(OBJECTIONS | cells | texts, {"milestones": keys})


TWO = (("50", due(days=1)), ("50", due(days=9)))


def test_milestones_at_their_bounds_are_taken() -> None:
    assert milestones(*TWO) == {}
    assert milestones(("0.01", due(days=365)), ("99.99", due(days=730))) == {}
    assert milestones(*TWO, objection_days="3", objection_percent="10") == {}
    assert milestones(TWO[0], ("50", due(days=32)), objection_days="30", objection_percent="50") == {}


@pytest.mark.parametrize(
    ("rows", "texts", "field", "words"),
    [
        ((("50.01", due(days=1)), ("49.99", due(days=9))), {}, "milestones.00000000.share", "0.01 to 50"),
        ((("0", due(days=1)), ("100", due(days=9))), {}, "milestones.00000000.share", "0.01 to 50"),
        ((("50", due(days=1)), ("49.99", due(days=9))), {}, "milestones.00000001.share", "are 99.99%"),
        ((("50", due(days=1)), ("50.001", due(days=9))), {}, "milestones.00000001.share", "0.01 to 100"),
        (
            (("50", due(hours=23, minutes=59)), TWO[1]),
            {},
            "milestones.00000000.due",
            "02-11 12:00 UTC or later",
        ),
        ((TWO[0], ("50", due(days=8, hours=23))), {}, "milestones.00000001.due", "02-19 12:00 UTC or later"),
        (
            (TWO[0], ("50", due(days=366, minutes=1))),
            {},
            "milestones.00000001.due",
            "2028-02-11 12:00 UTC at the latest",
        ),
        (TWO, {"objection_days": "2"}, "objection_days", "from 3 to 30"),
        (TWO, {"objection_percent": "51"}, "objection_percent", "from 10 to 50"),
        (TWO, {"objection_percent": ""}, "objection_percent", "still to be filled in"),
    ],
)
def test_milestones_are_held_to_what_the_contract_takes(
    rows: tuple[tuple[str, str], ...], texts: dict[str, str], field: str, words: str
) -> None:
    problems = milestones(*rows, **texts)
    assert words in problems.pop(field)
    assert problems == {}


def test_a_date_that_follows_from_one_that_is_missing_is_not_called_wrong() -> None:
    problems = milestones(TWO[0], ("50", due(days=-9)), deadline="")
    assert list(problems) == ["deadline", "milestones.00000001.due"]
    assert list(milestones(("50", ""), ("50", due(days=-9)))) == ["milestones.00000000.due"]


def test_currencies_are_those_that_the_newest_factory_allows_now(world: World) -> None:
    other = bytes.fromhex("0c" * 20)
    world.add_token(other, "OTH", 8)
    world.add_unknown_token(bytes.fromhex("0d" * 20))
    allow(TOKEN, 2)
    allow(other, 3)
    allow(bytes.fromhex("0d" * 20), 4)
    allow(other, 5, is_allowed=False)
    allow(other, 6, factory=address(77))
    currencies = launch_currencies()
    assert {key: (each.info.symbol, each.factory) for key, each in currencies.items()} == {
        ETH: ("ETH", FACTORY),
        f"{CHAIN_ID}:{format_address(TOKEN)}": ("TUSD", FACTORY),
    }
    assert next(iter(currencies)) == ETH


def test_a_chain_that_is_not_followed_launches_nothing(world: World) -> None:
    newer = address(5)
    Contract.objects.create(
        chain=world.chain, address=newer, kind=Contract.Kind.FACTORY, start_block=9, version=2
    )
    assert {each.factory for each in launch_currencies().values()} == {newer}
    Contract.objects.filter(chain=world.chain).update(version=1)
    assert launch_currencies() == {}
    Contract.objects.filter(chain=world.chain).update(version=2)
    Chain.objects.update(state=Chain.State.RETIRED)
    assert launch_currencies() == {}
