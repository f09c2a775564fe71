"""How the session cookie is described in the OpenAPI document."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # a registering metaclass
    target_class = "django_project.api.framework.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Set by signing in. Unsafe methods also send X-CSRFToken, from GET /session.",
        }


class BeaconScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    target_class = "django_project.api.framework.BeaconAuthentication"
    name = "page"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Origin",
            "description": "A page of this site: Origin or Sec-Fetch-Site as browsers write them.",
        }
