from base64 import b64encode
from collections.abc import Callable
from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from django_project.accounts.models import User
from django_project.core.admin import ReadOnlyAdmin
from django_project.discovery import errors
from django_project.discovery import services as discovery
from django_project.discovery.experiment_statistics import WATCHED, exposure, rates
from django_project.discovery.gate_labels import result_line
from django_project.discovery.models import (
    AudienceMember,
    BehaviourEvent,
    Erasure,
    ExplorationArm,
    Interpretation,
    ModelVersion,
    NewcomerScore,
    Ranking,
    RankingPublication,
    SimilarCampaign,
    Visitor,
)

BY_HAND = "taken_back_by_operator"
PICTURES = ("factors", "biases", "neighbours")
FEEDBACK = ("coverage", "gini", "top_users")


def _share(version: ModelVersion, name: str) -> str:
    value = version.feedback.get(name)
    return "" if value is None else f"{value:.2f}"


@admin.register(Visitor)
class VisitorAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "consented_at", "refused_at"]


@admin.register(BehaviourEvent)
class BehaviourEventAdmin(ReadOnlyAdmin):
    list_display = ["kind", "chain_id", "dwell_seconds", "slot", "model_version", "occurred_at"]
    list_filter = ["kind"]
    show_full_result_count = False


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ["run_id", "model", "state", *FEEDBACK, "trained_at", "promoted_at"]
    list_filter = ["state", "model"]
    exclude = ["gate_results", "reasons"]
    readonly_fields = ["found", "learnt"]

    @admin.display(description="what gates and roll-out found")
    def found(self, version: ModelVersion) -> SafeString:
        """Each finding in a line of its own, with the run where it is about another one."""
        lines = (result_line(each) for each in version.findings)
        texts = (
            line.text if line.run in ("", version.run_id) else f"{line.run}: {line.text}" for line in lines
        )
        return format_html_join(mark_safe("<br>"), "{}", ((text,) for text in texts))

    @admin.display(description=_("what it has learnt"))
    def learnt(self, version: ModelVersion) -> str:
        """A link to its interpretation, if the worker could make one."""
        row = Interpretation.objects.filter(version=version).only("pk").first()
        if row is None:
            return ""
        page = reverse("admin:discovery_interpretation_change", args=[row.pk])
        return format_html('<a href="{}">{}</a>', page, _("Directions of taste, biases and neighbours"))

    @admin.display(description="coverage@10")
    def coverage(self, version: ModelVersion) -> str:
        return _share(version, "coverage@10")

    @admin.display(description="Gini@10")
    def gini(self, version: ModelVersion) -> str:
        return _share(version, "gini@10")

    @admin.display(description="top 1 % of users in training")
    def top_users(self, version: ModelVersion) -> str:
        return _share(version, "top_users_share")


@admin.register(Interpretation)
class InterpretationAdmin(ReadOnlyAdmin):
    list_display = ["version"]
    list_select_related = ["version"]
    fields = ["version", "reading"]
    readonly_fields = ["reading"]

    class Media:
        css: ClassVar = {"all": ["discovery/interpretation.css"]}

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Interpretation]":
        """The list needs neither pictures nor figures."""
        return super().get_queryset(request).defer("findings", *PICTURES)

    @admin.display(description=_("what it has learnt"))
    def reading(self, interpretation: Interpretation) -> SafeString:
        """Pictures and tables; the pictures lie in the page, which the content security policy allows."""
        pictures = {name: b64encode(getattr(interpretation, name)).decode() for name in PICTURES}
        return render_to_string(
            "admin/interpretation.html", {"found": interpretation.findings, "pictures": pictures}
        )


@admin.register(RankingPublication)
class RankingPublicationAdmin(ReadOnlyAdmin):
    """What is shown to whom and how it fares; its one row is moved by actions that leave audit entries."""

    list_display = [
        "version", "live_rates", "candidate", "stage", "stage_since", "candidate_rates", "shown_lately",
        "previous", "published_at",
    ]  # fmt: skip
    list_select_related = ["version", "previous", "candidate"]
    actions = ["take_further", "take_back", "roll_back"]

    @admin.display(description="live in seven days")
    def live_rates(self, publication: RankingPublication) -> str:
        return _lately(publication.version)

    @admin.display(description="candidate in seven days")
    def candidate_rates(self, publication: RankingPublication) -> str:
        return _lately(publication.candidate) if publication.candidate else ""

    @admin.display(description="shown in seven days")
    def shown_lately(self, publication: RankingPublication) -> str:
        seen = exposure(timezone.now() - WATCHED)
        return f"{seen.impressions:,} on {seen.campaigns:,} campaigns, Gini {seen.gini:.2f}"

    @admin.action(description="Show the candidate to more people", permissions=["publish"])
    def take_further(self, request: HttpRequest, rows: "QuerySet[RankingPublication]") -> None:
        self._move(request, lambda actor: discovery.advance_candidate(actor=actor).run_id, "goes on")

    @admin.action(description="Take the candidate back", permissions=["publish"])
    def take_back(self, request: HttpRequest, rows: "QuerySet[RankingPublication]") -> None:
        self._move(
            request, lambda actor: discovery.withdraw_candidate(BY_HAND, actor=actor).run_id, "was taken back"
        )

    @admin.action(description="Show what was live before", permissions=["publish"])
    def roll_back(self, request: HttpRequest, rows: "QuerySet[RankingPublication]") -> None:
        self._move(request, lambda actor: discovery.roll_back(actor=actor).run_id, "is live again")

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("discovery.change_rankingpublication")

    def _move(self, request: HttpRequest, move: Callable[[User], str], done: str) -> None:
        if not isinstance(request.user, User):
            return
        try:
            run_id = move(request.user)
        except errors.RolloutError as reason:
            self.message_user(request, f"Nothing was done: {reason}.", messages.ERROR)
        else:
            self.message_user(request, f"{run_id} {done}.", messages.SUCCESS)


def _lately(version: ModelVersion) -> str:
    now = timezone.now()
    return str(rates([version.run_id], now - WATCHED, now))


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ["user_hash", "erased_at"]


@admin.register(ExplorationArm)
class ExplorationArmAdmin(ReadOnlyAdmin):
    list_display = ["chain_id", "impressions", "clicks", "probability", "updated_at"]


@admin.register(Ranking)
class RankingAdmin(ReadOnlyAdmin):
    list_display = ["user_key", "rank", "chain_id", "score", "reason", "version"]
    list_select_related = ["version"]
    search_fields = ["user_key"]
    show_full_result_count = False


@admin.register(SimilarCampaign)
class SimilarCampaignAdmin(ReadOnlyAdmin):
    list_display = ["of_chain_id", "rank", "chain_id", "score", "version"]
    list_select_related = ["version"]
    show_full_result_count = False


@admin.register(AudienceMember)
class AudienceMemberAdmin(ReadOnlyAdmin):
    list_display = ["user_key", "rank", "chain_id", "score", "version"]
    list_select_related = ["version"]
    search_fields = ["user_key"]
    show_full_result_count = False


@admin.register(NewcomerScore)
class NewcomerScoreAdmin(ReadOnlyAdmin):
    list_display = ["question", "answer", "chain_id", "score", "version"]
    list_select_related = ["version"]
    list_filter = ["question"]
    show_full_result_count = False
