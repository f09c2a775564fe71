from django.contrib import admin

from django_project.core.admin import ReadOnlyAdmin
from django_project.notifications.models import AccountNotice, Mailbox, Notification, Preference


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "kind", "created_at", "read_at", "emailed_at"]
    list_filter = ["kind"]


@admin.register(AccountNotice)
class AccountNoticeAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "act", "created_at", "read_at", "tried_at"]
    exclude = ["recipient"]
    list_filter = ["act"]


@admin.register(Preference)
class PreferenceAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "kind", "on_site", "by_email"]
    list_filter = ["kind"]


@admin.register(Mailbox)
class MailboxAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "confirmed_at"]
    exclude = ["address"]
    list_select_related = ["user"]
