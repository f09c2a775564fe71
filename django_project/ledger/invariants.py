"""What has to hold about money in the index, each as one query that finds nothing when it does.

The chain's own totals are compared by `manage.py indexer verify`; these ask only whether the tables agree
with themselves.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from django_project.core.addresses import format_address
from django_project.ledger import models
from django_project.ledger.models import CampaignLaunched, CampaignTotals
from django_project.ledger.totals import CAMPAIGN_EVENTS, TOTALS_COLUMNS, TOTALS_FROM_EVENTS

_LAUNCHED = CampaignLaunched._meta.db_table
_TOTALS = CampaignTotals._meta.db_table
_CONTRIBUTIONS = models.Contribution._meta.db_table
_REFUNDS = models.Refund._meta.db_table
_WITHDRAWALS = models.Withdrawal._meta.db_table
_ACCRUALS = models.FeeAccrual._meta.db_table
_CLAIMS = models.FeeClaim._meta.db_table

_ALL_SEQS = " UNION ALL ".join(
    f"SELECT campaign_id, seq FROM {model._meta.db_table}" for model in CAMPAIGN_EVENTS
)
_GAPS = f"""
SELECT campaign.id FROM {_LAUNCHED} campaign
JOIN (
    SELECT campaign_id, count(*) AS events, count(DISTINCT seq) AS numbers,
        min(seq) AS first, max(seq) AS last
    FROM ({_ALL_SEQS}) events GROUP BY campaign_id
) seqs ON seqs.campaign_id = campaign.id
WHERE (seqs.first, seqs.last, seqs.numbers) IS DISTINCT FROM (1::bigint, seqs.events, seqs.events)
"""


def _sums_differ(table: str, total: str) -> str:
    return f"""
        SELECT campaign.id FROM {_LAUNCHED} campaign
        JOIN {_TOTALS} totals ON totals.campaign_id = campaign.id
        LEFT JOIN (SELECT campaign_id, sum(amount) AS amount FROM {table} GROUP BY campaign_id) sums
            ON sums.campaign_id = campaign.id
        WHERE totals.{total} <> COALESCE(sums.amount, 0)
    """


_FACTORY_GAPS = f"""
SELECT min(campaign.id) FROM (
    SELECT id, factory, chain_id, seq FROM {_LAUNCHED}
    UNION ALL SELECT NULL, factory, chain_id, seq FROM {models.FactoryEvent._meta.db_table}
) campaign GROUP BY campaign.chain_id, campaign.factory
HAVING (min(campaign.seq), max(campaign.seq), count(DISTINCT campaign.seq))
    IS DISTINCT FROM (1::bigint, count(*), count(*))
"""

CHECKS: Mapping[str, str] = {
    "every campaign's events are numbered 1, 2, 3 … without a gap": _GAPS,
    "every factory's events are numbered 1, 2, 3 … without a gap": _FACTORY_GAPS,
    "every campaign has its row of totals": f"""
        SELECT campaign.id FROM {_LAUNCHED} campaign LEFT JOIN {_TOTALS} totals
        ON totals.campaign_id = campaign.id WHERE totals.campaign_id IS NULL
    """,
    "totals are what the events make of them": f"""
        SELECT campaign_id FROM (
            SELECT campaign_id, {", ".join(TOTALS_COLUMNS)} FROM {_TOTALS}
            EXCEPT SELECT campaign_id, {", ".join(TOTALS_COLUMNS)} FROM ({TOTALS_FROM_EVENTS}) computed
        ) differing
    """,
    "Σ contributions = total raised": _sums_differ(_CONTRIBUTIONS, "raised"),
    "Σ refunds = total refunded": _sums_differ(_REFUNDS, "refunded"),
    "Σ withdrawals = total withdrawn": _sums_differ(_WITHDRAWALS, "withdrawn"),
    "Σ fees accrued = total fees": _sums_differ(_ACCRUALS, "fees"),
    "Σ fees claimed = total fees claimed": _sums_differ(_CLAIMS, "fees_claimed"),
    "no backer was refunded more than was contributed": f"""
        SELECT refunds.campaign_id FROM (
            SELECT campaign_id, backer, sum(amount) AS amount FROM {_REFUNDS} GROUP BY campaign_id, backer
        ) refunds LEFT JOIN (
            SELECT campaign_id, backer, sum(amount) AS amount FROM {_CONTRIBUTIONS}
            GROUP BY campaign_id, backer
        ) given ON given.campaign_id = refunds.campaign_id AND given.backer = refunds.backer
        WHERE refunds.amount > COALESCE(given.amount, 0)
    """,
    "every backer's running total is the sum of the backer's contributions": f"""
        SELECT campaign_id FROM (
            SELECT campaign_id, backer_total,
                sum(amount) OVER (PARTITION BY campaign_id, backer ORDER BY seq) AS running
            FROM {_CONTRIBUTIONS}
        ) contributions WHERE backer_total <> running
    """,
    "withdrawn + fees ≤ raised, and refunded ≤ raised": f"""
        SELECT campaign_id FROM {_TOTALS} WHERE withdrawn + fees > raised OR refunded > raised
    """,
    "no campaign paid out both its creator and its backers": f"""
        SELECT campaign_id FROM {_TOTALS} WHERE withdrawn > 0 AND refunded > 0
    """,
    "fees claimed ≤ fees accrued": f"SELECT campaign_id FROM {_TOTALS} WHERE fees_claimed > fees",
    "nothing was raised above a cap": f"""
        SELECT campaign.id FROM {_LAUNCHED} campaign JOIN {_TOTALS} totals ON totals.campaign_id = campaign.id
        WHERE campaign.cap > 0 AND totals.raised > campaign.cap
    """,
    "every event is in the currency of its campaign": " UNION ALL ".join(
        f"SELECT campaign.id FROM {table} event JOIN {_LAUNCHED} campaign ON campaign.id = event.campaign_id "
        "WHERE event.token <> campaign.token"
        for table in (_CONTRIBUTIONS, _REFUNDS, _WITHDRAWALS, _ACCRUALS, _CLAIMS)
    ),
}


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, with the first campaigns it was found on."""

    invariant: str
    campaigns: list[str]


def violations() -> list[Violation]:
    """Every invariant that does not hold now; empty is what it has to be."""
    found = []
    for invariant, query in CHECKS.items():
        ids = _ids(query)
        if ids:
            found.append(Violation(invariant, _addresses(ids)))
    return found


def campaigns_with_gaps(chain_id: int, campaign_ids: Collection[int]) -> list[bytes]:
    """Those of the campaigns whose events are not complete."""
    ids = set(
        _ids(f"{_GAPS} AND campaign.chain_id = %s AND campaign.id = ANY(%s)", [chain_id, list(campaign_ids)])
    )
    return list(CampaignLaunched.objects.filter(id__in=ids).values_list("address", flat=True))


def _ids(query: str, parameters: Sequence[Any] | None = None) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()]


def _addresses(ids: list[int]) -> list[str]:
    addresses = CampaignLaunched.objects.filter(id__in=ids).values_list("address", flat=True)[:5]
    return [format_address(address) for address in addresses] or ["a factory"]
