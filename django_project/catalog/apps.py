from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "django_project.catalog"
    label = "catalog"
