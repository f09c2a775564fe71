"""Campaigns of both versions of the contracts on one chain: index and pages say what each contract says."""

from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path

import pytest
from django.test import Client

from devtools.servers import Anvil
from django_project.campaigns import services as campaigns
from django_project.campaigns.models import Listing
from django_project.core.addresses import parse_address
from django_project.core.metadata import canonical_json, metadata_hash
from django_project.ledger.invariants import violations
from django_project.ledger.models import (
    FIRST_VERSION,
    SECOND_VERSION,
    CampaignLaunched,
    Chain,
    Contract,
    MilestoneRelease,
    WindDown,
)
from django_project.ledger.selectors import (
    CONTRACT_STATES,
    OWING_STATUSES,
    Status,
    campaigns_with_status,
    owed_since,
    version_of,
)
from django_project.ledger.totals import recompute_totals
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.registry import load_events, read_registry
from tasks.indexing.repair.verify import Verifier
from tests.factories import CATEGORIES
from tests.support.contracts import (
    Suite,
    contribute,
    create_campaign,
    deploy_first_version,
    deploy_suite,
    mine,
    node,
)
from tests.support.indexing import fresh_picture, index_once, picture

pytestmark = pytest.mark.django_db(transaction=True)

DAY = int(timedelta(days=1).total_seconds())
WINDOW = 3 * DAY
EVIDENCE = "ipfs://evidence", b"\x01" * 32
CREATOR, BACKER, OTHER = 2, 3, 4
FIRST_DUE, SECOND_DUE = timedelta(days=30), timedelta(days=60)


class Pair:
    """The same campaign in both versions, on one chain, by version."""

    def __init__(self, suites: dict[int, Suite]) -> None:
        self.suites = suites
        self.chain = suites[SECOND_VERSION]
        self.texts = {
            version: {
                "schema": 1,
                "title": f"Honey of version {version}",
                "tagline": "Bees above the tram depot",
                "story": "We keep **bees**.",
                "category": "food",
                "language": "en",
                "publisher": "Roof Apiary",
                "rewards": [],
            }
            for version in suites
        }
        self.campaigns = {
            version: create_campaign(
                suite,
                goal=100,
                duration=timedelta(days=2),
                milestones=((5_000, FIRST_DUE), (5_000, SECOND_DUE)),
                metadata_hash=metadata_hash(canonical_json(self.texts[version])),
            )
            for version, suite in suites.items()
        }
        self.deadlines = {
            version: campaign.functions.terms().call()[4] for version, campaign in self.campaigns.items()
        }

    def go_to(self, moment: int) -> None:
        """Mine one block at that second."""
        node(self.chain, "evm_setNextBlockTimestamp", moment)
        mine(self.chain)

    def act_at(
        self, moment: int, version: int, function: str, *arguments: object, account: int = CREATOR
    ) -> None:
        node(self.chain, "evm_setNextBlockTimestamp", moment)
        call = self.campaigns[version].functions[function](*arguments)
        self.suites[version].send(call, self.chain.accounts[account])

    def launched(self, version: int) -> CampaignLaunched:
        address = parse_address(self.campaigns[version].address)
        return campaigns_with_status(self.now()).get(address=address)

    def now(self) -> datetime:
        return _time(self.chain.web3.eth.get_block("latest")["timestamp"])

    def check(self) -> dict[int, str]:
        """Both campaigns are in the index where their own contracts are; says where that is."""
        index_once(self.chain)
        return {version: self._agreed(version) for version in self.campaigns}

    def _agreed(self, version: int) -> str:
        views, row = self.campaigns[version].functions, self.launched(version)
        status: str = row.status  # type: ignore[attr-defined]
        assert status == CONTRACT_STATES[views.state().call()]
        since = int(owed_since(row, status).timestamp()) if status in OWING_STATUSES else 0
        assert since == views.refundsSince().call()
        if version >= SECOND_VERSION and status == Status.RELEASING:
            assert row.totals.milestone_due == _time(views.milestoneDue().call())
        assert violations() == []
        return status

    def verify(self) -> list[str]:
        with Pool((self.chain.url,)) as pool:
            registry = read_registry(self.chain.registry)
            chain = Chain.objects.get(pk=self.chain.chain_id)
            return Verifier(chain, pool, load_events(registry)).verify().problems

    def page(self, version: int) -> str:
        """The milestones as the site shows them now."""
        title = self.texts[version]["title"]
        slug = Listing.objects.get(metadata__title=title).slug
        answer = Client().get(f"/campaigns/{slug}/milestones/")
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    def list_them(self) -> None:
        campaigns.ensure_categories(CATEGORIES)
        for text in self.texts.values():
            campaigns.store_metadata(text)
        campaigns.sync_listings(self.chain.chain_id)


def _time(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


@pytest.fixture
def pair(anvil: Anvil, deployments_dir: Path) -> Pair:
    second = deploy_suite(anvil, deployments_dir)
    both = Pair({SECOND_VERSION: second, FIRST_VERSION: deploy_first_version(second)})
    for version, campaign in both.campaigns.items():
        for account, amount in ((BACKER, 700), (OTHER, 300)):
            suite = both.suites[version]
            contribute(suite, campaign, backer=suite.accounts[account], amount=amount)
    return both


def test_each_campaign_has_the_version_of_its_factory(pair: Pair) -> None:
    assert pair.check() == {SECOND_VERSION: Status.OPEN, FIRST_VERSION: Status.OPEN}
    assert {version: version_of(pair.launched(version)) for version in pair.campaigns} == {
        SECOND_VERSION: SECOND_VERSION,
        FIRST_VERSION: FIRST_VERSION,
    }
    # A database that was filled before versions were kept learns them when the indexer starts.
    Contract.objects.update(version=FIRST_VERSION)
    index_once(pair.chain)
    factories = Contract.objects.filter(kind=Contract.Kind.FACTORY)
    assert sorted(factories.values_list("version", flat=True)) == [FIRST_VERSION, SECOND_VERSION]
    assert version_of(pair.launched(SECOND_VERSION)) == SECOND_VERSION


def test_both_versions_through_a_late_payment(pair: Pair) -> None:
    deadline = max(pair.deadlines.values())
    for moment, status in ((min(pair.deadlines.values()) - 1, Status.OPEN), (deadline, Status.RELEASING)):
        pair.go_to(moment)
        assert set(pair.check().values()) == {status}

    # Evidence in time, and collected so late that the next milestone's own date has passed.
    submitted = min(pair.deadlines.values()) + int(FIRST_DUE.total_seconds()) - DAY
    for number, version in enumerate(pair.campaigns):
        pair.act_at(submitted + number, version, "submitMilestone", *EVIDENCE)
    pair.list_them()
    for moment in (submitted + WINDOW - 1, submitted + WINDOW + 1):
        pair.go_to(moment)
        assert set(pair.check().values()) == {Status.RELEASING}
    next_due = {
        version: deadline + int(SECOND_DUE.total_seconds()) for version, deadline in pair.deadlines.items()
    }
    assert "This contract does not move later dates." in pair.page(FIRST_VERSION)
    assert "This contract does not move" not in pair.page(SECOND_VERSION)

    late = max(next_due.values()) + 5 * DAY
    pair.go_to(late)
    assert set(pair.check().values()) == {Status.RELEASING}
    assert "was due before" in pair.page(FIRST_VERSION)
    for number, version in enumerate(pair.campaigns, start=1):
        pair.act_at(late + number, version, "release", pair.chain.accounts[CREATOR])
    assert pair.check() == {SECOND_VERSION: Status.RELEASING, FIRST_VERSION: Status.WIND_DOWN}
    paid = {row.campaign_id: row for row in MilestoneRelease.objects.select_related("campaign")}
    rows = {version: paid[pair.launched(version).pk] for version in pair.campaigns}
    first = pair.launched(FIRST_VERSION)
    assert rows[FIRST_VERSION].next_due is None
    # The first version goes on counting from a date before its last payment.
    assert (
        owed_since(first, Status.WIND_DOWN) == _time(next_due[FIRST_VERSION]) < rows[FIRST_VERSION].block_time
    )
    moved = rows[SECOND_VERSION].next_due
    assert moved == rows[SECOND_VERSION].block_time + (SECOND_DUE - FIRST_DUE) - timedelta(seconds=WINDOW)
    assert pair.launched(SECOND_VERSION).totals.milestone_due == moved
    assert pair.verify() == []
    assert f"{moved:%Y-%m-%d %H:%M} UTC" in pair.page(SECOND_VERSION)
    assert "moved from" in pair.page(SECOND_VERSION)
    assert "moved from" not in pair.page(FIRST_VERSION)

    end = int(moved.timestamp())
    for moment, status in ((end - 1, Status.RELEASING), (end, Status.WIND_DOWN), (end + 1, Status.WIND_DOWN)):
        pair.go_to(moment)
        assert pair.check() == {SECOND_VERSION: status, FIRST_VERSION: Status.WIND_DOWN}
    for number, version in enumerate(pair.campaigns, start=2):
        pair.act_at(end + number, version, "refund", account=BACKER)
    assert set(pair.check().values()) == {Status.WIND_DOWN}
    since = dict(WindDown.objects.values_list("campaign_id", "since"))
    assert since == {
        pair.launched(FIRST_VERSION).pk: _time(next_due[FIRST_VERSION]),
        pair.launched(SECOND_VERSION).pk: moved,
    }
    assert pair.verify() == []
    kept = [pair.launched(version).totals.milestone_due for version in pair.campaigns]
    recompute_totals([pair.launched(version).pk for version in pair.campaigns])
    assert kept == [pair.launched(version).totals.milestone_due for version in pair.campaigns]
    assert picture(pair.chain.chain_id) == fresh_picture(pair.chain)


def test_both_versions_where_nothing_is_late(pair: Pair) -> None:
    starts = pair.deadlines
    # What a transaction would cost is estimated at the block before it.
    pair.go_to(max(starts.values()))
    for number, version in enumerate(pair.campaigns):
        pair.act_at(max(starts.values()) + DAY + number, version, "submitMilestone", *EVIDENCE)
    ends = max(starts.values()) + DAY + WINDOW + 2
    pair.go_to(ends - 1)
    for number, version in enumerate(pair.campaigns):
        pair.act_at(ends + number, version, "release", pair.chain.accounts[CREATOR])
    assert set(pair.check().values()) == {Status.RELEASING}
    for version in pair.campaigns:
        due = starts[version] + int(SECOND_DUE.total_seconds())
        assert pair.launched(version).totals.milestone_due == _time(due)
    due = {version: start + int(SECOND_DUE.total_seconds()) for version, start in starts.items()}
    for version in sorted(due, key=due.__getitem__):
        for moment, status in ((due[version] - 1, Status.RELEASING), (due[version], Status.WIND_DOWN)):
            if moment > int(pair.now().timestamp()):
                pair.go_to(moment)
                assert pair.check()[version] == status
    for version in pair.campaigns:
        row = pair.launched(version)
        assert owed_since(row, Status.WIND_DOWN) == _time(due[version])
    assert pair.verify() == []


def test_both_versions_refused_and_left_alone(pair: Pair) -> None:
    pair.go_to(max(pair.deadlines.values()))
    moment = max(pair.deadlines.values()) + DAY
    for number, version in enumerate(pair.campaigns):
        pair.act_at(moment + 2 * number, version, "submitMilestone", *EVIDENCE)
        pair.act_at(moment + 2 * number + 1, version, "object", account=OTHER)
    index_once(pair.chain)
    ends = {version: pair.campaigns[version].functions.review().call()[2] for version in pair.campaigns}
    for version, end in sorted(ends.items(), key=itemgetter(1)):
        for at, status in ((end - 1, Status.RELEASING), (end, Status.WIND_DOWN)):
            pair.go_to(at)
            assert pair.check()[version] == status
        assert pair.campaigns[version].functions.refundsSince().call() == end
    assert pair.verify() == []
