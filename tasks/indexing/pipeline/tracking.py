"""What the indexer keeps in mind between commits: the known contracts and the last event of each.

It is read from the tables when a run begins and after anything unexpected, and is changed only after the
commit that makes the change true.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import Max

from django_project.ledger.models import CampaignLaunched, Contract, FactoryEvent, RawLog

_ID_STOCK = 200


@dataclass(slots=True)
class Tracked:
    """A known contract. `row_id` is its `CampaignLaunched` row; factories have none."""

    kind: str
    start_block: int
    row_id: int | None
    last_seq: int


class Tracker:
    """The known contracts of one chain by address."""

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        self._ids: list[int] = []
        self.contracts: dict[bytes, Tracked] = {}
        self.reload()

    def reload(self) -> None:
        """Forget everything and read it from the tables: four queries."""
        campaigns = {
            address: (row_id, last_seq)
            for address, row_id, last_seq in CampaignLaunched.objects.filter(
                chain_id=self.chain_id
            ).values_list("address", "id", "totals__last_seq")
        }
        factories = self._factory_seqs()
        self.contracts = {}
        for address, kind, start_block in Contract.objects.filter(chain_id=self.chain_id).values_list(
            "address", "kind", "start_block"
        ):
            row_id, last_seq = campaigns.get(address, (None, factories.get(address, 0)))
            self.contracts[address] = Tracked(kind, start_block, row_id, last_seq or 0)

    def _factory_seqs(self) -> dict[bytes, int]:
        seqs: dict[bytes, int] = {}
        for model in (CampaignLaunched, FactoryEvent):
            rows = (
                model.objects.filter(chain_id=self.chain_id)
                .values_list("factory")
                .annotate(last=Max("seq"))
                .order_by()
            )
            for address, last in rows:
                seqs[address] = max(seqs.get(address, 0), last)
        return seqs

    def new_row_id(self, address: bytes) -> int:
        """An id for the `CampaignLaunched` row of `address`; rows of the same commit can then point to it."""
        if not self._ids:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT nextval(pg_get_serial_sequence('ledger_campaignlaunched', 'id')) FROM "
                    "generate_series(1, %s)",
                    [_ID_STOCK],
                )
                self._ids = [row[0] for row in reversed(cursor.fetchall())]
        return self._ids.pop()

    def last_block_of(self, address: bytes) -> int:
        """The block of the contract's newest stored event; its start block when there is none."""
        newest = RawLog.objects.filter(chain_id=self.chain_id, address=address).aggregate(
            newest=Max("block_number")
        )["newest"]
        return self.contracts[address].start_block if newest is None else int(newest)

    def adopt(self, created: Mapping[bytes, Tracked], seqs: Mapping[bytes, int]) -> None:
        """Take over what a commit makes true: contracts that begin, and each one's last running number."""
        self.contracts.update(created)
        for address, seq in seqs.items():
            self.contracts[address].last_seq = seq
