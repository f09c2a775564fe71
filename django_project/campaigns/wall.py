"""A campaign's wall: what its backers say, and what moderators do not show."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from django_project.accounts.models import User, Wallet
from django_project.accounts.selectors import addresses_of
from django_project.campaigns.errors import NotABackerError
from django_project.campaigns.models import Listing, SupporterMessage
from django_project.core import audit
from django_project.core.addresses import format_address
from django_project.core.characters import seen
from django_project.core.errors import InvalidInputError
from django_project.core.keyset import Slice, newest
from django_project.ledger.selectors import standing_contributions

MESSAGES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message; `name` is empty when its author stays anonymous.

    `address` is the wallet by which a named author backs the campaign; empty when the pledge was taken back.
    """

    name: str
    address: str
    text: str
    written_at: datetime
    is_own: bool


def messages(listing: Listing, reader: User | AnonymousUser, before: str = "") -> Slice[MessageView]:
    """The newest messages that are shown, or those behind a key, in one query."""
    given = standing_contributions().filter(campaign=listing.launched, backer=OuterRef("address"))
    wallets = Wallet.objects.filter(Exists(given), user=OuterRef("author")).values("address")
    shown = (
        SupporterMessage.objects.filter(listing=listing, is_hidden=False)
        .select_related("author")
        .annotate(address=Subquery(wallets[:1]))
    )
    rows, older = newest(shown, "written_at", MESSAGES_SHOWN, before)
    views = (
        MessageView(
            name=(name := "" if row.author.anonymous_backer else seen(row.author.display_name)),
            address=format_address(row.address) if name and row.address else "",
            text=row.text,
            written_at=row.written_at,
            is_own=row.author_id == reader.pk,
        )
        for row in rows
    )
    return Slice(tuple(views), older)


def own_message(listing: Listing, user: User) -> str:
    """What an account has on the wall, hidden or not; empty for nothing."""
    text = SupporterMessage.objects.filter(listing=listing, author=user).values_list("text", flat=True)
    return text.first() or ""


def is_backer(user: User | AnonymousUser, listing: Listing) -> bool:
    """Whether a wallet of the account has something in the campaign that it did not take back."""
    if not isinstance(user, User):
        return False
    given = standing_contributions().filter(campaign=listing.launched, backer__in=addresses_of(user))
    return given.exists()


@transaction.atomic
def write(user: User, listing: Listing, text: str) -> SupporterMessage:
    """Put a message on the wall in the place of the author's former one; one that was hidden stays hidden.

    Raises:
        NotABackerError: no wallet of the account has given to the campaign.
    """
    if not is_backer(user, listing):
        raise NotABackerError
    message, _ = SupporterMessage.objects.update_or_create(
        listing=listing, author=user, defaults={"text": text, "written_at": timezone.now()}
    )
    return message


def remove(user: User, listing: Listing) -> None:
    """Take one's message away. What moderators hid stays, so that it cannot be written anew."""
    SupporterMessage.objects.filter(listing=listing, author=user, is_hidden=False).delete()


def hide(message: SupporterMessage, *, actor: User, reason: str) -> None:
    """Take a message off the wall."""
    _set_hidden(message, "hidden", actor, reason, is_hidden=True)


def show(message: SupporterMessage, *, actor: User, reason: str) -> None:
    """Undo `hide`."""
    _set_hidden(message, "shown", actor, reason, is_hidden=False)


@transaction.atomic
def _set_hidden(message: SupporterMessage, act: str, actor: User, reason: str, *, is_hidden: bool) -> None:
    if not reason.strip():
        raise InvalidInputError("reason_missing", "Say why: the reason is kept with the decision")
    locked = SupporterMessage.objects.select_for_update().select_related("listing").get(pk=message.pk)
    locked.is_hidden = is_hidden
    locked.save(update_fields=["is_hidden"])
    audit.record(
        f"campaigns.message.{act}", locked.public_id, actor=actor, reason=reason, slug=locked.listing.slug
    )
