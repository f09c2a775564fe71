"""Pledges over HTTP: made, reported and read by their owner."""

import uuid

import pytest

from django_project.accounts.models import User
from django_project.core.addresses import format_hash
from django_project.ledger.models import CampaignLaunched
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tests.factories import CHAIN_ID, ETHER, TOKEN, World, reference
from tests.support.browser import Browser, error_code, wallet

pytestmark = pytest.mark.django_db

ALICE, BOB = wallet(1), wallet(2)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice(world: World) -> Browser:
    browser = Browser()
    browser.sign_in(ALICE, world.chain.chain_id)
    return browser


def key(campaign: CampaignLaunched) -> str:
    return f"{campaign.chain_id}:0x{campaign.address.hex()}"


def test_a_pledge_from_start_to_final(world: World, alice: Browser) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    reply = alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "0.5", "tier_id": 0})
    assert reply.status_code == 201, reply.content
    created = reply.json()
    assert created["amount"] == str(ETHER // 2)
    assert created["status_url"] == f"/pledges/{created['id']}/"
    url = f"/api/v1/pledges/{created['id']}"
    submitted = alice.post(f"{url}/submitted", {"tx_hash": format_hash(reference(1))})
    assert submitted.json()["state"] == "submitted"
    world.contribute(
        campaign,
        backer=bytes.fromhex(ALICE.address[2:]),
        ref=bytes.fromhex(created["ref"][2:]),
        amount=ETHER // 2,
    )
    services.reconcile(CHAIN_ID)
    body = alice.get(url).json()
    assert (body["state"], body["confirmed_amount"], body["is_settled"]) == (
        "confirmed",
        str(ETHER // 2),
        False,
    )
    world.mine(10)
    services.reconcile(CHAIN_ID)
    reply = alice.get(url)
    assert (reply.json()["state"], reply["Cache-Control"]) == ("final", "no-store")


def test_tokens_have_their_own_decimals(world: World, alice: Browser) -> None:
    campaign = world.campaign(token=TOKEN, goal=10**9)
    world.listing(campaign)
    body = {"campaign": key(campaign), "amount": "12.5"}
    assert alice.post("/api/v1/pledges", body).json()["amount"] == "12500000"
    reply = alice.post("/api/v1/pledges", {**body, "amount": "0.0000001"})
    assert (reply.status_code, error_code(reply)) == (400, "invalid_amount")
    assert "6 decimal places" in reply.json()["error"]["fields"]["amount"]


def test_rejected(world: World, alice: Browser) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    created = alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1"}).json()
    assert alice.post(f"/api/v1/pledges/{created['id']}/rejected").json()["state"] == "rejected"


def test_nobody_sees_or_reports_anothers(world: World, alice: Browser) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    url = (
        "/api/v1/pledges/"
        + alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1"}).json()["id"]
    )
    bob, visitor = Browser(), Browser()
    bob.sign_in(BOB, CHAIN_ID)
    tx = {"tx_hash": format_hash(reference(1))}
    assert bob.get(url).status_code == 404
    assert bob.post(f"{url}/submitted", tx).status_code == 404
    assert bob.post(f"{url}/rejected").status_code == 404
    for reply in (
        visitor.get(url),
        visitor.post(f"{url}/submitted", tx),
        visitor.post("/api/v1/pledges", {}),
    ):
        assert (reply.status_code, error_code(reply)) == (401, "sign_in_required")
    assert alice.get(f"/api/v1/pledges/{uuid.uuid4()}").status_code == 404
    assert PledgeIntent.objects.get().state == "created"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1e18"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": 1}, "amount"),
        ({"amount": "9" * 101}, "amount"),
        ({"amount": "\u0661"}, "amount"),
        ({"tier_id": 9}, "tier_id"),
        ({"tier_id": -1}, "tier_id"),
        ({"tier_id": "1"}, "tier_id"),
        ({"campaign": "31337:0x12"}, "campaign"),
        ({"campaign": "nothing"}, "campaign"),
        ({"backer": BOB.address}, "backer"),
    ],
)
def test_bad_input_is_told_beside_its_field(
    world: World, alice: Browser, change: dict[str, object], field: str
) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    reply = alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1", **change})
    assert reply.status_code == 400, reply.content
    assert list(reply.json()["error"]["fields"]) == [field]
    assert not PledgeIntent.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"amount": NaN}', b"[" * 60_000, b"\xff", b"null"])
def test_what_is_no_json_object_is_a_400(alice: Browser, body: bytes) -> None:
    reply = alice.client.post(
        "/api/v1/pledges", body, content_type="application/json", headers={"X-CSRFToken": alice.csrf_token}
    )
    assert reply.status_code == 400


def test_a_giant_body_is_refused(alice: Browser) -> None:
    reply = alice.post("/api/v1/pledges", {"campaign": "x" * 70_000})
    assert (reply.status_code, error_code(reply)) == (400, "body_too_large")


def test_csrf_guards_pledges(world: World, alice: Browser) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    alice.csrf_token = "wrong"
    reply = alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1"})
    assert reply.status_code == 403
    assert not PledgeIntent.objects.exists()


def test_an_account_without_a_wallet_cannot_pledge(world: World) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    staff = Browser()
    staff.client.force_login(User.objects.create_user("staff", is_staff=True))
    staff.refresh_csrf()
    reply = staff.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1"})
    assert (reply.status_code, error_code(reply)) == (403, "wrong_account")
