"""Letters: whether an address is the account's, and notifications that one click unsubscribes."""

import logging
from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_project.accounts.acts import Act
from django_project.accounts.models import User
from django_project.campaigns.selectors import CampaignCard, cards_of_own
from django_project.core import rate_limits
from django_project.core.characters import isolated, seen
from django_project.core.errors import TooManyRequestsError
from django_project.notifications import account_notices, services
from django_project.notifications.errors import LetterNotSentError
from django_project.notifications.letters import UNSENT_KEPT, deliver_in_turn
from django_project.notifications.models import Kind, Mailbox, Notification, Preference
from django_project.notifications.selectors import is_told_of, page_of
from django_project.pledges.milestone_votes import to_judge
from django_project.pledges.selectors import BackedCampaign, owing_campaigns, refunds_due

logger = logging.getLogger(__name__)

CONFIRM_SALT = "chainfund.mail.confirm"
UNSUBSCRIBE_SALT = "chainfund.mail.unsubscribe"
CONFIRM_LIFETIME = timedelta(days=3)

SUBJECTS: dict[str, str | Promise] = {
    Kind.REFUND_DUE: gettext_lazy("You can claim a refund: %(title)s"),
    Kind.MILESTONE_REVIEW: gettext_lazy("A milestone to review: %(title)s"),
    Kind.UPDATE_POSTED: gettext_lazy("Update from a campaign you back or saved: %(title)s"),
}
REMINDER_SUBJECTS: dict[str, str | Promise] = {
    Kind.REFUND_DUE: gettext_lazy("Reminder, claim your refund: %(title)s"),
    Kind.MILESTONE_REVIEW: gettext_lazy("Less than a day left to object: %(title)s"),
}


@transaction.atomic
def change_mailbox(user: User, address: str) -> Mailbox | None:
    """Remember an address and ask its owner, or forget the old one when `address` is empty.

    The old one is told, if it was confirmed.

    Raises:
        LetterNotSentError: nobody could be asked, and the old address stays.
        TooManyRequestsError: whoever reads it was asked several times of late, by whatever accounts.
    """
    before = Mailbox.objects.filter(user=user).first()
    if (before.address if before is not None else "") != address:
        account_notices.notify(User, user, Act.EMAIL_CHANGED)
    box = services.set_mailbox(user, address)
    if box is not None and box.confirmed_at is None:
        _ask(box)
    return box


@transaction.atomic
def ask_again(user: User) -> bool:
    """Write once more to an address that nobody confirmed so far; False where there is none.

    Raises:
        LetterNotSentError, TooManyRequestsError: see `change_mailbox`.
    """
    box = Mailbox.objects.filter(user=user, confirmed_at=None).first()
    if box is not None:
        _ask(box)
    return box is not None


def _ask(box: Mailbox) -> None:
    try:
        _ask_to_confirm(box)
    except OSError as error:
        logger.warning("The mail server took no letter: %s", error)
        raise LetterNotSentError from error


def _ask_to_confirm(box: Mailbox) -> None:
    """Send the link that proves that the account's owner reads this address."""
    wait = rate_limits.take(rate_limits.MAIL_TO_STRANGER, rate_limits.recipient(box.address))
    if wait > 0:
        raise TooManyRequestsError(
            _("We wrote to this address several times today. Look in its inbox, or try again tomorrow."),
            int(wait) + 1,
        )
    token = signing.dumps([box.user_id, box.address], salt=CONFIRM_SALT)
    link = settings.SITE_URL + reverse("web:mail-confirm", args=[token])
    with translation.override(box.user.language or settings.LANGUAGE_CODE):
        body = render_to_string("notifications/confirm.txt", {"link": link})
        EmailMessage(
            _("Is this your email address?"), body, settings.DEFAULT_FROM_EMAIL, [box.address]
        ).send()


def read_confirmation(token: str) -> tuple[int, str]:
    """The account and the address a link was sent for; raises `signing.BadSignature`."""
    user_id, address = signing.loads(token, salt=CONFIRM_SALT, max_age=CONFIRM_LIFETIME)
    return int(user_id), str(address)


def read_unsubscription(token: str) -> tuple[int, str]:
    """The account and the kind of notification; raises `signing.BadSignature`. It never expires."""
    user_id, kind = signing.loads(token, salt=UNSUBSCRIBE_SALT)
    return int(user_id), str(kind)


def deliver() -> int:
    """Send what is due to confirmed addresses; says how many letters left.

    A letter is marked in the transaction that sends it: a crash in between sends it a second time, never not
    at all.
    """
    return deliver_in_turn(_due(), "email_tried_at", _deliver_one)


def _due() -> QuerySet[Notification]:
    unwanted = Preference.objects.filter(user=OuterRef("user"), kind=OuterRef("kind"), by_email=False)
    return Notification.objects.filter(
        ~Exists(unwanted),
        emailed_at=None,
        created_at__gte=timezone.now() - UNSENT_KEPT,
        user__is_active=True,
        user__mailbox__confirmed_at__isnull=False,
    )


@transaction.atomic
def _deliver_one(pk: int) -> int:
    row = (
        _due().select_for_update(skip_locked=True, of=("self",)).select_related("user__mailbox").filter(pk=pk)
    ).first()
    if row is None:
        return 0
    card = cards_of_own([(row.chain_id, row.address)]).get((row.chain_id, row.address))
    is_sent = card is not None and is_told_of(row.kind, card) and _still_holds(row, card)
    if card is not None and is_sent:
        with translation.override(row.user.language or settings.LANGUAGE_CODE):
            link = settings.SITE_URL + page_of(row.kind, card)
            _letter(row, {"card": card, "link": link, "refunds": _refunds(row)}).send()
    row.emailed_at = timezone.now()
    row.save(update_fields=["emailed_at"])
    return int(is_sent)


def _still_holds(row: Notification, card: CampaignCard) -> bool:
    """Whether what a letter asks for can still be done: between the notice and the letter time passes."""
    match row.kind:
        case Kind.REFUND_DUE:
            return card.key in owing_campaigns(row.user)
        case Kind.MILESTONE_REVIEW:
            return any(vote.card.key == card.key for vote in to_judge(row.user) if not vote.has_objected)
        case _:
            return True


def _refunds(row: Notification) -> list[BackedCampaign]:
    """What each wallet of the account can claim from the campaign that a letter is about."""
    if row.kind != Kind.REFUND_DUE:
        return []
    return [each for each in refunds_due(row.user) if each.card.key == (row.chain_id, row.address)]


def _letter(row: Notification, context: Mapping[str, object]) -> EmailMessage:
    token = signing.dumps([row.user_id, row.kind], salt=UNSUBSCRIBE_SALT)
    stop = settings.SITE_URL + reverse("web:mail-unsubscribe", args=[token])
    card = context["card"]
    subjects, ending = (REMINDER_SUBJECTS, "_reminder") if row.is_reminder else (SUBJECTS, "")
    title = isolated(seen(str(getattr(card, "title", ""))))
    subject = str(subjects[row.kind]) % {"title": title}
    words = {**context, "title": title, "stop": stop}
    body = render_to_string(f"notifications/{row.kind}{ending}.txt", words)
    return EmailMessage(
        subject,
        body,
        settings.DEFAULT_FROM_EMAIL,
        [row.user.mailbox.address],
        # RFC 8058: mail programs post to it without asking further.
        headers={"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
