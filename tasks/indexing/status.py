"""How the index is doing, for people and for machines."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from django_project.ledger.models import Cursor, RawLog, RpcEndpoint
from django_project.ledger.selectors import ChainHealth, index_health
from tasks.indexing.events import EVENT_MODELS

RATE_WINDOW = timedelta(minutes=5)


def status() -> list[dict[str, Any]]:
    """Per chain: health, event counts, recent rate on the chain, lease and endpoints."""
    return [_describe(health) for health in index_health()]


def _describe(health: ChainHealth) -> dict[str, Any]:
    cursor = Cursor.objects.filter(chain_id=health.chain_id).first()
    return {
        **asdict(health),
        "events": RawLog.objects.filter(chain_id=health.chain_id).count(),
        "events_by_table": _counts(health.chain_id),
        "events_per_second": _recent_rate(health.chain_id),
        "lease_owner": cursor.lease_owner if cursor is not None else "",
        "endpoints": [
            {"name": endpoint.name, "quarantine_reason": endpoint.quarantine_reason}
            for endpoint in RpcEndpoint.objects.filter(chain_id=health.chain_id).order_by("id")
        ],
    }


def _counts(chain_id: int) -> dict[str, int]:
    return {
        model._meta.model_name or "": model._default_manager.filter(chain_id=chain_id).count()
        for model in EVENT_MODELS
    }


def _recent_rate(chain_id: int) -> float:
    """Events per second of chain time over the last minutes."""
    since = timezone.now() - RATE_WINDOW
    recent = sum(
        model._default_manager.filter(chain_id=chain_id).aggregate(
            count=Count("id", filter=Q(block_time__gte=since))
        )["count"]
        for model in EVENT_MODELS
    )
    return round(float(recent) / RATE_WINDOW.total_seconds(), 3)


def status_lines(entry: dict[str, Any]) -> list[str]:
    """One chain's status for a person."""
    state = entry["state"] if not entry["halt_reason"] else f"{entry['state']}: {entry['halt_reason']}"
    return [
        f"{entry['name']} ({entry['chain_id']}): {state}",
        f"  indexed to block {entry['indexed']:,} of {entry['node_head']:,}, final to {entry['finalized']:,}",
        f"  {entry['lag_blocks']:,} blocks and {entry['lag_seconds']:,} s behind",
        f"  {entry['events']:,} events, {entry['reorgs']} reorgs, {entry['open_suspects']} suspect ranges",
        f"  indexed by {entry['lease_owner'] or 'nobody: start a worker or `manage.py indexer run`'}",
    ]
