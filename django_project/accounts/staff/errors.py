"""Why an act upon a staff account is refused."""

from django.utils.translation import gettext_lazy as _

from django_project.core.errors import ConflictError, InvalidInputError, RefusedError


class NameTakenError(ConflictError):
    def __init__(self, name: str) -> None:
        super().__init__(
            "name_taken",
            _("“%(name)s” is the name of an account that is not staff. Choose another one.") % {"name": name},
        )


class UnusableNameError(InvalidInputError):
    """A name with characters that no account has."""

    def __init__(self) -> None:
        super().__init__(
            "name_not_usable", _("A name has letters, digits and @ . + - _ only, 150 at most, and no spaces.")
        )


class UnknownStaffError(InvalidInputError):
    def __init__(self, name: str) -> None:
        super().__init__("unknown_staff", _("No staff account is called “%(name)s”.") % {"name": name})


class PowersRefusedError(RefusedError):
    """Only superusers say who may do what; with a wallet nobody becomes staff."""

    def __init__(self) -> None:
        super().__init__("powers_refused", _("Only a superuser may change what staff may do."))


class WalletAccountError(ConflictError):
    def __init__(self) -> None:
        super().__init__(
            "wallet_account",
            _("This account belongs to a wallet. Staff work with an account of their own, without one."),
        )


class LastSuperuserError(ConflictError):
    def __init__(self) -> None:
        super().__init__(
            "last_superuser", _("This is the last superuser who can sign in. Make another one first.")
        )


class ReasonMissingError(InvalidInputError):
    def __init__(self) -> None:
        super().__init__("reason_missing", _("Write a reason: it is kept with the change."))


class AlreadyEnrolledError(ConflictError):
    def __init__(self, name: str) -> None:
        super().__init__(
            "already_enrolled",
            _("“%(name)s” has a password and a second factor. Use “reset” if one of them was lost.")
            % {"name": name},
        )
