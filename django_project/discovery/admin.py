from django.contrib import admin

from django_project.core.admin import ReadOnlyAdmin
from django_project.discovery.models import (
    AudienceMember,
    BehaviourEvent,
    ModelVersion,
    Ranking,
    RankingPublication,
    SimilarCampaign,
    Visitor,
)


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
    list_display = ["run_id", "model", "state", "trained_at", "promoted_at"]
    list_filter = ["state", "model"]


@admin.register(RankingPublication)
class RankingPublicationAdmin(ReadOnlyAdmin):
    list_display = ["version", "previous", "published_at"]
    list_select_related = ["version", "previous"]


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
