"""Reads about notifications."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse

from django_project.accounts.models import User
from django_project.campaigns.selectors import CampaignCard, cards_of_own
from django_project.core.keyset import Slice, newest
from django_project.notifications.models import AccountNotice, Kind, Mailbox, Notification, Preference
from django_project.pledges.selectors import owing_campaigns

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification with the campaign it is about."""

    kind: str
    card: CampaignCard
    created_at: datetime
    is_read: bool
    is_reminder: bool
    is_settled: bool
    """Of a refund: it was claimed since."""

    @property
    def url(self) -> str:
        return page_of(self.kind, self.card)


def page_of(kind: str, card: CampaignCard) -> str:
    """The page that a notification of a kind is about."""
    match kind:
        case Kind.MILESTONE_REVIEW:
            return card.milestones_url
        case Kind.REFUND_DUE:
            return reverse("web:me")
        case _:
            return card.url


def is_told_of(kind: str, card: CampaignCard) -> bool:
    """A campaign without a page here is told of only when it owes a refund."""
    return card.is_listed or kind == Kind.REFUND_DUE


def notices(user: User, before: str = "") -> Slice[Notice]:
    """What an account wants to see on the site, newest first, or what is behind a key; in four queries."""
    unwanted = Preference.objects.filter(user=user, on_site=False).values_list("kind", flat=True)
    wanted = Notification.objects.filter(user=user).exclude(kind__in=list(unwanted))
    rows, older = newest(wanted, "created_at", SHOWN, before)
    cards = cards_of_own((row.chain_id, row.address) for row in rows)
    owing = owing_campaigns(user)
    told = (
        Notice(
            kind=row.kind,
            card=card,
            created_at=row.created_at,
            is_read=row.read_at is not None,
            is_reminder=row.is_reminder,
            is_settled=row.kind == Kind.REFUND_DUE and card.key not in owing,
        )
        for row in rows
        if (card := cards.get((row.chain_id, row.address))) and is_told_of(row.kind, card)
    )
    return Slice(tuple(told), older)


def account_notices(user: User, limit: int = SHOWN) -> list[AccountNotice]:
    """What happened to the account itself, newest first; whatever was chosen, it is shown."""
    return list(AccountNotice.objects.filter(user=user)[:limit])


def unread_account_notices(user: User) -> QuerySet[AccountNotice]:
    return AccountNotice.objects.filter(user=user, read_at=None)


def preferences(user: User) -> dict[str, Preference]:
    """An account's preference of each kind; those never set are unsaved defaults."""
    known = {row.kind: row for row in Preference.objects.filter(user=user)}
    return {kind.value: known.get(kind) or Preference(user=user, kind=kind) for kind in Kind}


def mailbox(user: User) -> Mailbox | None:
    return Mailbox.objects.filter(user=user).first()
