from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "django_project.ops"
    label = "ops"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the checks registers them."""
        from django_project.ops import checks  # noqa: F401
