"""Money that went back to its backers: what they took back before the end, and what was refunded after it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db.models import CharField, QuerySet, Value

from django_project.ledger.models import Refund, TakeBack

Kind = Literal["taken_back", "refunded"]


@dataclass(frozen=True, slots=True)
class Return:
    """All that a backer had in a campaign, sent back at once; in a wind-down its share of what was left."""

    kind: Kind
    seq: int
    amount: int
    recipient: bytes
    block_number: int
    block_time: datetime
    tx_hash: bytes


def returns_to(
    backers: Iterable[bytes], campaigns: Iterable[int] | None = None
) -> dict[tuple[int, bytes], list[Return]]:
    """{(campaign, backer): returns, the oldest first}, of these campaigns or of all, in one query."""
    told: dict[str, list[Any]] = {"backer__in": list(backers)}
    if campaigns is not None:
        told["campaign__in"] = list(campaigns)
    rows = _rows(TakeBack.objects.filter(**told), "taken_back").union(
        _rows(Refund.objects.filter(**told), "refunded"), all=True
    )
    found: dict[tuple[int, bytes], list[Return]] = defaultdict(list)
    for campaign, backer, kind, seq, amount, recipient, block_number, block_time, tx_hash in rows.order_by(
        "seq"
    ):
        found[campaign, bytes(backer)].append(
            Return(kind, seq, int(amount), bytes(recipient), block_number, block_time, bytes(tx_hash))
        )
    return found


def went_back(returns: Sequence[Return], seq: int) -> Return | None:
    """What sent the contribution of this `seq` back, of the returns to its backer; None while it stands."""
    return next((each for each in returns if each.seq > seq), None)


def _rows(returns: QuerySet[Any], kind: Kind) -> QuerySet[Any, Any]:
    marked: QuerySet[Any, Any] = returns.order_by().annotate(kind=Value(kind, output_field=CharField()))
    return marked.values_list(
        "campaign_id", "backer", "kind", "seq", "amount", "recipient", "block_number", "block_time", "tx_hash"
    )
