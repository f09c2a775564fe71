"""The backer's own pages: settings, notifications, saved campaigns, receipts, and their data."""

import uuid

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from django_project.accounts import services as accounts
from django_project.accounts import sessions
from django_project.accounts.acts import Act
from django_project.accounts.models import Session, User
from django_project.accounts.selectors import wallet_address, wallet_texts
from django_project.community import services as community_services
from django_project.core import rate_limits
from django_project.core.addresses import format_address
from django_project.core.errors import UserError
from django_project.core.keyset import is_key
from django_project.notifications import mail, services
from django_project.notifications.account_notices import notify, read_keeping
from django_project.notifications.selectors import (
    Notice,
    account_notices,
    mailbox,
    notices,
    preferences,
)
from django_project.pledges.selectors import contributions_by_campaign
from django_project.privacy import services as privacy
from django_project.web import labels, receipts
from django_project.web.error_views import page_out_of_range, signed_in_to_post
from django_project.web.forms import ProfileForm
from django_project.web.lookups import account_or_404, listing_or_404
from django_project.web.spreadsheets import CONTENT_TYPE
from django_project.web.statement_pdf import as_pdf
from django_project.web.views.visitor import safe_next


def _settings(request: HttpRequest, *, status: int = 200, saved: str = "", **forms: object) -> HttpResponse:
    user = account_or_404(request)
    address = wallet_address(request)
    current = format_address(address) if address else ""
    box = mailbox(user)
    # The wallet of this session first: it is the one most likely at hand.
    wallets = sorted(wallet_texts(user), key=lambda each: each != current)
    context = {
        "profile": ProfileForm(instance=user),
        "mailbox": box,
        "choices": [(kind, labels.NOTIFICATION[kind], row) for kind, row in preferences(user).items()],
        "wallets": [(each, " ".join(other for other in wallets if other != each)) for each in wallets],
        "own": " ".join(wallets),
        "current": current,
        "sessions": _sessions(request, user),
        "wait_days": settings.DELETION_WAIT.days,
        "untold_days": settings.DELETION_WAIT_UNTOLD.days,
        "saved": saved,
        **forms,
    }
    return render(request, "web/settings/page.html", context, status=status)


def _sessions(request: HttpRequest, user: User) -> list[tuple[Session, bool]]:
    """The account's sessions, each with whether it is this one, which comes first."""
    rows = [(row, sessions.is_current(row, request.session)) for row in sessions.sessions_of(user)]
    return sorted(rows, key=lambda each: not each[1])


@require_safe
@login_required
@never_cache
def settings_page(request: HttpRequest) -> HttpResponse:
    saved = request.GET.get("saved", "")
    return _settings(request, saved=saved if saved in labels.SAVED else "")


def _saved(what: str) -> HttpResponse:
    response = redirect("web:settings")
    response["Location"] += f"?saved={what}"
    return response


@require_POST
@signed_in_to_post("web:settings")
def save_profile(request: HttpRequest) -> HttpResponse:
    form = ProfileForm(request.POST, instance=account_or_404(request))
    if not form.is_valid():
        return _settings(request, status=422, profile=form)
    form.save()
    return _saved("profile")


@require_POST
@signed_in_to_post("web:settings")
def ask_mail_again(request: HttpRequest) -> HttpResponse:
    """Write once more to the address that was not confirmed; to change it takes a signature."""
    try:
        rate_limits.require(rate_limits.MAIL, *rate_limits.asker(request))
        mail.ask_again(account_or_404(request))
    except UserError as error:
        return _settings(request, status=error.status, mail_error=error.message)
    return _saved("mail-asked")


@require_POST
@signed_in_to_post("web:settings")
def save_preferences(request: HttpRequest) -> HttpResponse:
    services.set_preferences(
        account_or_404(request),
        on_site={kind for kind in labels.NOTIFICATION if f"{kind}.site" in request.POST},
        by_email={kind for kind in labels.NOTIFICATION if f"{kind}.mail" in request.POST},
    )
    return _saved("notifications")


@require_POST
@signed_in_to_post("web:settings")
def end_session(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    if not sessions.end(account_or_404(request), public_id):
        raise Http404("No such session")
    return _saved("session")


@require_POST
@signed_in_to_post("web:settings")
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    sessions.end_others(account_or_404(request), request.session)
    return _saved("sessions")


@require_safe
@login_required
@never_cache
def notifications_page(request: HttpRequest) -> HttpResponse:
    user, before = account_or_404(request), request.GET.get("before", "")
    page = notices(user, before)
    if not page.rows and not page.older and is_key(before):
        return page_out_of_range(request)
    is_first_page = not is_key(before)
    own = account_notices(user) if is_first_page else []
    context = {
        "notices": [(each, _words(each)) for each in page.rows],
        "account_notices": [(each, labels.ACCOUNT_TEXT[each.act]) for each in own],
        "older": page.older,
        "is_first_page": is_first_page,
    }
    return render(request, "web/notifications.html", context)


def _words(notice: Notice) -> labels.Word:
    if notice.is_settled:
        return labels.SETTLED_TEXT[notice.kind]
    return (labels.REMINDER_TEXT if notice.is_reminder else labels.NOTIFICATION_TEXT)[notice.kind]


@require_POST
@signed_in_to_post("web:notifications")
def read_notifications(request: HttpRequest) -> HttpResponse:
    services.mark_read(account_or_404(request))
    return redirect("web:notifications")


@require_POST
def follow(request: HttpRequest, slug: str) -> HttpResponse:
    """Save a campaign, or with `saved=false` let it go; visitors sign in first and press once more."""
    listing = listing_or_404(slug)
    following = safe_next(request, request.POST.get("next", ""), "web:me")
    if not isinstance(request.user, User):
        return redirect_to_login(following)
    community_services.set_follow(request.user, listing, is_saved=request.POST.get("saved") != "false")
    return redirect(following)


@require_safe
@login_required
@never_cache
def receipts_csv(request: HttpRequest) -> HttpResponse:
    rate_limits.require(rate_limits.DOWNLOAD, *rate_limits.asker(request))
    text = receipts.as_csv(contributions_by_campaign(request.user))
    return _attachment(text.encode(), CONTENT_TYPE, "chainfund-statement.csv")


@require_safe
@login_required
@never_cache
def receipts_pdf(request: HttpRequest) -> HttpResponse:
    rate_limits.require(rate_limits.DOWNLOAD, *rate_limits.asker(request))
    document = as_pdf(contributions_by_campaign(request.user))
    return _attachment(document, "application/pdf", "chainfund-statement.pdf")


@require_safe
@login_required
@never_cache
def export(request: HttpRequest) -> HttpResponse:
    """Without a signature, so that who lost the only wallet can take it along; the owner is told."""
    rate_limits.require(rate_limits.DOWNLOAD, *rate_limits.asker(request))
    user = account_or_404(request)
    response = JsonResponse(privacy.export(user), json_dumps_params={"indent": 2})
    response["Content-Disposition"] = 'attachment; filename="chainfund-my-data.json"'
    if request.method == "GET":
        notify(User, user, Act.DATA_EXPORTED)
    return response


@require_POST
@signed_in_to_post("web:settings")
def ask_for_deletion(request: HttpRequest) -> HttpResponse:
    """For whoever can no longer sign: after a while, once they ticked the box that says so."""
    user = account_or_404(request)
    if user.is_staff or user.is_superuser or request.POST.get("sure") != "yes":
        return _settings(request, status=422, is_unsure=True)
    privacy.ask_for_deletion(user)
    return _saved("deletion-asked")


@require_POST
@signed_in_to_post("web:settings")
def call_deletion_off(request: HttpRequest) -> HttpResponse:
    accounts.call_deletion_off(account_or_404(request))
    return _saved("deletion-off")


def _attachment(content: bytes, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def mail_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the question. Opening it only asks: programs that scan mail open links too."""
    try:
        user_id, address = mail.read_confirmation(token)
    except signing.BadSignature:
        raise Http404("No such link") from None
    is_done = request.method == "POST" and services.confirm_mailbox(user_id, address)
    return render(request, "web/email/confirm.html", {"address": address, "is_done": is_done})


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def mail_unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """One click in a mail program posts here without a session (RFC 8058); the token is the permission."""
    try:
        user_id, kind = mail.read_unsubscription(token)
    except signing.BadSignature:
        raise Http404("No such link") from None
    is_done = request.method == "POST"
    if is_done:
        services.unsubscribe(user_id, kind)
    context = {"kind": labels.NOTIFICATION[kind], "is_done": is_done}
    return render(request, "web/email/unsubscribe.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def keep_account(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the letter about a deletion. Opening it only asks, for programs that scan mail open it."""
    try:
        user_id, due = read_keeping(token)
    except signing.BadSignature:
        raise Http404("No such link") from None
    user = User.objects.filter(pk=user_id, deletion_due_at=due).first()
    is_done = request.method == "POST" and user is not None and accounts.call_deletion_off(user)
    context = {"user_to_keep": user, "is_done": is_done}
    return render(request, "web/email/keep_account.html", context)
