"""The visitor's own matters: signing in and out, the theme, and the pictures of the frame."""

import re
from dataclasses import asdict

from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import render_to_string
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from django_project.accounts.middleware import clear_site_data
from django_project.accounts.models import User
from django_project.catalog.selectors import categories_with_counts
from django_project.core import rate_limits
from django_project.core.addresses import parse_address
from django_project.discovery import answers, consent
from django_project.discovery.selectors import knows_answers
from django_project.discovery.services import grant_consent, withdraw_consent
from django_project.web import labels
from django_project.web.context import THEME_COOKIE, THEMES
from django_project.web.covers import cover_svg
from django_project.web.forms import InterestsForm
from django_project.web.lookups import reader_key

YEAR_SECONDS = 365 * 24 * 3600
_CATEGORY = re.compile(r"[a-z0-9-]{1,50}")


def safe_next(request: HttpRequest, typed: str, fallback: str) -> str:
    """The page to go on to, if it is a path or an address of ours; anything else would be an open redirect.

    What is neither could also be taken for a view's name, which has no page.
    """
    is_address = typed.startswith(("/", "http://", "https://"))
    is_ours = is_address and url_has_allowed_host_and_scheme(
        typed, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return typed if is_ours else resolve_url(fallback)


@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    following = safe_next(request, request.GET.get("next", ""), settings.LOGIN_REDIRECT_URL)
    if request.user.is_authenticated:
        return redirect(following)
    return render(request, "web/sign_in.html", {"next": following})


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    response = redirect(settings.LOGOUT_REDIRECT_URL)
    clear_site_data(response, "cache")
    return response


@require_POST
def answer_consent(request: HttpRequest) -> HttpResponse:
    """The banner's and the footer's question, for browsers with and without a script."""
    response = redirect(safe_next(request, request.POST.get("next", ""), "web:home"))
    known = consent.visitor_id(request)
    if request.POST.get("granted") == "true":
        # Each yes without a cookie is a row.
        rate_limits.require(rate_limits.CONSENT, *rate_limits.visitor(request))
        user = request.user if isinstance(request.user, User) else None
        consent.remember(response, grant_consent(known, user).public_id)
    else:
        withdraw_consent(known)
        consent.remember(response, None)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def interests(request: HttpRequest) -> HttpResponse:
    """Two questions for newcomers: the answers stay in a cookie, and home's first list follows them."""
    home = redirect(f"{resolve_url('web:home')}#recommended-title")
    if request.method == "POST" and "forget" in request.POST:
        answers.forget(home)
        return home
    offered = sorted(categories_with_counts(), key=lambda each: not each[1])
    answered = answers.read(request)
    form = InterestsForm(
        request.POST if request.method == "POST" else None, initial=asdict(answered) if answered else None
    )
    if form.is_valid() and (chosen := answers.known(**form.cleaned_data)):
        answers.remember(home, chosen)
        return home
    context = {
        "form": form,
        "categories": [category for category, _ in offered],
        "languages": labels.LANGUAGE.items(),
        "answered": answered,
        "is_followed": knows_answers(reader_key(request)),
    }
    return render(request, "web/interests.html", context, status=422 if form.is_bound else 200)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("theme", "")
    response = redirect(safe_next(request, request.POST.get("next", ""), "web:home"))
    if chosen in THEMES:
        response.set_cookie(
            THEME_COOKIE,
            chosen,
            max_age=YEAR_SECONDS,
            samesite="Lax",
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


def _picture(svg: str) -> HttpResponse:
    response = HttpResponse(svg, content_type="image/svg+xml")
    patch_cache_control(response, public=True, max_age=YEAR_SECONDS, immutable=True)
    return response


@require_safe
def cover(_request: HttpRequest, category: str, address: str) -> HttpResponse:
    """A campaign's cover: it depends on its URL alone, so whoever has it may keep it."""
    try:
        seed = parse_address(address)
    except ValueError:
        raise Http404("No such cover") from None
    if _CATEGORY.fullmatch(category) is None:
        raise Http404("No such cover")
    return _picture(cover_svg(seed, category))


@require_safe
def mark(_request: HttpRequest) -> HttpResponse:
    return _picture(render_to_string("web/partials/icon.svg"))
