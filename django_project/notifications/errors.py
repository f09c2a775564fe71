"""What can go wrong between an account and its letters."""

import smtplib

from django.utils.translation import gettext_lazy as _

from django_project.core.errors import UserError

# What a mail server has against one letter; anything else concerns them all.
LETTERS_OWN = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError)


class LetterNotSentError(UserError):
    """The mail server did not take the letter that asks whether an address is the account's."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "letter_not_sent",
            _("Our mail server does not answer, so nothing was changed. Try again in a few minutes."),
        )
