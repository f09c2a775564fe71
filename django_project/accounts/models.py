"""People: accounts, the wallets that prove them, and sign-in with Ethereum (EIP-4361)."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from django_project.accounts.purposes import Purpose
from django_project.core.fields import AddressField


class User(AbstractUser):
    """An account. Backers and creators have wallets and no password; staff have a password and no wallet."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        CHINESE = "zh-hans", "简体中文"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    display_name = models.CharField(max_length=60, blank=True)
    bio = models.CharField(max_length=500, blank=True)
    language = models.CharField(max_length=10, choices=Language, blank=True)
    anonymous_backer = models.BooleanField(default=False, help_text="Hide the name beside contributions.")
    deletion_due_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Asked for without a signature: deleted then, unless somebody objects.",
    )

    class Meta(AbstractUser.Meta):
        indexes = [
            models.Index(
                fields=["deletion_due_at"],
                condition=models.Q(deletion_due_at__isnull=False),
                name="user_deletion_due",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_staff=True) | models.Q(is_superuser=False), name="superusers_are_staff"
            )
        ]

    def __str__(self) -> str:
        return self.display_name or self.username


class Wallet(models.Model):
    """An address that proved by signature that it belongs to an account; an address has one account."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="wallets")
    address = AddressField(unique=True)
    is_contract = models.BooleanField(
        default=False,
        help_text="Its code accepted the signature: it has no key, and may have several signers.",
    )
    contract_chain_id = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="The chain whose code speaks for a contract; empty until it signs again, of the oldest.",
    )
    linked_at = models.DateTimeField(auto_now_add=True)
    # With the account, the columns of a foreign key to accounts_user (id, is_staff): staff have no wallets.
    user_is_staff = models.GeneratedField(
        expression=models.Value(value=False), output_field=models.BooleanField(), db_persist=True
    )

    class Meta:
        ordering = ["linked_at"]

    def __str__(self) -> str:
        return "0x" + bytes(self.address).hex()


class Challenge(models.Model):
    """The whole EIP-4361 text the server wrote for one browser; consumed once, by one UPDATE.

    One that is no sign-in is one account's, for one purpose.
    """

    nonce = models.CharField(max_length=32, unique=True, help_text="128 random bits, as hex.")
    browser_digest = models.CharField(max_length=64, help_text="SHA-256 of the cookie it is bound to.")
    purpose = models.CharField(max_length=20, choices=Purpose, default=Purpose.SIGN_IN)
    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="+", help_text="Whose act it permits."
    )
    subject = models.CharField(
        max_length=254, blank=True, help_text="What the act is about: a wallet's or an email address."
    )
    address = AddressField()
    chain_id = models.BigIntegerField()
    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    consumed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose=Purpose.SIGN_IN) ^ models.Q(user__isnull=False),
                name="challenge_of_an_account_unless_sign_in",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} for 0x{bytes(self.address).hex()}"


class Session(AbstractBaseSession):
    """A browser's session as `accounts.sessions` keeps it; one of somebody signed in names the account.

    Its own columns repeat what the session itself says, so that an account's sessions can be listed and
    ended; `last_used_at` stands here alone.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    wallet = AddressField(null=True, help_text="The wallet that signed in; staff have none.")
    started_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    browser = models.CharField(max_length=30, blank=True, help_text="Its maker's name for it, no version.")
    system = models.CharField(max_length=30, blank=True)
    network = models.CharField(max_length=50, blank=True, help_text="The address, shortened to /24 or /48.")

    class Meta(AbstractBaseSession.Meta):
        verbose_name = "session"
        verbose_name_plural = "sessions"

    def __str__(self) -> str:
        return f"session of {self.user_id}"
