"""What a campaign's totals are: the definition in SQL, and how rows are made to agree with it."""

import json
from collections.abc import Collection, Mapping

from django.db import connection

from django_project.ledger import models
from django_project.ledger.events import CAMPAIGN_EVENTS
from django_project.ledger.models import CampaignLaunched, CampaignTotals

# Columns that follow from a campaign's milestones, its evidence and the objections to it.
MILESTONE_COLUMNS = (
    "milestones",
    "milestones_released",
    "milestone_due",
    "window_end",
    "objections",
    "objection_limit",
)
# Columns that the newest event of some kind tells as it is, each with the tables and their column for it.
CARRIED_COLUMNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    column: tuple(
        (event.model._meta.db_table, event.carries[column])
        for event in CAMPAIGN_EVENTS
        if column in event.carries
    )
    for column in dict.fromkeys(column for event in CAMPAIGN_EVENTS for column in event.carries)
}
TOTALS_COLUMNS = ("last_seq", "contributions", "backers", *CARRIED_COLUMNS, *MILESTONE_COLUMNS)


def _newest_of(names: str, *sources: tuple[str, str]) -> str:
    """The newest row that a campaign has in any of the tables; a source is a table and its columns."""
    newest = " UNION ALL ".join(
        f"(SELECT event.seq, {columns} FROM {table} event WHERE event.campaign_id = campaign.id "
        "ORDER BY event.seq DESC LIMIT 1)"
        for table, columns in sources
    )
    return f"SELECT {names} FROM ({newest}) event ORDER BY event.seq DESC LIMIT 1"


def _carried(column: str) -> str:
    """A column as the newest event tells it, or its default before there is one."""
    newest = _newest_of(
        "event.told", *((table, f"event.{source} AS told") for table, source in CARRIED_COLUMNS[column])
    )
    field = next(field for field in CampaignTotals._meta.concrete_fields if field.attname == column)
    return f"({newest})" if field.null else f"COALESCE(({newest}), {json.dumps(field.default)})"


_CONTRIBUTIONS = models.Contribution._meta.db_table
_TAKE_BACKS = models.TakeBack._meta.db_table
_MILESTONES = models.Milestone._meta.db_table
_SUBMISSIONS = models.MilestoneSubmission._meta.db_table
_RELEASES = models.MilestoneRelease._meta.db_table
_OBJECTIONS = _newest_of(
    "event.milestone_id, event.total_objections",
    *(
        (model._meta.db_table, "event.milestone_id, event.total_objections")
        for model in (models.Objection, models.ObjectionWithdrawal)
    ),
)
_SEQS = " UNION ALL ".join(
    f"SELECT max(row.seq) AS seq FROM {event.model._meta.db_table} row WHERE row.campaign_id = campaign.id"
    for event in CAMPAIGN_EVENTS
)
# Milestones are released in order: the one under way is the next after those released. When its evidence is
# due the payment before it tells, from the contracts' second version on; else the terms say.
_MILESTONES_FROM_EVENTS = f"""
SELECT
    counted.milestones, counted.milestones_released, evidence.window_end,
    CASE WHEN under_way.due IS NOT NULL THEN COALESCE(paid.next_due, under_way.due) END AS milestone_due,
    CASE WHEN evidence.window_end IS NULL THEN 0 ELSE COALESCE(objected.total, 0) END AS objections,
    COALESCE(evidence.objection_limit, 0) AS objection_limit
FROM (
    SELECT (SELECT count(*) FROM {_MILESTONES} event WHERE event.campaign_id = campaign.id) AS milestones,
        (SELECT count(*) FROM {_RELEASES} event WHERE event.campaign_id = campaign.id) AS milestones_released
) counted
LEFT JOIN {_MILESTONES} under_way
    ON under_way.campaign_id = campaign.id AND under_way.milestone_id = counted.milestones_released + 1
LEFT JOIN {_RELEASES} paid
    ON paid.campaign_id = campaign.id AND paid.milestone_id = counted.milestones_released
LEFT JOIN {_SUBMISSIONS} evidence
    ON evidence.campaign_id = campaign.id AND evidence.milestone_id = counted.milestones_released + 1
LEFT JOIN LATERAL ({_OBJECTIONS}) newest ON true
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
    backing.contributions,
    backing.backers,
    {", ".join(f"{_carried(column)} AS {column}" for column in CARRIED_COLUMNS)},
    {", ".join(f"milestones.{column}" for column in MILESTONE_COLUMNS)}
FROM {CampaignLaunched._meta.db_table} campaign
CROSS JOIN LATERAL (
    SELECT count(*) AS contributions,
        -- A running total that equals the amount is a backer's first pledge, or the first after a take-back.
        count(*) FILTER (WHERE event.backer_total = event.amount)
            - (SELECT count(*) FROM {_TAKE_BACKS} back WHERE back.campaign_id = campaign.id) AS backers
    FROM {_CONTRIBUTIONS} event WHERE event.campaign_id = campaign.id
) backing
CROSS JOIN LATERAL ({_MILESTONES_FROM_EVENTS}) milestones
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
