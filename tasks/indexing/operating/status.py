"""How the index is doing, for people and for machines."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone

from django_project.ledger.models import Block, Cursor, RawLog, RpcEndpoint
from django_project.ledger.selectors import STALLED, ChainHealth, event_counts, index_health
from tasks.indexing.node.abilities import told_abilities
from tasks.indexing.pipeline.lease import is_held

RATE_WINDOW = timedelta(minutes=5)


def status() -> list[dict[str, Any]]:
    """Per chain: health, events in all, recent rate on the chain, lease and endpoints."""
    counts = event_counts()
    return [_describe(health, counts.get(health.chain_id, 0)) for health in index_health()]


def _describe(health: ChainHealth, events: int) -> dict[str, Any]:
    cursor = Cursor.objects.filter(chain_id=health.chain_id).first()
    return {
        **asdict(health),
        "events": events,
        "events_per_second": _recent_rate(health.chain_id),
        "lease_owner": cursor.lease_owner if cursor is not None and is_held(health.chain_id) else "",
        "endpoints": [
            {
                "name": endpoint.name,
                "latency_seconds": round(endpoint.latency_seconds, 6),
                "requests": endpoint.requests,
                "errors": endpoint.errors,
                "quarantine_reason": endpoint.quarantine_reason,
                "learnt": told_abilities(endpoint.learnt),
            }
            for endpoint in RpcEndpoint.objects.filter(chain_id=health.chain_id).order_by("id")
        ],
    }


def _recent_rate(chain_id: int) -> float:
    """Events per second of chain time over the last minutes, indexed so far.

    The newest headers are walked down to the first one that is too old, so the cost is that of the window.
    """
    too_old = (
        Block.objects.filter(chain_id=chain_id, timestamp__lt=timezone.now() - RATE_WINDOW)
        .order_by("-number")
        .values_list("number", flat=True)
        .first()
    )
    recent = RawLog.objects.filter(chain_id=chain_id, block_number__gt=-1 if too_old is None else too_old)
    return round(recent.count() / RATE_WINDOW.total_seconds(), 3)


def status_lines(entry: dict[str, Any]) -> list[str]:
    """One chain's status for a person."""
    unknown = entry["unknown_tokens"]
    reason = entry["halt_reason"] or (entry["problem"] if entry["state"] == STALLED else "")
    state = f"{entry['state']}: {reason}" if reason else entry["state"]
    return [
        f"{entry['name']} ({entry['chain_id']}): {state}",
        f"  indexed to block {entry['indexed']:,} of {entry['node_head']:,}, final to {entry['finalized']:,}",
        f"  {entry['lag_blocks']:,} blocks and {entry['lag_seconds']:,} s behind",
        f"  {entry['events']:,} events, {entry['reorgs']} reorgs, {entry['open_suspects']} suspect ranges",
        *(f"  {each['name']}: {told}" for each in entry["endpoints"] for told in each["learnt"]),
        *([f"  {unknown} unknown tokens: `manage.py indexer doctor`"] if unknown else []),
        f"  indexed by {entry['lease_owner'] or 'nobody: start a worker or `manage.py indexer run`'}",
    ]
