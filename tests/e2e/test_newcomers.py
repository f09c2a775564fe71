"""Somebody with no history answers two questions, and the first list of the home page follows."""

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from django_project.discovery.exploration import EPSILON
from tests.e2e.people import Words, eventually, refuse_consent
from tests.e2e.stack import BROKE, HONEY, TEA, Stack
from tests.e2e.test_access import violations, wear

# Everybody's list has Chinese texts in front, then food. An answered category says 1 of its own campaigns and
# 0 of all others, a language half as much.
PUBLISH = """
WITH version AS (
    INSERT INTO discovery_modelversion
        (run_id, model, state, snapshot_hash, finalized_blocks, seed, metrics, reasons, feedback,
         warm_from, trained_at)
    VALUES (%s, 'chainfund', 'live', '', '{}', 1, '{}', '[]', '{}', '', now())
    RETURNING id
), published AS (
    INSERT INTO discovery_rankingpublication (id, version_id, published_at, rankings_hash, stage)
    SELECT 1, id, now(), decode(repeat('00', 32), 'hex'), '' FROM version
), campaign AS (
    SELECT version.id AS version_id, listing.chain_id, listing.address, category.slug, text.language,
        row_number() OVER (
            ORDER BY text.language = 'zh-hans' DESC, category.slug = 'food' DESC, text.title
        ) AS rank
    FROM version, campaigns_listing AS listing
    JOIN campaigns_metadata AS text ON text.hash = listing.metadata_id
    JOIN campaigns_category AS category ON category.id = text.category_id
), ranked AS (
    INSERT INTO discovery_ranking (version_id, chain_id, address, rank, score, user_key, reason)
    SELECT version_id, chain_id, address, rank, 1.0 / rank, '', 'popular' FROM campaign
)
INSERT INTO discovery_newcomerscore (version_id, question, answer, chain_id, address, score)
SELECT version_id, '', '', chain_id, address, 0.1 / rank FROM campaign
UNION ALL
SELECT version_id, 'category', asked, chain_id, address, (slug = asked)::int
FROM campaign, unnest(ARRAY['food', 'technology']) AS asked
UNION ALL
SELECT version_id, 'language', asked, chain_id, address, (language = asked)::int / 2.0
FROM campaign, unnest(ARRAY['en', 'zh-hans']) AS asked
"""
WITHDRAW = (
    "DELETE FROM discovery_newcomerscore",
    "DELETE FROM discovery_ranking",
    "DELETE FROM discovery_rankingpublication",
    "DELETE FROM discovery_modelversion",
)
SLOTS = 8


def run_that_explores_nowhere() -> str:
    """The name of a run in whose lists, which are drawn by name and day, the lot falls on no slot."""
    days = [datetime.now(UTC).date() + timedelta(days=after) for after in (0, 1)]
    for number in count():
        seeds = [f"|run-{number}|{day.isoformat()}" for day in days]
        draws = [random.Random(hashlib.sha256(seed.encode()).digest()) for seed in seeds]
        if all(draw.random() >= EPSILON for draw in draws for _ in range(SLOTS)):
            return f"run-{number}"
    raise AssertionError("numbers do not end")


@pytest.fixture
def published(stack: Stack) -> Iterator[None]:
    """Scores for every answer, beside everybody's list."""
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(PUBLISH, [run_that_explores_nowhere()])
        yield
        for statement in WITHDRAW:
            connection.execute(statement)


def first_list(page: Page) -> Locator:
    return page.locator("section[aria-labelledby=recommended-title]")


def titles(page: Page) -> Locator:
    return first_list(page).get_by_role("heading", level=3)


def assert_in_reach(page: Page) -> None:
    assert not violations(page)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} is {wider} px wider than the screen"


@pytest.mark.usefixtures("published")
def test_a_newcomer_answers_and_the_first_list_follows(
    look: tuple[str, str, str], page: Page, stack: Stack
) -> None:
    say = Words(look[0])
    page.emulate_media(reduced_motion="reduce")
    wear(page, stack, look)
    page.goto(stack.url)
    refuse_consent(page)

    def is_published() -> bool:
        page.goto(stack.url)
        return titles(page).all_inner_texts() == [TEA.title, HONEY.title, BROKE.title]

    eventually(page, is_published)
    page.get_by_role("link", name=say("Answer two questions and this list follows.")).click()
    assert_in_reach(page)
    page.get_by_role("button", name=say("Show my list")).click()
    expect(page.get_by_role("alert")).to_have_text(say("Choose at least one category or one language."))
    assert_in_reach(page)
    technology, food = ("科技", "饮食") if look[0] == "zh-hans" else ("Technology", "Food")
    page.get_by_label(technology).check()
    page.get_by_label("English").check()
    page.get_by_role("button", name=say("Show my list")).click()
    expect(page).to_have_url(f"{stack.url}/#recommended-title")
    expect(page.get_by_role("heading", level=2, name=say("From your answers"))).to_be_in_viewport()
    expect(titles(page)).to_have_text([BROKE.title, HONEY.title, TEA.title])
    answers = page.get_by_role("list", name=say("Your answers")).get_by_role("listitem")
    expect(answers).to_have_text([technology, "English"])
    assert_in_reach(page)
    page.get_by_role("link", name=say("Change my answers")).click()
    expect(page.get_by_label(technology)).to_be_checked()
    expect(page.get_by_label("English")).to_be_checked()
    expect(page.get_by_label(food)).not_to_be_checked()
    assert_in_reach(page)
    page.get_by_label(technology).uncheck()
    page.get_by_label(food).check()
    page.get_by_role("button", name=say("Show my list")).click()
    expect(titles(page)).to_have_text([HONEY.title, TEA.title, BROKE.title])
    expect(answers).to_have_text([food, "English"])
    page.get_by_role("button", name=say("Forget my answers")).click()
    expect(page.get_by_role("heading", level=2, name=say("Popular now"))).to_be_visible()
    expect(titles(page)).to_have_text([TEA.title, HONEY.title, BROKE.title])
    expect(answers).to_have_count(0)
