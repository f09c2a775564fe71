"""The admin over the index: every table opens with what its columns say, and operators' acts are audited."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.apps import apps
from django.contrib.admin.sites import site
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_project.accounts.models import User
from django_project.core.addresses import format_address, format_hash
from django_project.core.models import AuditEntry
from django_project.ledger import models
from django_project.ledger.models import Chain, Token
from django_project.ledger.services import mend_token
from tests.factories import CHAIN_ID, ETHER, FACTORY, TOKEN, World, address, reference
from tests.support.staff import staff_client

pytestmark = pytest.mark.django_db

ON_CHAIN = {"chain": f"Test chain ({CHAIN_ID})"}
DAY = datetime(2026, 2, 3, 12, tzinfo=UTC)
# Of what the world's events carry, so that every column has a value of its own.
NEW_CREATOR, TREASURY, BACKER = address(40), address(41), address(1)
NODE_URL = "https://node.example/a-providers-key"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def admin() -> Client:
    return staff_client(User.objects.create_superuser("admin"))


def staff_with(*codenames: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return staff_client(user)


def cells(page: str) -> list[dict[str, str]]:
    """What the rows of a list show, by the name of the column, those of methods by their place."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.partition('id="result_list"')[2], re.DOTALL)
    return [
        {
            name if name != "column" else f"column-{place}": unescape(re.sub(r"<[^>]+>", "", text)).strip()
            for place, (name, text) in enumerate(
                re.findall(r'<t[dh] class="field-(\w+)[^"]*">(.*?)</t[dh]>', row, re.DOTALL), start=1
            )
        }
        for row in rows
        if 'class="field-' in row
    ]


def heads(page: str) -> list[tuple[str, bool]]:
    """The titles of a list's columns, and whether it can be sorted by each."""
    found = re.findall(
        r'<th scope="col" class="(sortable|sorted|column)[^"]*">.*?<div class="text">(.*?)</div>',
        page,
        re.DOTALL,
    )
    return [(re.sub(r"<[^>]+>", "", title).strip(), kind != "column") for kind, title in found]


def read(client: Client, model: str, query: str = "") -> str:
    reply = client.get(f"/admin/ledger/{model}/{query}")
    assert reply.status_code == 200, model
    return str(reply.content.decode())


def fill(world: World) -> dict[str, dict[str, str]]:
    """One row at least in every table, and what has to stand in the newest one's cells."""
    campaign = world.campaign(goal=3 * ETHER, tiers=[(ETHER, 4)], started=timezone.now() - timedelta(days=40))
    world.milestones(campaign, (4_000, timedelta(days=20)), (6_000, timedelta(days=50)))
    world.contribute(campaign, backer=BACKER, amount=5 * ETHER, tier_id=1)
    world.contribute(campaign, backer=address(2), amount=7)
    world.take_pledge_back(campaign, backer=address(2))
    world.pause(campaign)
    update = world.post_update(campaign)
    world.submit_milestone(campaign, limit=11)
    world.raise_objection(campaign, backer=BACKER)
    world.withdraw_objection(campaign, backer=BACKER)
    world.release_milestone(campaign)
    world.hand_over(campaign, NEW_CREATOR)
    world.wind_down(campaign, DAY)
    world.refund(campaign, backer=BACKER)
    world.cancel(campaign, reason="The roof leaks")
    event = world._event
    models.FeeAccrual.objects.create(**event(campaign), token=TOKEN, amount=12, total_fees=13)
    models.FeeClaim.objects.create(
        **event(campaign), treasury=TREASURY, token=TOKEN, amount=14, total_fees_claimed=15
    )
    models.CreatorTransferStart.objects.create(
        **event(campaign), creator=campaign.creator, new_creator=NEW_CREATOR
    )
    models.SurplusSweep.objects.create(**event(campaign), treasury=TREASURY, token=TOKEN, amount=16)
    chain, log = world.chain, {"block_number": 77, "log_index": 3, "tx_hash": reference(5)}
    models.FactoryEvent.objects.create(
        chain=chain, **log, block_time=DAY, seq=9, factory=FACTORY, kind="fee_updated", arguments={"bps": 17}
    )
    models.RawLog.objects.create(
        chain=chain, **log, block_hash=reference(6), address=FACTORY, topics=b"", data=b""
    )
    models.Block.objects.create(
        chain=chain, number=78, hash=reference(7), parent_hash=reference(6), timestamp=DAY
    )
    models.RpcEndpoint.objects.create(chain=chain, name="near", url=NODE_URL, requests=18)
    models.ReorgEvent.objects.create(
        chain=chain, ancestor_block=19, depth=20, old_head_hash=reference(8), logs_removed=21
    )
    models.SuspectRange.objects.create(chain=chain, from_block=22, to_block=23, reason="a gap")
    models.Outbox.objects.create(chain=chain, topic="campaigns_changed", payload={"count": 24})
    models.OutboxReader.objects.create(name="pledges", chain=chain, position=25)
    models.FetchedRange.objects.create(chain=chain, from_block=26, to_block=27, endpoint="near", seconds=2.5)
    shown, of_campaign = format_address, {"campaign": format_address(campaign.address)}
    return {
        "chain": {"chain_id": str(CHAIN_ID), "name": "Test chain", "state": "Ok", "finality_depth": "8"},
        "rpcendpoint": ON_CHAIN | {"name": "near", "weight": "1", "requests": "18"},
        "cursor": ON_CHAIN | {"next_block": str(world.block + 1), "finalized_block": str(world.block - 8)},
        "block": ON_CHAIN | {"number": "78", "column-3": format_hash(reference(7))},
        "contract": ON_CHAIN | {"column-2": shown(FACTORY), "kind": "Factory", "start_block": "0"},
        "token": ON_CHAIN | {"__str__": "TUSD", "column-3": shown(TOKEN), "decimals": "6"},
        "rawlog": ON_CHAIN | {"column-4": shown(FACTORY), "column-5": format_hash(reference(5))},
        "campaignlaunched": {"column-1": shown(campaign.address), "column-2": shown(campaign.creator)},
        "campaigntotals": of_campaign | {"raised": str(5 * ETHER), "backers": "1", "contributions": "2"},
        "contribution": of_campaign | {"column-2": shown(address(2)), "amount": "7", "tier_id": "0"},
        "refund": of_campaign | {"column-2": shown(BACKER), "amount": str(5 * ETHER)},
        "withdrawal": of_campaign | {"column-2": shown(campaign.creator), "amount": str(2 * ETHER)},
        "feeaccrual": of_campaign | {"amount": "12", "total_fees": "13"},
        "feeclaim": of_campaign | {"column-2": shown(TREASURY), "amount": "14"},
        "tier": of_campaign | {"tier_id": "1", "price": str(ETHER), "supply": "4"},
        "cancellation": of_campaign | {"column-2": shown(campaign.creator), "reason": "The roof leaks"},
        "updatepost": of_campaign | {"uri": update.uri, "column-3": format_hash(update.content_hash)},
        "contributionpause": of_campaign | {"column-3": shown(campaign.creator)},
        "takeback": of_campaign | {"column-2": shown(address(2)), "amount": "7"},
        "milestone": of_campaign | {"milestone_id": "2", "share_bps": "6000"},
        "milestonesubmission": of_campaign | {"milestone_id": "1", "objection_limit": "11"},
        "objection": of_campaign | {"column-3": shown(BACKER), "weight": str(5 * ETHER)},
        "objectionwithdrawal": of_campaign | {"column-3": shown(BACKER), "total_objections": "0"},
        "milestonerelease": of_campaign | {"milestone_id": "1", "amount": str(2 * ETHER)},
        "winddown": of_campaign | {"column-2": shown(campaign.creator), "remaining": str(3 * ETHER)},
        "creatortransferstart": of_campaign | {"column-3": shown(NEW_CREATOR)},
        "creatortransfer": of_campaign | {"column-3": shown(NEW_CREATOR)},
        "surplussweep": of_campaign | {"column-2": shown(TOKEN), "amount": "16", "column-4": shown(TREASURY)},
        "factoryevent": {"kind": "Fee Updated", "column-2": shown(FACTORY), "arguments": '{"bps": 17}'},
        "reorgevent": ON_CHAIN | {"ancestor_block": "19", "depth": "20", "logs_removed": "21"},
        "suspectrange": ON_CHAIN | {"from_block": "22", "to_block": "23", "reason": "a gap"},
        "outbox": ON_CHAIN | {"topic": "campaigns_changed", "payload": '{"count": 24}'},
        "outboxreader": ON_CHAIN | {"name": "pledges", "position": "25"},
        "fetchedrange": ON_CHAIN | {"from_block": "26", "to_block": "27", "seconds": "2.5"},
    }


# The only other ones that are as long as those of campaigns' events.
LONG = {"block", "rawlog", "campaignlaunched", "factoryevent"}


def test_no_table_of_the_index_is_without_its_page() -> None:
    # The admin registers its models with its URLs.
    reverse("admin:index")
    assert [
        model for model in apps.get_app_config("ledger").get_models() if not site.is_registered(model)
    ] == []


def test_every_table_of_the_index_opens_with_what_its_columns_say(world: World, admin: Client) -> None:
    expected = fill(world)
    tables = {model.__name__.lower(): model for model in apps.get_app_config("ledger").get_models()}
    assert set(expected) == set(tables)
    found: dict[str, Mapping[str, str]] = {}
    uncounted = set()
    for model, columns in expected.items():
        reply = admin.get(f"/admin/ledger/{model}/")
        assert reply.status_code == 200, model
        row = cells(reply.content.decode())[0]
        found[model] = {name: row.get(name, "") for name in columns}
        if reply.context["cl"].full_result_count is None:
            uncounted.add(model)
    assert found == expected
    # Millions of rows are not counted only to say how many were left out.
    events = {name for name, model in tables.items() if issubclass(model, models.CampaignEvent)}
    assert uncounted == LONG | events


def test_addresses_and_hashes_are_columns_with_names(world: World, admin: Client) -> None:
    campaign = world.campaign()
    givers = [address(1), address(2), address(3)]
    for giver in givers:
        world.contribute(campaign, backer=giver)
    page = read(admin, "contribution", "?o=1")
    assert heads(page)[:3] == [("Campaign", True), ("Backer", True), ("Amount", True)]
    assert [row["column-2"] for row in cells(page)] == [format_address(each) for each in sorted(givers)]
    world.post_update(campaign)
    assert heads(read(admin, "updatepost"))[1:3] == [("Uri", True), ("Content hash", False)]


@pytest.mark.usefixtures("world")
def test_a_nodes_address_with_its_key_is_shown_nowhere(admin: Client) -> None:
    node = models.RpcEndpoint.objects.create(chain_id=CHAIN_ID, name="near", url=NODE_URL)
    for page in ("", f"{node.pk}/change/"):
        text = read(admin, f"rpcendpoint/{page}".rstrip("/"))
        assert "near" in text
        assert NODE_URL not in text


def act(client: Client, model: str, action: str, row: object, reason: str) -> str:
    """Choose what is to be done with a row, and say what the page answers."""
    told = {"action": action, "_selected_action": [row], "reason": reason, "index": 0}
    reply = client.post(f"/admin/ledger/{model}/", told, follow=True)
    assert reply.status_code == 200
    return " ".join(map(str, reply.context["messages"]))


def test_an_operator_retires_a_chain_and_follows_it_again_with_a_reason(world: World, admin: Client) -> None:
    offered = read(admin, "chain")
    assert '<option value="retire">Retire: readable, not followed any more</option>' in offered
    assert '<option value="reinstate">Follow again</option>' in offered
    states = []
    for action in ("retire", "reinstate"):
        assert "Write a reason" in act(admin, "chain", action, CHAIN_ID, "  ")
        states.append(Chain.objects.get().state)
        assert act(admin, "chain", action, CHAIN_ID, f" why {action} ") == "Done and recorded for 1."
        states.append(Chain.objects.get().state)
    assert states == ["ok", "retired", "retired", "ok"]
    trail = AuditEntry.objects.order_by("pk").values_list("action", "actor__username", "subject", "details")
    assert list(trail) == [
        ("ledger.chain.retired", "admin", str(world.chain.pk), {"reason": "why retire"}),
        ("ledger.chain.reinstated", "admin", str(world.chain.pk), {"reason": "why reinstate"}),
    ]


@pytest.mark.usefixtures("world")
def test_who_may_only_look_at_chains_is_offered_nothing_and_does_nothing() -> None:
    viewer = staff_with("view_chain")
    assert 'value="retire"' not in read(viewer, "chain")
    act(viewer, "chain", "retire", CHAIN_ID, "because I can")
    assert Chain.objects.get().state == Chain.State.OK
    Chain.objects.update(state=Chain.State.RETIRED)
    act(viewer, "chain", "reinstate", CHAIN_ID, "because I can")
    assert Chain.objects.get().state == Chain.State.RETIRED
    assert not AuditEntry.objects.exists()


def test_who_may_operate_chains_does_without_being_a_superuser(world: World) -> None:
    act(staff_with("view_chain", "change_chain"), "chain", "retire", CHAIN_ID, "the network closes")
    world.chain.refresh_from_db()
    assert world.chain.state == Chain.State.RETIRED


@pytest.mark.parametrize(
    ("decimals", "reason", "is_taken"),
    [("0", "r" * 200, True), ("-1", "r", False), ("36", "r", True), ("0", "r" * 201, False)],
)
def test_what_an_operator_may_say_of_a_token(
    world: World, admin: Client, *, decimals: str, reason: str, is_taken: bool
) -> None:
    url = f"/admin/ledger/token/{world.token.pk}/change/"
    told = {"plain_symbol": "ODD", "decimals": decimals, "reason": reason}
    assert admin.post(url, told).status_code == (302 if is_taken else 200)
    world.token.refresh_from_db()
    assert world.token.decimals == (int(decimals) if is_taken else 6)
    assert (
        AuditEntry.objects.filter(action="ledger.token_mended", details__reason=reason).exists() == is_taken
    )


def test_a_tokens_page_spells_its_address(world: World, admin: Client) -> None:
    page = read(admin, f"token/{world.token.pk}/change")
    assert "<label>Address:</label>" in page
    assert format_address(TOKEN) in page


def test_only_who_may_change_tokens_has_their_contract_asked_again(world: World) -> None:
    operator = User.objects.create_superuser("operator")
    mend_token(world.token, "ODD", 3, actor=operator, reason="its own site says so")
    viewer = staff_with("view_token")
    assert 'value="ask_again"' not in read(viewer, "token")
    act(viewer, "token", "ask_again", world.token.pk, "because I can")
    world.token.refresh_from_db()
    assert (world.token.decimals, world.token.source) == (3, Token.Source.OPERATOR)
    client = staff_client(operator)
    assert '<option value="ask_again">Ask the contract again</option>' in read(client, "token")
    act(client, "token", "ask_again", world.token.pk, "it was put right")
    world.token.refresh_from_db()
    assert (world.token.decimals, world.token.source) == (None, "")
