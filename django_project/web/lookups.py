"""Whom a request comes from, and what a page's address names: one of nothing is answered with "not found"."""

from django.http import Http404, HttpRequest

from django_project.accounts.models import User
from django_project.accounts.selectors import user_key
from django_project.campaigns import selectors
from django_project.campaigns.models import Category, Listing
from django_project.campaigns.selectors import CategoryLabel
from django_project.catalog.selectors import category_by_slug
from django_project.discovery import consent
from django_project.discovery.user_keys import visitor_key


def reader_key(request: HttpRequest) -> str | None:
    """The backer who is signed in, else the visitor who agreed to be remembered."""
    visitor = consent.visitor_id(request)
    return user_key(request) or (visitor_key(visitor) if visitor else None)


def account_or_404(request: HttpRequest) -> User:
    """Who is signed in, for views that nobody else reaches; raises Http404 for visitors."""
    if not isinstance(request.user, User):
        raise Http404("Nobody is signed in")
    return request.user


def listing_or_404(slug: str) -> Listing:
    """The visible listing; raises Http404 for a hidden or unknown one."""
    try:
        return selectors.listing_by_slug(slug)
    except Listing.DoesNotExist:
        raise Http404("No such campaign") from None


def category_or_404(slug: str) -> CategoryLabel:
    """Raises Http404 for a category there is not."""
    try:
        return category_by_slug(slug)
    except Category.DoesNotExist:
        raise Http404("No such category") from None
