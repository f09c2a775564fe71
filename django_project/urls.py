"""Every URL of the site; each face keeps its own list."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from django_project.api.v1.campaigns import MetadataView
from django_project.api.v1.docs import NothingView

admin.autodiscover()

# Of before these models came to `community`: bookmarks, and links in operators' own notes.
_FORMER_ADMIN = r"^admin/campaigns/(?P<model>campaignupdate|follow|report|supportermessage)/(?P<page>.*)\Z"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(
        _FORMER_ADMIN,
        RedirectView.as_view(
            url="/admin/community/%(model)s/%(page)s", query_string=True, http_method_names=["get", "head"]
        ),
        name="former-admin",
    ),
    path("admin/", admin.site.urls),
    path("staff/", include("django_project.ops.staff_urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("django_project.api.v1.urls")),
    # Whatever else is below /api, line ends and all: programs read no pages.
    re_path(r"^api(?:/[\s\S]*)?\Z", NothingView.as_view(), name="api-nothing"),
    path("metadata/<str:digest>.json", MetadataView.as_view(), name="metadata"),
    path("", include("django_project.ops.urls")),
    path("", include("django_project.web.urls")),
]

handler400 = "django_project.web.error_views.not_understood"
handler500 = "django_project.web.error_views.broken"
