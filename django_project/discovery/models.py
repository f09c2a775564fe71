"""What visitors do (with consent), which models rank for them, and the rankings themselves."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from django_project.core.fields import AddressField, HashField


class Visitor(models.Model):
    """A browser that answered the consent question; without consent nothing below is recorded."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="visitors"
    )
    consented_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.public_id)


class BehaviourEvent(models.Model):
    """One consented observation, posted by the page's own beacon."""

    class Kind(models.TextChoices):
        IMPRESSION = "impression"
        VIEW = "view"

    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="events")
    wallet_address = AddressField(null=True, blank=True, help_text="Who was signed in.")
    client_event_id = models.UUIDField(help_text="Chosen by the page, so that a repeated post counts once.")
    kind = models.CharField(max_length=10, choices=Kind)
    chain_id = models.BigIntegerField()
    campaign_address = AddressField()
    dwell_seconds = models.PositiveIntegerField(default=0)
    slot = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Position on the page, from 0.")
    propensity = models.FloatField(null=True, blank=True, help_text="Probability of the slot's choice.")
    model_version = models.CharField(max_length=64, blank=True, help_text="Run id that ranked the slot.")
    occurred_at = models.DateTimeField(db_index=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visitor", "client_event_id"], name="behaviour_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.occurred_at:%Y-%m-%d}"


class Erasure(models.Model):
    """Somebody asked to be forgotten. Only a hash is kept, to see that no later model knows them."""

    user_hash = models.CharField(max_length=64, db_index=True, help_text="SHA-256 of the user's key.")
    is_whole = models.BooleanField(
        help_text="What they wrote into chains is left out of training too, not their behaviour alone."
    )
    erased_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"erased {self.erased_at:%Y-%m-%d}"


class ExplorationArm(models.Model):
    """A new campaign's chances in the slots that explore: how often Thompson sampling would draw it."""

    chain_id = models.BigIntegerField()
    address = AddressField()
    impressions = models.PositiveIntegerField()
    clicks = models.PositiveIntegerField()
    probability = models.FloatField(help_text="That it is the best of the new campaigns, given its clicks.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "address"], name="one_arm_a_campaign")]

    def __str__(self) -> str:
        return f"{self.clicks} of {self.impressions}"


class ModelVersion(models.Model):
    """A trained run, as the registry of the site knows it. Run files are immutable."""

    class State(models.TextChoices):
        CANDIDATE = "candidate"
        SHADOW = "shadow"
        CANARY = "canary"
        REFUSED = "refused"
        LIVE = "live"
        RETIRED = "retired"

    run_id = models.CharField(max_length=64, unique=True)
    model = models.CharField(max_length=30)
    state = models.CharField(max_length=10, choices=State, default=State.CANDIDATE)
    snapshot_hash = models.CharField(max_length=64)
    finalized_blocks = models.JSONField(default=dict, help_text="{chain id: {number, hash}} of the snapshot.")
    seed = models.BigIntegerField()
    metrics = models.JSONField(
        default=dict, help_text="{model: {metric: {mean, low, high}}}, ours and baselines."
    )
    gate_results = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="What gates and roll-out found, in order: [{run, code, values}]; see `gate_labels`.",
    )
    reasons = models.JSONField(
        default=list,
        blank=True,
        help_text="The same as English sentences, in rows from before codes.",
    )
    feedback = models.JSONField(
        default=dict,
        help_text="Coverage and Gini of its lists, and the top users' share in training.",
    )
    warm_from = models.CharField(max_length=64, blank=True, help_text="The run whose weights it began with.")
    rankings_hash = HashField(null=True, blank=True, help_text="SHA-256 of its lists' bytes, once ranked.")
    trained_at = models.DateTimeField()
    promoted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-trained_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="live"), name="one_live_model_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.run_id}"

    @property
    def findings(self) -> list[dict[str, Any] | str]:
        """All that was found about the run, oldest first."""
        return [*self.reasons, *self.gate_results]


class Interpretation(models.Model):
    """What a version that learns ratings has learnt, for operators to read; the worker writes it."""

    version = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, related_name="interpretation")
    findings = models.JSONField(help_text="Items by directions, biases and neighbours, with their figures.")
    factors = models.BinaryField(help_text="PNG: the items on the first two principal components.")
    biases = models.BinaryField(help_text="PNG: the highest and the lowest biases.")
    neighbours = models.BinaryField(help_text="PNG: the nearest neighbours of the most rated items.")

    class Meta:
        ordering = ["-version__trained_at"]

    def __str__(self) -> str:
        return str(self.version)


class RankedItem(models.Model):
    """What every ranking's row names: a campaign by its chain key, its place and its score."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="%(class)ss")
    chain_id = models.BigIntegerField()
    address = AddressField()
    rank = models.PositiveIntegerField(help_text="From 1.")
    score = models.FloatField()

    class Meta:
        abstract = True


class Ranking(RankedItem):
    """One campaign in one user's list. The empty user key holds the list of those we know nothing about."""

    class Reason(models.TextChoices):
        SIMILAR_TO = "similar_to"
        CATEGORY = "category"
        TRENDING = "trending"
        NEW = "new"
        POPULAR = "popular"

    user_key = models.CharField(max_length=64, blank=True, help_text="Lower-case 0x address, or empty.")
    reason = models.CharField(max_length=12, choices=Reason)
    reason_chain_id = models.BigIntegerField(null=True, blank=True)
    reason_address = AddressField(null=True, blank=True, help_text="The past campaign the reason names.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "user_key", "rank"], name="ranking_rank_once"),
            models.UniqueConstraint(
                fields=["version", "user_key", "chain_id", "address"], name="ranking_item_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_key or 'anyone'} #{self.rank}"


class SimilarCampaign(RankedItem):
    """Campaigns nearest to one campaign."""

    of_chain_id = models.BigIntegerField()
    of_address = AddressField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "of_chain_id", "of_address", "rank"], name="similar_rank_once"
            )
        ]

    def __str__(self) -> str:
        return f"similar #{self.rank}"


class AudienceMember(RankedItem):
    """A backer who is likely to care about a campaign, predicted from its text and publisher."""

    user_key = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "chain_id", "address", "rank"], name="audience_rank_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_key} #{self.rank}"


class NewcomerScore(models.Model):
    """How well a campaign suits whoever gave an answer, for those with no history to rank by.

    A newcomer's score of a campaign is its row of question "", plus the mean of its rows over the categories
    they chose, plus the mean over the languages they chose; higher is better. A question with nothing chosen
    adds nothing, and a row that is missing counts 0. All rows of a version cover the same campaigns.
    """

    class Question(models.TextChoices):
        ANYONE = ""
        CATEGORY = "category"
        LANGUAGE = "language"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="newcomer_scores")
    question = models.CharField(
        max_length=8, choices=Question, blank=True, help_text="Empty: everybody's part, nothing answered."
    )
    answer = models.CharField(
        max_length=64, blank=True, help_text="A category's slug or a language's code; empty for everybody's."
    )
    chain_id = models.BigIntegerField()
    address = AddressField()
    score = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "question", "answer", "chain_id", "address"], name="newcomer_score_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.question or 'anyone'} {self.answer}".strip()


class RankingPublication(models.Model):
    """The one row that says which rankings the site shows; moving it is what publishes or rolls back.

    A candidate stands beside what is live: scored and not shown (shadow), or shown to a tenth of the users
    (canary). See `rollout`.
    """

    class Stage(models.TextChoices):
        NONE = ""
        SHADOW = "shadow"
        CANARY = "canary"

    version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, related_name="publication")
    published_at = models.DateTimeField(auto_now=True)
    rankings_hash = HashField(help_text="SHA-256 of the published table's bytes.")
    previous = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    candidate = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    stage = models.CharField(max_length=6, choices=Stage, default=Stage.NONE, blank=True)
    stage_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="only_one_publication")]

    def __str__(self) -> str:
        return f"showing {self.version_id}"
