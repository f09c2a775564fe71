"""Staff's own pages that django-allauth has not: the one-time link, the password, the last key."""

import uuid

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.views import remove_webauthn
from django.contrib.auth import login, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from django_project.accounts.backends import STAFF_BACKEND
from django_project.accounts.models import User
from django_project.accounts.staff import limits, links, services
from django_project.ops.forms import ChangePasswordForm, NewPasswordForm

# The link's two parts, in the session: no page with a form, and no referrer, has them in its address.
LINK = "staff.link"


@require_safe
@never_cache
def follow_link(request: HttpRequest, public_id: uuid.UUID, token: str) -> HttpResponse:
    """Looking at a link does not use it up: programs that preview messages look, too."""
    if links.owner(public_id, token) is None:
        return render(request, "staff/link_ended.html", status=404)
    request.session[LINK] = [str(public_id), token]
    return redirect("staff-first-password")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters()
def first_password(request: HttpRequest) -> HttpResponse:
    """Set the password that a link is for, and be signed in to add the second factor."""
    public_id, token = request.session.get(LINK, (None, ""))
    user = links.owner(uuid.UUID(public_id), token) if public_id else None
    if user is None:
        return render(request, "staff/link_ended.html", status=404)
    form = NewPasswordForm(user, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(
            request, "staff/first_password.html", {"form": form, "name": user.username}, status=_status(form)
        )
    services.set_password(user, form.cleaned_data["new_password"])
    request.session.flush()
    login(request, user, backend=STAFF_BACKEND)
    record_authentication(request, user, "password")
    return redirect("mfa_index")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters()
def change_password(request: HttpRequest) -> HttpResponse:
    user = request.user
    if not isinstance(user, User):
        raise TypeError("staff's pages are behind their gates")
    form = ChangePasswordForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and not limits.has_password_tries(request, user.username):
        limits.log_refused_sign_in(request, user.username, limits.LIMITED)
        form.refuse()
    if not form.is_valid():
        return render(request, "staff/password.html", {"form": form}, status=_status(form))
    services.set_password(user, form.cleaned_data["new_password"])
    update_session_auth_hash(request, user)
    return redirect("mfa_index")


def remove_key(request: HttpRequest, pk: int) -> HttpResponseBase:
    """As django-allauth does it, but never the last factor."""
    mine = Authenticator.objects.filter(user=request.user.pk, type=Authenticator.Type.WEBAUTHN)
    key = get_object_or_404(mine, pk=pk)
    if not get_adapter().can_delete_authenticator(key):
        return render(request, "staff/last_factor.html", status=409)
    answer: HttpResponseBase = remove_webauthn(request, pk=pk)
    return answer


def _status(form: NewPasswordForm) -> int:
    return 422 if form.is_bound else 200
