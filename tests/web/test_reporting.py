"""Reporting a campaign: anybody may, nothing typed is lost, and moderators find it in their list."""

import html
import json

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User
from django_project.community import moderation
from django_project.community.models import Report
from django_project.core import rate_limits
from django_project.core.errors import InvalidInputError
from django_project.core.models import AuditEntry
from django_project.privacy import services as privacy
from tests.factories import backer_user
from tests.support.markup import flat
from tests.support.staff import staff_client
from tests.web.conftest import Shop, signed_in

TEXT = "The photographs are of another roof: see example.org/roof."
HOSTILE = {
    "markup": "<script>alert(1)</script> & </textarea>",
    "emoji": "Look at this \U0001f41d\U0001f36f!",
    "right to left": "هذه الصور من سطح آخر \u202eabc",
    "chinese": "这些照片拍的是另一个屋顶，请看原图。",
}


@pytest.fixture
def url(shop: Shop) -> str:
    return f"/campaigns/{shop.honey.slug}/report/"


def test_anybody_may_report_and_nothing_about_them_is_kept(shop: Shop, url: str) -> None:
    answer = Client().post(url, {"reason": "stolen", "text": TEXT})
    assert (answer.status_code, answer["Location"]) == (302, f"{url}?sent=yes")
    report = Report.objects.get()
    assert (report.listing, report.reporter, report.reason, report.text) == (shop.honey, None, "stolen", TEXT)
    assert report.state == Report.State.OPEN
    assert "Thank you." in Client().get(answer["Location"]).content.decode()


def test_an_account_is_kept_with_its_report_and_may_take_it_away(backer: Client, url: str) -> None:
    backer.post(url, {"reason": "fraud", "text": TEXT})
    user = User.objects.get(username="backer-1")
    assert Report.objects.get().reporter == user
    exported = json.loads(backer.get("/me/data.json").content)["reports"]
    assert [(row["reason"], row["text"]) for row in exported] == [("fraud", TEXT)]
    privacy.forget(user)
    assert Report.objects.get().reporter is None


@pytest.mark.usefixtures("shop")
def test_two_clicks_are_one_report(url: str) -> None:
    for client in (Client(), Client(), signed_in(backer_user(1))):
        client.post(url, {"reason": "fraud", "text": TEXT})
    assert Report.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reason": "fraud", "text": ""}, "Say in a sentence"),
        ({"reason": "fraud", "text": "bad"}, "Say in a sentence"),
        ({"reason": "", "text": TEXT}, "Choose what is wrong."),
        ({"reason": "boring", "text": TEXT}, "Choose one of the list."),
        ({"reason": "fraud", "text": TEXT + "x" * 2000}, "at most 2000 characters"),
        ({"reason": "fraud", "text": TEXT + "\0"}, "Null characters"),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_nothing_is_lost(
    fields: dict[str, str], message: str, url: str
) -> None:
    answer = Client().post(url, fields)
    text = html.unescape(answer.content.decode())
    assert answer.status_code == 422
    assert message in text
    assert 'class="field-error"' in text
    assert f">{fields['text']}</textarea>" in text
    assert ('value="fraud" required checked' in flat(text)) == (fields["reason"] == "fraud")
    assert not Report.objects.exists()


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_is_typed_comes_back_as_text_and_is_kept_as_it_is(kind: str, url: str) -> None:
    text = HOSTILE[kind] + " and so on"
    page = Client().post(url, {"reason": "", "text": text}).content.decode()
    assert f">{html.escape(text)}</textarea>" in page
    Client().post(url, {"reason": "other", "text": text})
    assert Report.objects.get().text == text


def test_reports_are_limited_and_what_was_typed_stays(url: str) -> None:
    for number in range(rate_limits.REPORT.capacity):
        assert Client().post(url, {"reason": "other", "text": f"{TEXT} {number}"}).status_code == 302
    answer = Client().post(url, {"reason": "other", "text": "The sixth within a minute."})
    text = answer.content.decode()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "You reported a lot in a short time" in text
    assert ">The sixth within a minute.</textarea>" in text
    assert Report.objects.count() == rate_limits.REPORT.capacity
    assert signed_in(backer_user(1)).post(url, {"reason": "other", "text": TEXT}).status_code == 302


def test_the_form_needs_its_token_and_a_shown_campaign(shop: Shop, url: str) -> None:
    assert Client(enforce_csrf_checks=True).post(url, {"reason": "other", "text": TEXT}).status_code == 403
    moderation.hide(shop.honey, actor=User.objects.create_superuser("moderator"), reason="copied")
    assert Client().get(url).status_code == 404
    assert Client().post(url, {"reason": "other", "text": TEXT}).status_code == 404


def test_a_report_costs_few_queries(url: str, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    Client().get("/")
    with django_assert_max_num_queries(3):
        Client().get(url)
    with django_assert_max_num_queries(8):
        Client().post(url, {"reason": "other", "text": TEXT})


def test_moderators_find_it_and_close_it_with_a_reason(url: str) -> None:
    Client().post(url, {"reason": "stolen", "text": TEXT})
    report = Report.objects.get()
    admin = staff_client(User.objects.create_superuser("moderator"))
    listed = "/admin/community/report/"
    assert "The photographs are of another roof" in admin.get(listed).content.decode()
    closing = {"action": "uphold", "_selected_action": [report.pk]}
    admin.post(listed, {**closing, "reason": ""})
    assert Report.objects.get().state == Report.State.OPEN
    admin.post(listed, {**closing, "reason": "The original is from 2019"})
    report = Report.objects.get()
    assert report.state == Report.State.UPHELD
    assert report.decided_at is not None
    entry = AuditEntry.objects.get(action="campaigns.report.upheld")
    assert entry.subject == str(report.public_id)
    assert entry.details["reason"] == "The original is from 2019"
    # The same trouble may be reported again once the first report is closed.
    Client().post(url, {"reason": "stolen", "text": TEXT})
    again = Report.objects.get(state=Report.State.OPEN)
    with pytest.raises(InvalidInputError):
        moderation.dismiss_report(again, actor=User.objects.get(username="moderator"), reason=" ")


def test_the_campaigns_page_leads_here_and_to_its_share_link(shop: Shop, url: str) -> None:
    text = Client().get(f"/campaigns/{shop.honey.slug}/").content.decode()
    assert f'href="{url}"' in text
    assert "<share-button" in text
