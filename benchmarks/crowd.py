"""A shop of any size in the database, written by COPY: what `benchmarks.web` measures pages on.

Campaigns differ in popularity as real ones do (a power law), contributions are spread over their runs, and
texts are put together from words, in English and Chinese, so that searches find some and not all.
"""

import hashlib
import itertools
import random
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from benchmarks.words import CATEGORIES, CHINESE, ENGLISH
from django_project.campaigns import services
from django_project.campaigns.models import Category
from django_project.discovery.models import ModelVersion, RankingPublication
from django_project.ledger.models import Chain, Cursor

CHAIN_ID = 31337
ETHER = 10**18
ZERO = bytes(20)
RANKED = 200
NEIGHBOURS = 10
BACKERS = 100_000
SPAN = timedelta(days=120)
# How unequal popularity is: with 0.8 a tenth of the campaigns get about half of the contributions.
SKEW = 0.8


@dataclass(frozen=True, slots=True)
class Launch:
    number: int
    address: bytes
    digest: bytes
    category: int
    words: tuple[str, ...]
    language: str
    start: datetime
    goal: int
    contributions: int


def _bytes(kind: str, number: int, size: int) -> bytes:
    return hashlib.blake2b(f"{kind} {number}".encode(), digest_size=size).digest()


def _copy(table: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _launches(campaigns: int, contributions: int, dice: random.Random) -> Iterator[Launch]:
    weights = [(rank + 1) ** -SKEW for rank in range(campaigns)]
    scale = contributions / sum(weights)
    categories = list(Category.objects.values_list("pk", flat=True))
    now = timezone.now()
    dice.shuffle(weights)
    bounds = [round(total * scale) for total in itertools.accumulate(weights, initial=0.0)]
    for number in range(campaigns):
        language = "zh-hans" if dice.random() < 0.3 else "en"
        words = tuple(dice.sample(CHINESE if language == "zh-hans" else ENGLISH, 4))
        yield Launch(
            number=number,
            address=_bytes("campaign", number, 20),
            digest=_bytes("text", number, 32),
            category=dice.choice(categories),
            words=words,
            language=language,
            start=now - dice.random() * SPAN,
            goal=dice.randint(1, 400) * ETHER // 2,
            contributions=bounds[number + 1] - bounds[number],
        )


def _texts(launches: list[Launch], dice: random.Random) -> Iterator[tuple[object, ...]]:
    for launch in launches:
        joint = "" if launch.language == "zh-hans" else " "
        vocabulary = CHINESE if launch.language == "zh-hans" else ENGLISH
        title = joint.join(launch.words).capitalize() + f" {launch.number}"
        story = "\n\n".join(joint.join(dice.choices(vocabulary, k=40)) for _ in range(5))
        tagline = joint.join(dice.choices(vocabulary, k=8))
        yield (
            *(launch.digest, b"{}", title, tagline, story, launch.category, launch.language),
            *(f"Publisher {launch.number % 3000}", "[]", timezone.now()),
        )


def _contributions(launches: list[Launch], dice: random.Random) -> Iterator[tuple[object, ...]]:
    """Each campaign's own, in the order of its events; blocks are only required to differ."""
    block, now = 1, timezone.now()
    for launch in launches:
        raised, given = 0, dict[bytes, int]()
        span = min(now - launch.start, timedelta(days=30)) / (launch.contributions + 1)
        for seq in range(1, launch.contributions + 1):
            block += 1
            backer = _bytes("backer", int(BACKERS * dice.random() ** 2), 20)
            amount = dice.randint(1, 100) * ETHER // 200
            raised += amount
            given[backer] = given.get(backer, 0) + amount
            yield (
                *(CHAIN_ID, block, 0, launch.start + span * seq, _bytes("transaction", block, 32), seq),
                *(launch.number + 1, backer, backer, ZERO, 0, bytes(32), amount, given[backer], raised),
            )


def fill(campaigns: int, contributions: int, seed: int = 1) -> None:
    """Write the shop into an empty, migrated database."""
    dice = random.Random(seed)
    chain = Chain.objects.create(
        chain_id=CHAIN_ID,
        name="Benchmark chain",
        genesis_hash=bytes(32),
        finality_depth=8,
        currency_symbol="ETH",
        currency_decimals=18,
    )
    Cursor.objects.create(
        chain=chain,
        next_block=contributions + campaigns,
        node_head=contributions + campaigns - 1,
        finalized_block=contributions,
    )
    services.ensure_categories(
        {"slug": slug, "name_en": slug.capitalize(), "name_zh_hans": slug, "icon": "tag"}
        for slug in CATEGORIES
    )
    launches = list(_launches(campaigns, contributions, dice))
    _copy(
        "campaigns_metadata",
        "hash, document, title, tagline, story, category_id, language, publisher, rewards, stored_at",
        _texts(launches, dice),
    )
    _index_texts()
    _copy(
        "ledger_campaignlaunched",
        "id, chain_id, block_number, log_index, block_time, tx_hash, seq, factory, address, creator, token, "
        "mode, goal, start, deadline, fee_bps, min_contribution, cap, metadata_uri, metadata_hash",
        (
            (
                *(each.number + 1, CHAIN_ID, 2 * contributions + each.number, 0, each.start),
                *(_bytes("launch", each.number, 32), each.number + 1, _bytes("factory", 0, 20), each.address),
                *(_bytes("creator", each.number, 20), ZERO, int(each.number % 4 == 0), each.goal, each.start),
                *(each.start + timedelta(days=30), 250, 0, 0, "", each.digest),
            )
            for each in launches
        ),
    )
    _copy(
        "campaigns_listing",
        "public_id, slug, chain_id, address, metadata_id, visibility, is_staff_pick, listed_at",
        (
            (
                *(uuid.UUID(bytes=_bytes("listing", each.number, 16)), f"campaign-{each.number}", CHAIN_ID),
                *(each.address, each.digest, "listed", each.number % 500 == 0, each.start),
            )
            for each in launches
        ),
    )
    _copy(
        "ledger_contribution",
        "chain_id, block_number, log_index, block_time, tx_hash, seq, campaign_id, backer, payer, token, "
        "tier_id, ref, amount, backer_total, total_raised",
        _contributions(launches, dice),
    )
    _sum_up()
    _publish(launches, dice)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _index_texts() -> None:
    """The search column, as the site's worker fills it."""
    while services.index_anew():
        pass


def _sum_up() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_campaigntotals (campaign_id, last_seq, raised, refunded, withdrawn, fees,"
            " fees_claimed, contributions, backers, last_contribution_at, paused, milestones,"
            " milestones_released, objections, objection_limit)"
            " SELECT c.id, count(g.id), coalesce(sum(g.amount), 0), 0, 0, 0, 0, count(g.id),"
            " count(DISTINCT g.backer), max(g.block_time), false, 0, 0, 0, 0"
            " FROM ledger_campaignlaunched c LEFT JOIN ledger_contribution g ON g.campaign_id = c.id"
            " GROUP BY c.id"
        )


def _publish(launches: list[Launch], dice: random.Random) -> None:
    """A ranking for everybody and neighbours for each campaign, as a live model has them."""
    version = ModelVersion.objects.create(
        run_id="benchmark",
        model="pop",
        state=ModelVersion.State.LIVE,
        snapshot_hash="0" * 64,
        seed=1,
        trained_at=timezone.now(),
    )
    RankingPublication.objects.create(pk=1, version=version, rankings_hash=bytes(32))
    best = sorted(launches, key=lambda each: -each.contributions)[:RANKED]
    _copy(
        "discovery_ranking",
        "version_id, chain_id, address, rank, score, user_key, reason",
        (
            (version.pk, CHAIN_ID, each.address, rank, 1 / rank, "", "popular")
            for rank, each in enumerate(best, start=1)
        ),
    )
    _copy(
        "discovery_similarcampaign",
        "version_id, chain_id, address, rank, score, of_chain_id, of_address",
        (
            (version.pk, CHAIN_ID, other.address, rank, 1 / rank, CHAIN_ID, each.address)
            for each in launches
            for rank, other in enumerate(dice.sample(launches, NEIGHBOURS), start=1)
        ),
    )
