from collections.abc import Callable

from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.forms import CharField
from django.http import HttpRequest

from django_project.accounts.models import User
from django_project.campaigns import services
from django_project.campaigns.models import CampaignUpdate, Category, Follow, Listing, Metadata
from django_project.core.admin import ReadOnlyAdmin


class ReasonForm(ActionForm):
    """Beside the list of actions: no decision without its reason."""

    reason = CharField(required=False, max_length=200, label="Reason")


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = ["slug", "name_en", "name_zh_hans", "position"]


@admin.register(Listing)
class ListingAdmin(ReadOnlyAdmin):
    """Decisions are actions, each with a reason, each in the audit trail."""

    list_display = ["slug", "chain_id", "visibility", "is_staff_pick", "listed_at"]
    list_filter = ["visibility", "is_staff_pick", "metadata__category", "metadata__language"]
    search_fields = ["slug", "metadata__title", "metadata__publisher"]
    action_form = ReasonForm
    actions = ["hide", "unrank", "restore", "pick", "unpick"]

    @admin.action(description="Hide from the site", permissions=["moderate"])
    def hide(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, services.hide)

    @admin.action(description="Freeze out of rankings", permissions=["moderate"])
    def unrank(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, services.unrank)

    @admin.action(description="Show and rank again", permissions=["moderate"])
    def restore(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, services.restore)

    @admin.action(description="Make a staff pick", permissions=["moderate"])
    def pick(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, services.pick)

    @admin.action(description="Take out of the staff picks", permissions=["moderate"])
    def unpick(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, services.unpick)

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_listing")

    def _decide(self, request: HttpRequest, listings: QuerySet[Listing], decide: Callable[..., None]) -> None:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            self.message_user(request, "Write a reason beside the action first.", messages.ERROR)
            return
        if not isinstance(request.user, User):
            return
        for listing in listings:
            decide(listing, actor=request.user, reason=reason)
        self.message_user(request, f"Done and recorded for {len(listings)}.", messages.SUCCESS)


@admin.register(Metadata)
class MetadataAdmin(ReadOnlyAdmin):
    list_display = ["title", "publisher", "category", "language", "stored_at"]
    list_filter = ["category", "language"]
    list_select_related = ["category"]
    search_fields = ["title", "publisher"]
    exclude = ["document", "search"]


@admin.register(CampaignUpdate)
class CampaignUpdateAdmin(ReadOnlyAdmin):
    list_display = ["title", "chain_id", "stored_at"]
    search_fields = ["title"]
    exclude = ["document"]


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin):
    list_display = ["user", "listing", "created_at"]
    list_select_related = ["user", "listing"]
