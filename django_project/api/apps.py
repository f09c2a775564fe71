from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "django_project.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"
