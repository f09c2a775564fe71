"""What happened to an account itself: its owner is told on the site and, whatever was chosen, by letter."""

import logging

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_project.accounts.acts import Act
from django_project.accounts.models import User
from django_project.notifications.letters import UNSENT_KEPT, deliver_in_turn
from django_project.notifications.models import AccountNotice, Mailbox

logger = logging.getLogger(__name__)

KEEP_SALT = "chainfund.mail.keep-account"
SUBJECTS: dict[str, str | Promise] = {
    Act.WALLET_ADDED: gettext_lazy("A wallet was added to your account"),
    Act.WALLET_REMOVED: gettext_lazy("A wallet was removed from your account"),
    Act.EMAIL_CHANGED: gettext_lazy("The email address of your account was changed"),
    Act.DATA_EXPORTED: gettext_lazy("The data of your account was exported"),
    Act.DELETION_ASKED: gettext_lazy("Your account is going to be deleted"),
    Act.DELETION_CALLED_OFF: gettext_lazy("Your account is kept"),
}


def notify(sender: type[User], user: User, act: Act, subject: str = "", **_more: object) -> None:  # noqa: ARG001
    """Write a notice down, in the transaction of what it tells of."""
    box = Mailbox.objects.filter(user=user, confirmed_at__isnull=False).first()
    AccountNotice.objects.create(
        user=user, act=act, subject=subject, recipient=box.address if box is not None else ""
    )


def deliver() -> int:
    """Send what was not sent so far; says how many letters left.

    A letter is marked in the transaction that sends it: a crash in between sends it a second time, never not
    at all.
    """
    since = timezone.now() - UNSENT_KEPT
    due = AccountNotice.objects.exclude(recipient="").filter(created_at__gte=since)
    return deliver_in_turn(due, "tried_at", _deliver_one)


@transaction.atomic
def _deliver_one(pk: int) -> int:
    row = (
        AccountNotice.objects.select_for_update(skip_locked=True, of=("self",))
        .exclude(recipient="")
        .select_related("user")
        .filter(pk=pk)
        .first()
    )
    if row is None:
        return 0
    _letter(row).send()
    row.recipient = ""
    row.save(update_fields=["recipient"])
    return 1


def _letter(row: AccountNotice) -> EmailMessage:
    is_asked = row.act == Act.DELETION_ASKED and row.user.deletion_due_at is not None
    with translation.override(row.user.language or settings.LANGUAGE_CODE):
        context = {
            "words": words(row),
            "keep": settings.SITE_URL + keep_path(row.user) if is_asked else "",
            "settings_url": settings.SITE_URL + reverse("web:settings"),
        }
        body = render_to_string("notifications/account.txt", context)
        return EmailMessage(str(SUBJECTS[row.act]), body, settings.DEFAULT_FROM_EMAIL, [row.recipient])


def words(row: AccountNotice) -> str:
    """What happened, as its letter says it; of a deletion that was called off, that the account is kept."""
    due = row.user.deletion_due_at
    match row.act:
        case Act.WALLET_ADDED:
            return _(
                "The wallet %(subject)s was added to your ChainFund account. It can open and change the "
                "account."
            ) % {"subject": row.subject}
        case Act.WALLET_REMOVED:
            return _(
                "The wallet %(subject)s was removed from your ChainFund account. It can no longer open it."
            ) % {"subject": row.subject}
        case Act.EMAIL_CHANGED:
            return _("The email address of your ChainFund account was changed. You get no more email here.")
        case Act.DATA_EXPORTED:
            return _("The data of your ChainFund account was exported.")
        case Act.DELETION_ASKED if due is not None:
            return _(
                "The deletion of your ChainFund account was asked for. It is going to be deleted on "
                "%(day)s UTC."
            ) % {"day": date_format(due, "Y-m-d H:i")}
        case _other:
            return _("Your ChainFund account is kept. Its deletion was called off.")


def keep_path(user: User) -> str:
    """Where whoever reads the account's mail calls its deletion off."""
    token = signing.dumps(
        [user.pk, user.deletion_due_at and user.deletion_due_at.isoformat()], salt=KEEP_SALT
    )
    return reverse("web:keep-account", args=[token])


def read_keeping(token: str) -> tuple[int, str]:
    """The account, and the deletion that a link calls off; raises `signing.BadSignature`."""
    user_id, due = signing.loads(token, salt=KEEP_SALT)
    return int(user_id), str(due)


def say_farewell(user: User, address: str) -> None:
    """Tell an address that its account is gone. The account is gone whether or not the letter leaves."""
    with translation.override(user.language or settings.LANGUAGE_CODE):
        body = render_to_string("notifications/account_deleted.txt", {})
        subject = translation.gettext("Your account was deleted")
        try:
            EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [address]).send()
        except OSError as error:
            logger.warning("The mail server took no letter: %s", error)
