"""The public page of a wallet: who it says it is, what it launched and what it backed."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from django_project.accounts.selectors import addresses_of, person_at
from django_project.campaigns.selectors import creator_record
from django_project.core.addresses import format_address, parse_address, shorten_address
from django_project.pledges.selectors import backed_by, has_contributed
from django_project.web.context import chain_ids_of

CARDS_SHOWN = 24


@require_safe
def profile(request: HttpRequest, address: str) -> HttpResponse:
    """One wallet's page. What it backed is listed only for a person: nobody else asked to be shown."""
    try:
        wallet = parse_address(address.lower())
    except ValueError:
        raise Http404("No such address") from None
    canonical = format_address(wallet)
    if address != canonical:
        return redirect("web:profile", canonical, permanent=True)
    person = person_at(wallet)
    is_own = wallet in addresses_of(request.user)
    record = creator_record(wallet, CARDS_SHOWN)
    if not (person or is_own or record.total or has_contributed(wallet)):
        raise Http404("Nobody with this address")
    backed, backed_total = backed_by(wallet, CARDS_SHOWN) if person else ([], 0)
    context = {
        "chain_ids": chain_ids_of([*record.cards, *backed]),
        "address": canonical,
        "name": (person and person.name) or shorten_address(wallet),
        "person": person,
        "is_own": is_own,
        "record": record,
        # What the campaigns say of their publisher; nobody checked it.
        "publishers": list(dict.fromkeys(card.publisher for card in record.cards if card.publisher)),
        "backed": backed,
        "backed_total": backed_total,
    }
    return render(request, "web/profile.html", context)
