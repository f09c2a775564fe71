from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccountsConfig(AppConfig):
    name = "django_project.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Whoever signs in, in whatever way, begins a session that has its limits."""
        from django_project.accounts.receivers import begin_session  # after the models

        user_logged_in.connect(begin_session)
