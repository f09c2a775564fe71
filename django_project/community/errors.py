"""Why somebody may not write about a campaign."""

from django.utils.translation import gettext_lazy as _

from django_project.core.errors import RefusedError


class NotABackerError(RefusedError):
    """Only those who gave write among a campaign's comments."""

    def __init__(self) -> None:
        super().__init__(
            "not_a_backer", _("Only backers write here: none of your wallets has given to this campaign.")
        )
