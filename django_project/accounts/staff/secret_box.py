"""Encrypts what second factors are checked with, so that a copy of the database opens no account.

Keys are derived from `SECOND_FACTOR_KEYS`, or where that is empty from the secret key and its fallbacks: the
first one encrypts, all of them read.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"chainfund.accounts.staff.secret_box"
_KEY_BYTES = 32


class SecretUnreadableError(Exception):
    """No key that is configured made this."""


def encrypt(text: str) -> str:
    return _box(_keys()).encrypt(text.encode()).decode("ascii")


def decrypt(sealed: str) -> str:
    """The text again.

    Raises:
        SecretUnreadableError: the key that made it is not configured any more.
    """
    try:
        return _box(_keys()).decrypt(sealed.encode("ascii")).decode()
    except InvalidToken:
        raise SecretUnreadableError(
            "a second factor's secret cannot be read: put the key it was made with behind the new one in "
            "CHAINFUND_SECOND_FACTOR_KEYS or, where that is empty, among the fallbacks of SECRET_KEY"
        ) from None


def renew(sealed: str) -> str:
    """The same text under the first key."""
    return encrypt(decrypt(sealed))


def _keys() -> tuple[str, ...]:
    return tuple(settings.SECOND_FACTOR_KEYS or [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])


@lru_cache(maxsize=8)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE)
    return base64.urlsafe_b64encode(derivation.derive(key.encode()))
