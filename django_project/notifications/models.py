"""What backers are told, on the site and by e-mail."""

from django.conf import settings
from django.db import models

from django_project.accounts.acts import Act
from django_project.core.fields import AddressField


class Kind(models.TextChoices):
    REFUND_DUE = "refund_due"
    MILESTONE_REVIEW = "milestone_review"
    UPDATE_POSTED = "update_posted"


class Notification(models.Model):
    """One thing one account is told about one campaign, once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=20, choices=Kind)
    chain_id = models.BigIntegerField()
    address = AddressField()
    cause = models.CharField(
        max_length=80, help_text="The event or deadline behind it: nothing is told twice."
    )
    is_reminder = models.BooleanField(default=False, help_text="It was told before, or could have been.")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    emailed_at = models.DateTimeField(null=True, blank=True)
    email_tried_at = models.DateTimeField(
        null=True, blank=True, help_text="When the letter was last handed to the mail server, taken or not."
    )

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "cause"], name="notification_once")]
        indexes = [
            models.Index(
                fields=["created_at"], condition=models.Q(emailed_at=None), name="notification_unsent"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class AccountNotice(models.Model):
    """What happened to an account itself, told to its owner: on the site, and to the address it had then."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account_notices"
    )
    act = models.CharField(max_length=30, choices=Act)
    subject = models.CharField(max_length=42, blank=True, help_text="The wallet it is about.")
    recipient = models.EmailField(blank=True, help_text="Confirmed at the time; empty once it was sent.")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(
        null=True, blank=True, help_text="When the letter was last handed to the mail server, taken or not."
    )

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["created_at"], condition=~models.Q(recipient=""), name="account_notice_unsent"
            )
        ]

    def __str__(self) -> str:
        return f"{self.act} for {self.user_id}"


class Preference(models.Model):
    """How an account wants to hear of one kind; without a row: both ways."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    kind = models.CharField(max_length=20, choices=Kind)
    on_site = models.BooleanField(default=True)
    by_email = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="preference_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"


class Mailbox(models.Model):
    """An account's e-mail address; nothing is sent to it but the question, until its owner confirms."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="mailbox"
    )
    address = models.EmailField()
    confirmed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"mailbox of {self.user_id}"
