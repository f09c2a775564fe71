"""Pledges over HTTP: made, reported and read by their owner."""

import uuid
from datetime import timedelta

import pytest

from django_project.accounts.backends import STAFF_BACKEND
from django_project.accounts.models import User
from django_project.api.v1.pledges import ReportView
from django_project.core import rate_limits
from django_project.core.addresses import format_hash
from django_project.ledger.models import CampaignLaunched
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tests.factories import CHAIN_ID, ETHER, TOKEN, World, reference
from tests.support.browser import Browser, error_code, wallet
from tests.support.described import is_as_described

pytestmark = pytest.mark.django_db

ALICE, BOB = wallet(1), wallet(2)


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
    assert alice.post(f"{url}/opened", {"ref": created["ref"]}).json()["state"] == "asked"
    submitted = alice.post(f"{url}/submitted", {"tx_hash": format_hash(reference(1)), "ref": created["ref"]})
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
    assert (reply.status_code, error_code(reply)) == (400, "amount_too_many_decimals")
    assert "6 decimal places" in reply.json()["error"]["fields"]["amount"]


@pytest.mark.parametrize(
    ("typed", "code", "english", "chinese"),
    [
        ("0,5", "amount_unclear", "Did you mean 0.5 or 5?", "你是指 0.5 还是 5？"),
        ("1.000,50", "amount_unclear", "Did you mean 1,000.5 or 1.0005?", "你是指 1,000.5 还是 1.0005？"),
        ("1.000.000", "amount_unclear", "Did you mean 1,000,000?", "你是指 1,000,000 吗？"),
        ("-1", "amount_not_a_number", "without a sign", "不带正负号"),
        ("", "amount_empty", "Enter an amount.", "请输入金额。"),
        ("9" * 101, "amount_too_long", "too long", "太长"),
        ("9" * 90, "amount_too_large", "larger than the network can hold", "超出网络所能表示的范围"),
        ("0.0000001", "amount_too_many_decimals", "at most 6 decimal places", "最多 6 位小数"),
        ("0", "invalid_amount", "above zero", "大于零"),
    ],
)
def test_an_amount_that_cannot_be_read_is_told_why(
    typed: str, code: str, english: str, chinese: str, world: World, alice: Browser
) -> None:
    campaign = world.campaign(token=TOKEN, goal=10**9)
    world.listing(campaign)
    body = {"campaign": key(campaign), "amount": typed}
    for language, words in (("en", english), ("zh-hans", chinese)):
        reply = alice.post("/api/v1/pledges", body, **{"Accept-Language": language})
        assert (reply.status_code, error_code(reply)) == (400, code)
        assert words in reply.json()["error"]["fields"]["amount"]


def test_amounts_are_read_as_on_the_page(world: World, alice: Browser) -> None:
    campaign = world.campaign(token=TOKEN, goal=10**9)
    world.listing(campaign)
    body = {"campaign": key(campaign), "again": True}
    for typed in ("1,000.50", "１，０００．５０", "1\u202f000.5 TUSD"):
        assert alice.post("/api/v1/pledges", {**body, "amount": typed}).json()["amount"] == "1000500000"


def test_rejected(world: World, alice: Browser) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    created = alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1"}).json()
    url, body = f"/api/v1/pledges/{created['id']}/rejected", {"ref": created["ref"]}
    assert [alice.post(url, body).json()["state"] for _ in range(2)] == ["rejected", "rejected"]


REPORTS = ("opened", "submitted", "rejected")


def report_body(name: str, ref: object) -> dict[str, object]:
    return {"ref": ref, **({"tx_hash": format_hash(reference(1))} if name == "submitted" else {})}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_arrives_after_the_session_ended(name: str, world: World, alice: Browser) -> None:
    """The reference is proof enough: no session, no CSRF token, another browser's session or a staff one."""
    campaign = world.campaign()
    world.listing(campaign)
    created = alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1"}).json()
    url, body = f"/api/v1/pledges/{created['id']}/{name}", report_body(name, created["ref"])
    alice.client.logout()
    reply = alice.client.post(url, body, content_type="application/json")
    assert (reply.status_code, reply["Cache-Control"]) == (200, "no-store")
    expected = {"opened": "asked"}.get(name, name)
    assert PledgeIntent.objects.get().state == expected
    stranger = Browser()
    stranger.sign_in(BOB, CHAIN_ID)
    assert stranger.client.post(url, body, content_type="application/json").status_code == 200
    assert PledgeIntent.objects.get().state == expected


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(
    "ref", [None, "", "0x", "0x" + 64 * "0", "0x" + 62 * "a", "0x" + 64 * "g", 5, "another's"]
)
def test_without_the_reference_nobody_reports_anything(
    ref: object, name: str, world: World, alice: Browser
) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    first, second = (
        alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1", "again": True}).json()
        for _ in range(2)
    )
    given = second["ref"] if ref == "another's" else ref
    body = {field: value for field, value in report_body(name, given).items() if value is not None}
    reply = alice.post(f"/api/v1/pledges/{first['id']}/{name}", body)
    assert reply.status_code in (400, 404)
    assert [pledge.state for pledge in PledgeIntent.objects.all()] == ["created", "created"]


def test_reports_are_limited(alice: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReportView, "post_limit", rate_limits.Limit("few", 2, timedelta(minutes=1)))
    url = f"/api/v1/pledges/{uuid.uuid4()}/opened"
    codes = [alice.post(url, {"ref": format_hash(reference(1))}).status_code for _ in range(3)]
    assert codes == [404, 404, 429]


def test_a_pledge_under_way_is_told_before_another_is_made(world: World, alice: Browser) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    body = {"campaign": key(campaign), "amount": "1"}
    alice.post("/api/v1/pledges", body)
    refused = alice.post("/api/v1/pledges", body)
    assert (refused.status_code, error_code(refused)) == (409, "pledge_under_way")
    assert "before you pay again" in refused.json()["error"]["message"]
    assert alice.post("/api/v1/pledges", {**body, "again": "yes"}).status_code == 400
    assert alice.post("/api/v1/pledges", {**body, "again": True}).status_code == 201


def test_nobody_sees_or_reports_anothers(world: World, alice: Browser) -> None:
    campaign = world.campaign()
    world.listing(campaign)
    url = (
        "/api/v1/pledges/"
        + alice.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1"}).json()["id"]
    )
    bob, visitor = Browser(), Browser()
    bob.sign_in(BOB, CHAIN_ID)
    ref = {"ref": format_hash(reference(2))}
    tx = {**ref, "tx_hash": format_hash(reference(1))}
    assert bob.get(url).status_code == 404
    for somebody in (alice, bob, visitor):
        assert somebody.post(f"{url}/opened", ref).status_code == 404
        assert somebody.post(f"{url}/submitted", tx).status_code == 404
        assert somebody.post(f"{url}/rejected", ref).status_code == 404
    for reply in (visitor.get(url), visitor.post("/api/v1/pledges", {})):
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
    assert (reply.status_code, error_code(reply)) == (413, "body_too_large")
    assert is_as_described(("post", "/api/v1/pledges"), reply)


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
    staff.client.force_login(User.objects.create_user("staff", is_staff=True), backend=STAFF_BACKEND)
    staff.refresh_csrf()
    reply = staff.post("/api/v1/pledges", {"campaign": key(campaign), "amount": "1"})
    assert (reply.status_code, error_code(reply)) == (403, "wrong_account")
