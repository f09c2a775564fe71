from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.utils.module_loading import import_string


class AccountsConfig(AppConfig):
    name = "django_project.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give each sign-in a session with its limits; log and keep what staff's sign-ins come to."""
        from allauth.mfa import signals as factors  # after the models

        user_logged_in.connect(_late("receivers.begin_session"), weak=False)
        for signal, name in (
            (user_login_failed, "password_refused"),
            (factors.authentication_failed, "factor_refused"),
            (factors.authenticator_used, "factor_used"),
            (factors.authenticator_added, "factor_added"),
            (factors.authenticator_removed, "factor_removed"),
            (factors.authenticator_reset, "factor_reset"),
        ):
            signal.connect(_late(f"staff.receivers.{name}"), weak=False)


def _late(name: str) -> Callable[..., None]:
    """The receiver of this name in this app, imported when it is first told of something.

    Commands and workers sign nobody in: forms, second factors and limits are half a second of their start.
    """

    def receive(**facts: Any) -> None:
        import_string(f"{__package__}.{name}")(**facts)

    return receive
