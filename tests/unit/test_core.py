"""Money, addresses and metadata: what is exact stays exact, what is wrong is said."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_project.core.addresses import format_address, keccak, parse_address, parse_hash, shorten_address
from django_project.core.metadata import (
    canonical_json,
    metadata_hash,
    metadata_uri,
    parse_metadata_uri,
)
from django_project.core.money import UINT256_MAX, AmountTextError, format_units, parse_units

AMOUNTS = json.loads((Path(__file__).parents[1] / "amounts.json").read_text())["amounts"]
VITALIK = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"


@given(st.integers(0, UINT256_MAX), st.integers(0, 24))
def test_units_survive_a_round_trip(amount: int, decimals: int) -> None:
    assert parse_units(format_units(amount, decimals), decimals) == amount


@given(st.integers(0, 10**60), st.integers(0, 24))
def test_so_does_what_is_shown(amount: int, decimals: int) -> None:
    assert parse_units(format_units(amount, decimals, grouping=True), decimals) == amount


@pytest.mark.parametrize("example", AMOUNTS, ids=lambda example: ascii(example["typed"])[:40])
def test_an_amount_is_read_as_the_scripts_read_it(example: dict[str, Any]) -> None:
    arguments = (example["typed"], example["decimals"], example.get("symbol", ""))
    if "units" in example:
        assert parse_units(*arguments) == int(example["units"])
        return
    with pytest.raises(AmountTextError) as refusal:
        parse_units(*arguments)
    assert (refusal.value.problem, list(refusal.value.readings)) == (
        example["error"],
        example.get("readings", []),
    )


@given(st.text(alphabet="0123456789.,  ０１９．，。-e\u2009", max_size=12), st.sampled_from([0, 2, 18]))
def test_a_text_has_one_meaning_or_is_asked_about(typed: str, decimals: int) -> None:
    problem, readings = "", tuple[str, ...]()
    try:
        parse_units(typed, decimals)
    except AmountTextError as refusal:
        problem, readings = refusal.problem, refusal.readings
    assert (problem == "unclear") is bool(readings)
    assert len(set(readings)) == len(readings) <= 2
    for reading in readings:
        parse_units(reading, 12)
    # A comma nearer to the end than three digits would be a decimal one.
    assert problem or not re.search("[,，][^.．。]{0,2}$", typed.strip())


def test_format_units_groups_only_the_whole_part() -> None:
    assert format_units(1_234_567_891_234, 6, grouping=True) == "1,234,567.891234"
    assert format_units(-1_500_000, 6) == "-1.5"


def test_addresses_are_checksummed_at_the_edge() -> None:
    value = parse_address(VITALIK)
    assert len(value) == 20
    assert parse_address(VITALIK.lower()) == value
    assert format_address(value) == VITALIK
    assert shorten_address(value) == "0xd8dA…6045"


def test_a_mistyped_checksum_is_refused() -> None:
    with pytest.raises(ValueError, match="wrong checksum"):
        parse_address(VITALIK.replace("dA6B", "da6B"))


@pytest.mark.parametrize("text", ["", "0x", "0x12", "hello", VITALIK + "00", "0x" + "g" * 40])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        parse_address(text)


def test_metadata_has_one_spelling() -> None:
    document = {"title": "蜂箱", "schema": 1, "rewards": [{"tier": 1}]}
    spelled = canonical_json(document)
    assert spelled == '{"rewards":[{"tier":1}],"schema":1,"title":"蜂箱"}'.encode()
    assert canonical_json(dict(reversed(document.items()))) == spelled
    digest = metadata_hash(spelled)
    assert digest == keccak(spelled)
    assert parse_metadata_uri(metadata_uri(digest)) == digest


def test_floats_have_no_place_in_metadata() -> None:
    with pytest.raises(ValueError, match="float"):
        canonical_json({"rewards": [{"price": 1.5}]})


def test_foreign_uris_are_not_ours() -> None:
    with pytest.raises(ValueError, match="metadata URI"):
        parse_metadata_uri("https://example.org/x.json")
    with pytest.raises(ValueError, match="32-byte"):
        parse_hash("0x12")
