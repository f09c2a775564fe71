"""The pool's memory as rows: what operators see of the endpoints, and what the next worker begins with."""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from django_project.ledger.models import RpcEndpoint
from tasks.indexing.node.endpoint import Endpoint
from tasks.indexing.node.rpc import Pool

# Figures that only drift are written this often; an endpoint that begins or ends its rest, at once.
INTERVAL_SECONDS = 5.0


@dataclass
class _Noted:
    """What the row has been told about this pool's endpoint."""

    is_resting: bool = False
    requests: int = 0
    errors: int = 0


class EndpointNotes:
    """The endpoints of one pool. Other workers add their own requests to the same rows."""

    def __init__(self, chain_id: int, pool: Pool) -> None:
        self._chain_id, self._pool = chain_id, pool
        self._noted = [_Noted() for _ in pool.endpoints]
        self._next_at = 0.0

    def restore(self) -> None:
        """Begin with what earlier workers have learnt of the endpoints."""
        rows = RpcEndpoint.objects.filter(chain_id=self._chain_id).values_list("url", "learnt")
        learnt = dict(rows)
        for endpoint in self._pool.endpoints:
            endpoint.abilities.restore(learnt.get(endpoint.url) or {})

    def write_when_due(self) -> None:
        """Write when an endpoint began or ended its rest, or when the last time is a while ago."""
        has_changed = any(
            bool(endpoint.rests_for) != noted.is_resting
            for endpoint, noted in zip(self._pool.endpoints, self._noted, strict=True)
        )
        if has_changed or time.monotonic() >= self._next_at:
            self.write()

    def write(self) -> None:
        """One update for each endpoint that has a row; one given on the command line has none."""
        for endpoint, noted in zip(self._pool.endpoints, self._noted, strict=True):
            self._write(endpoint, noted)
        self._next_at = time.monotonic() + INTERVAL_SECONDS

    def _write(self, endpoint: Endpoint, noted: _Noted) -> None:
        rest = endpoint.rests_for
        requests, errors = endpoint.requests, endpoint.errors
        RpcEndpoint.objects.filter(chain_id=self._chain_id, url=endpoint.url).update(
            quarantined_until=timezone.now() + timedelta(seconds=rest) if rest else None,
            quarantine_reason=endpoint.reason if rest else "",
            latency_seconds=endpoint.latency,
            learnt=endpoint.abilities.as_json(),
            requests=F("requests") + requests - noted.requests,
            errors=F("errors") + errors - noted.errors,
        )
        noted.is_resting, noted.requests, noted.errors = bool(rest), requests, errors
