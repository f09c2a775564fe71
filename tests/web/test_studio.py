"""Where creators write: drafts and their pages, with and without a script."""

import uuid
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.privacy import services as privacy
from django_project.studio import selectors, services
from django_project.studio.models import Draft
from django_project.studio.services import Change
from django_project.web.studio_fields import STEPS
from tests.factories import backer_user
from tests.support.forms import sent_by
from tests.web.conftest import Shop, signed_in

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Reply


@pytest.fixture
def ada(shop: Shop) -> User:  # noqa: ARG001  # its categories and chain
    return backer_user(31, "Ada")


@pytest.fixture
def creator(ada: User) -> Client:
    return signed_in(ada)


@pytest.fixture
def draft(ada: User) -> Draft:
    return services.create_draft(ada, language="en", publisher="Ada")


def page(draft: Draft, step: str = "story") -> str:
    return f"/studio/{draft.public_id}/{step}/"


def stored(draft: Draft) -> Draft:
    return Draft.objects.get(pk=draft.pk)


def form(creator: Client, url: str, **typed: str) -> dict[str, str]:
    """The page's form, loaded now, with some of its fields written."""
    return sent_by(text_of(creator.get(url)), "draft-form") | typed


def text_of(reply: "Reply") -> str:
    return reply.content.decode()


def test_a_campaign_is_begun_under_ones_own_name_in_the_pages_language(creator: Client) -> None:
    reply = creator.post("/studio/new/", headers={"Accept-Language": "zh-hans"})
    draft = Draft.objects.get()
    assert (reply.status_code, reply["Location"]) == (302, page(draft))
    assert draft.texts == {"language": "zh-hans", "publisher": "Ada"}
    listed = text_of(creator.get("/studio/"))
    assert page(draft) in listed
    assert f"/studio/{draft.public_id}/delete/" in listed


def test_more_drafts_than_an_account_keeps_are_refused_in_words(creator: Client, ada: User) -> None:
    for _ in range(services.DRAFTS_MOST):
        services.create_draft(ada)
    reply = creator.post("/studio/new/")
    assert reply.status_code == 403
    assert "An account keeps at most 20 drafts." in text_of(reply)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("language", "word"), [("en", "Goal and terms"), ("zh-hans", "目标与条款")])
def test_each_page_speaks_both_languages(
    creator: Client, draft: Draft, step: str, language: str, word: str
) -> None:
    reply = creator.get(page(draft, step), headers={"Accept-Language": language})
    assert reply.status_code == 200
    assert word in text_of(reply)


def test_a_page_is_saved_and_the_next_one_shown(creator: Client, draft: Draft) -> None:
    typed = {"title": "Honey", "story": "**Bees**", "category": "food", "act": "next"}
    reply = creator.post(page(draft), form(creator, page(draft)) | typed)
    assert (reply.status_code, reply["Location"]) == (302, page(draft, "rewards"))
    assert (
        stored(draft).texts | {"title": "Honey", "story": "**Bees**", "category": "food"}
        == stored(draft).texts
    )
    again = text_of(creator.get(page(draft)))
    assert 'value="Honey"' in again
    assert "<strong>Bees</strong>" in again
    assert '<option value="food" selected>' in again


def test_what_is_wrong_is_said_at_its_field_and_kept(creator: Client, draft: Draft) -> None:
    creator.post(page(draft), form(creator, page(draft), title="x" * 121, act="save"))
    shown = text_of(creator.get(page(draft)))
    assert "x" * 121 in shown
    assert "A campaign takes at most 120 characters here, and this has 121." in shown
    # What nobody has typed yet is no mistake of theirs.
    assert "This is still to be filled in." not in shown
    check = text_of(creator.get(page(draft, "check")))
    assert check.count("This is still to be filled in.") == 6


def test_a_text_that_not_even_a_draft_keeps_stays_in_its_form(creator: Client, draft: Draft) -> None:
    loaded = form(creator, page(draft))
    creator.post(page(draft), loaded | {"tagline": "Meanwhile", "act": "save"})
    reply = creator.post(page(draft), loaded | {"title": "y" * 241, "tagline": "Mine", "act": "save"})
    assert reply.status_code == 400
    shown = text_of(reply)
    assert "This holds at most 240 characters." in shown
    assert "What you typed is below, and not saved." in shown
    again = sent_by(shown, "draft-form")
    assert (again["title"], again["tagline"]) == ("y" * 241, "Mine")
    assert stored(draft).revision == 1
    # What somebody else wrote in between is as unseen as before.
    reply = creator.post(page(draft), again | {"title": "Short", "act": "save"})
    assert reply.status_code == 409
    assert stored(draft).texts["tagline"] == "Meanwhile"


def test_two_windows_conflict_at_one_field_and_both_texts_are_shown(creator: Client, draft: Draft) -> None:
    first, second = form(creator, page(draft)), form(creator, page(draft))
    creator.post(page(draft), first | {"title": "Honey", "act": "save"})
    reply = creator.post(page(draft), second | {"title": "Wax", "tagline": "New", "act": "next"})
    assert reply.status_code == 409
    shown = text_of(reply)
    assert "Honey</blockquote>" in shown
    assert (stored(draft).texts["title"], stored(draft).texts["tagline"]) == ("Honey", "New")
    again = sent_by(shown, "draft-form")
    assert (again["title"], again["tagline"]) == ("Wax", "New")
    assert creator.post(page(draft), again | {"act": "next"}).status_code == 302
    assert stored(draft).texts["title"] == "Wax"


def test_a_field_that_nobody_touched_is_written_by_nobody(creator: Client, draft: Draft) -> None:
    """A form sends all of its fields; one that was loaded before somebody else's story holds an old story."""
    first, second = form(creator, page(draft)), form(creator, page(draft))
    creator.post(page(draft), first | {"story": "Line one\nand two", "act": "save"})
    assert creator.post(page(draft), second | {"title": "Honey", "act": "save"}).status_code == 302
    assert stored(draft).texts["story"] == "Line one\nand two"
    assert stored(draft).texts["title"] == "Honey"
    before = stored(draft).revision
    # Browsers send lines with the ends of mail.
    loaded = form(creator, page(draft))
    creator.post(page(draft), loaded | {"story": loaded["story"].replace("\n", "\r\n"), "act": "save"})
    assert stored(draft).revision == before


def test_a_conflict_shows_what_somebody_else_wrote_in_the_fields_that_were_not_touched(
    creator: Client, draft: Draft
) -> None:
    first, second = form(creator, page(draft)), form(creator, page(draft))
    creator.post(page(draft), first | {"title": "Honey", "story": "Theirs", "act": "save"})
    reply = creator.post(page(draft), second | {"title": "Wax", "act": "save"})
    assert sent_by(text_of(reply), "draft-form")["story"] == "Theirs"


@pytest.mark.parametrize(
    ("field", "text", "step"),
    [
        ("deadline", "2027-03-31 18:00", "terms"),
        ("currency", "1:0x0000000000000000000000000000000000000000", "terms"),
        ("category", "gone", "story"),
        ("mode", "gone", "terms"),
    ],
)
def test_what_a_browser_shows_otherwise_is_not_lost_by_saving_the_page(
    creator: Client, draft: Draft, field: str, text: str, step: str
) -> None:
    services.save_texts(draft.owner, draft.public_id, [Change(field, text, 0)])
    creator.post(page(draft, step), form(creator, page(draft, step), act="save"))
    assert stored(draft).texts[field] == text


def test_rewards_are_added_written_moved_and_taken_out(creator: Client, draft: Draft) -> None:
    rewards = page(draft, "rewards")
    reply = creator.post(rewards, form(creator, rewards, act="add:"))
    (first,) = stored(draft).rows["rewards"]
    assert reply["Location"] == f"{rewards}#row-{first}"
    # A button saves what was typed before it does its own.
    creator.post(rewards, form(creator, rewards, act="add:") | {f"rewards.{first}.title": "Jar"})
    _, second = stored(draft).rows["rewards"]
    assert stored(draft).texts[f"rewards.{first}.title"] == "Jar"
    creator.post(rewards, form(creator, rewards, act=f"up:{second}"))
    assert stored(draft).rows["rewards"] == [second, first]
    shown = text_of(creator.get(rewards))
    assert shown.index(second) < shown.index(first)
    assert "Reward 2" in shown
    creator.post(rewards, form(creator, rewards, act=f"down:{second}"))
    creator.post(rewards, form(creator, rewards, act=f"remove:{second}"))
    assert stored(draft).rows["rewards"] == [first]


def test_what_was_typed_into_a_row_that_is_gone_is_shown_to_copy(creator: Client, draft: Draft) -> None:
    kept, gone = (services.add_row(draft.owner, draft.public_id, "rewards") for _ in range(2))
    loaded = form(creator, page(draft, "rewards"))
    services.remove_row(draft.owner, draft.public_id, "rewards", gone)
    typed = {f"rewards.{gone}.description": "A jar of it", f"rewards.{kept}.title": "Comb", "act": "save"}
    reply = creator.post(page(draft, "rewards"), loaded | typed)
    assert reply.status_code == 409
    assert "A jar of it</blockquote>" in text_of(reply)
    assert stored(draft).texts[f"rewards.{kept}.title"] == "Comb"
    # What nobody wrote in it is missed by nobody.
    assert creator.post(page(draft, "rewards"), loaded | {"act": "save"}).status_code == 302


def test_no_more_rows_than_the_contract_takes_are_offered(creator: Client, draft: Draft) -> None:
    milestones = page(draft, "milestones")
    for _ in range(9):
        services.add_row(draft.owner, draft.public_id, "milestones")
    loaded = form(creator, milestones, objection_days="7", act="add:")
    services.add_row(draft.owner, draft.public_id, "milestones")
    assert 'value="add:"' not in text_of(creator.get(milestones))
    reply = creator.post(milestones, loaded)
    assert reply.status_code == 403
    assert "A campaign takes at most 10 of these." in text_of(reply)
    # The button's act was refused, not what was typed.
    assert stored(draft).texts["objection_days"] == "7"
    assert "not saved" not in text_of(reply).partition("<template")[0]
    assert sent_by(text_of(reply), "draft-form")["objection_days"] == "7"


def test_objections_are_asked_about_once_there_is_a_milestone(creator: Client, draft: Draft) -> None:
    assert 'name="objection_days"' not in text_of(creator.get(page(draft, "milestones")))
    services.add_row(draft.owner, draft.public_id, "milestones")
    assert 'name="objection_days"' in text_of(creator.get(page(draft, "milestones")))


def test_the_check_leads_to_each_field_that_stops_the_launch(creator: Client, draft: Draft) -> None:
    key = services.add_row(draft.owner, draft.public_id, "rewards")
    services.save_texts(draft.owner, draft.public_id, [Change(f"rewards.{key}.supply", "many", 1)])
    shown = text_of(creator.get(page(draft, "check")))
    assert f'href="{page(draft, "terms")}"' in shown
    assert "How many (1)" in shown
    assert "Enter a whole number from 1 to 4,294,967,295." in shown


def test_the_story_is_shown_as_its_page_will_have_it(creator: Client, draft: Draft) -> None:
    url = f"/studio/{draft.public_id}/story-preview/"
    shown = text_of(creator.post(url, {"story": "# Bees\n<script>x</script> [a](javascript:b)"}))
    assert "<h2>Bees</h2>" in shown
    assert "<script>" not in shown
    assert "javascript:" not in shown
    assert "appears here" in text_of(creator.post(url, {"story": " \n"}))


def test_a_draft_is_deleted_after_a_question(creator: Client, draft: Draft) -> None:
    url = f"/studio/{draft.public_id}/delete/"
    assert "cannot be brought back" in text_of(creator.get(url))
    assert Draft.objects.exists()
    assert creator.post(url)["Location"] == "/studio/"
    assert not Draft.objects.exists()
    assert creator.post(url).status_code == 404


@pytest.mark.parametrize("path", ["story/", "check/", "delete/", "story-preview/"])
def test_anothers_draft_is_as_unknown_as_none(draft: Draft, path: str) -> None:
    stranger = signed_in(backer_user(32))
    for public_id in (draft.public_id, uuid.uuid4()):
        url = f"/studio/{public_id}/{path}"
        if path != "story-preview/":
            assert stranger.get(url).status_code == 404
        assert stranger.post(url, {"title": "Mine", "act": "save"}).status_code == 404
    assert stored(draft).texts == {"language": "en", "publisher": "Ada"}
    assert "/studio/" + str(draft.public_id) not in text_of(stranger.get("/studio/"))


def test_whoever_was_signed_out_meanwhile_gets_back_what_they_typed(draft: Draft) -> None:
    reply = Client().post(page(draft), {"story": "Long and dear", "rewards.0a0a0a0a.title": "A jar"})
    assert reply.status_code == 401
    assert "Long and dear" in text_of(reply)
    assert "A jar" in text_of(reply)


def test_there_is_no_page_but_the_known_ones(creator: Client, draft: Draft) -> None:
    assert creator.get(page(draft, "launch")).status_code == 404
    assert creator.post(page(draft, "launch")).status_code == 404


@pytest.mark.parametrize("step", STEPS)
def test_a_page_of_a_draft_asks_the_database_as_seldom_as_other_pages(
    creator: Client, draft: Draft, step: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for rows in ("rewards", "milestones"):
        for _ in range(5):
            services.add_row(draft.owner, draft.public_id, rows)
    creator.get(page(draft, step))
    with django_assert_max_num_queries(12):
        assert creator.get(page(draft, step)).status_code == 200


def test_what_stops_a_launch_is_found_in_five_queries(
    draft: Draft, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(5):
        selectors.problems_of(draft)


def test_drafts_go_with_their_account(ada: User, draft: Draft) -> None:
    exported = privacy.export(ada)["drafts"]
    assert exported == [
        {
            "id": str(draft.public_id),
            "created": draft.created_at.isoformat(),
            "changed": draft.updated_at.isoformat(),
            "texts": {"language": "en", "publisher": "Ada"},
            "rows": {},
        }
    ]
    privacy.forget(ada)
    assert not Draft.objects.exists()
