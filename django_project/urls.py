"""Every URL of the site; each face keeps its own list."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from django_project.api.campaigns import metadata_document

admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("django_project.api.urls")),
    path("metadata/<str:digest>.json", metadata_document, name="metadata"),
    path("", include("django_project.ops.urls")),
    path("", include("django_project.web.urls")),
]

handler500 = "django_project.web.problems.broken"
