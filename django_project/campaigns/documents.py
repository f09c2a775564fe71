"""The shape of the texts that are bound to the chain by their hash."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic import Field as Bounded
from pydantic_core import PydanticCustomError

from django_project.campaigns.errors import InvalidDocumentError
from django_project.campaigns.models import Category
from django_project.core.errors import Message
from django_project.core.names import NameRefusedError, checked_line, checked_name, checked_speaker

# Lengths in characters; the database's columns agree.
TITLE_LENGTH = 120
TAGLINE_LENGTH = 240
STORY_LENGTH = 60_000
PUBLISHER_LENGTH = 60
REWARD_LENGTH = 2_000
REWARDS = 100

# No control characters but the ones of a text: they have no glyph, and PostgreSQL refuses NUL.
_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_LINE = r"^[^\x00-\x1f\x7f\u2028\u2029]*$"


def _line(longest: int, shortest: int = 1) -> StringConstraints:
    return StringConstraints(
        strict=True, min_length=shortest, max_length=longest, pattern=_LINE, strip_whitespace=False
    )


def _body(longest: int, shortest: int = 0) -> StringConstraints:
    return StringConstraints(strict=True, min_length=shortest, max_length=longest, pattern=_PRINTABLE)


def _named(rule: Callable[[str], str]) -> AfterValidator:
    """By a rule for names, which says what to change; a document's own bytes stay as its hash has them."""

    def checked(text: str) -> str:
        try:
            return rule(text)
        except NameRefusedError as error:
            raise PydanticCustomError("name_refused", "{words}", {"words": str(error.message)}) from None

    return AfterValidator(checked)


class _Reward(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tier: Annotated[int, Bounded(strict=True, ge=1, le=2**32 - 1)]
    title: Annotated[str, _line(TITLE_LENGTH), _named(checked_name)]
    description: Annotated[str, _body(REWARD_LENGTH)] = ""


class _Campaign(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_: Annotated[Literal[1], Bounded(alias="schema")]
    title: Annotated[str, _line(TITLE_LENGTH), _named(checked_name)]
    tagline: Annotated[str, _line(TAGLINE_LENGTH, 0), _named(checked_line)] = ""
    story: Annotated[str, _body(STORY_LENGTH)] = ""
    category: Annotated[str, _line(50)]
    language: Literal["en", "zh-hans"]
    publisher: Annotated[str, _line(PUBLISHER_LENGTH), _named(checked_speaker)]
    rewards: Annotated[list[_Reward], Bounded(max_length=REWARDS)] = []


class _Update(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_: Annotated[Literal[1], Bounded(alias="schema")]
    title: Annotated[str, _line(TITLE_LENGTH), _named(checked_name)]
    body: Annotated[str, _body(STORY_LENGTH, 1)]


@dataclass(frozen=True, slots=True)
class RewardText:
    tier: int
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class CampaignText:
    title: str
    tagline: str
    story: str
    category: Category
    language: str
    publisher: str
    rewards: tuple[RewardText, ...]


@dataclass(frozen=True, slots=True)
class UpdateText:
    title: str
    body: str


def read_campaign(document: Mapping[str, object]) -> CampaignText:
    """Check a campaign's document.

    Keys: schema (1), title, tagline, story (markdown), category (slug), language ("en" or "zh-hans"),
    publisher, rewards ([{tier, title, description}], one per tier at most).

    Raises:
        InvalidDocumentError: with a sentence for each field that is wrong.
    """
    try:
        read = _Campaign.model_validate(dict(document))
    except ValidationError as error:
        raise _refusal(error) from None
    tiers = [reward.tier for reward in read.rewards]
    if len(set(tiers)) < len(tiers):
        raise InvalidDocumentError(
            "invalid_document",
            _("The text is not valid."),
            fields={"rewards": _("Two rewards name one tier.")},
        )
    category = Category.objects.filter(slug=read.category).first()
    if category is None:
        raise InvalidDocumentError(
            "invalid_document",
            _("The text is not valid."),
            fields={"category": _("There is no such category.")},
        )
    return CampaignText(
        title=read.title,
        tagline=read.tagline,
        story=read.story,
        category=category,
        language=read.language,
        publisher=read.publisher,
        rewards=tuple(RewardText(r.tier, r.title, r.description) for r in read.rewards),
    )


def read_update(document: Mapping[str, object]) -> UpdateText:
    """Check an update's document: schema (1), title and body (markdown); raises InvalidDocumentError."""
    try:
        read = _Update.model_validate(dict(document))
    except ValidationError as error:
        raise _refusal(error) from None
    return UpdateText(read.title, read.body)


def _refusal(error: ValidationError) -> InvalidDocumentError:
    return _invalid({".".join(str(part) for part in entry["loc"]): entry["msg"] for entry in error.errors()})


def _invalid(fields: Mapping[str, Message]) -> InvalidDocumentError:
    return InvalidDocumentError("invalid_document", _("The text is not valid."), fields=fields)
