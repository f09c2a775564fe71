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
    models.TakeBack,
    models.Milestone,
    models.MilestoneSubmission,
    models.Objection,
    models.ObjectionWithdrawal,
    models.MilestoneRelease,
    models.WindDown,
    models.CreatorTransferStart,
    models.CreatorTransfer,
    models.SurplusSweep,
)
# Columns that follow from a campaign's milestones, its evidence and the objections to it.
MILESTONE_COLUMNS = (
    "milestones",
    "milestones_released",
    "milestone_due",
    "window_end",
    "objections",
    "objection_limit",
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
    "wound_down_at",
    "creator",
    *MILESTONE_COLUMNS,
)


def _newest_of(columns: str, *tables: str) -> str:
    """The newest row that a campaign has in any of the tables, whose columns are called alike."""
    newest = " UNION ALL ".join(
        f"(SELECT event.seq, {columns} FROM {table} event WHERE event.campaign_id = campaign.id "
        "ORDER BY event.seq DESC LIMIT 1)"
        for table in tables
    )
    return f"SELECT {columns} FROM ({newest}) event ORDER BY event.seq DESC LIMIT 1"


def _newest(table: str, column: str) -> str:
    return f"COALESCE(({_newest_of(f'event.{column}', table)}), 0)"


_CONTRIBUTIONS = models.Contribution._meta.db_table
_TAKE_BACKS = models.TakeBack._meta.db_table
_PAUSES = models.ContributionPause._meta.db_table
_MILESTONES = models.Milestone._meta.db_table
_SUBMISSIONS = models.MilestoneSubmission._meta.db_table
_RELEASES = models.MilestoneRelease._meta.db_table
_OBJECTIONS = (models.Objection._meta.db_table, models.ObjectionWithdrawal._meta.db_table)
_SEQS = " UNION ALL ".join(
    f"SELECT max(event.seq) AS seq FROM {model._meta.db_table} event WHERE event.campaign_id = campaign.id"
    for model in CAMPAIGN_EVENTS
)
# Milestones are released in order: the one under way is the next after those released.
_MILESTONES_FROM_EVENTS = f"""
SELECT
    counted.milestones, counted.milestones_released, under_way.due AS milestone_due, evidence.window_end,
    CASE WHEN evidence.window_end IS NULL THEN 0 ELSE COALESCE(objected.total, 0) END AS objections,
    COALESCE(evidence.objection_limit, 0) AS objection_limit
FROM (
    SELECT (SELECT count(*) FROM {_MILESTONES} event WHERE event.campaign_id = campaign.id) AS milestones,
        (SELECT count(*) FROM {_RELEASES} event WHERE event.campaign_id = campaign.id) AS milestones_released
) counted
LEFT JOIN {_MILESTONES} under_way
    ON under_way.campaign_id = campaign.id AND under_way.milestone_id = counted.milestones_released + 1
LEFT JOIN {_SUBMISSIONS} evidence
    ON evidence.campaign_id = campaign.id AND evidence.milestone_id = counted.milestones_released + 1
LEFT JOIN LATERAL (
    {_newest_of("event.milestone_id, event.total_objections", *_OBJECTIONS)}
) newest ON true
LEFT JOIN LATERAL (
    SELECT newest.total_objections AS total WHERE newest.milestone_id = counted.milestones_released + 1
) objected ON true
"""
# What the totals of a campaign are, computed from nothing but its events: the definition that running updates
# have to agree with.
TOTALS_FROM_EVENTS = f"""
SELECT
    campaign.id AS campaign_id,
    COALESCE((SELECT max(seqs.seq) FROM ({_SEQS}) seqs), 0) AS last_seq,
    COALESCE(({_newest_of("event.total_raised", _CONTRIBUTIONS, _TAKE_BACKS)}), 0) AS raised,
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
        WHERE event.campaign_id = campaign.id ORDER BY event.seq DESC LIMIT 1), false) AS paused,
    (SELECT max(event.since) FROM {models.WindDown._meta.db_table} event
        WHERE event.campaign_id = campaign.id) AS wound_down_at,
    ({_newest_of("event.new_creator", models.CreatorTransfer._meta.db_table)}) AS creator,
    {", ".join(f"milestones.{column}" for column in MILESTONE_COLUMNS)}
FROM {CampaignLaunched._meta.db_table} campaign
LEFT JOIN LATERAL (
    SELECT count(*) AS contributions,
        -- A running total that equals the amount is a backer's first pledge, or the first after a take-back.
        count(*) FILTER (WHERE event.backer_total = event.amount)
            - (SELECT count(*) FROM {_TAKE_BACKS} back WHERE back.campaign_id = campaign.id) AS backers,
        max(event.block_time) AS last_contribution_at
    FROM {_CONTRIBUTIONS} event WHERE event.campaign_id = campaign.id
) backing ON true
LEFT JOIN LATERAL ({_MILESTONES_FROM_EVENTS}) milestones ON true
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


_REFRESH_MILESTONES = f"""
UPDATE {CampaignTotals._meta.db_table} AS totals SET
    {", ".join(f"{column} = milestones.{column}" for column in MILESTONE_COLUMNS)}
FROM {CampaignLaunched._meta.db_table} campaign, LATERAL ({_MILESTONES_FROM_EVENTS}) milestones
WHERE campaign.id = ANY(%s) AND totals.campaign_id = campaign.id
"""


def refresh_milestones(campaign_ids: Collection[int]) -> None:
    """Write the `MILESTONE_COLUMNS` of these campaigns as their events have them: a few index reads each."""
    ids = list(campaign_ids)
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH_MILESTONES, [ids])
