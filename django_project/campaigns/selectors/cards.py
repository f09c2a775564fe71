"""Campaigns as the shop window shows them, one query for any number of cards."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import get_language

from django_project.campaigns.models import Category, Listing
from django_project.campaigns.selectors.listings import (
    CampaignKey,
    Closing,
    Status,
    key_filter,
    listed_campaigns,
    visible,
)
from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.core.money import UNKNOWN_AMOUNT, percent_text
from django_project.ledger.clocks import chain_time
from django_project.ledger.models import CampaignLaunched
from django_project.ledger.networks import has_others, is_play_among_real, network_name
from django_project.ledger.selectors import TokenInfo, status_at

if TYPE_CHECKING:
    from django_project.campaigns.selectors.listings import Listings


@dataclass(frozen=True, slots=True)
class CategoryLabel:
    """A category with its names; `name` and `description` follow the language of the request."""

    slug: str
    name_en: str
    name_zh_hans: str
    description_en: str
    description_zh_hans: str
    icon: str

    @property
    def name(self) -> str:
        return self.name_zh_hans if get_language() == "zh-hans" else self.name_en

    @property
    def description(self) -> str:
        return self.description_zh_hans if get_language() == "zh-hans" else self.description_en


@dataclass(frozen=True, slots=True)
class CampaignCard:
    """One campaign, its money in base units of its token."""

    listing_id: int
    campaign_id: int
    slug: str
    chain_id: int
    address: str
    title: str
    tagline: str
    category: CategoryLabel
    language: str
    publisher: str
    creator: str
    status: Status
    raised: int
    goal: int
    token: TokenInfo | None
    """Of all amounts; None while it is not known, and then no amount is shown and nothing can be pledged."""
    percent: int
    backers: int
    contributions: int
    start: datetime
    deadline: datetime
    # Two readings of one state are the same card.
    now: datetime = field(compare=False)
    """The time on the campaign's chain when this was read."""
    is_staff_pick: bool
    is_ranked: bool
    closed_by: Closing
    """Why it takes no contributions; empty while it does."""
    network: str
    is_one_of_several: bool
    """Whether the site has campaigns on other networks too, so that this one's has to be named."""
    is_test_network: bool
    is_play_among_real: bool
    """Whether its coins have no value and those of other campaigns do."""

    @property
    def accepts_contributions(self) -> bool:
        return not self.closed_by

    @property
    def network_label(self) -> str:
        """The network's name where it has to be told; empty on a site that has only one."""
        return self.network if self.is_one_of_several else ""

    @property
    def is_listed(self) -> bool:
        """Whether it has a page: see `cards_of_own`."""
        return bool(self.slug)

    @property
    def url(self) -> str:
        return reverse("web:campaign", args=[self.slug])

    @property
    def milestones_url(self) -> str:
        return reverse("web:campaign-milestones", args=[self.slug])

    @property
    def key(self) -> CampaignKey:
        return self.chain_id, bytes.fromhex(self.address[2:])

    @property
    def item_id(self) -> str:
        """What the recommender and the beacon call it: `<chain id>:<lower-case address>`."""
        return f"{self.chain_id}:{self.address.lower()}"

    @property
    def token_symbol(self) -> str:
        """Empty while the currency is not known."""
        return self.token.symbol if self.token else ""

    @property
    def token_decimals(self) -> int | None:
        return self.token.decimals if self.token else None

    def amount_text(self, amount: int) -> str:
        """The exact number of whole tokens, without the symbol; a dash while the currency is not known."""
        return self.token.text(amount) if self.token else UNKNOWN_AMOUNT

    @property
    def raised_text(self) -> str:
        return self.amount_text(self.raised)

    @property
    def goal_text(self) -> str:
        return self.amount_text(self.goal)

    @property
    def percent_text(self) -> str:
        """Of the goal."""
        return percent_text(self.raised, self.goal)

    @property
    def state(self) -> str:
        """The status, but "ended" of one that ended below its goal and whose creator can withdraw."""
        return "ended" if self.status == "succeeded" and self.raised < self.goal else self.status

    @property
    def is_open(self) -> bool:
        return self.status == "open"


def cards(listings: "Listings") -> list[CampaignCard]:
    """The cards of listings taken from `visible()`, in their order, in one query.

    Straight from the columns: making five models of each row takes several times as long.
    """
    return [_card(dict(zip(_COLUMNS, row, strict=True))) for row in listings.values_list(*_COLUMNS.values())]


def cards_by_key(keys: Iterable[CampaignKey]) -> dict[CampaignKey, CampaignCard]:
    """The visible campaigns among `keys`, in one query; none when there are no keys."""
    wanted = set(keys)
    if not wanted:
        return {}
    found = visible().filter(key_filter(wanted, "chain_id", "address"))
    return {card.key: card for card in cards(found)}


def cards_of_own(keys: Iterable[CampaignKey]) -> dict[CampaignKey, CampaignCard]:
    """As `cards_by_key`, for people with money in them: also those that have no page here, by their address.

    A text that is not known, or a moderator's decision, takes nobody's refund away. One query more for these.
    """
    wanted = set(keys)
    found = cards_by_key(wanted)
    others = wanted - found.keys()
    if not others:
        return found
    now = chain_time("chain")
    launches = CampaignLaunched.objects.filter(
        key_filter(others, "chain_id", "address"), totals__isnull=False
    ).annotate(
        now=now,
        status=status_at(now),
        network=network_name("chain"),
        is_one_of_several=has_others("chain_id"),
        is_play_among_real=is_play_among_real("chain"),
    )
    for values in launches.values_list(*_OWN_COLUMNS.values()):
        row = dict(zip(_OWN_COLUMNS, values, strict=True))
        address = format_address(row["address"])
        card = _card({**_UNLISTED, **row, "title": f"{address[:6]}…{address[-4:]}"})
        found[card.key] = card
    return found


def cards_by_listing(listing_ids: Collection[int]) -> dict[int, CampaignCard]:
    """The visible ones among listings, by their id, in one query; none when there are no ids."""
    if not listing_ids:
        return {}
    return {card.listing_id: card for card in cards(visible().filter(pk__in=listing_ids))}


def newest(limit: int, category: str = "") -> list[CampaignCard]:
    """Campaigns, the latest launch first, of one category if it is named.

    Whatever became of them; but what somebody paused, or nobody could pay into, is not spread further.
    """
    listed = listed_campaigns().filter(closed_by__in=("", "ended", "full"))
    if category:
        listed = listed.filter(metadata__category__slug=category)
    return cards(listed.order_by("-launched__start", "-pk")[:limit])


_COLUMNS = {
    "listing_id": "pk",
    "slug": "slug",
    "chain_id": "chain_id",
    "address": "address",
    "visibility": "visibility",
    "is_staff_pick": "is_staff_pick",
    "status": "status",
    "now": "now",
    "token_address": "launched__token",
    "token_symbol": "launched__currency__symbol",
    "token_decimals": "launched__currency__decimals",
    "own_symbol": "launched__chain__currency_symbol",
    "own_decimals": "launched__chain__currency_decimals",
    "title": "metadata__title",
    "tagline": "metadata__tagline",
    "language": "metadata__language",
    "publisher": "metadata__publisher",
    "category": "metadata__category__slug",
    "name_en": "metadata__category__name_en",
    "name_zh_hans": "metadata__category__name_zh_hans",
    "description_en": "metadata__category__description_en",
    "description_zh_hans": "metadata__category__description_zh_hans",
    "icon": "metadata__category__icon",
    "campaign_id": "launched__pk",
    "launched_by": "launched__creator",
    "goal": "launched__goal",
    "start": "launched__start",
    "deadline": "launched__deadline",
    "creator": "launched__totals__creator",
    "raised": "launched__totals__raised",
    "backers": "launched__totals__backers",
    "contributions": "launched__totals__contributions",
    "closed_by": "closed_by",
    "network": "network",
    "is_one_of_several": "is_one_of_several",
    "is_test_network": "launched__chain__is_test_network",
    "is_play_among_real": "is_play_among_real",
}


_OF_ANY_LAUNCH = frozenset(
    {"chain_id", "address", "status", "now", "network", "is_one_of_several", "is_play_among_real"}
)
# The same of a launch that has no listing, or none that is shown.
_OWN_COLUMNS = {
    name: path.removeprefix("launched__")
    for name, path in _COLUMNS.items()
    if path.startswith("launched__") or name in _OF_ANY_LAUNCH
}
_UNLISTED: dict[str, Any] = {
    **dict.fromkeys(_COLUMNS, ""),
    "listing_id": 0,
    "is_staff_pick": False,
    "language": "en",
    "closed_by": "",
}


def _card(row: dict[str, Any]) -> CampaignCard:
    is_own = row["token_address"] == ZERO_ADDRESS
    token = (
        TokenInfo.of(row["own_symbol"], row["own_decimals"])
        if is_own
        else TokenInfo.of(row["token_symbol"], row["token_decimals"])
    )
    return CampaignCard(
        listing_id=row["listing_id"],
        campaign_id=row["campaign_id"],
        slug=row["slug"],
        chain_id=row["chain_id"],
        address=format_address(row["address"]),
        title=row["title"],
        tagline=row["tagline"],
        category=CategoryLabel(
            slug=row["category"],
            name_en=row["name_en"],
            name_zh_hans=row["name_zh_hans"],
            description_en=row["description_en"],
            description_zh_hans=row["description_zh_hans"],
            icon=row["icon"],
        ),
        language=row["language"],
        publisher=row["publisher"],
        creator=format_address(row["creator"] or row["launched_by"]),
        status=row["status"],
        raised=row["raised"],
        goal=row["goal"],
        token=token,
        percent=row["raised"] * 100 // row["goal"] if row["goal"] else 0,
        backers=row["backers"],
        contributions=row["contributions"],
        start=row["start"],
        deadline=row["deadline"],
        now=row["now"],
        is_staff_pick=row["is_staff_pick"],
        is_ranked=row["visibility"] == Listing.Visibility.LISTED and token is not None,
        closed_by=row["closed_by"],
        network=row["network"],
        is_one_of_several=row["is_one_of_several"],
        is_test_network=row["is_test_network"],
        is_play_among_real=row["is_play_among_real"],
    )


def with_card_columns(listings: "Listings") -> "Listings":
    """Join what `card_of` reads."""
    return listings.select_related(
        "metadata__category", "launched__totals", "launched__chain", "launched__currency"
    )


def card_of(listing: Listing) -> CampaignCard:
    """The card of a listing that came through `visible` and `with_card_columns`."""
    return _card({name: _value(listing, path) for name, path in _COLUMNS.items()})


def _value(row: object, path: str) -> Any:
    """A column of a row or of what it is joined with; None where there is nothing to join."""
    for name in path.split("__"):
        row = None if row is None else getattr(row, name)
    return row


def label_of(category: Category) -> CategoryLabel:
    return CategoryLabel(
        slug=category.slug,
        name_en=category.name_en,
        name_zh_hans=category.name_zh_hans,
        description_en=category.description_en,
        description_zh_hans=category.description_zh_hans,
        icon=category.icon,
    )
