"""The decoder made from the ABI agrees with eth_abi on every event, and the rest of the wire format."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from django_project.core.addresses import keccak
from django_project.core.money import UINT256_MAX
from django_project.ledger.events import EVENTS as REGISTRY
from django_project.ledger.events import row_columns
from tasks.indexing.errors import BadReplyError, ConfigurationError, DecodeError
from tasks.indexing.node.codec import parse_header, parse_log
from tasks.indexing.node.replies import Refused
from tasks.indexing.pipeline.bloom import TopicBloom, bloom_mask
from tasks.indexing.pipeline.decode import EventDecoder, load_decoders, to_text
from tasks.indexing.pipeline.events import bind_events

INDEX = json.loads((settings.ABIS_DIR / "index.json").read_text())
ABIS = [settings.ABIS_DIR / f"{INDEX[name]}.json" for name in ("CampaignFactory", "Campaign")]
EVENTS = [
    entry
    for path in ABIS
    for entry in json.loads(path.read_text())
    if entry["type"] == "event" and any(argument["name"] == "seq" for argument in entry["inputs"])
]

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "address": st.binary(min_size=20, max_size=20),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bool": st.booleans(),
    "string": st.text(max_size=100),
    **{f"uint{size}": st.integers(0, 2**size - 1) for size in (8, 16, 32, 64, 256)},
}


def encoded(event: Any, values: list[Any]) -> tuple[bytes, bytes]:
    """Topics and data as the chain has them."""
    arguments = list(zip(event["inputs"], values, strict=True))
    indexed = [(each["type"], value) for each, value in arguments if each["indexed"]]
    others = [(each["type"], value) for each, value in arguments if not each["indexed"]]
    topics = EventDecoder(event).topic + b"".join(
        encode([kind], [_hexed(kind, value)]) for kind, value in indexed
    )
    data = encode([kind for kind, _ in others], [_hexed(kind, value) for kind, value in others])
    return topics, data


def _hexed(kind: str, value: Any) -> Any:
    return "0x" + value.hex() if kind == "address" else value


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event["name"])
@given(data=st.data())
def test_decoding_gives_back_what_eth_abi_encoded(event: Any, data: st.DataObject) -> None:
    values = [data.draw(VALUES[argument["type"]]) for argument in event["inputs"]]
    decoder = EventDecoder(event)

    decoded = dict(zip(decoder.names, decoder.decode(*encoded(event, values)), strict=True))

    expected = {
        argument["name"]: to_text(value.encode()) if argument["type"] == "string" else value
        for argument, value in zip(event["inputs"], values, strict=True)
    }
    assert decoded == expected


def test_the_largest_amounts_decode() -> None:
    event = next(event for event in EVENTS if event["name"] == "Contributed")
    largest = {"uint64": 2**64 - 1, "uint32": 2**32 - 1, "uint256": UINT256_MAX}
    values = [
        largest.get(argument["type"], bytes(32 if argument["type"] == "bytes32" else 20))
        for argument in event["inputs"]
    ]
    decoder = EventDecoder(event)
    decoded = dict(zip(decoder.names, decoder.decode(*encoded(event, values)), strict=True))
    assert decoded["amount"] == decoded["backerTotal"] == decoded["totalRaised"] == UINT256_MAX
    assert (decoded["seq"], decoded["tierId"]) == (2**64 - 1, 2**32 - 1)


@given(data=st.binary(max_size=500))
def test_damaged_data_is_refused_and_never_crashes(data: bytes) -> None:
    event = next(event for event in EVENTS if event["name"] == "CampaignCreated")
    decoder = EventDecoder(event)
    with suppress(DecodeError):
        values = decoder.decode(decoder.topic + bytes(96), data)
        assert len(values) == len(event["inputs"])


def test_every_event_of_the_abi_has_its_table() -> None:
    events = bind_events(load_decoders(ABIS))
    assert {event.decoder.name for event in events.values()} == set(REGISTRY)
    for event in events.values():
        names = {field.attname for field in event.model._meta.concrete_fields}
        assert set(row_columns(event.model)) <= names


def test_topics_are_those_of_the_signature() -> None:
    signature = "Refunded(address,address,uint64,address,uint256,uint256)"
    assert keccak(signature.encode()) in load_decoders(ABIS)


def test_an_event_without_a_table_is_refused() -> None:
    event = {"name": "Surprise", "inputs": [{"name": "seq", "type": "uint64", "indexed": False}]}
    with pytest.raises(ConfigurationError, match=r"Surprise\(uint64\).*extend"):
        bind_events({b"": EventDecoder(event)})


def test_an_event_without_an_argument_that_its_table_needs_is_refused() -> None:
    contributed = next(event for event in EVENTS if event["name"] == "Contributed")
    inputs = [argument for argument in contributed["inputs"] if argument["name"] != "payer"]
    with pytest.raises(ConfigurationError, match=r"Contributed\(.*extend"):
        bind_events({b"": EventDecoder({"name": "Contributed", "inputs": inputs})})


def event_of(name: str, *inputs: tuple[str, str], indexed: str) -> Any:
    return {
        "name": name,
        "type": "event",
        "inputs": [{"name": each, "type": kind, "indexed": each == indexed} for kind, each in inputs],
    }


TERMS = (("uint16", "shareBps"), ("uint64", "due"))
OBJECTIONS = (("uint32", "objectionWindow"), ("uint16", "objectionThresholdBps"))
DEFINED = [
    event_of(
        "MilestoneDefined",
        *(("uint32", "milestoneId"), ("uint64", "seq"), *TERMS, *more, *OBJECTIONS),
        indexed="milestoneId",
    )
    for more in ((), (("uint64", "notBefore"),))
]
PAYMENT = (("uint32", "milestoneId"), ("uint64", "seq"), ("address", "token"), ("uint256", "amount"))
RELEASED = [
    event_of("MilestoneReleased", *PAYMENT, ("uint256", "totalReleased"), *more, indexed="milestoneId")
    for more in ((), (("uint64", "nextDue"),))
]


def row_of(event: Any, *values: Any) -> dict[str, Any]:
    """The typed row's own columns that a log becomes, by their names."""
    decoder = EventDecoder(event)
    ((topic, bound),) = bind_events({decoder.topic: decoder}).items()
    assert topic == decoder.topic
    own = bound.own_columns(decoder.decode(*encoded(event, list(values))))
    return dict(zip(REGISTRY[event["name"]].columns, own, strict=True))


def test_both_versions_of_an_event_fill_the_same_table() -> None:
    first, second = (EventDecoder(event).topic for event in DEFINED)
    assert first != second
    due = datetime(2031, 5, 6, tzinfo=UTC)
    seconds = int(due.timestamp())
    old = row_of(DEFINED[0], 2, 9, 4_000, seconds, 259_200, 2_000)
    assert old == {
        "milestone_id": 2,
        "share_bps": 4_000,
        "due": due,
        "not_before": None,
        "objection_window": 259_200,
        "objection_threshold_bps": 2_000,
    }
    new = row_of(DEFINED[1], 2, 9, 4_000, seconds, seconds - 86_400, 259_200, 2_000)
    assert new == {**old, "not_before": due - timedelta(days=1)}
    assert row_of(DEFINED[1], 2, 9, 4_000, seconds, 0, 259_200, 2_000) == old


def test_when_the_next_evidence_is_due_is_told_by_the_second_version_alone() -> None:
    token = b"\x07" * 20
    old = row_of(RELEASED[0], 1, 9, token, 30, 70)
    assert old == {"milestone_id": 1, "token": token, "amount": 30, "total_released": 70, "next_due": None}
    moment = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    new = row_of(RELEASED[1], 1, 9, token, 30, 70, int(moment.timestamp()))
    assert new == {**old, "next_due": moment}
    assert row_of(RELEASED[1], 1, 9, token, 30, 70, 0) == old


def test_a_type_that_the_decoder_does_not_know_is_refused() -> None:
    event = {"name": "Odd", "inputs": [{"name": "x", "type": "uint256[]", "indexed": False}]}
    with pytest.raises(ConfigurationError, match="uint256"):
        EventDecoder(event)


def test_text_that_is_no_text_is_made_readable() -> None:
    assert to_text(b"\xff\0ok") == "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}ok"


@pytest.mark.parametrize(
    "block", [None, {}, {"number": "0x1"}, {"number": None, "hash": "0x", "parentHash": "0x"}]
)
def test_no_block_is_a_bad_reply(block: object) -> None:
    with pytest.raises(BadReplyError):
        parse_header(block)


def test_a_removed_log_is_a_bad_reply() -> None:
    with pytest.raises(BadReplyError, match="removed"):
        parse_log({"removed": True})


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=5))
def test_a_bloom_never_denies_what_is_in_it(topics: list[bytes]) -> None:
    bits = 0
    for topic in topics:
        bits |= bloom_mask(topic)
    bloom = TopicBloom(topics[:1])
    assert bloom.may_contain(hex(bits))
    assert not bloom.may_contain("0x" + 512 * "0")
    assert not bloom.may_contain("")


@pytest.mark.parametrize(
    ("message", "span"),
    [
        ("this block range should work: [0x10, 0x1f]", 16),
        ("eth_getLogs is limited to 1,000 blocks range", 1000),
        ("exceed maximum block range: 5000", 5000),
        ("query returned more than 10000 results", None),
        ("internal error", None),
    ],
)
def test_what_a_provider_asks_for(message: str, span: int | None) -> None:
    assert Refused(message).span == span
