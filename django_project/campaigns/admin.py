from django.contrib import admin

from django_project.campaigns.models import Category, Metadata
from django_project.core.admin import ReadOnlyAdmin


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    sudo_pages = ("add_view", "change_view", "delete_view")
    list_display = ["slug", "name_en", "name_zh_hans", "position"]


@admin.register(Metadata)
class MetadataAdmin(ReadOnlyAdmin):
    list_display = ["title", "publisher", "category", "language", "stored_at"]
    list_filter = ["category", "language"]
    list_select_related = ["category"]
    search_fields = ["title", "publisher"]
    exclude = ["document", "search"]
