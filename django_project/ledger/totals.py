"""What a campaign's totals are: the definition in SQL, and how rows are made to agree with it."""

from collections.abc import Collection

from django.db import connection

from django_project.ledger import models
from django_project.ledger.models import CampaignEvent, CampaignLaunched, CampaignTotals

CAMPAIGN_EVENTS: tuple[type[CampaignEvent], ...] = (
    models.Tier,
    models.Contribution,
    models.Refund,
    models.Withdrawal,
    models.FeeAccrual,
    models.FeeClaim,
    models.Cancellation,
    models.UpdatePost,
    models.ContributionPause,
)
TOTALS_COLUMNS = (
    "last_seq",
    "raised",
    "refunded",
    "withdrawn",
    "fees",
    "fees_claimed",
    "contributions",
    "backers",
    "last_contribution_at",
    "cancelled_at",
    "paused",
)


def _newest(table: str, column: str) -> str:
    return (
        f"COALESCE((SELECT event.{column} FROM {table} event WHERE event.campaign_id = campaign.id ORDER BY "
        "event.seq DESC LIMIT 1), 0)"
    )


_CONTRIBUTIONS = models.Contribution._meta.db_table
_PAUSES = models.ContributionPause._meta.db_table
_SEQS = " UNION ALL ".join(
    f"SELECT max(event.seq) AS seq FROM {model._meta.db_table} event WHERE event.campaign_id = campaign.id"
    for model in CAMPAIGN_EVENTS
)
# What the totals of a campaign are, computed from nothing but its events: the definition that running updates
# have to agree with.
TOTALS_FROM_EVENTS = f"""
SELECT
    campaign.id AS campaign_id,
    COALESCE((SELECT max(seqs.seq) FROM ({_SEQS}) seqs), 0) AS last_seq,
    {_newest(_CONTRIBUTIONS, "total_raised")} AS raised,
    {_newest(models.Refund._meta.db_table, "total_refunded")} AS refunded,
    {_newest(models.Withdrawal._meta.db_table, "total_withdrawn")} AS withdrawn,
    {_newest(models.FeeAccrual._meta.db_table, "total_fees")} AS fees,
    {_newest(models.FeeClaim._meta.db_table, "total_fees_claimed")} AS fees_claimed,
    COALESCE(backing.contributions, 0) AS contributions,
    COALESCE(backing.backers, 0) AS backers,
    backing.last_contribution_at AS last_contribution_at,
    (SELECT max(event.block_time) FROM {models.Cancellation._meta.db_table} event
        WHERE event.campaign_id = campaign.id) AS cancelled_at,
    COALESCE((SELECT event.paused FROM {_PAUSES} event
        WHERE event.campaign_id = campaign.id ORDER BY event.seq DESC LIMIT 1), false) AS paused
FROM {CampaignLaunched._meta.db_table} campaign
LEFT JOIN LATERAL (
    SELECT count(*) AS contributions, count(DISTINCT event.backer) AS backers,
        max(event.block_time) AS last_contribution_at
    FROM {_CONTRIBUTIONS} event WHERE event.campaign_id = campaign.id
) backing ON true
"""

_RECOMPUTE = f"""
INSERT INTO {CampaignTotals._meta.db_table} (campaign_id, {", ".join(TOTALS_COLUMNS)})
{TOTALS_FROM_EVENTS}
WHERE campaign.id = ANY(%s)
ON CONFLICT (campaign_id) DO UPDATE SET
    {", ".join(f"{column} = EXCLUDED.{column}" for column in TOTALS_COLUMNS)}
"""  # as above


def recompute_totals(campaign_ids: Collection[int]) -> None:
    """Write the totals of these campaigns as their events have them; missing rows are made."""
    ids = list(campaign_ids)
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_RECOMPUTE, [ids])
