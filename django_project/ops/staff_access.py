"""Who may see the pages of staff's own accounts; most of the pages themselves are django-allauth's."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from django_project.core import second_factor

View = Callable[..., HttpResponseBase]


def signing_in(view: View) -> View:
    """For whoever is not signed in yet; wallets are told that this is not their door."""

    @wraps(view)
    def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.is_staff:
            return _refuse_wallet(request)
        return view(request, *args, **kwargs)

    return gate


def half_signed_in(view: View) -> View:
    """For staff who have shown a password, and are about to show their second factor."""

    @wraps(view)
    def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _sign_in(request)
        if not request.user.is_staff:
            return _refuse_wallet(request)
        return view(request, *args, **kwargs)

    return gate


def signed_in(view: View) -> View:
    """For staff who have shown both, or who have no second factor yet and gave their password just now."""

    def whole(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if second_factor.is_shown(request) or second_factor.may_enrol(request):
            return view(request, *args, **kwargs)
        if second_factor.has_one(request):
            return second_factor.ask(request)
        logout(request)
        return _sign_in(request)

    return wraps(view)(half_signed_in(whole))


def freshly_signed_in(view: View) -> View:
    """For what changes an account's own proofs: its second factor has to be fresh, if it has one."""

    def fresh(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if second_factor.is_fresh(request) or second_factor.may_enrol(request):
            return view(request, *args, **kwargs)
        return second_factor.ask(request)

    return wraps(view)(signed_in(fresh))


def _sign_in(request: HttpRequest) -> HttpResponse:
    return redirect(
        reverse("account_login") + "?" + urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
    )


def _refuse_wallet(request: HttpRequest) -> HttpResponse:
    return render(request, "staff/wallet.html", status=403)
