from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig

from django_project.core.screening import operators_screen


class CoreConfig(AppConfig):
    default = True
    name = "django_project.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Refuse to start with a screen that could not be asked."""
        operators_screen()


class OperationsAdminConfig(SimpleAdminConfig):
    """Django's admin, with the site's own way in."""

    default_site = "django_project.core.admin_site.OperationsSite"
