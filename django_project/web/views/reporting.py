"""Telling the moderators about a campaign, with or without an account."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from django_project.accounts.models import User
from django_project.campaigns.selectors import card_of
from django_project.community.models import Report
from django_project.community.services import file_report
from django_project.core import rate_limits
from django_project.core.errors import TooManyRequestsError
from django_project.web import labels
from django_project.web.durations import wait
from django_project.web.forms import ReportForm
from django_project.web.lookups import listing_or_404


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """The form, and after a redirect its thanks. A refused one comes back with all that was typed."""
    listing = listing_or_404(slug)
    is_sent = request.method != "POST" and request.GET.get("sent") == "yes"
    form = ReportForm(request.POST if request.method == "POST" else None)
    status, retry_after = 200, 0
    if form.is_bound and not form.is_valid():
        status = 422
    elif form.is_bound:
        user = request.user if isinstance(request.user, User) else None
        try:
            rate_limits.require(rate_limits.REPORT, *rate_limits.asker(request))
        except TooManyRequestsError as error:
            status, retry_after = error.status, error.retry_after
            form.add_error(
                None,
                _("You reported a lot in a short time. Send this again in %(wait)s: it stays in the form.")
                % {"wait": wait(retry_after)},
            )
        else:
            reason = Report.Reason(form.cleaned_data["reason"])
            file_report(listing, reason=reason, text=form.cleaned_data["text"], reporter=user)
            return redirect(f"{reverse('web:report', args=[slug])}?sent=yes")
    context = {
        "card": card_of(listing),
        "chain_ids": {listing.chain_id},
        "form": form,
        "is_sent": is_sent,
        "reasons": labels.REPORT_REASON.items(),
    }
    response = render(request, "web/report.html", context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response
