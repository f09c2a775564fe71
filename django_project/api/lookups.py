"""What a request names; what is not there is answered with "not found"."""

from django.http import Http404

from django_project.campaigns.models import Listing
from django_project.campaigns.selectors import listing_by_key


def listing_or_404(chain_id: int, address: bytes) -> Listing:
    """The visible listing; raises Http404 for a hidden or unknown one."""
    try:
        return listing_by_key(chain_id, address)
    except Listing.DoesNotExist:
        raise Http404("No such campaign") from None
