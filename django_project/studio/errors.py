"""Why a draft cannot be changed as asked."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_project.core.errors import InvalidInputError, RefusedError


class UnknownFieldError(InvalidInputError):
    """A draft has no such field."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "unknown_field",
            _("A draft has no such field."),
            fields={field: _("There is no field of this name.")},
        )


class TextTooLongError(InvalidInputError):
    """Longer than even a draft keeps."""

    def __init__(self, field: str, longest: int) -> None:
        words = ngettext(
            "This holds at most %(most)s character. Shorten it: it is not saved.",
            "This holds at most %(most)s characters. Shorten it: it is not saved.",
            longest,
        ) % {"most": f"{longest:,}"}
        super().__init__("text_too_long", words, fields={field: words})


class TooManyDraftsError(RefusedError):
    """An account has as many as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "too_many_drafts",
            ngettext(
                "An account keeps at most %(most)s draft. Delete one that you no longer need.",
                "An account keeps at most %(most)s drafts. Delete one that you no longer need.",
                most,
            )
            % {"most": most},
        )


class TooManyRowsError(RefusedError):
    """A campaign takes no more of them."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "too_many_rows",
            ngettext(
                "A campaign takes at most %(most)s of these.",
                "A campaign takes at most %(most)s of these.",
                most,
            )
            % {"most": most},
        )
