"""Writes about campaigns: texts by their hash, and listings."""

from collections.abc import Callable, Iterable, Mapping

from django.db import transaction
from django.utils.text import slugify

from django_project.campaigns import documents, text_index
from django_project.campaigns.models import Category, Listing, Metadata
from django_project.campaigns.selectors import unlisted
from django_project.core import characters
from django_project.core.metadata import canonical_json, metadata_hash

SLUG_TITLE_LENGTH = 80
# A text takes some 5 ms of a processor.
INDEXED_AT_ONCE = 500
# Of a text from before names were looked at, when nothing of its name can be seen.
NAMELESS = "(no name)"


def ensure_categories(categories: Iterable[Mapping[str, str]]) -> list[Category]:
    """Create or rename categories, in the order given; each names slug, name_en, name_zh_hans and icon."""
    rows = []
    for position, entry in enumerate(categories):
        row, _ = Category.objects.update_or_create(
            slug=entry["slug"],
            defaults={
                "name_en": entry["name_en"],
                "name_zh_hans": entry["name_zh_hans"],
                "description_en": entry.get("description_en", ""),
                "description_zh_hans": entry.get("description_zh_hans", ""),
                "icon": entry["icon"],
                "position": position,
            },
        )
        rows.append(row)
    return rows


def store_metadata(document: Mapping[str, object]) -> Metadata:
    """Keep a campaign's text under the hash of its canonical JSON; the same document is kept once.

    Raises:
        InvalidDocumentError: a field is missing, unknown, of a wrong kind or too long; `fields` names each.
    """
    text = documents.read_campaign(document)
    stored = canonical_json(document)
    digest = metadata_hash(stored)
    Metadata.objects.bulk_create(
        [
            Metadata(
                hash=digest,
                document=stored,
                title=text.title,
                tagline=text.tagline,
                story=text.story,
                category=text.category,
                language=text.language,
                publisher=text.publisher,
                rewards=[
                    {"tier": r.tier, "title": r.title, "description": r.description} for r in text.rewards
                ],
                search=text_index.vector(text.title, text.tagline, text.publisher, text.story),
                index_edition=text_index.INDEX_EDITION,
            )
        ],
        ignore_conflicts=True,
    )
    return Metadata.objects.get(pk=digest)


def index_anew(limit: int = INDEXED_AT_ONCE) -> int:
    """Index texts that were stored under an older version of the index; says how many were.

    What such a text calls itself is taken as it may be shown: when it was stored, nobody looked at that.
    """
    stale = Metadata.objects.filter(index_edition__lt=text_index.INDEX_EDITION).defer("document", "search")
    rows = list(stale[:limit])
    for row in rows:
        title, publisher = characters.seen(row.title) or NAMELESS, characters.seen(row.publisher) or NAMELESS
        tagline = characters.seen(row.tagline)
        Metadata.objects.filter(pk=row.pk).update(
            title=title,
            tagline=tagline,
            publisher=publisher,
            rewards=[{**reward, "title": characters.seen(reward["title"])} for reward in row.rewards],
            search=text_index.vector(title, tagline, publisher, row.story),
            index_edition=text_index.INDEX_EDITION,
        )
    return len(rows)


@transaction.atomic
def sync_listings(chain_id: int) -> int:
    """List launched campaigns whose text is known and that are not listed yet; says how many were.

    Safe to run at any time and by several at once: a listing outlives a reorganisation of its launch, and a
    campaign that comes back finds it.
    """
    launched = list(unlisted(chain_id).order_by("block_number", "log_index"))
    texts = Metadata.objects.defer("document").in_bulk({row.metadata_hash for row in launched})
    waiting = [
        Listing(chain_id=chain_id, address=row.address, metadata=texts[row.metadata_hash]) for row in launched
    ]
    for suffix in _SLUG_SUFFIXES:
        if not waiting:
            break
        for listing in waiting:
            listing.slug = _slug(listing.metadata.title, suffix(listing))
        # Ignored is a row that is there already; one that only found its slug taken gets another.
        Listing.objects.bulk_create(waiting, ignore_conflicts=True)
        listed = Listing.objects.filter(chain_id=chain_id, address__in=[row.address for row in waiting])
        there = set(listed.values_list("address", flat=True))
        waiting = [row for row in waiting if row.address not in there]
    return len(launched) - len(waiting)


# What tells campaigns of one title apart: a creator's equal terms have one address on every chain, and an
# address can be made up to begin, and a title to end, as somebody else's slug.
_SLUG_SUFFIXES: tuple[Callable[[Listing], str], ...] = (
    lambda row: row.address.hex()[:8],
    lambda row: f"{row.address.hex()[:8]}-{row.chain_id}",
    lambda row: row.public_id.hex,
)


def _slug(title: str, suffix: str) -> str:
    """The title's words, as far as there is room for them, and the suffix."""
    words = slugify(title, allow_unicode=True)[:SLUG_TITLE_LENGTH].strip("-_")
    return f"{words or 'campaign'}-{suffix}"
