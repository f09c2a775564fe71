from django.contrib import admin

from django_project.core.admin import ReadOnlyAdmin
from django_project.discovery.models import (
    AudienceMember,
    BehaviourEvent,
    Erasure,
    ExplorationArm,
    ModelVersion,
    Ranking,
    RankingPublication,
    SimilarCampaign,
    Visitor,
)

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

    @admin.display(description="coverage@10")
    def coverage(self, version: ModelVersion) -> str:
        return _share(version, "coverage@10")

    @admin.display(description="Gini@10")
    def gini(self, version: ModelVersion) -> str:
        return _share(version, "gini@10")

    @admin.display(description="top 1 % of users in training")
    def top_users(self, version: ModelVersion) -> str:
        return _share(version, "top_users_share")


@admin.register(RankingPublication)
class RankingPublicationAdmin(ReadOnlyAdmin):
    list_display = ["version", "previous", "candidate", "stage", "stage_since", "published_at"]
    list_select_related = ["version", "previous", "candidate"]


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
