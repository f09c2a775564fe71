"""The admin as a whole: who gets in, and what asks for the second factor once more."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from django_project.core import second_factor

View = Callable[..., HttpResponseBase]

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class OperationsSite(AdminSite):
    """Django's admin behind a second factor, which every change asks for again unless it was shown lately."""

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and second_factor.is_shown(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead to what is missing: the sign-in, the first enrolment, or the second factor."""
        if self.has_permission(request):
            return redirect("admin:index")
        wanted = request.GET.get(REDIRECT_FIELD_NAME, reverse("admin:index"))
        if not (request.user.is_authenticated and request.user.is_staff):
            missing = reverse("account_login")
        elif second_factor.has_one(request):
            missing = second_factor.page(request)
        else:
            missing = reverse("mfa_index")
        return redirect(missing + "?" + urlencode({REDIRECT_FIELD_NAME: wanted}))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Staff's own page for it, which limits tries and keeps that it was changed."""
        return redirect("staff-password")

    def admin_view(self, view: View, cacheable: bool = False) -> Any:  # Django's
        return super().admin_view(self._sudo(view), cacheable)

    def _sudo(self, view: View) -> View:
        owner: Any = getattr(view, "__self__", None)

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if asks_again(request, owner, view.__name__) and not second_factor.is_fresh(request):
                return second_factor.ask(request)
            return view(request, *args, **kwargs)

        return guarded


def asks_again(request: HttpRequest, owner: object, view_name: str) -> bool:
    """Whether a request needs a fresh second factor.

    All that posts does, but for signing out and where an admin class says that its decisions are everyday
    ones (`is_everyday`). So that nobody fills in a form in vain, pages of forms ask as well (`sudo_pages`).
    """
    if view_name == "logout" or getattr(owner, "is_everyday", False):
        return False
    if request.method not in SAFE_METHODS:
        return True
    return view_name in getattr(owner, "sudo_pages", ())
