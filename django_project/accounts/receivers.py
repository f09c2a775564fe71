"""What follows from somebody signing in."""

from django.http import HttpRequest

from django_project.accounts import sessions
from django_project.accounts.models import User


def begin_session(sender: type[User], request: HttpRequest, user: User, **_more: object) -> None:  # noqa: ARG001
    sessions.begin(request, user)
