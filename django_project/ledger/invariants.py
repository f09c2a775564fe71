"""What has to hold about money in the index, each as one query that finds nothing when it does.

The chain's own totals are compared by `manage.py indexer verify`; these ask only whether the tables agree
with themselves.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.ledger import models
from django_project.ledger.events import CAMPAIGN_EVENTS
from django_project.ledger.models import CampaignLaunched, CampaignTotals
from django_project.ledger.totals import TOTALS_COLUMNS, TOTALS_FROM_EVENTS

_LAUNCHED = CampaignLaunched._meta.db_table
_TOTALS = CampaignTotals._meta.db_table
_CONTRIBUTIONS = models.Contribution._meta.db_table
_TAKE_BACKS = models.TakeBack._meta.db_table
_REFUNDS = models.Refund._meta.db_table
_WITHDRAWALS = models.Withdrawal._meta.db_table
_ACCRUALS = models.FeeAccrual._meta.db_table
_CLAIMS = models.FeeClaim._meta.db_table

_ALL_SEQS = " UNION ALL ".join(
    f"SELECT campaign_id, seq FROM {event.model._meta.db_table}" for event in CAMPAIGN_EVENTS
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

# Pledges as they stand: what was given, less what was taken back.
_PLEDGED = f"""(
    SELECT campaign_id, backer, amount FROM {_CONTRIBUTIONS}
    UNION ALL SELECT campaign_id, backer, -amount FROM {_TAKE_BACKS}
)"""


def _sums_differ(table: str, total: str) -> str:
    return f"""
        SELECT campaign.id FROM {_LAUNCHED} campaign
        JOIN {_TOTALS} totals ON totals.campaign_id = campaign.id
        LEFT JOIN (SELECT campaign_id, sum(amount) AS amount FROM {table} rows GROUP BY campaign_id) sums
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

CHECKS: dict[str, str] = {
    # No foreign key sees to it (see `models.chain_of_event`).
    "every event belongs to a campaign": f"""
        SELECT DISTINCT event.campaign_id FROM ({_ALL_SEQS}) event
        WHERE NOT EXISTS (SELECT 1 FROM {_LAUNCHED} campaign WHERE campaign.id = event.campaign_id)
    """,
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
    "Σ contributions − Σ taken back = total raised": _sums_differ(_PLEDGED, "raised"),
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
    "every backer's running total is the sum of the backer's contributions not taken back": f"""
        SELECT campaign_id FROM (
            SELECT campaign_id, backer_total,
                sum(amount) OVER (PARTITION BY campaign_id, backer ORDER BY seq) AS running
            FROM (
                SELECT campaign_id, backer, seq, amount, backer_total FROM {_CONTRIBUTIONS}
                UNION ALL SELECT campaign_id, backer, seq, -amount, 0 FROM {_TAKE_BACKS}
            ) pledges
        ) pledges WHERE backer_total <> running
    """,
    "backers are those whose pledge was not taken back": f"""
        SELECT totals.campaign_id FROM {_TOTALS} totals LEFT JOIN (
            SELECT campaign_id, count(*) AS backers FROM (
                SELECT campaign_id FROM {_PLEDGED} pledges GROUP BY campaign_id, backer HAVING sum(amount) > 0
            ) pledging GROUP BY campaign_id
        ) pledging ON pledging.campaign_id = totals.campaign_id
        WHERE totals.backers <> COALESCE(pledging.backers, 0)
    """,
    "no tier has more rewards out than it offers": f"""
        SELECT tier.campaign_id FROM {models.Tier._meta.db_table} tier
        JOIN {_CONTRIBUTIONS} given ON given.campaign_id = tier.campaign_id AND given.tier_id = tier.tier_id
        WHERE tier.supply > 0 AND NOT EXISTS (
            SELECT 1 FROM {_TAKE_BACKS} back WHERE back.campaign_id = given.campaign_id
                AND back.backer = given.backer AND back.seq > given.seq
        )
        GROUP BY tier.campaign_id, tier.tier_id, tier.supply HAVING count(*) > tier.supply
    """,
    "withdrawn + fees ≤ raised, and refunded ≤ raised": f"""
        SELECT campaign_id FROM {_TOTALS} WHERE withdrawn + fees > raised OR refunded > raised
    """,
    "only a wind-down pays both the creator and the backers, and never more than was raised": f"""
        SELECT campaign_id FROM {_TOTALS}
        WHERE withdrawn > 0 AND refunded > 0
            AND (wound_down_at IS NULL OR withdrawn + fees + refunded > raised)
    """,
    "Σ shares ≤ what a wind-down has to share": f"""
        SELECT wind_down.campaign_id FROM {models.WindDown._meta.db_table} wind_down
        JOIN {_TOTALS} totals ON totals.campaign_id = wind_down.campaign_id
        WHERE totals.refunded > wind_down.remaining
            OR wind_down.remaining <> totals.raised - totals.withdrawn - totals.fees
    """,
    "Σ milestones paid = withdrawn + fees": f"""
        SELECT totals.campaign_id FROM {_TOTALS} totals JOIN (
            SELECT campaign_id, sum(amount) AS amount FROM {models.MilestoneRelease._meta.db_table}
            GROUP BY campaign_id
        ) released ON released.campaign_id = totals.campaign_id
        WHERE released.amount <> totals.withdrawn + totals.fees
    """,
    "a milestone campaign's shares are the whole": f"""
        SELECT campaign_id FROM {models.Milestone._meta.db_table} GROUP BY campaign_id
        HAVING sum(share_bps) <> 10000
    """,
    "objections are what their objectors gave": f"""
        SELECT totals.campaign_id FROM {_TOTALS} totals LEFT JOIN (
            SELECT campaign_id, milestone_id, sum(weight) AS weight FROM (
                SELECT campaign_id, milestone_id, weight FROM {models.Objection._meta.db_table}
                UNION ALL
                SELECT campaign_id, milestone_id, -weight FROM {models.ObjectionWithdrawal._meta.db_table}
            ) votes GROUP BY campaign_id, milestone_id
        ) votes ON votes.campaign_id = totals.campaign_id
            AND votes.milestone_id = totals.milestones_released + 1
        WHERE totals.window_end IS NOT NULL AND totals.objections <> COALESCE(votes.weight, 0)
    """,
    "fees claimed ≤ fees accrued": f"SELECT campaign_id FROM {_TOTALS} WHERE fees_claimed > fees",
    "nothing was raised above a cap": f"""
        SELECT campaign.id FROM {_LAUNCHED} campaign JOIN {_TOTALS} totals ON totals.campaign_id = campaign.id
        WHERE campaign.cap > 0 AND totals.raised > campaign.cap
    """,
    "every campaign's currency is known": f"""
        SELECT campaign.id FROM {_LAUNCHED} campaign
        JOIN {models.Chain._meta.db_table} chain ON chain.chain_id = campaign.chain_id
        LEFT JOIN {models.Token._meta.db_table} token
            ON token.chain_id = campaign.chain_id AND token.address = campaign.token
        WHERE CASE WHEN campaign.token = '\\x{ZERO_ADDRESS.hex()}' THEN chain.currency_symbol = ''
            ELSE token.decimals IS NULL END
    """,
    "every event is in the currency of its campaign": " UNION ALL ".join(
        f"SELECT campaign.id FROM {table} event JOIN {_LAUNCHED} campaign ON campaign.id = event.campaign_id "
        "WHERE event.token <> campaign.token"
        for table in (_CONTRIBUTIONS, _TAKE_BACKS, _REFUNDS, _WITHDRAWALS, _ACCRUALS, _CLAIMS)
    ),
}


def add_check(invariant: str, query: str) -> None:
    """Let an app above this one say what has to hold between its tables and these; `query` as in `CHECKS`."""
    CHECKS[invariant] = query


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
    return [format_address(address) for address in addresses] or ["a factory, or a campaign that is missing"]
