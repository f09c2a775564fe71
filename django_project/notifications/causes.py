"""What there is to tell, and whom: only what the chain can no longer take back.

A cause is the same each time it is looked for, under the same key, so that nobody is told twice.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from django_project.accounts.models import Wallet
from django_project.campaigns.models import Follow
from django_project.campaigns.selectors import key_filter
from django_project.core.addresses import format_address
from django_project.ledger.models import (
    Block,
    CampaignLaunched,
    Cancellation,
    Contribution,
    MilestoneSubmission,
    Refund,
    UpdatePost,
    WindDown,
)
from django_project.ledger.selectors import (
    CLAIM_PERIOD,
    Status,
    campaigns_with_status,
    finalized_block,
    owed_since,
    standing_contributions,
)
from django_project.notifications.models import Kind
from django_project.pledges.judging import judges, undecided_judges

# Older causes are no news: a chain that is indexed from its beginning tells nobody its whole past.
NEWS_AGE = timedelta(days=14)
# Before the end of a window, and only where the window was open for twice as long before.
CLOSING = timedelta(hours=24)
# Money that is left alone is reminded of after each of these, but not for ever.
REFUND_REMINDER = timedelta(days=30)
REFUND_REMINDERS = 3
OWING = (Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.WIND_DOWN)


@dataclass(frozen=True, slots=True)
class Cause:
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


def news(chain_id: int) -> list[Cause]:
    """What became final lately: updates, money that can be taken back, evidence to judge."""
    final = finalized_block(chain_id)
    happened = [*_events(chain_id, final), *_lapses(chain_id, final)]
    campaigns = {each.campaign.pk: each.campaign for each in happened}
    given, followers = _given(campaigns), _followers(campaigns)
    backers, owed = _people(given), _people(given - _refunded(campaigns))
    reviewed = {each.campaign.pk for each in happened if each.kind == Kind.MILESTONE_REVIEW}
    may_judge = _people(judges(reviewed)) if reviewed else {}

    def people(each: _Happening) -> set[int]:
        campaign = each.campaign.pk
        match each.kind:
            case Kind.MILESTONE_REVIEW:
                return may_judge.get(campaign, set())
            case Kind.UPDATE_POSTED:
                return backers[campaign] | followers[campaign]
            case _:
                return owed[campaign]

    return [Cause(each.kind, each.campaign, each.key, frozenset(people(each))) for each in happened]


def windows_about_to_close(chain_id: int) -> list[Cause]:
    """Evidence that can be objected to for a day or less, for backers who have not objected."""
    now = timezone.now()
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
        Cause(
            Kind.MILESTONE_REVIEW,
            row.campaign,
            f"{Kind.MILESTONE_REVIEW}:{chain_id}:{row.block_number}:{row.log_index}:closing",
            frozenset(undecided.get(row.campaign_id, ())),
            is_reminder=True,
        )
        for row in closing
    ]


def refunds_left_alone(chain_id: int) -> list[Cause]:
    """Money that could be taken back for a month, two, or three, and was not."""
    now = timezone.now()
    of_accounts = Contribution.objects.filter(
        campaign=OuterRef("pk"), backer__in=Wallet.objects.values("address")
    )
    owing = {
        campaign.pk: campaign
        for campaign in campaigns_with_status(now).filter(
            Exists(of_accounts), chain_id=chain_id, status__in=OWING
        )
    }
    owed = _people(_given(owing) - _refunded(owing))
    found = []
    for campaign in owing.values():
        since = owed_since(campaign, campaign.status)
        months = min((now - since) // REFUND_REMINDER, REFUND_REMINDERS)
        if months >= 1:
            key = f"{Kind.REFUND_DUE}:{chain_id}:left:{months}:{format_address(campaign.address)}"
            people = frozenset(owed.get(campaign.pk, ()))
            found.append(Cause(Kind.REFUND_DUE, campaign, key, people, is_reminder=True))
    return found


def _events(chain_id: int, final: int) -> list[_Happening]:
    now = timezone.now()
    recent = Q(chain_id=chain_id, block_number__lte=final, block_time__gte=now - NEWS_AGE)
    updates = UpdatePost.objects.filter(recent).select_related("campaign")
    cancellations = Cancellation.objects.filter(recent).select_related("campaign")
    submissions = MilestoneSubmission.objects.filter(recent, window_end__gt=now).select_related("campaign")
    found: list[tuple[Kind, Iterable[UpdatePost | Cancellation | MilestoneSubmission]]] = [
        (Kind.UPDATE_POSTED, updates),
        (Kind.REFUND_DUE, cancellations),
        (Kind.MILESTONE_REVIEW, submissions),
    ]
    # The same key as of time passing: a wind-down may be declared long after it has begun.
    wind_downs = [
        _Happening(Kind.REFUND_DUE, row.campaign, _standing_key(row.campaign, Status.WIND_DOWN))
        for row in WindDown.objects.filter(recent).select_related("campaign")
    ]
    return wind_downs + [
        _Happening(kind, row.campaign, f"{kind}:{chain_id}:{row.block_number}:{row.log_index}")
        for kind, rows in found
        for row in rows
    ]


def _lapses(chain_id: int, final: int) -> list[_Happening]:
    """Campaigns that owe their backers because time passed, which no event tells.

    A missed goal, success that nobody collected, a milestone without its evidence or refused: once no block
    before that moment can change any more.
    """
    settled = _settled_until(chain_id, final)
    if settled is None:
        return []
    recent = timezone.now() - NEWS_AGE, settled
    long_ago = recent[0] - CLAIM_PERIOD, recent[1] - CLAIM_PERIOD
    lapsed = campaigns_with_status(timezone.now()).filter(
        Q(status=Status.FAILED, deadline__range=recent)
        | Q(status=Status.EXPIRED, deadline__range=long_ago)
        | Q(status=Status.WIND_DOWN, totals__milestone_due__range=recent)
        | Q(status=Status.WIND_DOWN, totals__window_end__range=recent)
        | Q(status=Status.WIND_DOWN, totals__window_end__range=long_ago),
        chain_id=chain_id,
        totals__wound_down_at=None,
    )
    return [
        _Happening(Kind.REFUND_DUE, campaign, _standing_key(campaign, campaign.status))
        for campaign in lapsed
        if recent[0] <= owed_since(campaign, campaign.status) <= settled
    ]


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
    """(campaign, wallet) of accounts that have money in it: pledges that were taken back do not count."""
    given = standing_contributions().filter(
        campaign__in=list(campaigns), backer__in=Wallet.objects.values("address")
    )
    return set(given.values_list("campaign_id", "backer").distinct().order_by())


def _refunded(campaigns: Iterable[int]) -> set[tuple[int, bytes]]:
    """(campaign, wallet) of those who have their money back already."""
    return set(Refund.objects.filter(campaign__in=list(campaigns)).values_list("campaign_id", "backer"))


def _followers(campaigns: dict[int, CampaignLaunched]) -> dict[int, set[int]]:
    by_key = {(campaign.chain_id, campaign.address): pk for pk, campaign in campaigns.items()}
    rows = Follow.objects.filter(key_filter(by_key, "listing__chain_id", "listing__address")).values_list(
        "listing__chain_id", "listing__address", "user_id"
    )
    people: dict[int, set[int]] = defaultdict(set)
    for chain_id, address, user_id in rows:
        people[by_key[chain_id, address]].add(user_id)
    return people
