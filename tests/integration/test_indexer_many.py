"""More than one of everything: chains, factories, and campaigns by the thousand."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import pytest
from django.conf import settings
from pytest_django import Settings

from devtools.servers import Anvil
from django_project.core.addresses import parse_address
from django_project.ledger.invariants import violations
from django_project.ledger.models import CampaignLaunched, Contribution, Outbox, SuspectRange
from django_project.ledger.outbox import unread
from tests.support.contracts import (
    ABIS,
    Suite,
    contribute,
    create_campaign,
    deploy_suite,
    mine,
    node,
)
from tests.support.indexing import fresh_picture, index_once, picture
from tests.support.launching import launch_many
from tests.support.processes import WORKER, beat, environment, kill, start, wait_until
from tests.support.watching import wait_and_watch

pytestmark = pytest.mark.django_db(transaction=True)

CHAIN_IDS = (31337, 31338)
LARGEST_RSS_MB = 250


@pytest.fixture
def suites(tmp_path: Path, deployments_dir: Path) -> Iterator[list[Suite]]:
    """Two chains on which the same addresses are other contracts."""
    servers = [Anvil(tmp_path, chain_id=chain_id) for chain_id in CHAIN_IDS]
    yield [deploy_suite(server, deployments_dir) for server in servers]
    for server in servers:
        server.stop()


def set_to_same_second(suites: list[Suite]) -> None:
    """Give the newest blocks one time: deadlines of campaigns follow from it, and addresses from those."""
    moment = 1 + max(suite.web3.eth.get_block("latest")["timestamp"] for suite in suites)
    for suite in suites:
        node(suite, "evm_setNextBlockTimestamp", moment)
        mine(suite)


def test_the_same_workers_follow_two_chains(suites: list[Suite], tmp_path: Path) -> None:
    env = environment(
        *suites, CHAINFUND_INDEXER_LEASE_SECONDS="1", CELERY_BROKER_URL=settings.REDIS_URL[:-1] + "6"
    )
    set_to_same_second(suites)
    campaigns = [create_campaign(suite, metadata_hash=b"\x05" * 32) for suite in suites]
    assert campaigns[0].address == campaigns[1].address
    contributed = {suite.chain_id: 0 for suite in suites}

    def contribute_to_each(amount: int) -> None:
        for suite, campaign in zip(suites, campaigns, strict=True):
            contribute(suite, campaign, amount=amount + suite.chain_id)
            contributed[suite.chain_id] += 1

    def is_level() -> bool:
        return all(
            Contribution.objects.filter(chain_id=chain_id).count() == number
            for chain_id, number in contributed.items()
        )

    processes = [
        start(*WORKER, "-c", "2", "-n", f"{name}@%h", env=env, log=tmp_path / f"{name}.log")
        for name in ("first", "second")
    ]
    processes.append(start(*beat(tmp_path), env=env, log=tmp_path / "beat.log"))
    try:
        contribute_to_each(1)
        wait_until(is_level, "both chains")
        contribute_to_each(2)
        wait_until(is_level, "both chains while they are followed")
    finally:
        for process in processes:
            if process.poll() is None:
                kill(process)
    taken = [picture(suite.chain_id) for suite in suites]
    assert taken[0] != taken[1]
    assert taken == [fresh_picture(suite) for suite in suites]


def test_followers_leave_room_for_other_tasks(suites: list[Suite], tmp_path: Path) -> None:
    """As many chains as processes, each followed for ten minutes: the outbox is delivered all the same."""
    env = environment(
        *suites, CHAINFUND_INDEXER_LEASE_SECONDS="600", CELERY_BROKER_URL=settings.REDIS_URL[:-1] + "5"
    )
    for suite in suites:
        contribute(suite, create_campaign(suite))
    log = tmp_path / "worker.log"
    processes = [start(*WORKER, "-c", "2", env=env, log=log), start(*beat(tmp_path), env=env, log=log)]
    try:
        wait_until(lambda: unread().exists(), "news of the chains")
        wait_until(lambda: not unread().exists(), "their delivery")
    finally:
        for process in processes:
            kill(process)
    assert {row.chain_id for row in Outbox.objects.all()} == {suite.chain_id for suite in suites}
    assert "give the queue indexing a worker of its own" in log.read_text()


def add_factory(suite: Suite, other: Suite, abi_hash: str) -> None:
    """Write the other deployment's factory and implementation into the suite's registry."""
    document = json.loads(suite.registry.read_text())
    for entry in json.loads(other.registry.read_text())["contracts"]:
        if entry["kind"] in {"factory", "implementation"}:
            is_factory = entry["kind"] == "factory"
            document["contracts"].append(
                {**entry, "version": "2", **({"abiHash": abi_hash} if is_factory else {})}
            )
    suite.registry.write_text(json.dumps(document))


def write_second_version(directory: Path) -> str:
    """The ABI of a factory that has one function more; returns its hash."""
    of_first = json.loads((ABIS / "index.json").read_text())["CampaignFactory"].removeprefix("0x")
    abi = json.loads((ABIS / f"{of_first}.json").read_bytes())
    abi.append(
        {"type": "function", "name": "novelty", "inputs": [], "outputs": [], "stateMutability": "view"}
    )
    content = json.dumps(abi).encode()
    digest = sha256(content).hexdigest()
    (directory / f"{digest}.json").write_bytes(content)
    return digest


@pytest.mark.parametrize("is_known_from_the_start", [True, False])
def test_two_versions_of_the_factory(
    anvil: Anvil,
    deployments_dir: Path,
    tmp_path: Path,
    settings: Settings,
    *,
    is_known_from_the_start: bool,
) -> None:
    settings.ABIS_DIR = copytree(ABIS, tmp_path / "abis")
    suite = deploy_suite(anvil, deployments_dir)
    other = deploy_suite(anvil, tmp_path / "second", fee_bps=100)
    ours, theirs = create_campaign(suite), create_campaign(other)
    contribute(suite, ours, amount=1)
    contribute(other, theirs, amount=2)
    if not is_known_from_the_start:
        index_once(suite)
        assert CampaignLaunched.objects.count() == 1
    add_factory(suite, other, write_second_version(settings.ABIS_DIR))
    contribute(suite, ours, amount=3)
    contribute(other, theirs, amount=4)

    index_once(suite)

    launched = dict(CampaignLaunched.objects.values_list("address", "factory"))
    assert launched == {
        parse_address(campaign.address): parse_address(deployed.factory.address)
        for campaign, deployed in ((ours, suite), (theirs, other))
    }
    assert sorted(Contribution.objects.values_list("amount", flat=True)) == [1, 2, 3, 4]
    assert not SuspectRange.objects.filter(resolved_at=None).exists()
    assert violations() == []
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_many_campaigns(tmp_path: Path, deployments_dir: Path, pytestconfig: pytest.Config) -> None:
    campaigns = pytestconfig.getoption("--campaigns")
    node = Anvil(tmp_path, arguments=["--gas-limit", str(10**9)])
    try:
        suite = deploy_suite(node, deployments_dir)
        launch_many(suite, campaigns)
        latest = suite.factory.events.CampaignCreated().get_logs(from_block="latest")
        for created in (latest[0], latest[-1]):
            contribute(suite, suite.campaign(created["args"]["campaign"]), amount=5)
        mine(suite, 12)
        contribute(suite, create_campaign(suite), amount=6)
        head = suite.web3.eth.block_number
        indexer = start(
            *("manage.py", "indexer", "run", f"--until-block={head}"),
            env=environment(suite),
            log=tmp_path / "run.log",
        )
        usage = wait_and_watch(indexer)
        assert indexer.returncode == 0, (tmp_path / "run.log").read_text()
        assert usage.peak_rss / 1e6 < LARGEST_RSS_MB
        assert (
            CampaignLaunched.objects.count()
            == suite.factory.functions.campaignCount().call()
            == campaigns + 1
        )
        assert violations() == []
        assert picture(suite.chain_id) == fresh_picture(suite)
    finally:
        node.stop()
