from django.contrib import admin

from django_project.core.admin import ReadOnlyAdmin
from django_project.pledges.models import PledgeIntent


@admin.register(PledgeIntent)
class PledgeIntentAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "user", "state", "chain_id", "amount", "created_at", "updated_at"]
    list_filter = ["state", "chain_id"]
    list_select_related = ["user"]
    search_fields = ["public_id"]
