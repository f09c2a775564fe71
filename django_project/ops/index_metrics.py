"""The index in Prometheus' terms, read from the tables at every scrape: any web process can tell it.

Names and help texts here are what `deploy/` and docs/indexer.md go by.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import DatabaseError
from django.db.models import Max
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from django_project.ledger.models import Chain, Cursor, ReorgEvent, RpcEndpoint
from django_project.ledger.outbox import unread_counts
from django_project.ledger.selectors import LEASE, ChainHealth, event_counts, index_health

PREFIX = "chainfund_indexer_"


class IndexCollector(Collector):
    """Nine queries, whatever the number of chains, endpoints and events."""

    def collect(self) -> Iterable[Metric]:
        """All families; only `readable`, as 0, while the tables cannot be read."""
        readable = _gauge("readable", "1 while the index's tables can be read.")
        try:
            found = [*_of_chains(), *_of_cursors(), *_of_endpoints(), _undelivered()]
        except DatabaseError:
            found = []
        readable.add_metric([], float(bool(found)))
        return [readable, *found]


def _gauge(name: str, help_text: str, labels: Sequence[str] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, help_text, labels=labels)


def _by_chain(name: str, help_text: str, values: Iterable[tuple[int, float]]) -> GaugeMetricFamily:
    family = _gauge(name, help_text, ["chain"])
    for chain_id, value in values:
        family.add_metric([str(chain_id)], value)
    return family


def _of_chains() -> list[Metric]:
    every = [each for each in index_health() if not each.is_retired]
    health = [each for each in every if each.is_started]
    counts = event_counts()
    deepest = dict(
        ReorgEvent.objects.order_by()
        .values("chain_id")
        .annotate(deepest=Max("depth"))
        .values_list("chain_id", "deepest")
    )
    reorgs = CounterMetricFamily(PREFIX + "reorgs", "Reorganisations that were repaired.", labels=["chain"])
    for each in health:
        reorgs.add_metric([str(each.chain_id)], each.reorgs)
    return [
        _by_chain(
            "head_block", "The nodes' latest block.", ((each.chain_id, each.node_head) for each in health)
        ),
        _by_chain(
            "indexed_block", "The last indexed block.", ((each.chain_id, each.indexed) for each in health)
        ),
        _by_chain(
            "finalized_block",
            "The highest indexed final block.",
            ((each.chain_id, each.finalized) for each in health),
        ),
        _by_chain(
            "lag_blocks", "Blocks not yet indexed.", ((each.chain_id, each.lag_blocks) for each in health)
        ),
        _by_chain(
            "lag_seconds",
            "Seconds since the index was last complete.",
            ((each.chain_id, each.lag_seconds) for each in health),
        ),
        _by_chain(
            "events",
            "Events in the index; a reorganisation lowers it.",
            ((each.chain_id, counts.get(each.chain_id, 0)) for each in health),
        ),
        _by_chain(
            "open_suspects",
            "Block ranges that wait to be read again.",
            ((each.chain_id, each.open_suspects) for each in health),
        ),
        _by_chain(
            "clock_offset_seconds",
            "How far the chain's clock is ahead of the database's.",
            ((each.chain_id, each.clock_offset_seconds) for each in health),
        ),
        _by_chain(
            "unknown_tokens",
            "Tokens whose symbol and decimals are not known: nothing is shown or pledged in them.",
            ((each.chain_id, each.unknown_tokens) for each in health),
        ),
        reorgs,
        _by_chain(
            "deepest_reorg_blocks",
            "Blocks that the deepest reorganisation took back.",
            ((each.chain_id, deepest.get(each.chain_id, 0)) for each in health),
        ),
        _halted(health),
        _by_chain(
            "stalled",
            "1 while a chain is followed and its index has not moved for a minute.",
            ((each.chain_id, float(each.is_stalled)) for each in health),
        ),
        _by_chain(
            "never_started",
            "1 for a chain that is configured and was never indexed.",
            ((each.chain_id, float(not each.is_started)) for each in every),
        ),
    ]


def _halted(health: Sequence[ChainHealth]) -> Metric:
    family = _gauge("halted", "1 while the chain is halted for this reason.", ["chain", "code"])
    for each in health:
        for code in Chain.Halt.values:
            is_halted = each.state == Chain.State.HALTED and each.halt_code == code
            family.add_metric([str(each.chain_id), code], float(is_halted))
    return family


def _of_cursors() -> list[Metric]:
    cursors = list(Cursor.objects.exclude(chain__state=Chain.State.RETIRED).order_by("chain_id"))
    now = timezone.now()
    # One further ahead was left by a clock gone wrong.
    latest = now + 2 * LEASE
    return [
        _by_chain(
            "has_worker",
            "1 while a worker holds the chain's lease.",
            (
                (each.chain_id, float(each.lease_until is not None and now < each.lease_until <= latest))
                for each in cursors
            ),
        ),
        _by_chain(
            "cursor_age_seconds",
            "Seconds since blocks were last committed.",
            ((each.chain_id, _age(each.moved_at, now)) for each in cursors if each.moved_at is not None),
        ),
        _by_chain(
            "commit_blocks",
            "Blocks of the last commit.",
            ((each.chain_id, each.commit_blocks) for each in cursors),
        ),
        _by_chain(
            "commit_seconds",
            "Seconds that the last commit took to write its rows.",
            ((each.chain_id, each.commit_seconds) for each in cursors),
        ),
    ]


def _age(moved_at: datetime, now: datetime) -> float:
    return max(0.0, (now - moved_at).total_seconds())


def _of_endpoints() -> list[Metric]:
    labels = ["chain", "endpoint"]
    in_service = _gauge("endpoint_in_service", "1 while the endpoint is asked, 0 while it rests.", labels)
    latency = _gauge("endpoint_latency_seconds", "A running average of the endpoint's replies.", labels)
    requests = CounterMetricFamily(
        PREFIX + "endpoint_requests", "HTTP requests made to the endpoint.", labels=labels
    )
    errors = CounterMetricFamily(
        PREFIX + "endpoint_errors", "Requests to the endpoint without a usable reply.", labels=labels
    )
    now = timezone.now()
    followed = RpcEndpoint.objects.exclude(chain__state=Chain.State.RETIRED)
    for endpoint, name in _named_apart(followed.order_by("chain_id", "id")):
        values = [str(endpoint.chain_id), name]
        rests = endpoint.quarantined_until is not None and endpoint.quarantined_until > now
        in_service.add_metric(values, float(not rests))
        latency.add_metric(values, endpoint.latency_seconds)
        requests.add_metric(values, endpoint.requests)
        errors.add_metric(values, endpoint.errors)
    return [in_service, latency, requests, errors]


def _named_apart(endpoints: Iterable[RpcEndpoint]) -> Iterable[tuple[RpcEndpoint, str]]:
    """Two keys at one provider have one host; Prometheus refuses a scrape with the same series twice."""
    seen: Counter[tuple[int, str]] = Counter()
    for endpoint in endpoints:
        key = endpoint.chain_id, endpoint.name
        seen[key] += 1
        yield endpoint, endpoint.name if seen[key] == 1 else f"{endpoint.name} #{seen[key]}"


def _undelivered() -> Metric:
    counts = unread_counts()
    return _by_chain(
        "outbox_undelivered",
        "Messages to the site that wait for its slowest reader.",
        (
            (chain_id, counts.get(chain_id, 0))
            for chain_id in Chain.objects.values_list("chain_id", flat=True)
        ),
    )


INDEX_REGISTRY = CollectorRegistry(auto_describe=False)
INDEX_REGISTRY.register(IndexCollector())
