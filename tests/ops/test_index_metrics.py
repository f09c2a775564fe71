"""What /metrics tells about the index, and that alerts and dashboard ask for nothing else."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from devtools.servers import PROJECT_ROOT
from django_project.ledger.models import Chain, Cursor, Outbox, ReorgEvent, RpcEndpoint, SuspectRange
from django_project.ops import index_metrics
from tasks.indexing.node.endpoint_notes import EndpointNotes
from tasks.indexing.node.rpc import Pool
from tests.factories import World, address

pytestmark = pytest.mark.django_db

CHAIN = {"chain": "31337"}
ALERTS = PROJECT_ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = PROJECT_ROOT / "deploy" / "grafana" / "indexer.json"
RUNBOOK = PROJECT_ROOT / "docs" / "indexer.md"
METRIC = re.compile(r"chainfund_indexer_\w+")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape() -> Samples:
    text = Client().get("/metrics").content.decode()
    return {
        (sample.name.removeprefix(index_metrics.PREFIX), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset({**CHAIN, **labels}.items())]


def test_a_chain_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    # Held for longer than a busy machine may stand still between writing the row and reading it.
    monkeypatch.setattr(index_metrics, "LEASE", timedelta(minutes=10))
    world = World()
    campaign = world.campaign()
    world.contribute(campaign, backer=address(1), amount=5)
    world.mine(20)
    Cursor.objects.update(
        node_head=world.block + 3,
        moved_at=timezone.now() - timedelta(seconds=90),
        lease_until=timezone.now() + timedelta(minutes=11),
        commit_blocks=2_000,
        commit_seconds=0.25,
    )

    samples = scrape()

    assert samples["readable", frozenset()] == 1
    assert of(samples, "head_block") == world.block + 3
    assert of(samples, "indexed_block") == world.block
    assert of(samples, "finalized_block") == world.block - 8
    assert of(samples, "lag_blocks") == 3
    assert of(samples, "events") == 2
    assert 90 <= of(samples, "cursor_age_seconds") < 150
    assert of(samples, "has_worker") == 1
    assert (of(samples, "commit_blocks"), of(samples, "commit_seconds")) == (2_000, 0.25)
    assert all(of(samples, "halted", code=code) == 0 for code in Chain.Halt.values)


def test_what_went_wrong_is_told() -> None:
    world = World()
    Chain.objects.update(state=Chain.State.HALTED, halt_code=Chain.Halt.DEEP_REORG)
    for depth in (2, 5):
        ReorgEvent.objects.create(
            chain=world.chain, ancestor_block=1, depth=depth, old_head_hash=bytes(32), logs_removed=0
        )
    for resolved_at in (None, None, None, timezone.now()):
        SuspectRange.objects.create(chain=world.chain, from_block=1, to_block=2, resolved_at=resolved_at)
    Outbox.objects.create(chain=world.chain, topic="campaigns_launched")

    samples = scrape()

    assert of(samples, "halted", code="deep_reorg") == 1
    assert of(samples, "halted", code="identity") == 0
    assert (of(samples, "reorgs_total"), of(samples, "deepest_reorg_blocks")) == (2, 5)
    assert of(samples, "open_suspects") == 3
    assert of(samples, "outbox_undelivered") == 1
    assert of(samples, "has_worker") == 0
    assert ("cursor_age_seconds", frozenset(CHAIN.items())) not in samples


def test_endpoints_are_told_apart_and_never_by_their_keys() -> None:
    world = World()
    urls = ["https://node.example/key-one", "https://node.example/key-two"]
    for url in urls:
        RpcEndpoint.objects.create(chain=world.chain, name="node.example", url=url)
    with Pool(urls) as pool:
        notes = EndpointNotes(world.chain.chain_id, pool)
        pool.endpoints[0].requests, pool.endpoints[0].latency = 7, 0.03
        notes.write_when_due()
        pool.endpoints[0].requests, pool.endpoints[0].errors = 9, 1
        notes.write_when_due()
        assert RpcEndpoint.objects.order_by("id")[0].requests == 7, "written again although nothing rests"
        pool.ban(pool.endpoints[1], "on another chain")
        notes.write_when_due()
    # Another worker's requests add up with those of the first.
    with Pool(urls) as pool:
        pool.endpoints[0].requests = 100
        pool.ban(pool.endpoints[1], "on another chain")
        EndpointNotes(world.chain.chain_id, pool).write()

    samples = scrape()

    assert of(samples, "endpoint_requests_total", endpoint="node.example") == 109
    assert of(samples, "endpoint_errors_total", endpoint="node.example") == 1
    assert of(samples, "endpoint_in_service", endpoint="node.example") == 1
    assert of(samples, "endpoint_in_service", endpoint="node.example #2") == 0
    assert b"key-one" not in Client().get("/metrics").content


def test_the_number_of_queries_does_not_grow(django_assert_num_queries: Any) -> None:
    def make(chain_id: int) -> None:
        world = World(chain_id)
        world.contribute(world.campaign(), backer=address(1), amount=5)
        RpcEndpoint.objects.create(chain=world.chain, name="node", url=f"http://node/{chain_id}")

    make(31337)
    with django_assert_num_queries(9):
        scrape()
    make(5)
    make(6)
    with django_assert_num_queries(9):
        assert ("events", frozenset({("chain", "5")})) in scrape()


def test_tables_that_cannot_be_read_fail_no_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    World()

    def refuse() -> None:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr(index_metrics, "index_health", refuse)
    samples = scrape()
    assert samples["readable", frozenset()] == 0
    assert ("head_block", frozenset(CHAIN.items())) not in samples
    assert any(name.startswith("django_http_requests") for name, _ in samples)


def exported() -> set[str]:
    """The full names of the index's metrics while every table has a row."""
    world = World()
    RpcEndpoint.objects.create(chain=world.chain, name="node", url="http://node")
    Cursor.objects.update(moved_at=timezone.now())
    text = Client().get("/metrics").content.decode()
    return {
        sample.name
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(index_metrics.PREFIX)
    }


def alerts() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from group["rules"]


def test_every_alert_asks_for_what_is_exported_and_links_to_its_section() -> None:
    names = exported()
    anchors = {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    }
    for alert in alerts():
        asked = set(METRIC.findall(alert["expr"]))
        assert asked, alert["alert"]
        assert asked <= names, alert["alert"]
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert alert["annotations"]["summary"]
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors) == ("docs/indexer.md", True), alert["alert"]


def test_every_halt_reason_has_its_section_and_every_metric_its_row() -> None:
    text = RUNBOOK.read_text()
    assert all(f"### `{code}`" in text for code in Chain.Halt.values)
    assert not {name for name in exported() if f"`{name.removeprefix(index_metrics.PREFIX)}`" not in text}


def test_the_dashboard_asks_for_what_is_exported() -> None:
    document = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
    names = exported()
    assert {name for expr in asked for name in METRIC.findall(expr)} <= names
    assert all(METRIC.search(expr) for expr in asked)
    places = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in document["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places)), "panels overlap"
    assert max(x for x, _ in places) < 24
