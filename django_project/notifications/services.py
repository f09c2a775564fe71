"""Who is told what, and when: only what the chain can no longer take back, and each thing once."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from django_project.accounts.models import User, Wallet
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
from django_project.ledger.selectors import Status, campaigns_with_status, finalized_block
from django_project.notifications.models import Kind, Mailbox, Notification, Preference
from django_project.pledges.judging import judges

# Older causes are no news: a chain that is indexed from its beginning tells nobody its whole past.
NEWS_AGE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class _Cause:
    """Something that happened to a campaign and concerns its backers."""

    kind: Kind
    campaign: CampaignLaunched
    key: str


def notify(chain_id: int) -> int:
    """Write down what a chain's backers and followers are to be told; says how many rows are new.

    Running it again changes nothing.
    """
    final = finalized_block(chain_id)
    causes = [*_events(chain_id, final), *_missed_goals(chain_id, final)]
    campaigns = {cause.campaign.pk: cause.campaign for cause in causes}
    backers, refunded = _backers(campaigns), _refunded(campaigns)
    reviewed = {cause.campaign.pk for cause in causes if cause.kind == Kind.MILESTONE_REVIEW}
    may_judge = _people(judges(reviewed)) if reviewed else {}
    followers = _followers(campaigns)
    silent = set(Preference.objects.filter(on_site=False, by_email=False).values_list("user_id", "kind"))
    rows = []
    for cause in causes:
        told = set(backers[cause.campaign.pk])
        if cause.kind == Kind.MILESTONE_REVIEW:
            told &= may_judge.get(cause.campaign.pk, set())
        if cause.kind == Kind.UPDATE_POSTED:
            told |= followers[cause.campaign.pk]
        if cause.kind == Kind.REFUND_DUE:
            told -= refunded[cause.campaign.pk]
        rows += [
            Notification(
                user_id=user_id,
                kind=cause.kind,
                chain_id=chain_id,
                address=cause.campaign.address,
                cause=cause.key,
            )
            for user_id in sorted(told)
            if (user_id, cause.kind) not in silent
        ]
    before = Notification.objects.filter(chain_id=chain_id).count()
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return Notification.objects.filter(chain_id=chain_id).count() - before


def _events(chain_id: int, final: int) -> list[_Cause]:
    now = timezone.now()
    recent = Q(chain_id=chain_id, block_number__lte=final, block_time__gte=now - NEWS_AGE)
    updates = UpdatePost.objects.filter(recent).select_related("campaign")
    cancellations = Cancellation.objects.filter(recent).select_related("campaign")
    wind_downs = WindDown.objects.filter(recent).select_related("campaign")
    submissions = MilestoneSubmission.objects.filter(recent, window_end__gt=now).select_related("campaign")
    found: list[tuple[Kind, Iterable[UpdatePost | Cancellation | WindDown | MilestoneSubmission]]] = [
        (Kind.UPDATE_POSTED, updates),
        (Kind.REFUND_DUE, cancellations),
        (Kind.REFUND_DUE, wind_downs),
        (Kind.MILESTONE_REVIEW, submissions),
    ]
    return [
        _Cause(kind, row.campaign, f"{kind}:{chain_id}:{row.block_number}:{row.log_index}")
        for kind, rows in found
        for row in rows
    ]


def _missed_goals(chain_id: int, final: int) -> list[_Cause]:
    """All-or-nothing campaigns below their goal, once no block before their deadline can change any more."""
    settled = _settled_until(chain_id, final)
    if settled is None:
        return []
    ended = campaigns_with_status(timezone.now()).filter(
        chain_id=chain_id,
        deadline__lte=settled,
        deadline__gte=timezone.now() - NEWS_AGE,
        status=Status.FAILED,
    )
    return [
        _Cause(
            Kind.REFUND_DUE,
            campaign,
            f"{Kind.REFUND_DUE}:{chain_id}:deadline:{format_address(campaign.address)}",
        )
        for campaign in ended
    ]


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


def _backers(campaigns: Iterable[int]) -> dict[int, set[int]]:
    """{campaign: accounts whose wallets gave to it}."""
    given = Contribution.objects.filter(
        campaign__in=list(campaigns), backer__in=Wallet.objects.values("address")
    )
    return _people(list(given.values_list("campaign_id", "backer").distinct().order_by()))


def _refunded(campaigns: Iterable[int]) -> dict[int, set[int]]:
    """{campaign: accounts that have their money back already}."""
    refunds = Refund.objects.filter(campaign__in=list(campaigns))
    return _people(list(refunds.values_list("campaign_id", "backer")))


def _followers(campaigns: dict[int, CampaignLaunched]) -> dict[int, set[int]]:
    by_key = {(campaign.chain_id, campaign.address): pk for pk, campaign in campaigns.items()}
    rows = Follow.objects.filter(key_filter(by_key, "listing__chain_id", "listing__address")).values_list(
        "listing__chain_id", "listing__address", "user_id"
    )
    people: dict[int, set[int]] = defaultdict(set)
    for chain_id, address, user_id in rows:
        people[by_key[chain_id, address]].add(user_id)
    return people


def mark_read(user: User) -> int:
    """Everything an account has on the site has been seen; says how much was new."""
    return Notification.objects.filter(user=user, read_at=None).update(read_at=timezone.now())


@transaction.atomic
def set_preferences(user: User, *, on_site: Collection[str], by_email: Collection[str]) -> None:
    """Which kinds of news an account wants where; all kinds at once, or none is changed."""
    for kind in Kind:
        wanted = {"on_site": kind in on_site, "by_email": kind in by_email}
        Preference.objects.update_or_create(user=user, kind=kind, defaults=wanted)


@transaction.atomic
def unsubscribe(user_id: int, kind: str) -> None:
    """No more e-mail of one kind; what the account wants on the site stays as it is."""
    if User.objects.filter(pk=user_id).exists():
        Preference.objects.update_or_create(user_id=user_id, kind=Kind(kind), defaults={"by_email": False})


@transaction.atomic
def set_mailbox(user: User, address: str) -> Mailbox | None:
    """Remember an unconfirmed address, or forget the old one when `address` is empty."""
    if not address:
        Mailbox.objects.filter(user=user).delete()
        return None
    box, is_new = Mailbox.objects.select_for_update().get_or_create(user=user, defaults={"address": address})
    if not is_new and box.address != address:
        box.address, box.confirmed_at = address, None
        box.save()
    return box


def confirm_mailbox(user_id: int, address: str) -> bool:
    """Whoever opened the link reads that address's mail; False when the account names another by now."""
    return bool(Mailbox.objects.filter(user_id=user_id, address=address).update(confirmed_at=timezone.now()))
