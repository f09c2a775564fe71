"""What every endpoint of the API is."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_project.api.framework import plain
from django_project.api.query import Parameter, read_query
from django_project.core.conditional import answered


class Endpoint(APIView):
    """Takes no parameters but its own, refuses in JSON, and answers GET and HEAD with an ETag."""

    parameters: ClassVar[Mapping[str, Parameter]] = {}
    is_public: ClassVar[bool] = False
    """Whether pages of other sites may read it: what everybody is told alike."""

    query: dict[str, Any]
    """The request's parameters, once they are known to be right."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # A preflight asks about the address, whatever becomes of its query.
        if request.method != "OPTIONS":
            self.query = read_query(plain(request), self.parameters)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Which methods there are: the Allow header says it, as with every answer."""
        return Response(status=204)

    def handle_exception(self, exc: Exception) -> Response:
        # Also where answers are of another kind.
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(final, Response):
            final.render()
        return answered(plain(request), final)
