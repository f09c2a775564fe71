"""Campaigns before their launch."""

import uuid

from django.db import models

from django_project.accounts.models import User


class DraftQuerySet(models.QuerySet["Draft"]):
    def for_user(self, user: User) -> "DraftQuerySet":
        """What an account may see and change."""
        return self.filter(owner=user)


class Draft(models.Model):
    """What was typed of a campaign, right or not; `studio.content` says what there is to type.

    Each field of the texts has the revision that wrote it last, so that of two people, or of one person's two
    browsers, neither overwrites what the other wrote without having seen it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="drafts")
    texts = models.JSONField(default=dict, help_text="{field: text}; what is not there is empty.")
    rows = models.JSONField(default=dict, help_text="{list: [key of each row, in order]}.")
    revisions = models.JSONField(default=dict, help_text="{field: the revision that wrote it last}.")
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return str(self.texts.get("title") or self.public_id)
