"""People: accounts, the wallets that prove them, and sign-in with Ethereum (EIP-4361)."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models

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
    linked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["linked_at"]

    def __str__(self) -> str:
        return "0x" + bytes(self.address).hex()


class SignInChallenge(models.Model):
    """The whole EIP-4361 text the server wrote for one session; consumed once, by one UPDATE."""

    nonce = models.CharField(max_length=32, unique=True, help_text="128 random bits, as hex.")
    session_digest = models.CharField(max_length=64, help_text="SHA-256 of the session it is bound to.")
    address = AddressField()
    chain_id = models.BigIntegerField()
    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    consumed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"challenge for 0x{bytes(self.address).hex()}"
