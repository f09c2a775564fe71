"""Reads about notifications."""

from dataclasses import dataclass
from datetime import datetime

from django_project.accounts.models import User
from django_project.campaigns.selectors import CampaignCard, cards_by_key
from django_project.notifications.models import Kind, Mailbox, Notification, Preference

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification with the campaign it is about."""

    kind: str
    card: CampaignCard
    created_at: datetime
    is_read: bool
    is_reminder: bool

    @property
    def url(self) -> str:
        return page_of(self.kind, self.card)


def page_of(kind: str, card: CampaignCard) -> str:
    """The page that a notification of a kind is about."""
    return card.milestones_url if kind == Kind.MILESTONE_REVIEW else card.url


def notices(user: User, limit: int = SHOWN) -> list[Notice]:
    """What an account wants to see on the site, newest first, in three queries."""
    unwanted = Preference.objects.filter(user=user, on_site=False).values_list("kind", flat=True)
    rows = list(Notification.objects.filter(user=user).exclude(kind__in=list(unwanted))[:limit])
    cards = cards_by_key((row.chain_id, row.address) for row in rows)
    return [
        Notice(row.kind, card, row.created_at, row.read_at is not None, row.is_reminder)
        for row in rows
        if (card := cards.get((row.chain_id, row.address)))
    ]


def preferences(user: User) -> dict[str, Preference]:
    """An account's preference of each kind; those never set are unsaved defaults."""
    known = {row.kind: row for row in Preference.objects.filter(user=user)}
    return {kind.value: known.get(kind) or Preference(user=user, kind=kind) for kind in Kind}


def mailbox(user: User) -> Mailbox | None:
    return Mailbox.objects.filter(user=user).first()
