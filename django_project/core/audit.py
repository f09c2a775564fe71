"""The audit trail: one call, inside the transaction of what it records."""

from typing import TYPE_CHECKING

from django.db import transaction

from django_project.core.models import AuditEntry

if TYPE_CHECKING:
    from django_project.accounts.models import User

# The subject of what was done to an account that asked to be forgotten.
FORGOTTEN = "a forgotten account"


def record(action: str, subject: object, *, actor: "User | None" = None, **details: object) -> AuditEntry:
    """Write one entry; the caller holds the transaction, so that act and entry land together or not at all.

    Raises:
        TransactionManagementError: called outside `transaction.atomic`.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            f"{action}: record an act inside the transaction that performs it"
        )
    return AuditEntry.objects.create(action=action, subject=str(subject), actor=actor, details=details)


def forget(user: "User") -> None:
    """Keep what was done to an account and by it, and no longer whose it was; the caller deletes the account.

    Raises:
        TransactionManagementError: called outside `transaction.atomic`.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            "forget an account inside the transaction that deletes it"
        )
    AuditEntry.objects.filter(subject=str(user.public_id)).update(subject=FORGOTTEN, details={}, actor=None)
