"""The database holds addresses as 20 bytes and amounts as exact integers."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from django_project.core.money import UINT256_MAX
from django_project.ledger.models import CampaignLaunched, Chain, Token

CREATOR = bytes.fromhex("d8da6bf26964af9d7eed9e03e53415d37aa96045")


def launch(**changes: object) -> CampaignLaunched:
    chain, _ = Chain.objects.get_or_create(chain_id=31337, name="local")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    terms: dict[str, object] = {
        "chain": chain,
        "block_number": 1,
        "log_index": 0,
        "block_time": moment,
        "tx_hash": bytes(32),
        "seq": 1,
        "factory": bytes(20),
        "address": CREATOR,
        "creator": CREATOR,
        "token": bytes(20),
        "mode": 0,
        "goal": UINT256_MAX,
        "start": moment,
        "deadline": moment,
        "fee_bps": 0,
        "min_contribution": 0,
        "cap": 0,
        "metadata_hash": bytes(32),
    }
    return CampaignLaunched.objects.create(**{**terms, **changes})


@pytest.mark.django_db
def test_the_largest_amount_survives() -> None:
    launch()
    stored = CampaignLaunched.objects.get(address=CREATOR)
    assert stored.goal == UINT256_MAX
    assert isinstance(stored.goal, int)
    assert stored.creator == CREATOR
    assert isinstance(stored.creator, bytes)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_typeof(goal)::text, octet_length(creator) FROM ledger_campaignlaunched")
        assert cursor.fetchone() == ("numeric", 20)


@pytest.mark.django_db
@pytest.mark.parametrize("goal", [-1, UINT256_MAX + 1])
def test_what_no_uint256_holds_is_refused(goal: int) -> None:
    with pytest.raises(ValueError, match="uint256"):
        launch(goal=goal)


@pytest.mark.django_db
def test_a_short_address_is_refused() -> None:
    with pytest.raises(ValueError, match="20 bytes, not 19"):
        launch(creator=CREATOR[:19])


def test_forms_read_addresses_as_people_write_them() -> None:
    field = Token._meta.get_field("address")
    assert field.to_python("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045") == CREATOR
    with pytest.raises(ValidationError, match="not an address"):
        field.to_python("0x12")
    assert field.value_to_string(Token(address=CREATOR)) == "0x" + CREATOR.hex()
