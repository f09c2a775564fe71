"""What moderators decide about listings, comments and reports: each with a reason, in the audit trail."""

from django.db import transaction
from django.utils import timezone

from django_project.accounts.models import User
from django_project.campaigns.models import Listing
from django_project.catalog import cache_generation
from django_project.community.models import Report, SupporterMessage
from django_project.core import audit
from django_project.core.errors import InvalidInputError


def hide(listing: Listing, *, actor: User, reason: str) -> None:
    """Take a campaign out of the shop window; its contract and its money are untouched."""
    _set_visibility(listing, Listing.Visibility.HIDDEN, "hidden", actor, reason)


def unrank(listing: Listing, *, actor: User, reason: str) -> None:
    """Keep a campaign reachable but out of every ranking."""
    _set_visibility(listing, Listing.Visibility.UNRANKED, "unranked", actor, reason)


def restore(listing: Listing, *, actor: User, reason: str) -> None:
    """Undo `hide` and `unrank`."""
    _set_visibility(listing, Listing.Visibility.LISTED, "restored", actor, reason)


def pick(listing: Listing, *, actor: User, reason: str) -> None:
    """Show a campaign among the staff's picks."""
    _set_staff_pick(listing, "picked", actor, reason, is_staff_pick=True)


def unpick(listing: Listing, *, actor: User, reason: str) -> None:
    """Undo `pick`."""
    _set_staff_pick(listing, "unpicked", actor, reason, is_staff_pick=False)


@transaction.atomic
def _set_staff_pick(listing: Listing, act: str, actor: User, reason: str, *, is_staff_pick: bool) -> None:
    _require_reason(reason)
    locked = Listing.objects.select_for_update().get(pk=listing.pk)
    locked.is_staff_pick = is_staff_pick
    locked.save(update_fields=["is_staff_pick"])
    transaction.on_commit(cache_generation.end)
    audit.record(f"campaigns.listing.{act}", locked.public_id, actor=actor, reason=reason, slug=locked.slug)


@transaction.atomic
def _set_visibility(
    listing: Listing, visibility: Listing.Visibility, act: str, actor: User, reason: str
) -> None:
    _require_reason(reason)
    locked = Listing.objects.select_for_update().get(pk=listing.pk)
    before = locked.visibility
    locked.visibility = visibility
    locked.save(update_fields=["visibility"])
    transaction.on_commit(cache_generation.end)
    audit.record(
        f"campaigns.listing.{act}",
        locked.public_id,
        actor=actor,
        reason=reason,
        before=before,
        slug=locked.slug,
    )


def hide_comment(message: SupporterMessage, *, actor: User, reason: str) -> None:
    """Take a comment out of sight; its author cannot bring it back."""
    _set_hidden(message, "hidden", actor, reason, is_hidden=True)


def show_comment(message: SupporterMessage, *, actor: User, reason: str) -> None:
    """Undo `hide_comment`."""
    _set_hidden(message, "shown", actor, reason, is_hidden=False)


@transaction.atomic
def _set_hidden(message: SupporterMessage, act: str, actor: User, reason: str, *, is_hidden: bool) -> None:
    _require_reason(reason)
    locked = SupporterMessage.objects.select_for_update().select_related("listing").get(pk=message.pk)
    locked.is_hidden = is_hidden
    locked.save(update_fields=["is_hidden"])
    audit.record(
        f"campaigns.message.{act}", locked.public_id, actor=actor, reason=reason, slug=locked.listing.slug
    )


def uphold_report(report: Report, *, actor: User, reason: str) -> None:
    """Close a report that was right; what follows for the campaign is a decision of its own."""
    _decide_report(report, Report.State.UPHELD, actor, reason)


def dismiss_report(report: Report, *, actor: User, reason: str) -> None:
    """Close a report that was not."""
    _decide_report(report, Report.State.DISMISSED, actor, reason)


@transaction.atomic
def _decide_report(report: Report, state: Report.State, actor: User, reason: str) -> None:
    _require_reason(reason)
    locked = Report.objects.select_for_update().select_related("listing").get(pk=report.pk)
    before = locked.state
    locked.state, locked.decided_at = state, timezone.now()
    locked.save(update_fields=["state", "decided_at"])
    audit.record(
        f"campaigns.report.{state}",
        locked.public_id,
        actor=actor,
        reason=reason,
        before=before,
        slug=locked.listing.slug,
    )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInputError("reason_missing", "Say why: the reason is kept with the decision")
