"""A newcomer's answers to two questions, kept by their own browser in one signed cookie.

They do what the visitor asked for and nothing else: no row is made of them, no model learns from them, and so
they need no consent.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_project.catalog.selectors import facet_values

COOKIE = "answers"
COOKIE_AGE_SECONDS = 365 * 24 * 3600
# Of slugs of 50 characters: browsers drop cookies of more than 4,096 bytes without a word.
CATEGORIES_MOST = 20
_SALT = "chainfund.answers"
# Neither stands in a slug or a language's code, and cookies take both as they are.
_BETWEEN_QUESTIONS, _BETWEEN_ANSWERS = "|", "."


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody cares about and reads, either of which may be left open."""

    categories: tuple[str, ...]
    """Slugs."""
    languages: tuple[str, ...]
    """Codes, as campaigns' texts have them."""

    def name(self, category: str, language: str) -> bool:
        """Whether a campaign is of what was asked for: of a chosen category, or of a language if none was."""
        return category in self.categories if self.categories else language in self.languages


def known(categories: Collection[str], languages: Collection[str]) -> Answers | None:
    """Those of these answers that the site has, in its own order; None where there are none."""
    answers = Answers(
        tuple(slug for slug in facet_values("category") if slug in categories),
        tuple(code for code in facet_values("language") if code in languages),
    )
    return answers if answers.categories or answers.languages else None


def read(request: HttpRequest) -> Answers | None:
    """What this browser answered, as far as the site still has it; a cookie of anybody else's making is none.

    Without a query where the catalog's categories are at hand.
    """
    value = request.get_signed_cookie(COOKIE, default="", salt=_SALT, max_age=COOKIE_AGE_SECONDS)
    if not value:
        return None
    categories, _, languages = value.partition(_BETWEEN_QUESTIONS)
    return known(categories.split(_BETWEEN_ANSWERS), languages.split(_BETWEEN_ANSWERS))


def remember(response: HttpResponseBase, answers: Answers) -> None:
    """Have the browser keep the answers for a year, in place of those it had."""
    response.set_signed_cookie(
        COOKIE,
        _BETWEEN_QUESTIONS.join(
            _BETWEEN_ANSWERS.join(chosen) for chosen in (answers.categories, answers.languages)
        ),
        salt=_SALT,
        max_age=COOKIE_AGE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def forget(response: HttpResponseBase) -> None:
    """Have the browser drop the answers."""
    response.delete_cookie(COOKIE, samesite="Lax")
