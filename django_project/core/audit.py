"""The audit trail: one call, inside the transaction of what it records."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from django_project.core.models import AuditEntry

# The subject of what was done to an account that asked to be forgotten.
FORGOTTEN = "a forgotten account"


def record(
    action: str, subject: object, *, actor: AbstractBaseUser | None = None, **details: object
) -> AuditEntry:
    """Write one entry; the caller holds the transaction, so that act and entry land together or not at all.

    Raises:
        TransactionManagementError: called outside `transaction.atomic`.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            f"{action}: record an act inside the transaction that performs it"
        )
    actor_id = None if actor is None else actor.pk
    return AuditEntry.objects.create(action=action, subject=str(subject), actor_id=actor_id, details=details)


def forget(subject: object) -> None:
    """Keep what was done to an account and no longer whose it was; the caller deletes the account.

    What the account did itself loses its name with the account's row.

    Raises:
        TransactionManagementError: called outside `transaction.atomic`.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            "forget an account inside the transaction that deletes it"
        )
    AuditEntry.objects.filter(subject=str(subject)).update(subject=FORGOTTEN, details={}, actor=None)
