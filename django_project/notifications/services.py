"""What accounts are told, how they want to hear of it, and where their mail goes."""

from collections.abc import Collection, Iterable

from django.db import transaction
from django.utils import timezone

from django_project.accounts.models import User
from django_project.notifications import triggers
from django_project.notifications.models import AccountNotice, Kind, Mailbox, Notification, Preference
from django_project.notifications.triggers import Trigger


def notify(chain_id: int) -> int:
    """Write down what a chain's backers and followers are to be told; says how many rows are new.

    Running it again changes nothing.
    """
    return _write(chain_id, [*triggers.news(chain_id), *triggers.windows_about_to_close(chain_id)])


def remind(chain_id: int) -> int:
    """Remind backers of money that they have not taken back; says how many rows are new.

    It looks at every campaign that owes something, so once a day is often enough. Running it again changes
    nothing.
    """
    return _write(chain_id, triggers.refunds_left_alone(chain_id))


def _write(chain_id: int, found: Iterable[Trigger]) -> int:
    silent = set(Preference.objects.filter(on_site=False, by_email=False).values_list("user_id", "kind"))
    rows = [
        Notification(
            user_id=user_id,
            kind=trigger.kind,
            chain_id=chain_id,
            address=trigger.campaign.address,
            cause=trigger.key,
            is_reminder=trigger.is_reminder,
        )
        for trigger in found
        for user_id in sorted(trigger.people)
        if (user_id, trigger.kind) not in silent
    ]
    before = Notification.objects.filter(chain_id=chain_id).count()
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return Notification.objects.filter(chain_id=chain_id).count() - before


def mark_read(user: User) -> int:
    """Everything an account has on the site has been seen; says how much was new."""
    unread = {"user": user, "read_at": None}
    now = timezone.now()
    return sum(
        rows.filter(**unread).update(read_at=now) for rows in (Notification.objects, AccountNotice.objects)
    )


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
