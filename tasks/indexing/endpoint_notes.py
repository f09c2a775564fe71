"""Lets operators see how the endpoints behave: the pool's memory as rows, written rarely."""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from django_project.ledger.models import RpcEndpoint
from tasks.indexing.rpc import Endpoint, Pool

# How far ahead an endpoint that is left out for good is shown to rest.
LONGEST_REST = timedelta(days=1)
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
        rest = min(endpoint.rests_for, LONGEST_REST.total_seconds())
        requests, errors = endpoint.requests, endpoint.errors
        RpcEndpoint.objects.filter(chain_id=self._chain_id, url=endpoint.url).update(
            quarantined_until=timezone.now() + timedelta(seconds=rest) if rest else None,
            quarantine_reason=endpoint.reason if rest else "",
            latency_seconds=endpoint.latency,
            requests=F("requests") + requests - noted.requests,
            errors=F("errors") + errors - noted.errors,
        )
        noted.is_resting, noted.requests, noted.errors = bool(rest), requests, errors
