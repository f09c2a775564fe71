"""What happens to an account that its owner is told of, whoever did it."""

from django.db import models
from django.dispatch import Signal


class Act(models.TextChoices):
    WALLET_ADDED = "wallet_added"
    WALLET_REMOVED = "wallet_removed"
    EMAIL_CHANGED = "email_changed"
    DATA_EXPORTED = "data_exported"
    DELETION_ASKED = "deletion_asked"
    DELETION_CALLED_OFF = "deletion_called_off"


# Sent inside the transaction of the act, with `user`, `act` and `subject`, the wallet's checksummed address
# or nothing. A receiver that fails takes the act back.
account_changed = Signal()
