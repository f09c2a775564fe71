from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.forms import CharField
from django.http import HttpRequest

from django_project.core.models import AuditEntry, Job

REASON_LENGTH = 200


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """For rows that people may look at but that only the system writes.

    What its actions decide asks for a fresh second factor; see `core.admin_site` for the two names below.
    """

    sudo_pages: tuple[str, ...] = ()
    is_everyday = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False


class ReasonForm(ActionForm):
    """Beside the list of actions: no decision without its reason."""

    reason = CharField(required=False, max_length=REASON_LENGTH, label="Reason")


def decide_each(
    page: ReadOnlyAdmin, request: HttpRequest, rows: "QuerySet[Any]", decide: Callable[..., None]
) -> None:
    """Apply one decision to each row, with the reason written beside the list."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        page.message_user(request, "Write a reason beside the action first.", messages.ERROR)
        return
    chosen = list(rows)
    for row in chosen:
        decide(row, actor=request.user, reason=reason)
    page.message_user(request, f"Done and recorded for {len(chosen)}.", messages.SUCCESS)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ["name", "state", "stage", "fraction", "started_at", "finished_at", "message"]
    list_filter = ["state", "name"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor", "action", "subject"]
    list_filter = ["action"]
    search_fields = ["subject", "action"]
