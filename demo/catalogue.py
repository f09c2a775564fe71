"""The demo's campaigns, read from the TOML files in `stories/` and checked before anything uses them."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from django_project.core.money import AmountTextError, parse_units

STORIES = Path(__file__).with_name("stories")

NO_CAMPAIGNS_IN = frozenset({"categories", "creators"})
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class CatalogueError(Exception):
    """A story file is missing or says something impossible; the message names the file and the entry."""


class Language(StrEnum):
    ENGLISH = "en"
    CHINESE = "zh-hans"


class Token(StrEnum):
    NATIVE = "native"
    STABLE = "stable"

    @property
    def decimals(self) -> int:
        return 18 if self is Token.NATIVE else 6


class Mode(StrEnum):
    ALL_OR_NOTHING = "all-or-nothing"
    KEEP_WHAT_YOU_RAISE = "keep-what-you-raise"


class Fate(StrEnum):
    """What has become of a campaign by the time the demo opens."""

    OPEN = "open"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    JUST_LAUNCHED = "just-launched"


@dataclass(frozen=True, slots=True)
class Category:
    slug: str
    name_en: str
    name_zh_hans: str
    description_en: str
    description_zh_hans: str
    icon: str


@dataclass(frozen=True, slots=True)
class Creator:
    slug: str
    name: str
    languages: tuple[Language, ...]
    bio: str


@dataclass(frozen=True, slots=True)
class Reward:
    """A tier: `price` in base units of the campaign's token, `supply` 0 for unlimited."""

    title: str
    description: str
    price: int
    supply: int


@dataclass(frozen=True, slots=True)
class Update:
    """News from the creator, `days` after the launch."""

    title: str
    text: str
    days: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """One story: `goal` in base units of `token`, rewards by ascending price, updates by day.

    `has_milestones` is for open ones, whose end lies ahead; what became of the others says it for them.
    """

    slug: str
    category: Category
    creator: Creator
    language: Language
    title: str
    tagline: str
    story: str
    goal: int
    token: Token
    mode: Mode
    fate: Fate
    has_milestones: bool
    tags: tuple[str, ...]
    rewards: tuple[Reward, ...]
    updates: tuple[Update, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    categories: tuple[Category, ...]
    creators: tuple[Creator, ...]
    campaigns: tuple[Campaign, ...]


Choice = TypeVar("Choice", bound=StrEnum)
Entry = TypeVar("Entry", Category, Creator, Campaign)


class Table:
    """A TOML table that knows where it stands, so that each complaint can say so."""

    def __init__(self, values: Mapping[str, object], place: str) -> None:
        self.values = values
        self.place = place

    def refuse(self, problem: str) -> CatalogueError:
        return CatalogueError(f"{self.place}: {problem}")

    def allow_only(self, keys: Collection[str]) -> None:
        if unknown := sorted(self.values.keys() - set(keys)):
            raise self.refuse(f"unknown {', '.join(unknown)}; it may have {', '.join(keys)}")

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(f"{key} must be a text that is not empty")
        return value.strip()

    def slug(self) -> str:
        slug = self.text("slug")
        if not SLUG.fullmatch(slug):
            raise self.refuse(f"slug {slug!r} must be lower-case words joined by hyphens")
        return slug

    def number(self, key: str) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.refuse(f"{key} must be a whole number from 0 up")
        return value

    def flag(self, key: str) -> bool:
        """False where it is not said."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.refuse(f"{key} must be true or false")
        return value

    def amount(self, key: str, token: Token) -> int:
        """A positive amount in the token's base units, written as text."""
        text = self.text(key)
        try:
            units = parse_units(text, token.decimals)
        except AmountTextError as error:
            raise self.refuse(f"{key}: {text!r}: {error.problem.replace('-', ' ')}") from error
        if units == 0:
            raise self.refuse(f"{key} must be more than 0")
        return units

    def choice(self, key: str, kind: type[Choice]) -> Choice:
        return self._as_choice(key, self.text(key), kind)

    def choices(self, key: str, kind: type[Choice]) -> tuple[Choice, ...]:
        return tuple(self._as_choice(key, word, kind) for word in self.words(key))

    def _as_choice(self, key: str, word: str, kind: type[Choice]) -> Choice:
        try:
            return kind(word)
        except ValueError as error:
            raise self.refuse(f"{key} is {word!r}; it must be one of {', '.join(kind)}") from error

    def words(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key)
        if not isinstance(value, list) or not value:
            raise self.refuse(f"{key} must be a list of words")
        words = tuple(word for word in value if isinstance(word, str) and word.strip())
        if len(words) != len(value) or len(set(words)) != len(words):
            raise self.refuse(f"{key} must be words, none empty and none twice")
        return words

    def tables(self, key: str) -> list["Table"]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise self.refuse(f"{key} must be written as [[{key}]] tables")
        return [Table(row, f"{self.place}, {key} {_label(row, n)}") for n, row in enumerate(value, start=1)]


def _label(row: Mapping[str, object], position: int) -> str:
    name = row.get("slug") or row.get("title")
    return repr(name) if isinstance(name, str) else f"number {position}"


def load_catalogue(folder: Path = STORIES) -> Catalogue:
    """Read every story.

    Args:
        folder: holds categories.toml, creators.toml and one file of campaigns per category.

    Raises:
        CatalogueError: a file is missing, is not TOML, or holds an entry that cannot be.
    """
    categories = _unique(_category(table) for table in _entries(folder / "categories.toml", "category"))
    creators = _unique(_creator(table) for table in _entries(folder / "creators.toml", "creator"))
    if strays := sorted({path.stem for path in folder.glob("*.toml")} - categories.keys() - NO_CAMPAIGNS_IN):
        raise CatalogueError(f"{strays[0]}.toml: there is no such category; add it to categories.toml")
    campaigns = _unique(
        _campaign(table, category, creators)
        for category in categories.values()
        for table in _entries(folder / f"{category.slug}.toml", "campaign")
    )
    return Catalogue(tuple(categories.values()), tuple(creators.values()), tuple(campaigns.values()))


def _entries(path: Path, kind: str) -> list[Table]:
    try:
        document = Table(tomllib.loads(path.read_text(encoding="utf-8")), path.name)
    except FileNotFoundError as error:
        raise CatalogueError(f"{path.name} is missing in {path.parent}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name} is not readable as TOML: {error}") from error
    document.allow_only([kind])
    if not (tables := document.tables(kind)):
        raise document.refuse(f"there is no [[{kind}]] in it")
    return tables


def _unique(entries: Iterable[Entry]) -> dict[str, Entry]:
    by_slug: dict[str, Entry] = {}
    for entry in entries:
        if entry.slug in by_slug:
            raise CatalogueError(f"the slug {entry.slug!r} is used by two entries; rename one of them")
        by_slug[entry.slug] = entry
    return by_slug


def _category(table: Table) -> Category:
    table.allow_only(Category.__slots__)
    return Category(
        slug=table.slug(),
        name_en=table.text("name_en"),
        name_zh_hans=table.text("name_zh_hans"),
        description_en=table.text("description_en"),
        description_zh_hans=table.text("description_zh_hans"),
        icon=table.text("icon"),
    )


def _creator(table: Table) -> Creator:
    table.allow_only(Creator.__slots__)
    return Creator(
        slug=table.slug(),
        name=table.text("name"),
        languages=table.choices("languages", Language),
        bio=table.text("bio"),
    )


CAMPAIGN_KEYS = (
    "slug",
    "creator",
    "language",
    "title",
    "tagline",
    "story",
    "goal",
    "token",
    "mode",
    "fate",
    "milestones",
    "tags",
    "reward",
    "update",
)


def _campaign(table: Table, category: Category, creators: Mapping[str, Creator]) -> Campaign:
    table.allow_only(CAMPAIGN_KEYS)
    token = table.choice("token", Token)
    goal = table.amount("goal", token)
    campaign = Campaign(
        slug=table.slug(),
        category=category,
        creator=_known_creator(table, creators),
        language=table.choice("language", Language),
        title=table.text("title"),
        tagline=table.text("tagline"),
        story=table.text("story"),
        goal=goal,
        token=token,
        mode=table.choice("mode", Mode),
        fate=table.choice("fate", Fate),
        has_milestones=table.flag("milestones"),
        tags=table.words("tags"),
        rewards=_rewards(table, token, goal),
        updates=_updates(table),
    )
    _check_sense(table, campaign)
    return campaign


def _known_creator(table: Table, creators: Mapping[str, Creator]) -> Creator:
    slug = table.text("creator")
    if slug not in creators:
        raise table.refuse(f"creator {slug!r} is not in creators.toml")
    return creators[slug]


def _rewards(table: Table, token: Token, goal: int) -> tuple[Reward, ...]:
    rewards: list[Reward] = []
    for row in table.tables("reward"):
        row.allow_only(Reward.__slots__)
        price = row.amount("price", token)
        if price >= goal:
            raise row.refuse("its price must be below the campaign's goal")
        if rewards and price <= rewards[-1].price:
            raise row.refuse("its price must be above the one before; list rewards by ascending price")
        rewards.append(Reward(row.text("title"), row.text("description"), price, row.number("supply")))
    return tuple(rewards)


def _updates(table: Table) -> tuple[Update, ...]:
    updates: list[Update] = []
    for row in table.tables("update"):
        row.allow_only(Update.__slots__)
        days = row.number("days")
        if updates and days <= updates[-1].days:
            raise row.refuse("its days must be above the ones before; list updates in order")
        updates.append(Update(row.text("title"), row.text("text"), days))
    return tuple(updates)


def _check_sense(table: Table, campaign: Campaign) -> None:
    """Refuse what the contracts or the calendar would not let happen."""
    if campaign.language not in campaign.creator.languages:
        raise table.refuse(f"{campaign.creator.name} does not write in {campaign.language}")
    if campaign.fate is Fate.FAILED and campaign.mode is not Mode.ALL_OR_NOTHING:
        raise table.refuse("only an all-or-nothing campaign can fail")
    if campaign.fate is Fate.JUST_LAUNCHED and campaign.updates:
        raise table.refuse("a campaign launched within two days has no updates yet")
    if campaign.has_milestones and campaign.fate is not Fate.OPEN:
        raise table.refuse("milestones are said of open campaigns only")
