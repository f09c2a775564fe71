"""The operator's own list of addresses that the site does not serve: sanctions lists, above all.

Off unless CHAINFUND_ADDRESS_SCREEN names a function `(address: bytes) -> bool` by its dotted path; it says
whether a 20-byte address is refused. It is asked when somebody begins to sign in or to pledge, in the web
process, so it should answer from memory. What it raises ends the request: nobody passes unasked.

The chain serves everybody: whoever is refused here can still call the contracts themselves.
"""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from django_project.core.errors import RefusedError

Screen = Callable[[bytes], bool]


class AddressRefusedError(RefusedError):
    def __init__(self) -> None:
        super().__init__(
            "address_refused",
            _("We cannot serve this address. You can still claim from the contracts what they allow."),
        )


def require_served(address: bytes) -> None:
    """Ask the operator's function, where there is one.

    Raises:
        AddressRefusedError: it refuses the address.
    """
    screen = operators_screen()
    if screen is not None and screen(address):
        raise AddressRefusedError


def operators_screen() -> Screen | None:
    """The function that the settings name; None when they name none.

    Raises:
        ImproperlyConfigured: there is no such function.
    """
    if not settings.ADDRESS_SCREEN:
        return None
    try:
        found: object = import_string(settings.ADDRESS_SCREEN)
    except ImportError as error:
        raise ImproperlyConfigured(f"CHAINFUND_ADDRESS_SCREEN cannot be imported: {error}") from None
    if not callable(found):
        raise ImproperlyConfigured(f"CHAINFUND_ADDRESS_SCREEN: {settings.ADDRESS_SCREEN} is no function")
    return found
