from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_login_failed


class AccountsConfig(AppConfig):
    name = "django_project.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give each sign-in a session with its limits; log and keep what staff's sign-ins come to."""
        from allauth.mfa import signals as factors  # after the models

        from django_project.accounts.receivers import begin_session
        from django_project.accounts.staff import receivers

        user_logged_in.connect(begin_session)
        user_login_failed.connect(receivers.password_refused)
        factors.authentication_failed.connect(receivers.factor_refused)
        factors.authenticator_used.connect(receivers.factor_used)
        factors.authenticator_added.connect(receivers.factor_added)
        factors.authenticator_removed.connect(receivers.factor_removed)
        factors.authenticator_reset.connect(receivers.factor_reset)
