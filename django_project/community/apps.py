from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "django_project.community"
    label = "community"
    default_auto_field = "django.db.models.BigAutoField"
