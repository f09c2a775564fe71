"""From "I want to give" to the page that says what became of it."""

import uuid
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from django_project.accounts.selectors import signs_by_contract, wallet_address
from django_project.campaigns import refund_words
from django_project.campaigns.selectors import CampaignDetail, detail_of
from django_project.community.selectors import saved_by
from django_project.core.addresses import format_address, parse_address
from django_project.core.money import BASIS_POINTS, format_units
from django_project.pledges.following import for_user, on_their_way, pledge_status, under_way
from django_project.pledges.milestone_votes import to_judge
from django_project.pledges.models import PledgeIntent
from django_project.pledges.selectors import BackedCampaign, contributions_by_campaign
from django_project.pledges.terms import currency_of
from django_project.web import labels
from django_project.web.context import chain_ids_of
from django_project.web.forms import PledgeForm
from django_project.web.lookups import listing_or_404
from django_project.web.pledge_notices import notice
from django_project.web.presets import presets


@require_safe
def pledge(request: HttpRequest, slug: str) -> HttpResponse:
    """Step 1: how much, and for which reward. The URL may bring both."""
    campaign = detail_of(listing_or_404(slug))
    if not campaign.accepts_contributions:
        return _closed(request, campaign)
    form = PledgeForm(request.GET, campaign=campaign)
    chosen = request.GET.get("tier", "0")
    return render(
        request,
        "web/pledge/amount.html",
        _context(campaign, chosen=chosen, typed=form["amount"].value() or ""),
    )


@require_safe
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """Step 2: what it costs, what may come back, and the button that opens the wallet."""
    campaign = detail_of(listing_or_404(slug))
    if not campaign.accepts_contributions:
        return _closed(request, campaign)
    form = PledgeForm(request.GET, campaign=campaign)
    chosen, typed = request.GET.get("tier", "0"), request.GET.get("amount", "")
    if not form.is_valid():
        context = _context(campaign, chosen=chosen, typed=typed, form=form)
        return render(request, "web/pledge/amount.html", context, status=422)
    amount: int = form.cleaned_data["amount"]
    wallet = wallet_address(request)
    backer = format_address(wallet) if wallet else ""
    fee = amount * campaign.fee_bps // BASIS_POINTS
    context = _context(campaign, chosen=chosen, typed=typed) | {
        "amount": amount,
        "amount_text": campaign.amount_text(amount),
        "amount_plain": format_units(amount, currency_of(campaign.card).decimals),
        "is_above_goal": amount > campaign.card.goal,
        "fee_text": campaign.amount_text(fee),
        "refund_prospect": refund_words.prospect(campaign.refund_terms, amount),
        "reward": form.reward,
        "backer": backer,
        "is_by_contract": wallet is not None and signs_by_contract(wallet),
        "is_own": bool(backer) and backer == campaign.card.creator,
        "under_way": under_way(request.user, campaign.card.chain_id, parse_address(campaign.card.address)),
    }
    return render(request, "web/pledge/review.html", context)


def _context(
    campaign: CampaignDetail, *, chosen: str, typed: str, form: PledgeForm | None = None
) -> dict[str, object]:
    return {
        "campaign": campaign,
        "card": campaign.card,
        "chain_ids": {campaign.card.chain_id},
        "chosen": chosen or "0",
        "typed": typed,
        "presets": presets(campaign.card.goal, campaign.min_contribution),
        "form": form,
    }


def _closed(request: HttpRequest, campaign: CampaignDetail) -> HttpResponse:
    context = {"campaign": campaign, "card": campaign.card, "chain_ids": {campaign.card.chain_id}}
    return render(request, "web/pledge/closed.html", context, status=409)


def _pledge_of_user(request: HttpRequest, public_id: uuid.UUID) -> PledgeIntent:
    return get_object_or_404(for_user(request.user), public_id=public_id)


@require_safe
@never_cache
def pledge_page(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What became of a pledge; the page asks again by itself until nothing more will change.

    One that is open while its session ends goes on offering the way back.
    """
    if not request.user.is_authenticated:
        if request.headers.get("HX-Request"):
            return render(request, "web/pledge/signed_out.html", {"path": request.path})
        return redirect_to_login(request.path)
    status = pledge_status(_pledge_of_user(request, public_id))
    fingerprint = f"{status.state}.{status.confirmations}.{status.block_number or ''}.{status.sequel}"
    if request.headers.get("HX-Request") and request.GET.get("seen") == fingerprint:
        # Nothing new: leaving the page as it is keeps the reader's place in it.
        return HttpResponse(status=204)
    context = {
        "pledge": status,
        "notice": notice(status),
        "retry_query": urlencode({"tier": status.tier_id, "amount": status.amount_plain}),
        "card": status.card,
        "chain_ids": {status.chain_id},
        "fingerprint": fingerprint,
    }
    return render(request, "web/pledge/status.html", context)


@require_safe
@login_required
@never_cache
def me(request: HttpRequest) -> HttpResponse:
    """The backer's contributions by how their campaigns stand, after what waits for the backer to act."""
    backed, unsettled = contributions_by_campaign(request.user), on_their_way(request.user)
    saved = saved_by(request.user)
    wallet = wallet_address(request)
    return render(
        request,
        "web/contributions/page.html",
        {
            "chain_ids": chain_ids_of(
                [*(each.card for each in backed), *(each.card for each in unsettled), *saved]
            ),
            "refunds": [each for each in backed if each.refund_due],
            "votes": to_judge(request.user),
            "on_their_way": unsettled,
            "has_several_wallets": len({each.backer for each in backed}) > 1,
            "can_take_back": any(each.can_take_back for each in backed),
            "groups": _by_state([each for each in backed if not each.refund_due]),
            "wallet": format_address(wallet) if wallet else "",
            "saved": saved,
        },
    )


def _by_state(backed: list[BackedCampaign]) -> list[tuple[str, labels.Word, list[BackedCampaign]]]:
    """(code, name, campaigns) of each state that there is."""
    members: dict[str, list[BackedCampaign]] = {state: [] for state in labels.STATE}
    for each in backed:
        members[_state(each)].append(each)
    return [(state, labels.STATE[state], found) for state, found in members.items() if found]


def _state(backed: BackedCampaign) -> str:
    if backed.refunded or not backed.contributed:
        return "taken-back"
    if backed.card.is_open:
        return "open"
    return "funded" if backed.card.status in ("succeeded", "completed", "releasing") else "over"
