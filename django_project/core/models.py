"""What every part needs: the progress of background work and the trail of who did what."""

import uuid

from django.conf import settings
from django.db import models


class Job(models.Model):
    """One piece of background work, as people watch it: its stage, its progress and how it ended."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        SKIPPED = "skipped"
        FAILED = "failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, help_text="The Celery task's name.")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    stage = models.CharField(max_length=100, blank=True)
    fraction = models.FloatField(default=0.0, help_text="Progress of the stage, 0 to 1.")
    message = models.TextField(blank=True, help_text="Why it was skipped or failed, or what it achieved.")
    started_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["name", "-started_at"])]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"


class AuditEntry(models.Model):
    """Who did what, to what and why; written in the transaction of the act itself.

    It is changed in one case: an account that is forgotten is no longer named.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Empty when the system acted by itself.",
    )
    action = models.CharField(max_length=100, help_text="app.noun.verb, such as campaigns.listing.hidden")
    subject = models.CharField(max_length=200, help_text="The thing acted on, by its public id.")
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
