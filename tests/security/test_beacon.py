"""The beacon: what it takes, and the ways to abuse it."""

import json
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from django_project.discovery.models import BehaviourEvent, Visitor
from django_project.ledger.models import CampaignLaunched
from tests.factories import CHAIN_ID, World
from tests.support.browser import ORIGIN, Browser, error_code, wallet

pytestmark = pytest.mark.django_db

BEACON = "/api/v1/beacon"


@pytest.fixture
def campaign() -> CampaignLaunched:
    return World().campaign()


@pytest.fixture
def reader() -> Browser:
    agreed = Browser()
    assert agreed.post("/api/v1/consent", {"granted": True}).status_code == 204
    return agreed


def event(campaign: CampaignLaunched, /, **change: object) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "kind": "view",
        "campaign": f"{campaign.chain_id}:0x{campaign.address.hex()}",
        "dwell_seconds": 12,
        "occurred_at": timezone.now().isoformat(),
        **change,
    }


def test_it_records_with_consent(reader: Browser, campaign: CampaignLaunched) -> None:
    reply = reader.beacon([event(campaign), event(campaign, kind="impression", slot=1, propensity=0.5)])
    assert (reply.status_code, reply.content) == (204, b"")
    assert BehaviourEvent.objects.count() == 2


def test_it_knows_who_is_signed_in(reader: Browser, campaign: CampaignLaunched) -> None:
    reader.sign_in(wallet(1), CHAIN_ID)
    reader.beacon([event(campaign)])
    row = BehaviourEvent.objects.select_related("visitor__user").get()
    assert row.wallet_address == bytes.fromhex(wallet(1).address[2:])
    assert row.visitor.user is not None


def test_plain_text_is_what_a_string_beacon_sends(reader: Browser, campaign: CampaignLaunched) -> None:
    body = json.dumps({"events": [event(campaign)]})
    reply = reader.client.post(
        BEACON, body, content_type="text/plain;charset=UTF-8", headers={"Origin": ORIGIN}
    )
    assert reply.status_code == 204
    assert BehaviourEvent.objects.count() == 1


def test_nothing_is_recorded_without_consent(campaign: CampaignLaunched) -> None:
    unasked, refused = Browser(), Browser()
    refused.post("/api/v1/consent", {"granted": False})
    for visitor in (unasked, refused):
        assert visitor.beacon([event(campaign)]).status_code == 204
    assert not BehaviourEvent.objects.exists()
    assert not Visitor.objects.exists()


def test_withdrawn_consent_holds_even_with_the_old_cookie(
    reader: Browser, campaign: CampaignLaunched
) -> None:
    old = reader.client.cookies["consent"].value
    reader.post("/api/v1/consent", {"granted": False})
    reader.client.cookies["consent"] = old
    reader.beacon([event(campaign)])
    assert not BehaviourEvent.objects.exists()


def test_a_forged_consent_cookie_is_nobodys(campaign: CampaignLaunched) -> None:
    reader = Browser()
    reader.client.cookies["consent"] = f"{uuid.uuid4()}:1:forged"
    reader.beacon([event(campaign)])
    assert not BehaviourEvent.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://testserver.evil.example"},
        {"Sec-Fetch-Site": "none"},
        {"Referer": ORIGIN},
    ],
)
def test_other_pages_cannot_post(
    reader: Browser, campaign: CampaignLaunched, headers: dict[str, str]
) -> None:
    reply = reader.beacon([event(campaign)], **headers)
    assert (reply.status_code, error_code(reply)) == (403, "foreign_origin")
    assert not BehaviourEvent.objects.exists()


def test_the_sites_configured_origin_may_post(reader: Browser, campaign: CampaignLaunched) -> None:
    assert reader.beacon([event(campaign)], Origin="http://127.0.0.1:8000").status_code == 204


def test_a_repeated_post_counts_once(reader: Browser, campaign: CampaignLaunched) -> None:
    batch = [event(campaign)]
    for _ in range(3):
        assert reader.beacon([*batch, *batch]).status_code == 204
    assert BehaviourEvent.objects.count() == 1


def test_unknown_campaigns_and_old_times_are_left_out(reader: Browser, campaign: CampaignLaunched) -> None:
    old = (timezone.now() - timedelta(days=2)).isoformat()
    batch = [
        event(campaign, campaign=f"{CHAIN_ID}:0x{'00' * 20}"),
        event(campaign, campaign=f"1:0x{campaign.address.hex()}"),
        event(campaign, occurred_at=old),
    ]
    assert reader.beacon(batch).status_code == 204
    assert not BehaviourEvent.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "purchase"}, "events.0.kind"),
        ({"id": "1"}, "events.0.id"),
        ({"campaign": "x"}, "events.0.campaign"),
        ({"dwell_seconds": -1}, "events.0.dwell_seconds"),
        ({"dwell_seconds": 10**9}, "events.0.dwell_seconds"),
        ({"dwell_seconds": "12"}, "events.0.dwell_seconds"),
        ({"propensity": 0}, "events.0.propensity"),
        ({"propensity": 1.5}, "events.0.propensity"),
        ({"slot": 10**6}, "events.0.slot"),
        ({"model_version": "\x00"}, "events.0.model_version"),
        ({"model_version": "x" * 65}, "events.0.model_version"),
        ({"occurred_at": "2026-01-01T00:00:00"}, "events.0.occurred_at"),
        ({"occurred_at": "99999-01-01T00:00:00Z"}, "events.0.occurred_at"),
        ({"email": "a@b.example"}, "events.0.email"),
    ],
)
def test_a_malformed_event_refuses_the_post(
    reader: Browser, campaign: CampaignLaunched, change: dict[str, object], field: str
) -> None:
    reply = reader.beacon([event(campaign, **change)])
    assert reply.status_code == 400
    assert list(reply.json()["error"]["fields"]) == [field]
    assert not BehaviourEvent.objects.exists()


def test_more_than_fifty_events_are_refused(reader: Browser, campaign: CampaignLaunched) -> None:
    assert reader.beacon([event(campaign) for _ in range(50)]).status_code == 204
    assert reader.beacon([event(campaign) for _ in range(51)]).status_code == 400
    assert BehaviourEvent.objects.count() == 50


def test_one_visitor_cannot_flood(reader: Browser, campaign: CampaignLaunched) -> None:
    codes = [reader.beacon([event(campaign)]).status_code for _ in range(60)]
    assert codes == [204] * 60
    # The bucket fills again while we post, but slower than we post.
    assert 429 in (reader.beacon([event(campaign)]).status_code for _ in range(120))


def test_the_consent_cookie_is_out_of_scripts_reach(reader: Browser) -> None:
    cookie = reader.client.cookies["consent"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
