"""What people read about campaigns, and how the site shows it. The money side is in `ledger`."""

import uuid

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from django_project.core.fields import AddressField, HashField
from django_project.ledger.models import CampaignLaunched


class Category(models.Model):
    slug = models.SlugField(unique=True)
    name_en = models.CharField(max_length=50)
    name_zh_hans = models.CharField(max_length=50)
    description_en = models.CharField(max_length=200, blank=True)
    description_zh_hans = models.CharField(max_length=200, blank=True)
    icon = models.CharField(max_length=30)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "slug"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name_en


class Metadata(models.Model):
    """A campaign's text, content-addressed: the hash on chain binds exactly these bytes."""

    hash = HashField(primary_key=True)
    document = models.BinaryField(help_text="Canonical JSON; its keccak-256 is the hash.")
    title = models.CharField(max_length=120)
    tagline = models.CharField(max_length=240, blank=True)
    story = models.TextField(blank=True, help_text="Markdown.")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="metadata")
    language = models.CharField(max_length=10)
    publisher = models.CharField(max_length=60, help_text="The creator's display name.")
    rewards = models.JSONField(
        default=list, help_text="[{tier, title, description}], by the chain's tier ids."
    )
    search = SearchVectorField(null=True, editable=False, help_text="As `campaigns.text_index` has it.")
    index_edition = models.PositiveSmallIntegerField(
        db_default=0,
        editable=False,
        db_index=True,
        help_text="Of how it was indexed; an older one is redone.",
    )
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "metadata"
        indexes = [GinIndex(fields=["search"], name="metadata_search")]

    def __str__(self) -> str:
        return self.title


class Listing(models.Model):
    """A campaign's place in the shop window: its URL and what moderators decided.

    Keyed like the chain's row, not by a foreign key: the chain may take the launch back.
    """

    class Visibility(models.TextChoices):
        LISTED = "listed"
        UNRANKED = "unranked", "listed, frozen out of rankings"
        HIDDEN = "hidden"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=120, unique=True, allow_unicode=True)
    chain_id = models.BigIntegerField()
    address = AddressField()
    launched = models.ForeignObject(
        CampaignLaunched,
        on_delete=models.DO_NOTHING,
        from_fields=["chain_id", "address"],
        to_fields=["chain_id", "address"],
        related_name="+",
        null=True,
    )
    metadata = models.ForeignKey(Metadata, on_delete=models.PROTECT, related_name="listings")
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.LISTED)
    is_staff_pick = models.BooleanField(default=False)
    listed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "address"], name="listing_once")]

    def __str__(self) -> str:
        return self.slug
