"""Addresses as the rest of the world is told them: on the site's own origin, whatever host was asked."""

from django.conf import settings
from django.urls import reverse


def absolute(path: str) -> str:
    """The whole URL of a path of this site."""
    return f"{settings.SITE_URL}{path}"


def absolute_url(name: str, *args: object) -> str:
    """The whole URL of a view."""
    return absolute(reverse(name, args=args))
