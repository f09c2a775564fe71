from django.contrib import admin

from django_project.core.admin import ReadOnlyAdmin
from django_project.notifications.models import Notification


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "kind", "created_at", "read_at", "emailed_at"]
    list_filter = ["kind"]
