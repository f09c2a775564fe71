"""Writes about what people say of campaigns: updates, comments, reports and who follows what."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from django_project.accounts.models import User
from django_project.campaigns import documents
from django_project.campaigns.models import Listing
from django_project.community.errors import NotABackerError
from django_project.community.models import CampaignUpdate, Follow, Report, SupporterMessage
from django_project.community.selectors import is_backer
from django_project.core.metadata import canonical_json, metadata_hash


def store_update(document: Mapping[str, object], chain_id: int, address: bytes) -> CampaignUpdate:
    """Keep the text of an update of one campaign; it shows once the chain carries its hash.

    Raises:
        InvalidDocumentError: as for `store_metadata`.
    """
    text = documents.read_update(document)
    stored = canonical_json(document)
    update, _ = CampaignUpdate.objects.get_or_create(
        content_hash=metadata_hash(stored),
        defaults={
            "chain_id": chain_id,
            "address": address,
            "title": text.title,
            "body": text.body,
            "document": stored,
        },
    )
    return update


def set_follow(user: User, listing: Listing, *, is_saved: bool) -> None:
    """Save a campaign for an account, or let it go; either may be asked for twice."""
    if is_saved:
        Follow.objects.get_or_create(user=user, listing=listing)
    else:
        Follow.objects.filter(user=user, listing=listing).delete()


@transaction.atomic
def write_comment(user: User, listing: Listing, text: str) -> SupporterMessage:
    """Put a comment in the place of the author's former one; one that was hidden stays hidden.

    Raises:
        NotABackerError: no wallet of the account has given to the campaign.
    """
    if not is_backer(user, listing):
        raise NotABackerError
    message, _ = SupporterMessage.objects.update_or_create(
        listing=listing, author=user, defaults={"text": text, "written_at": timezone.now()}
    )
    return message


def remove_comment(user: User, listing: Listing) -> None:
    """Take one's message away. What moderators hid stays, so that it cannot be written anew."""
    SupporterMessage.objects.filter(listing=listing, author=user, is_hidden=False).delete()


@transaction.atomic
def file_report(listing: Listing, *, reason: Report.Reason, text: str, reporter: User | None) -> Report:
    """Hand a campaign to the moderators; the same report of the same person, still open, is kept once."""
    # The listing's row stands for the queue of its reports: two clicks at once wait for each other here.
    Listing.objects.select_for_update().get(pk=listing.pk)
    report, _ = Report.objects.get_or_create(
        listing=listing, reporter=reporter, reason=reason, text=text, state=Report.State.OPEN
    )
    return report
