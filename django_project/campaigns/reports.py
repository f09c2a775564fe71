"""What people tell the moderators, and what became of it."""

from django.db import transaction
from django.utils import timezone

from django_project.accounts.models import User
from django_project.campaigns.models import Listing, Report
from django_project.core import audit
from django_project.core.errors import InvalidInputError


@transaction.atomic
def file_report(listing: Listing, *, reason: Report.Reason, text: str, reporter: User | None) -> Report:
    """Hand a campaign to the moderators; the same report of the same person, still open, is kept once."""
    # The listing's row stands for the queue of its reports: two clicks at once wait for each other here.
    Listing.objects.select_for_update().get(pk=listing.pk)
    report, _ = Report.objects.get_or_create(
        listing=listing, reporter=reporter, reason=reason, text=text, state=Report.State.OPEN
    )
    return report


def uphold(report: Report, *, actor: User, reason: str) -> None:
    """Close a report that was right; what follows for the campaign is a decision of its own."""
    _decide(report, Report.State.UPHELD, actor, reason)


def dismiss(report: Report, *, actor: User, reason: str) -> None:
    """Close a report that was not."""
    _decide(report, Report.State.DISMISSED, actor, reason)


@transaction.atomic
def _decide(report: Report, state: Report.State, actor: User, reason: str) -> None:
    if not reason.strip():
        raise InvalidInputError("reason_missing", "Say why: the reason is kept with the decision")
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
