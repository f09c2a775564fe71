"""What there is to tell, and whom: only what the chain can no longer take back.

A trigger is the same each time it is looked for, under the same key, so that nobody is told twice.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict, cast

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from django_project.accounts.models import Wallet
from django_project.campaigns.selectors import key_filter
from django_project.community.models import Follow
from django_project.core.addresses import format_address
from django_project.ledger.clocks import chain_now
from django_project.ledger.models import (
    Block,
    CampaignLaunched,
    Cancellation,
    Contribution,
    MilestoneSubmission,
    UpdatePost,
    WindDown,
)
from django_project.ledger.selectors import active_contributions, finalized_block, owed_since
from django_project.notifications.models import Kind, Notification
from django_project.pledges.milestone_votes import judges, undecided_judges
from django_project.pledges.selectors import owed

if TYPE_CHECKING:
    # Only the type checker has the package.
    from django_stubs_ext import WithAnnotations

    class _Account(TypedDict):
        status: str
        account: int

    Owed = WithAnnotations[Contribution, _Account]

# Older updates are no news: a chain that is indexed from its beginning tells nobody its whole past. What
# waits for somebody to act, money or an open window, is told whenever it is found.
NEWS_AGE = timedelta(days=14)
# Before the end of a window, and only where the window was open for twice as long before.
CLOSING = timedelta(hours=24)
# Money that is left alone is reminded of after each of these, but not for ever.
REFUND_REMINDER = timedelta(days=30)
REFUND_REMINDERS = 3


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something about a campaign that accounts are to be told; `people` are their ids."""

    kind: Kind
    campaign: CampaignLaunched
    key: str
    people: frozenset[int]
    is_reminder: bool = False


@dataclass(frozen=True, slots=True)
class _Happening:
    """The same before it is known whom it concerns."""

    kind: Kind
    campaign: CampaignLaunched
    key: str


def news(chain_id: int) -> list[Trigger]:
    """What is final: updates of late, evidence to object to, and money that was not told of yet."""
    final = finalized_block(chain_id)
    happened = _events(chain_id, final)
    campaigns = {each.campaign.pk: each.campaign for each in happened}
    backers, followers = _people(_given(campaigns)), _followers(campaigns)
    reviewed = {each.campaign.pk for each in happened if each.kind == Kind.MILESTONE_REVIEW}
    may_judge = _people(judges(reviewed)) if reviewed else {}

    def people(each: _Happening) -> set[int]:
        campaign = each.campaign.pk
        if each.kind == Kind.MILESTONE_REVIEW:
            return may_judge.get(campaign, set())
        return backers.get(campaign, set()) | followers.get(campaign, set())

    told = [Trigger(each.kind, each.campaign, each.key, frozenset(people(each))) for each in happened]
    return told + _refunds_untold(chain_id, final)


def windows_about_to_close(chain_id: int) -> list[Trigger]:
    """Evidence that can be objected to for a day or less, for backers who have not objected."""
    now = chain_now(chain_id)
    closing = [
        row
        for row in MilestoneSubmission.objects.filter(
            chain_id=chain_id,
            block_number__lte=finalized_block(chain_id),
            window_end__gt=now,
            window_end__lte=now + CLOSING,
        ).select_related("campaign")
        if row.window_end - row.block_time >= 2 * CLOSING
    ]
    undecided = _people(undecided_judges({row.campaign_id for row in closing})) if closing else {}
    return [
        Trigger(
            Kind.MILESTONE_REVIEW,
            row.campaign,
            f"{Kind.MILESTONE_REVIEW}:{chain_id}:{row.block_number}:{row.log_index}:closing",
            frozenset(undecided.get(row.campaign_id, ())),
            is_reminder=True,
        )
        for row in closing
    ]


def refunds_left_alone(chain_id: int) -> list[Trigger]:
    """Money that could be claimed for a month, two, or three since its backer was told, and was not."""
    now = timezone.now()
    told_at = _told().values("created_at")[:1]
    rows = _owed_to_accounts(chain_id).annotate(told_at=Subquery(told_at)).filter(told_at__isnull=False)
    waiting: dict[tuple[int, int], set[int]] = defaultdict(set)
    campaigns = {}
    for row in rows.select_related("campaign__totals"):
        waited = now - max(owed_since(row.campaign, row.status), row.told_at)
        months = min(waited // REFUND_REMINDER, REFUND_REMINDERS)
        if months >= 1:
            campaigns[row.campaign_id] = row.campaign
            waiting[row.campaign_id, months].add(row.account)
    return [
        Trigger(
            Kind.REFUND_DUE,
            campaigns[campaign],
            f"{Kind.REFUND_DUE}:{chain_id}:left:{months}:{format_address(campaigns[campaign].address)}",
            frozenset(people),
            is_reminder=True,
        )
        for (campaign, months), people in waiting.items()
    ]


def _events(chain_id: int, final: int) -> list[_Happening]:
    now = chain_now(chain_id)
    settled = Q(chain_id=chain_id, block_number__lte=final)
    updates = UpdatePost.objects.filter(settled, block_time__gte=now - NEWS_AGE).select_related("campaign")
    submissions = MilestoneSubmission.objects.filter(settled, window_end__gt=now).select_related("campaign")
    found: list[tuple[Kind, Iterable[UpdatePost | MilestoneSubmission]]] = [
        (Kind.UPDATE_POSTED, updates),
        (Kind.MILESTONE_REVIEW, submissions),
    ]
    return [
        _Happening(kind, row.campaign, f"{kind}:{chain_id}:{row.block_number}:{row.log_index}")
        for kind, rows in found
        for row in rows
    ]


def _refunds_untold(chain_id: int, final: int) -> list[Trigger]:
    """Money that accounts can claim and were never told of, once nothing before can change any more."""
    people: dict[int, set[int]] = defaultdict(set)
    owing = {}
    rows = _owed_to_accounts(chain_id).filter(~Exists(_told())).select_related("campaign__totals")
    for row in rows:
        owing[row.campaign_id] = row.campaign, row.status
        people[row.campaign_id].add(row.account)
    declared = _declared(owing, final)
    settled = _settled_until(chain_id, final)
    return [
        Trigger(Kind.REFUND_DUE, campaign, _standing_key(campaign, status), frozenset(people[pk]))
        for pk, (campaign, status) in owing.items()
        if pk in declared or (settled is not None and _has_lapsed(campaign, status, settled))
    ]


def _owed_to_accounts(chain_id: int) -> "QuerySet[Owed]":
    """What a chain's contracts owe to wallets of accounts; a campaign enters its status of owing once."""
    owner = Wallet.objects.filter(address=OuterRef("backer")).values("user_id")
    of_accounts = owed().filter(campaign__chain_id=chain_id, backer__in=Wallet.objects.values("address"))
    return cast("QuerySet[Owed]", of_accounts.annotate(account=Subquery(owner)))


def _told() -> QuerySet[Notification]:
    """What an account was told of a campaign that owes it a refund, whatever the key says."""
    return Notification.objects.filter(
        kind=Kind.REFUND_DUE,
        is_reminder=False,
        user_id=OuterRef("account"),
        chain_id=OuterRef("campaign__chain_id"),
        address=OuterRef("campaign__address"),
    ).order_by("created_at")


def _declared(campaigns: Iterable[int], final: int) -> set[int]:
    """Of these campaigns, those whose end was declared by an event that is final."""
    ends = {"campaign__in": list(campaigns), "block_number__lte": final}
    return {
        campaign
        for model in (Cancellation, WindDown)
        for campaign in model.objects.filter(**ends).values_list("campaign_id", flat=True)
    }


def _has_lapsed(campaign: CampaignLaunched, status: str, settled: datetime) -> bool:
    """Whether a campaign came to owe its backers by time alone, before what can still change."""
    is_declared = campaign.totals.wound_down_at or campaign.totals.cancelled_at
    return not is_declared and owed_since(campaign, status) <= settled


def _standing_key(campaign: CampaignLaunched, status: str) -> str:
    """The key of a campaign's owing its backers in a status, which it enters once."""
    return f"{Kind.REFUND_DUE}:{campaign.chain_id}:{status}:{format_address(campaign.address)}"


def _settled_until(chain_id: int, final: int) -> datetime | None:
    """The time of the first block that is not final: contributions before it are in blocks that are."""
    following = Block.objects.filter(chain_id=chain_id, number__lte=final + 1).order_by("-number")
    return following.values_list("timestamp", flat=True).first()


def _owners(addresses: Iterable[bytes]) -> dict[bytes, int]:
    return dict(Wallet.objects.filter(address__in=set(addresses)).values_list("address", "user_id"))


def _people(pairs: Collection[tuple[int, bytes]]) -> dict[int, set[int]]:
    """{campaign: accounts that own one of its wallets}, of (campaign, wallet)."""
    owners = _owners(wallet for _, wallet in pairs)
    people: dict[int, set[int]] = defaultdict(set)
    for campaign_id, wallet in pairs:
        if wallet in owners:
            people[campaign_id].add(owners[wallet])
    return people


def _given(campaigns: Iterable[int]) -> set[tuple[int, bytes]]:
    """(campaign, wallet) of accounts that contributed to it: what was taken back does not count."""
    given = active_contributions().filter(
        campaign__in=list(campaigns), backer__in=Wallet.objects.values("address")
    )
    return set(given.values_list("campaign_id", "backer").distinct().order_by())


def _followers(campaigns: dict[int, CampaignLaunched]) -> dict[int, set[int]]:
    by_key = {(campaign.chain_id, campaign.address): pk for pk, campaign in campaigns.items()}
    rows = Follow.objects.filter(key_filter(by_key, "listing__chain_id", "listing__address")).values_list(
        "listing__chain_id", "listing__address", "user_id"
    )
    people: dict[int, set[int]] = defaultdict(set)
    for chain_id, address, user_id in rows:
        people[by_key[chain_id, address]].add(user_id)
    return people
