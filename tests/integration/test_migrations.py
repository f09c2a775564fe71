"""A database of an earlier version keeps its rows through the migrations, there and back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.apps.registry import Apps
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from django_project.accounts.models import User, Wallet
from django_project.community.models import CampaignUpdate, Report
from django_project.core.audit import FORGOTTEN
from django_project.core.models import AuditEntry
from django_project.discovery.models import ModelVersion
from django_project.ledger import services
from django_project.ledger.models import FIRST_VERSION, Chain, Contract, Milestone, MilestoneRelease, Token

pytestmark = pytest.mark.django_db(transaction=True)

# The app of what people write, until it got one of its own.
FORMER = "campaigns"
# What a challenge was called until it got a purpose.
CHALLENGE = "SignInChallenge"
BEFORE = ("ledger", "0007_retired_chains_and_clocks")
NOW = datetime(2031, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
CHAIN, ADDRESS, TOKEN, ODD = 5, b"\x05" * 20, b"\x07" * 20, b"\x0d" * 20


def migrate(*targets: tuple[str, str | None]) -> Apps:
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    known = [(app, name) for app, name in targets if name is not None]
    return MigrationExecutor(connection).loader.project_state(known).apps


@pytest.fixture
def before() -> Iterator[Apps]:
    """The models as they were; afterwards the database is as it is."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        yield migrate(BEFORE)
    finally:
        migrate(*newest)


def fill(old: Apps) -> None:
    """One chain with a factory, a token, and a campaign whose first milestone was paid."""
    chain = old.get_model("ledger", "Chain").objects.create(chain_id=CHAIN, name="Old chain")
    factory = {"chain": chain, "address": ADDRESS, "kind": "factory", "start_block": 1}
    old.get_model("ledger", "Contract").objects.create(**factory)
    old.get_model("ledger", "Token").objects.create(chain=chain, address=TOKEN, symbol="TUSD", decimals=6)
    common = {"chain": chain, "block_number": 2, "block_time": NOW, "tx_hash": bytes(32)}
    launched = old.get_model("ledger", "CampaignLaunched").objects.create(
        **{**common, "log_index": 0, "seq": 1, "factory": ADDRESS, "address": b"\x09" * 20},
        creator=ADDRESS,
        token=TOKEN,
        mode=0,
        goal=1,
        start=NOW,
        deadline=NOW,
        fee_bps=0,
        min_contribution=0,
        cap=0,
        metadata_uri="x",
        metadata_hash=bytes(32),
    )
    old.get_model("ledger", "Milestone").objects.create(
        **{**common, "log_index": 1, "seq": 1, "campaign": launched, "milestone_id": 1, "share_bps": 10_000},
        due=NOW,
        objection_window=1,
        objection_threshold_bps=1,
    )
    old.get_model("ledger", "MilestoneRelease").objects.create(
        **{**common, "log_index": 2, "seq": 2, "campaign": launched, "milestone_id": 1, "token": TOKEN},
        amount=1,
        total_released=1,
    )


def test_rows_of_before_stay_and_mean_the_first_version(before: Apps) -> None:
    fill(before)
    migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes("ledger"))
    assert Contract.objects.get().version == FIRST_VERSION
    token = Token.objects.get()
    assert (token.symbol, token.plain_symbol, token.decimals) == ("TUSD", "TUSD", 6)
    # It is asked again at once: nobody knows any more at which block it was read.
    assert (token.source, token.read_block, token.asked_at) == (Token.Source.CHAIN, None, None)
    assert Milestone.objects.get().not_before is None
    assert MilestoneRelease.objects.get().next_due is None
    chain = Chain.objects.get()
    assert (chain.currency_symbol, chain.currency_decimals) == ("ETH", 18)

    # What has no place in the older tables goes on the way back, and nothing else.
    services.create_tokens(CHAIN, {ODD})
    services.doubt_token(CHAIN, ODD, "it refuses to say its symbol")
    old = migrate(BEFORE)
    assert list(old.get_model("ledger", "Token").objects.values_list("symbol", "decimals")) == [("TUSD", 6)]
    assert old.get_model("ledger", "MilestoneRelease").objects.count() == 1


@pytest.fixture
def before_staff_stood_apart() -> Iterator[Apps]:
    try:
        yield migrate(("accounts", "0003_sessions_of_accounts"))
    finally:
        migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes())


def test_accounts_with_a_wallet_lose_staff_rights_and_others_keep_theirs(
    before_staff_stood_apart: Apps,
) -> None:
    users = before_staff_stood_apart.get_model("accounts", "User").objects
    powerful = {"is_staff": True, "is_superuser": True}
    both = users.create(username="both", **powerful)
    before_staff_stood_apart.get_model("accounts", "Wallet").objects.create(user=both, address=ADDRESS)
    users.create(username="operator", **powerful)
    users.create(username="half", is_superuser=True)
    migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes("accounts"))
    found = User.objects.order_by("username").values_list("username", "is_staff", "is_superuser")
    assert list(found) == [("both", False, False), ("half", False, False), ("operator", True, True)]
    entry = AuditEntry.objects.get(action="accounts.powers.changed")
    assert (entry.subject, entry.details["is_staff"]) == (str(both.public_id), [True, False])


def test_what_people_wrote_comes_to_its_own_app_with_all_permissions_and_goes_back() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        old = migrate(("community", None), ("campaigns", "0005_index_edition"))
        report = given(old, FORMER, "moderators")
        update = {"content_hash": b"\x01" * 32, "chain_id": CHAIN, "address": ADDRESS, "title": "An update"}
        old.get_model(FORMER, "CampaignUpdate").objects.create(**update, body="Text", document=b"{}")
        migrate(*newest)
        ContentType.objects.clear_cache()
        assert Group.objects.get(name="moderators").permissions.get().content_type_id == report
        assert ContentType.objects.get_for_model(Report).pk == report
        assert CampaignUpdate.objects.values("title", "body").get() == {"title": "An update", "body": "Text"}
        assert not ContentType.objects.filter(app_label="campaigns", model="report").exists()
        # Code of before, still running somewhere, makes a content type of its own and permissions for it.
        other = given(MigrationExecutor(connection).loader.project_state(newest).apps, FORMER, "late")
        assert other != report
        old = migrate(("community", None), ("campaigns", "0005_index_edition"))
        assert old.get_model(FORMER, "CampaignUpdate").objects.get().title == "An update"
        kinds = ContentType.objects.filter(model="report")
        assert list(kinds.values_list("pk", "app_label")) == [(report, "campaigns")]
        for name in ("moderators", "late"):
            assert Group.objects.get(name=name).permissions.get().content_type_id == report
    finally:
        migrate(*newest)


def test_sentences_of_gates_stay_readable_beside_codes_and_older_code_writes_on() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    row = {"model": "twotower", "snapshot_hash": "ab" * 32, "seed": 0, "trained_at": NOW}
    try:
        old = migrate(("discovery", "0002_rollout"))
        sentence = "r1: its metrics are all finite."
        old.get_model("discovery", "ModelVersion").objects.create(run_id="r1", reasons=[sentence], **row)
        migrate(*newest)
        before = ModelVersion.objects.get()
        assert (before.findings, before.gate_results) == ([sentence], [])
        found = {"run": "r1", "code": "weights_finite", "values": {}}
        before.gate_results = [found]
        before.save()
        assert ModelVersion.objects.get().findings == [sentence, found]
        # Code of before knows no such column.
        old.get_model("discovery", "ModelVersion").objects.create(run_id="r2", **row)
        assert ModelVersion.objects.get(run_id="r2").findings == []
        old = migrate(("discovery", "0002_rollout"))
        assert old.get_model("discovery", "ModelVersion").objects.get(run_id="r1").reasons == [sentence]
    finally:
        migrate(*newest)


def given(apps: Apps, app_label: str, group: str) -> int:
    """A group that may change reports by the content type of an app; the type's id."""
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label=app_label, model="report"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind, codename="change_report", defaults={"name": "Can change report"}
    )
    apps.get_model("auth", "Group").objects.create(name=group).permissions.add(permission)
    return int(kind.pk)


@pytest.mark.parametrize(("chains", "silent"), [((5,), 5), ((5, 6), None)])
def test_contract_wallets_are_bound_to_where_they_signed_and_the_trail_forgets_who_is_gone(
    chains: tuple[int, ...], silent: int | None
) -> None:
    graph = MigrationExecutor(connection).loader.graph
    newest = graph.leaf_nodes()
    try:
        old = migrate(
            ("accounts", "0004_staff_apart"), *graph.leaf_nodes("ledger"), *graph.leaf_nodes("core")
        )
        for chain_id in chains:
            old.get_model("ledger", "Chain").objects.create(chain_id=chain_id, name=f"Chain {chain_id}")
        user = old.get_model("accounts", "User").objects.create(username="alice")
        wallets = old.get_model("accounts", "Wallet").objects
        for number, is_contract in ((1, True), (2, True), (3, False)):
            wallets.create(user=user, address=bytes([number]) * 20, is_contract=is_contract)
        # The first signed on other chains than there are now: the last text that was used counts.
        for nonce, chain_id, consumed_at in (("a", 6, NOW), ("b", 7, NOW + DAY), ("c", 8, None)):
            old.get_model("accounts", CHALLENGE).objects.create(
                nonce=nonce,
                address=b"\x01" * 20,
                chain_id=chain_id,
                message="text",
                expires_at=NOW,
                consumed_at=consumed_at,
            )
        trail = old.get_model("core", "AuditEntry").objects
        for action, subject in (
            ("accounts.wallet.linked", str(user.public_id)),
            ("accounts.wallet.linked", "0x" + "ab" * 20),
            ("discovery.erased", "a hash"),
            ("campaigns.listing.hidden", "0x" + "ab" * 20),
        ):
            trail.create(action=action, subject=subject, details={"wallet": "0xab"})
        migrate(*newest)
        assert list(Wallet.objects.order_by("address").values_list("contract_chain_id", flat=True)) == [
            7,
            silent,
            None,
        ]
        assert set(AuditEntry.objects.values_list("action", "subject", "details__wallet")) == {
            ("accounts.wallet.linked", str(user.public_id), "0xab"),
            ("accounts.wallet.linked", FORGOTTEN, None),
            ("campaigns.listing.hidden", "0x" + "ab" * 20, "0xab"),
            ("discovery.erased", FORGOTTEN, None),
        }
    finally:
        migrate(*newest)
