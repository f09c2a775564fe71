from django.apps import AppConfig


class PledgesConfig(AppConfig):
    name = "django_project.pledges"
    label = "pledges"
    default_auto_field = "django.db.models.BigAutoField"
