"""Every URL of the site; each face keeps its own list."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("django_project.api.urls")),
    path("", include("django_project.ops.urls")),
    path("", include("django_project.web.urls")),
]
