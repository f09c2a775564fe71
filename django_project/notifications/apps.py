from django.apps import AppConfig

from django_project.accounts.acts import account_changed


class NotificationsConfig(AppConfig):
    name = "django_project.notifications"
    label = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Accounts know nothing of notices: they say what happened, and it is written down here."""
        from django_project.notifications import account_notices  # after the models

        account_changed.connect(account_notices.notify)
