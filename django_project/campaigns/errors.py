"""What can be wrong with a campaign's text, and with what is said about it."""

from django.utils.translation import gettext_lazy as _

from django_project.core.errors import InvalidInputError, RefusedError


class InvalidDocumentError(InvalidInputError):
    """A campaign's or an update's text breaks a rule; `fields` says which field and why."""


class NotABackerError(RefusedError):
    """Only those who gave write on a campaign's wall."""

    def __init__(self) -> None:
        super().__init__(
            "not_a_backer", _("Only backers write here: none of your wallets has given to this campaign.")
        )
