"""Where creators write their campaigns: a list of drafts, and each draft's pages."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from django_project.accounts.models import User
from django_project.catalog.selectors import categories
from django_project.core import rate_limits
from django_project.core.errors import UserError
from django_project.studio import selectors, services
from django_project.studio.checks import Checker
from django_project.studio.launching import launch_currencies
from django_project.studio.models import Draft
from django_project.web.error_views import signed_in_to_post
from django_project.web.lookups import account_or_404
from django_project.web.studio_fields import CHECK, STEPS, StudioForm, fields_of, label_of, step_of
from django_project.web.studio_posts import touched

NOTHING: Mapping[str, Any] = {}


def _draft_or_404(request: HttpRequest, public_id: uuid.UUID) -> Draft:
    """Another's draft is as unknown as one that does not exist."""
    try:
        return selectors.draft_of(account_or_404(request), public_id)
    except Draft.DoesNotExist:
        raise Http404("No such draft") from None


@require_safe
@login_required
@never_cache
def drafts(request: HttpRequest) -> HttpResponse:
    return _drafts(request)


def _drafts(request: HttpRequest, *, status: int = 200, error: UserError | None = None) -> HttpResponse:
    context = {"drafts": selectors.drafts_of(account_or_404(request)), "error": error}
    return render(request, "web/studio/drafts.html", context, status=status)


@require_POST
@signed_in_to_post("web:studio")
def new_draft(request: HttpRequest) -> HttpResponse:
    """Begin one in the language of the page, under the account's own name."""
    user = account_or_404(request)
    try:
        draft = services.create_draft(
            user, language=request.LANGUAGE_CODE or "en", publisher=user.display_name
        )
    except UserError as error:
        return _drafts(request, status=error.status, error=error)
    return redirect("web:draft", draft.public_id, "story")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def draft_page(request: HttpRequest, public_id: uuid.UUID, step: str) -> HttpResponse:
    """One page of a draft. What is typed saves itself where scripts run, and by the buttons everywhere."""
    if step not in STEPS:
        raise Http404("No such page")
    if request.method == "POST":
        return _save(request, public_id, step)
    return _shown(request, public_id, step)


@login_required
def _shown(request: HttpRequest, public_id: uuid.UUID, step: str) -> HttpResponse:
    return _page(request, _draft_or_404(request, public_id), step)


@signed_in_to_post("web:studio")
def _save(request: HttpRequest, public_id: uuid.UUID, step: str) -> HttpResponse:
    rate_limits.require(rate_limits.DRAFT, *rate_limits.asker(request))
    user, draft = account_or_404(request), _draft_or_404(request, public_id)
    posted = touched(request.POST, _fields_sent(request, step, draft))
    typed = {each.change.field: each.change.text for each in posted}
    try:
        saved = services.save_texts(user, public_id, [each.change for each in posted])
    except UserError as error:
        bases = {each.change.field: each.base for each in posted}
        return _page(request, draft, step, status=error.status, typed=typed, bases=bases, error=error)
    if saved.conflicts:
        contested = {each.field: each.text for each in saved.conflicts}
        mine = {name: typed[name] for name in contested}
        return _page(request, saved.draft, step, status=409, typed=mine, contested=contested)
    try:
        return _acted(request, user, public_id, step)
    except UserError as error:
        return _page(request, saved.draft, step, status=error.status, error=error)


def _fields_sent(request: HttpRequest, step: str, draft: Draft) -> list[str]:
    """The page's fields, and those of rows that were taken out after the page was loaded."""
    of_rows = [name for name in request.POST if name.startswith(f"{step}.")]
    return list(dict.fromkeys([*fields_of(step, draft), *of_rows]))


def _acted(request: HttpRequest, user: User, public_id: uuid.UUID, step: str) -> HttpResponse:
    """Do what the pressed button says besides saving, and go to its page."""
    act, _colon, key = request.POST.get("act", "").partition(":")
    match act:
        case "add":
            key = services.add_row(user, public_id, step)
            response = redirect("web:draft", public_id, step)
            response["Location"] += f"#row-{key}"
            return response
        case "remove":
            services.remove_row(user, public_id, step, key)
        case "up" | "down":
            services.move_row(user, public_id, step, key, -1 if act == "up" else 1)
        case "next":
            names = list(STEPS)
            return redirect("web:draft", public_id, names[min(names.index(step) + 1, len(names) - 1)])
    return redirect("web:draft", public_id, step)


def _page(
    request: HttpRequest,
    draft: Draft,
    step: str,
    *,
    status: int = 200,
    typed: Mapping[str, str] = NOTHING,
    bases: Mapping[str, str] = NOTHING,
    contested: Mapping[str, str | None] = NOTHING,
    error: UserError | None = None,
) -> HttpResponse:
    """A draft's page; `typed` is what it shows in the place of what is stored, for it is not saved."""
    currencies = launch_currencies()
    problems = Checker(draft, currencies, timezone.now()).problems()
    form = StudioForm(draft, problems, currencies, categories(), typed, bases, contested)
    waiting: dict[str, int] = dict.fromkeys(STEPS, 0)
    for each in problems:
        waiting[step_of(each.field)] += 1
    context = {
        "draft": draft,
        "step": step,
        "steps": [(name, word, waiting[name]) for name, word in STEPS.items()],
        "form": form.step(step) if step != CHECK else None,
        "problems": [(each, step_of(each.field), *label_of(each.field, draft)) for each in problems],
        "gone": {name: typed[name] for name, text in contested.items() if text is None},
        "is_contested": bool(contested),
        "is_saved": not typed,
        "error": error,
    }
    return render(request, "web/studio/draft.html", context, status=status)


@require_POST
@signed_in_to_post("web:studio")
def preview_story(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The story as its page will have it, for the person who is typing it."""
    rate_limits.require(rate_limits.DRAFT, *rate_limits.asker(request))
    draft = _draft_or_404(request, public_id)
    context = {"story": request.POST.get("story", ""), "language": draft.texts.get("language", "")}
    return render(request, "web/studio/story_preview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def delete_draft(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    if request.method == "POST":
        return _deleted(request, public_id)
    return _delete_asked(request, public_id)


@login_required
def _delete_asked(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    return render(request, "web/studio/delete.html", {"draft": _draft_or_404(request, public_id)})


@signed_in_to_post("web:studio")
def _deleted(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    _draft_or_404(request, public_id)
    services.delete_draft(account_or_404(request), public_id)
    return redirect("web:studio")
