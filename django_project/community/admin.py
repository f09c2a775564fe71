"""What moderators look at and decide: listings, reports and comments."""

from collections.abc import Callable

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest

from django_project.campaigns.models import Listing
from django_project.community import moderation
from django_project.community.models import CampaignUpdate, Follow, Report, SupporterMessage
from django_project.core.admin import ReadOnlyAdmin, ReasonForm, decide_each


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
        self._decide(request, listings, moderation.hide)

    @admin.action(description="Freeze out of rankings", permissions=["moderate"])
    def unrank(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, moderation.unrank)

    @admin.action(description="Show and rank again", permissions=["moderate"])
    def restore(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, moderation.restore)

    @admin.action(description="Make a staff pick", permissions=["moderate"])
    def pick(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, moderation.pick)

    @admin.action(description="Take out of the staff picks", permissions=["moderate"])
    def unpick(self, request: HttpRequest, listings: QuerySet[Listing]) -> None:
        self._decide(request, listings, moderation.unpick)

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_listing")

    def _decide(self, request: HttpRequest, listings: QuerySet[Listing], decide: Callable[..., None]) -> None:
        decide_each(self, request, listings, decide)


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    """The moderators' list: what is open comes first, and closing it needs a reason like any decision."""

    is_everyday = True
    list_display = ["created_at", "state", "reason", "listing", "reporter", "text"]
    list_filter = ["state", "reason"]
    list_select_related = ["listing", "reporter"]
    search_fields = ["listing__slug", "text"]
    # "open" sorts between the two others: it has to be said.
    # Open ones come first, and of them those that wait for longest: new ones push none out of sight.
    ordering = [
        Case(When(state=Report.State.OPEN, then=Value(0)), default=Value(1)),
        Case(When(state=Report.State.OPEN, then="created_at")),
        "-created_at",
    ]
    action_form = ReasonForm
    actions = ["uphold", "dismiss"]

    @admin.action(description="Close: the report is right", permissions=["moderate"])
    def uphold(self, request: HttpRequest, found: QuerySet[Report]) -> None:
        decide_each(self, request, found, moderation.uphold_report)

    @admin.action(description="Close: nothing wrong", permissions=["moderate"])
    def dismiss(self, request: HttpRequest, found: QuerySet[Report]) -> None:
        decide_each(self, request, found, moderation.dismiss_report)

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("community.change_report")


@admin.register(SupporterMessage)
class SupporterMessageAdmin(ReadOnlyAdmin):
    """What backers say; hiding it needs a reason like any decision."""

    is_everyday = True
    list_display = ["written_at", "is_hidden", "listing", "author", "text"]
    list_filter = ["is_hidden"]
    list_select_related = ["listing", "author"]
    search_fields = ["listing__slug", "text"]
    action_form = ReasonForm
    actions = ["hide", "show"]

    @admin.action(description="Hide the comment", permissions=["moderate"])
    def hide(self, request: HttpRequest, found: QuerySet[SupporterMessage]) -> None:
        decide_each(self, request, found, moderation.hide_comment)

    @admin.action(description="Show the comment again", permissions=["moderate"])
    def show(self, request: HttpRequest, found: QuerySet[SupporterMessage]) -> None:
        decide_each(self, request, found, moderation.show_comment)

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("community.change_supportermessage")


@admin.register(CampaignUpdate)
class CampaignUpdateAdmin(ReadOnlyAdmin):
    list_display = ["title", "chain_id", "stored_at"]
    search_fields = ["title"]
    exclude = ["document"]


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin):
    list_display = ["user", "listing", "created_at"]
    list_select_related = ["user", "listing"]
