"""How versions of the lists fare with people: clicks, contributions, and where attention goes."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

from django.db.models import Count, Exists, F, Func, OuterRef, Q, QuerySet, TextField

from django_project.core.addresses import parse_address
from django_project.discovery.models import BehaviourEvent, ModelVersion, Ranking
from django_project.discovery.user_keys import wallet_key
from django_project.ledger.models import Contribution

CLICK_WITHIN = timedelta(days=1)
CONTRIBUTION_WITHIN = timedelta(days=7)
LIST_LENGTH = 10
WATCHED = timedelta(days=7)
"""What operators are shown."""
MIN_TRIALS = 200
MIN_PEOPLE = 30
"""Fewer of either version say nothing yet."""
BOUNDARY = 3.0
"""Standard errors below the other version at which a version has fallen. The rates are looked at again and
again, and a boundary this wide keeps the chance of a false alarm low over all looks (Haybittle 1971, Peto et
al. 1976)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Hits among trials, of which each person made several: with what their spread is worked out from."""

    hits: int
    trials: int
    people: int
    hits_squared: int
    """Sum over people of the square of their hits; `trials_squared` and `cross` likewise."""
    trials_squared: int
    cross: int

    @classmethod
    def of(cls, counts: Iterable[tuple[int, int]]) -> "Rate":
        """From each person's (hits, trials)."""
        rows = [(h, n, 1, h * h, n * n, h * n) for h, n in counts if n]
        return cls(*map(sum, zip(*rows, strict=True))) if rows else cls(0, 0, 0, 0, 0, 0)

    @property
    def share(self) -> float:
        return self.hits / self.trials if self.trials else 0.0

    @property
    def is_enough(self) -> bool:
        return self.trials >= MIN_TRIALS and self.people >= MIN_PEOPLE

    def variance_about(self, share: float) -> float:
        """Of the rate, if it were `share` in truth: Σᵢ(hᵢ − share·nᵢ)² / n², never below share(1 − share)/n.

        What one person does with ten slots is not ten independent answers, so people are what is summed over
        (Deng, Lu and Litz 2017); the floor is what holds where nobody hit anything.
        """
        spread = self.hits_squared - 2 * share * self.cross + share**2 * self.trials_squared
        return max(spread, share * (1 - share) * self.trials) / self.trials**2

    def __str__(self) -> str:
        return f"{self.share:.2%} of {self.trials:,}"


@dataclass(frozen=True, slots=True)
class Rates:
    """Of the times a version showed a campaign to somebody: how many led where."""

    clicks: Rate
    contributions: Rate

    def __str__(self) -> str:
        return f"clicks {self.clicks}, contributions {self.contributions}"


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where the lists sent people's eyes."""

    impressions: int
    campaigns: int
    gini: float


def clicks_on_it() -> QuerySet[BehaviourEvent]:
    """For a query over impressions: the same visitor's views of the same campaign within a day."""
    return BehaviourEvent.objects.filter(
        kind=BehaviourEvent.Kind.VIEW,
        visitor=OuterRef("visitor"),
        chain_id=OuterRef("chain_id"),
        campaign_address=OuterRef("campaign_address"),
        occurred_at__gte=OuterRef("occurred_at"),
        occurred_at__lte=OuterRef("occurred_at") + CLICK_WITHIN,
    )


def rates(run_ids: Collection[str], since: datetime, until: datetime) -> Rates:
    """What came of the impressions of some versions in a period, each visitor and campaign counted once.

    A click is a view of the campaign's page by the same visitor within a day, a contribution one of the
    wallet that was signed in within a week. What came after the period does not count, so that two periods of
    one length give their impressions as much time.
    """
    views = clicks_on_it().filter(occurred_at__lt=until)
    given = Contribution.objects.filter(
        backer=OuterRef("wallet_address"),
        campaign__chain_id=OuterRef("chain_id"),
        campaign__address=OuterRef("campaign_address"),
        block_time__gte=OuterRef("occurred_at"),
        block_time__lte=OuterRef("occurred_at") + CONTRIBUTION_WITHIN,
        block_time__lt=until,
    )
    campaign = Func("chain_id", "campaign_address", function="ROW", output_field=TextField())
    people = (
        BehaviourEvent.objects.filter(
            kind=BehaviourEvent.Kind.IMPRESSION,
            model_version__in=list(run_ids),
            occurred_at__gte=since,
            occurred_at__lt=until,
        )
        .annotate(was_clicked=Exists(views), was_backed=Exists(given))
        .values("visitor")
        .annotate(
            shown=Count(campaign, distinct=True),
            clicked=Count(campaign, distinct=True, filter=Q(was_clicked=True)),
            backed=Count(campaign, distinct=True, filter=Q(was_backed=True)),
        )
        .order_by()
        .values_list("shown", "clicked", "backed")
    )
    counts = list(people)
    return Rates(
        Rate.of((clicked, shown) for shown, clicked, _ in counts),
        Rate.of((backed, shown) for shown, _, backed in counts),
    )


def replayed(version: ModelVersion, since: datetime) -> Rate:
    """How many of the contributions made since had their campaign among the first ten of the backer's list.

    It scores a list that nobody was shown; backers without a list of their own are left out.
    """
    given = Contribution.objects.filter(block_time__gte=since)
    pairs = set(given.values_list("backer", "campaign__chain_id", "campaign__address").order_by())
    keys = {wallet_key(backer) for backer, _, _ in pairs}
    lists = Ranking.objects.filter(version=version, user_key__in=keys)
    known = {parse_address(key) for key in lists.values_list("user_key", flat=True).distinct().order_by()}
    first = lists.filter(rank__lte=LIST_LENGTH).values_list("user_key", "chain_id", "address")
    listed = {(parse_address(key), chain_id, bytes(address)) for key, chain_id, address in first}
    asked = {(bytes(b), c, bytes(a)) for b, c, a in pairs if bytes(b) in known}
    trials, hits = Counter(b for b, _, _ in asked), Counter(b for b, _, _ in asked & listed)
    return Rate.of((hits[backer], count) for backer, count in trials.items())


def has_fallen(ours: Rate, theirs: Rate) -> bool:
    """Whether our rate is lower beyond chance: z = (p₁ − p₂) / √(var₁ + var₂) ≤ −BOUNDARY.

    Both variances are those about the pooled rate, that is, as if there were no difference (a score test).
    """
    if not (ours.is_enough and theirs.is_enough):
        return False
    pooled = (ours.hits + theirs.hits) / (ours.trials + theirs.trials)
    error = sqrt(ours.variance_about(pooled) + theirs.variance_about(pooled))
    return error > 0 and (ours.share - theirs.share) / error <= -BOUNDARY


def exposure(since: datetime) -> Exposure:
    """How the impressions of recommended slots spread over the campaigns that had any."""
    shown = BehaviourEvent.objects.filter(
        kind=BehaviourEvent.Kind.IMPRESSION, slot__isnull=False, occurred_at__gte=since
    )
    counts: Counter[tuple[int, bytes]] = Counter()
    rows = shown.values(c=F("chain_id"), a=F("campaign_address")).annotate(n=Count("pk")).order_by()
    for row in rows:
        counts[row["c"], bytes(row["a"])] = row["n"]
    values = sorted(counts.values())
    total, n = sum(values), len(values)
    skew = sum((2 * i - n - 1) * value for i, value in enumerate(values, 1)) / (n * total) if total else 0.0
    return Exposure(total, n, skew)
