"""What a page's address names; an address of nothing is answered with "not found"."""

from django.http import Http404

from django_project.campaigns import selectors
from django_project.campaigns.models import Category, Listing
from django_project.campaigns.selectors import CategoryLabel
from django_project.catalog.selectors import category_by_slug


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
