from django.apps import AppConfig


class StudioConfig(AppConfig):
    name = "django_project.studio"
    label = "studio"
    default_auto_field = "django.db.models.BigAutoField"
