from django.apps import AppConfig

from django_project.core import refusals
from django_project.core.screening import operators_screen


class CoreConfig(AppConfig):
    name = "django_project.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Refuse to start with a screen that could not be asked; have refusals logged."""
        refusals.configure()
        operators_screen()
