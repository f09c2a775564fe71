"""What people wrote about campaigns, as pages show it, and which campaigns they follow."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Subquery

from django_project.accounts.models import User, Wallet
from django_project.accounts.selectors import addresses_of
from django_project.campaigns.models import Listing, Metadata
from django_project.campaigns.selectors import CampaignCard, cards, visible
from django_project.community.models import CampaignUpdate, Follow, SupporterMessage
from django_project.core import characters
from django_project.core.addresses import format_address, format_hash
from django_project.core.keyset import Slice, newest
from django_project.ledger.models import UpdatePost
from django_project.ledger.selectors import active_contributions

COMMENTS_SHOWN = 50
UPDATES_SHOWN = 30


@dataclass(frozen=True, slots=True)
class CommentView:
    """One message; `name` is empty when its author stays anonymous.

    `address` is the wallet by which a named author backs the campaign; empty when the pledge was taken back.
    """

    name: str
    address: str
    text: str
    written_at: datetime
    is_own: bool


@dataclass(frozen=True, slots=True)
class UpdateView:
    """An update whose hash the chain carries; `title` and `body` are empty while its text is unknown here."""

    title: str
    body: str
    posted_at: datetime
    block_number: int
    tx_hash: str
    content_hash: str
    is_text_known: bool

    @property
    def anchor(self) -> str:
        """Its place on the page of updates."""
        return f"update-{self.content_hash[2:14]}"


def comments(listing: Listing, reader: User | AnonymousUser, before: str = "") -> Slice[CommentView]:
    """The newest messages that are shown, or those behind a key, in one query."""
    given = active_contributions().filter(campaign=listing.launched, backer=OuterRef("address"))
    wallets = Wallet.objects.filter(Exists(given), user=OuterRef("author")).values("address")
    shown = (
        SupporterMessage.objects.filter(listing=listing, is_hidden=False)
        .select_related("author")
        .annotate(address=Subquery(wallets[:1]))
    )
    rows, older = newest(shown, "written_at", COMMENTS_SHOWN, before)
    views = (
        CommentView(
            name=(name := "" if row.author.anonymous_backer else characters.seen(row.author.display_name)),
            address=format_address(row.address) if name and row.address else "",
            text=row.text,
            written_at=row.written_at,
            is_own=row.author_id == reader.pk,
        )
        for row in rows
    )
    return Slice(tuple(views), older)


def own_comment(listing: Listing, user: User) -> str:
    """What an account's comment says, hidden or not; empty for nothing."""
    text = SupporterMessage.objects.filter(listing=listing, author=user).values_list("text", flat=True)
    return text.first() or ""


def is_backer(user: User | AnonymousUser, listing: Listing) -> bool:
    """Whether a wallet of the account has something in the campaign that it did not take back."""
    if not isinstance(user, User):
        return False
    given = active_contributions().filter(campaign=listing.launched, backer__in=addresses_of(user))
    return given.exists()


def updates(listing: Listing, before: str = "") -> Slice[UpdateView]:
    """The creator's newest updates, or those behind a key, in two queries."""
    found = UpdatePost.objects.filter(campaign=listing.launched)
    posts, older = newest(found, "block_time", UPDATES_SHOWN, before)
    texts = CampaignUpdate.objects.in_bulk([post.content_hash for post in posts])
    views = []
    for post in posts:
        text = texts.get(post.content_hash)
        views.append(
            UpdateView(
                title=characters.seen(text.title) if text else "",
                body=text.body if text else "",
                posted_at=post.block_time,
                block_number=post.block_number,
                tx_hash=format_hash(post.tx_hash),
                content_hash=format_hash(post.content_hash),
                is_text_known=text is not None,
            )
        )
    return Slice(tuple(views), older)


def document_by_hash(digest: bytes) -> bytes | None:
    """The canonical JSON of a campaign's or an update's text; None when unknown or hidden."""
    if Listing.objects.filter(metadata_id=digest, visibility=Listing.Visibility.HIDDEN).exists():
        return None
    text = Metadata.objects.filter(pk=digest).values_list("document", flat=True).first()
    if text is None:
        text = CampaignUpdate.objects.filter(pk=digest).values_list("document", flat=True).first()
    return None if text is None else bytes(text)


def saved_by(user: User | AnonymousUser) -> list[CampaignCard]:
    """The campaigns an account saved, the latest first; none of a visitor."""
    if not isinstance(user, User):
        return []
    return cards(visible().filter(followers__user=user).order_by("-followers__created_at"))


def is_saved_by(user: User | AnonymousUser, listing: Listing) -> bool:
    """Whether an account saved a campaign."""
    return isinstance(user, User) and Follow.objects.filter(user=user, listing=listing).exists()
