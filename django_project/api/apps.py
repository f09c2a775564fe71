from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "django_project.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Importing registers them.
        from django_project.api import openapi  # noqa: F401
