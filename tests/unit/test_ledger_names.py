"""What rows of the index are called where people meet them: in the admin's titles and in its trail."""

import pytest
from django.db.models import Model

from django_project.ledger import models

AT = {"block_number": 40, "log_index": 2}

NAMES: list[tuple[Model, str]] = [
    (models.Chain(chain_id=5, name="Our chain"), "Our chain (5)"),
    (models.RpcEndpoint(name="near", url="https://node.example/key"), "near"),
    (models.Cursor(chain_id=5, next_block=7), "chain 5: next block 7"),
    (models.Block(chain_id=5, number=8), "block 8 of chain 5"),
    (models.FetchedRange(chain_id=5, from_block=9, to_block=11), "blocks 9 to 11 of chain 5"),
    (models.Contract(kind="factory", address=b"\xfa" * 20), f"factory 0x{'fa' * 20}"),
    (models.Token(symbol="TUSD", address=b"\x11" * 20), "TUSD"),
    (models.Token(address=b"\x11" * 20), f"0x{'11' * 20}"),
    (models.RawLog(**AT), "log 40/2"),
    (models.Refund(**AT), "Refund 40/2"),
    (models.CampaignLaunched(address=b"\x22" * 20, **AT), f"0x{'22' * 20}"),
    (models.CampaignTotals(campaign_id=12), "totals of campaign 12"),
    (models.ReorgEvent(depth=3, ancestor_block=13), "reorg of depth 3 to block 13"),
    (models.SuspectRange(from_block=14, to_block=15, reason="a gap"), "blocks 14 to 15: a gap"),
    (models.Outbox(topic="campaigns_changed"), "campaigns_changed"),
    (models.OutboxReader(name="pledges", chain_id=5), "pledges of chain 5"),
]


@pytest.mark.parametrize(("row", "name"), NAMES, ids=lambda value: type(value).__name__)
def test_a_row_is_called_by_what_tells_it_from_others(row: Model, name: str) -> None:
    assert str(row) == name
