"""What `manage.py check --deploy` warns of beyond Django's own list."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import checks
from django.utils import timezone

# RFC 9116 recommends less than a year, so that somebody looks whether it still holds.
LONGEST_PROMISE = timedelta(days=366)


@checks.register(checks.Tags.security, deploy=True)
def security_contact(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Whoever finds a hole can learn whom to tell, and the answer is of this year."""
    contacts, expires = settings.SECURITY_CONTACTS, settings.SECURITY_EXPIRES
    if not contacts and expires is None:
        return []
    if not contacts or expires is None:
        wrong = "CHAINFUND_SECURITY_CONTACTS and CHAINFUND_SECURITY_EXPIRES go together"
    elif expires <= timezone.now():
        wrong = "CHAINFUND_SECURITY_EXPIRES has passed"
    elif expires > timezone.now() + LONGEST_PROMISE:
        wrong = "CHAINFUND_SECURITY_EXPIRES is more than a year ahead"
    else:
        return []
    hint = "Look whether the contacts still hold and write a day within the next twelve months."
    return [checks.Warning(f"{wrong}: there is no usable security.txt.", hint=hint, id="ops.W001")]
