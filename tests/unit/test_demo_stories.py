"""The demo's sixty stories: enough of each kind, within their lengths, and refused clearly when damaged."""

import re
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from demo.catalogue import (
    STORIES,
    Campaign,
    Catalogue,
    CatalogueError,
    Fate,
    Language,
    Mode,
    Token,
    load_catalogue,
)
from django_project.core.money import parse_units

CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
WORD = re.compile(r"\w[\w'’.,-]*")
HALF_WIDTH_BESIDE_CHINESE = re.compile(r"[\u4e00-\u9fff][,:;?!()]|[,:;?!()][\u4e00-\u9fff]")

TITLE_LENGTH = {Language.ENGLISH: 60, Language.CHINESE: 24}
STORY_LENGTH = {Language.ENGLISH: (150, 260), Language.CHINESE: (280, 480)}
GOALS = {Token.NATIVE: ("0.5", "40"), Token.STABLE: ("1000", "60000")}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def story_length(campaign: Campaign) -> int:
    """English in words, Chinese in characters without white space."""
    if campaign.language is Language.CHINESE:
        return len("".join(campaign.story.split()))
    return len(WORD.findall(campaign.story))


def texts(campaign: Campaign) -> list[str]:
    rewards = [text for reward in campaign.rewards for text in (reward.title, reward.description)]
    updates = [text for update in campaign.updates for text in (update.title, update.text)]
    return [campaign.title, campaign.tagline, campaign.story, *rewards, *updates]


def cjk_share(text: str) -> float:
    letters = [letter for letter in text if letter.isalpha()]
    return sum(bool(CJK.match(letter)) for letter in letters) / len(letters)


def test_there_are_enough_of_each_kind(catalogue: Catalogue) -> None:
    campaigns = catalogue.campaigns
    assert Counter(campaign.language for campaign in campaigns) == {
        Language.ENGLISH: 36,
        Language.CHINESE: 24,
    }
    assert Counter(campaign.fate for campaign in campaigns) == {
        Fate.OPEN: 36,
        Fate.SUCCEEDED: 12,
        Fate.FAILED: 6,
        Fate.JUST_LAUNCHED: 4,
        Fate.CANCELLED: 2,
    }
    assert Counter(campaign.token for campaign in campaigns) == {Token.NATIVE: 50, Token.STABLE: 10}
    assert {campaign.mode for campaign in campaigns} == set(Mode)
    new = [campaign.language for campaign in campaigns if campaign.fate is Fate.JUST_LAUNCHED]
    assert Counter(new) == {Language.ENGLISH: 2, Language.CHINESE: 2}


def test_every_category_has_campaigns_in_both_languages(catalogue: Catalogue) -> None:
    pairs = Counter((campaign.category.slug, campaign.language) for campaign in catalogue.campaigns)
    assert len(catalogue.categories) == 8
    assert pairs.keys() == {(category.slug, lang) for category in catalogue.categories for lang in Language}
    assert min(pairs.values()) >= 2


def test_every_creator_is_used_in_every_language_they_write(catalogue: Catalogue) -> None:
    assert len(catalogue.creators) == 24
    written = {(campaign.creator.slug, campaign.language) for campaign in catalogue.campaigns}
    assert written == {(creator.slug, lang) for creator in catalogue.creators for lang in creator.languages}


def test_names_and_texts_are_not_repeated(catalogue: Catalogue) -> None:
    for repeated in (
        Counter(creator.name for creator in catalogue.creators),
        Counter(campaign.title for campaign in catalogue.campaigns),
        Counter(campaign.tagline for campaign in catalogue.campaigns),
        Counter(campaign.story for campaign in catalogue.campaigns),
    ):
        assert repeated.most_common(1)[0][1] == 1


def test_texts_keep_to_their_lengths(catalogue: Catalogue) -> None:
    for campaign in catalogue.campaigns:
        shortest, longest = STORY_LENGTH[campaign.language]
        assert shortest <= story_length(campaign) <= longest, campaign.slug
        assert len(campaign.title) <= TITLE_LENGTH[campaign.language], campaign.slug
        assert len(campaign.tagline) <= 120, campaign.slug
        assert len(re.findall(r"^## ", campaign.story, re.MULTILINE)) >= 2, campaign.slug
        assert re.search(r"^(-|1\.) ", campaign.story, re.MULTILINE), campaign.slug


def test_texts_are_in_the_language_they_claim(catalogue: Catalogue) -> None:
    for campaign in catalogue.campaigns:
        for text in texts(campaign):
            if campaign.language is Language.ENGLISH:
                assert not CJK.search(text), (campaign.slug, text)
            else:
                assert cjk_share(text) > 0.5, (campaign.slug, text)
                assert not HALF_WIDTH_BESIDE_CHINESE.search(text), (campaign.slug, text)
        if campaign.language is Language.CHINESE:
            assert cjk_share(campaign.story) > 0.9, campaign.slug


def test_goals_and_tiers_are_in_proportion(catalogue: Catalogue) -> None:
    for campaign in catalogue.campaigns:
        lowest, highest = (parse_units(text, campaign.token.decimals) for text in GOALS[campaign.token])
        assert lowest <= campaign.goal <= highest, campaign.slug
        prices = [reward.price for reward in campaign.rewards]
        assert 2 <= len(prices) <= 4, campaign.slug
        assert all(cheaper < dearer for cheaper, dearer in pairwise(prices)), campaign.slug
        assert prices[0] > 0, campaign.slug
        assert prices[-1] < campaign.goal, campaign.slug


def test_each_budget_adds_up_to_its_goal(catalogue: Catalogue) -> None:
    for campaign in catalogue.campaigns:
        unit = " ETH" if campaign.token is Token.NATIVE else ""
        items = re.findall(rf"^- .*[:\uff1a] ?([\d.,]+){unit}$", campaign.story, re.MULTILINE)
        parts = [parse_units(item.replace(",", ""), campaign.token.decimals) for item in items]
        assert len(parts) >= 3, campaign.slug
        assert sum(parts) == campaign.goal, campaign.slug


def test_tags_are_shared_so_that_tastes_exist(catalogue: Catalogue) -> None:
    users: dict[str, set[str]] = {}
    for campaign in catalogue.campaigns:
        assert 3 <= len(campaign.tags) <= 5, campaign.slug
        for tag in campaign.tags:
            assert tag == tag.lower(), (campaign.slug, tag)
            users.setdefault(tag, set()).add(campaign.slug)
    for campaign in catalogue.campaigns:
        assert any(len(users[tag]) >= 2 for tag in campaign.tags), campaign.slug


def test_about_a_third_has_news_from_the_time_they_were_open(catalogue: Catalogue) -> None:
    with_news = [campaign for campaign in catalogue.campaigns if campaign.updates]
    assert 18 <= len(with_news) <= 26
    for campaign in with_news:
        latest = 60 if campaign.fate is Fate.SUCCEEDED else 20
        assert len(campaign.updates) <= 2, campaign.slug
        assert all(1 <= update.days <= latest for update in campaign.updates), campaign.slug


@pytest.mark.parametrize(
    ("file", "written", "damaged", "complaint"),
    [
        (
            "music.toml",
            'goal = "32"',
            'goal = "thirty"',
            "music.toml, campaign 'eddy-.*goal: 'thirty': not a number",
        ),
        ("music.toml", 'goal = "32"', "goal = 32", "goal must be a text"),
        ("music.toml", 'goal = "32"', 'goal = "0"', "goal must be more than 0"),
        ("music.toml", 'goal = "32"', 'goal = "0.15"', "reward 'Eddy': its price must be below"),
        ("music.toml", 'price = "0.125"', 'price = "0.2"', "reward 'Eddy': its price must be above the one"),
        ("music.toml", 'price = "14"', 'price = "14.1234567"', "price: '14.1234567': too many decimals"),
        ("music.toml", "supply = 60", "supply = -1", "supply must be a whole number from 0"),
        ("music.toml", "supply = 60", "suply = 60", "unknown suply; it may have title"),
        (
            "music.toml",
            'token = "native"',
            'token = "gold"',
            "token is 'gold'; it must be one of native, stable",
        ),
        (
            "music.toml",
            'creator = "low-tide-instruments"',
            'creator = "nobody"',
            "'nobody' is not in creators",
        ),
        (
            "music.toml",
            'language = "en"',
            'language = "zh-hans"',
            "Low Tide Instruments does not write in zh-hans",
        ),
        ("music.toml", "two-hundred-reels", "student-yueqin", "'student-yueqin' is used by two entries"),
        ("music.toml", "two-hundred-reels", "Two Reels", "slug 'Two Reels' must be lower-case words"),
        ("music.toml", '"studio"]', '"electronic"]', "tags must be words, none empty and none twice"),
        ("music.toml", 'tags = ["synthesisers"', 'tags = [1, "synthesisers"', "tags must be words"),
        ("music.toml", "[[campaign]]", "[[campaign]", "music.toml is not readable as TOML"),
        ("film.toml", "days = 10", "days = 1.5", "update .*: days must be a whole number"),
        ("games.toml", "days = 52", "days = 30", "update .*: its days must be above the ones before"),
        ("games.toml", 'fate = "open"', 'fate = "just-launched"', "'marshlight': .*no updates yet"),
        (
            "community.toml",
            'fate = "cancelled"',
            'fate = "failed"',
            "only an all-or-nothing campaign can fail",
        ),
        ("music.toml", "milestones = true", "milestones = 1", "milestones must be true or false"),
        (
            "music.toml",
            'fate = "succeeded"',
            'fate = "succeeded"\nmilestones = true',
            "of open campaigns only",
        ),
        ("creators.toml", 'languages = ["en"]', "languages = []", "languages must be a list of words"),
        ("categories.toml", 'slug = "music"', 'slug = "sound"', "music.toml: there is no such category"),
        ("categories.toml", "[[category]]", "[[kind]]", "categories.toml: unknown kind"),
    ],
)
def test_a_damaged_story_is_refused_by_name(
    tmp_path: Path, file: str, written: str, damaged: str, complaint: str
) -> None:
    stories = shutil.copytree(STORIES, tmp_path / "stories")
    text = (stories / file).read_text(encoding="utf-8")
    assert written in text
    (stories / file).write_text(text.replace(written, damaged, 1), encoding="utf-8")
    with pytest.raises(CatalogueError, match=complaint):
        load_catalogue(stories)


def test_a_missing_or_empty_file_is_named(tmp_path: Path) -> None:
    stories = shutil.copytree(STORIES, tmp_path / "stories")
    (stories / "food.toml").write_text("")
    with pytest.raises(CatalogueError, match=r"food\.toml: there is no \[\[campaign\]\]"):
        load_catalogue(stories)
    (stories / "food.toml").write_text("campaign = 3")
    with pytest.raises(CatalogueError, match=r"campaign must be written as \[\[campaign\]\] tables"):
        load_catalogue(stories)
    (stories / "food.toml").unlink()
    with pytest.raises(CatalogueError, match=r"food\.toml is missing"):
        load_catalogue(stories)
