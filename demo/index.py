"""What the database says, asked by plain SQL: the demo's own process loads no Django."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psycopg

from demo.errors import DemoError

POLL_SECONDS = 0.1
# The indexer gets this long without any new block before the demo gives up.
PATIENCE_SECONDS = 45


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the index is: the newest block in it and the newest final one; -1 for none."""

    indexed: int
    finalized: int
    head_hash: bytes | None


class Index:
    """A connection to the demo's database."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode(), parameters).fetchall()

    def require_following(self) -> None:
        """Raises DemoError when the indexer has halted, with its reason."""
        halted = self.rows("SELECT halt_reason FROM ledger_chain WHERE state = 'halted'")
        if halted:
            raise DemoError(f"the indexer has halted: {halted[0][0]}")

    def cursor(self, chain_id: int) -> Cursor:
        found = self.rows(
            "SELECT next_block - 1, finalized_block, head_hash FROM ledger_cursor WHERE chain_id = %s",
            chain_id,
        )
        if not found:
            return Cursor(-1, -1, None)
        indexed, finalized, head_hash = found[0]
        return Cursor(indexed, finalized, bytes(head_hash) if head_hash is not None else None)

    def listed(self, chain_id: int) -> int:
        return int(self.rows("SELECT count(*) FROM campaigns_listing WHERE chain_id = %s", chain_id)[0][0])

    def live_model(self) -> str | None:
        """The name of the model whose rankings are published."""
        found = self.rows(
            "SELECT v.model FROM discovery_rankingpublication p "
            "JOIN discovery_modelversion v ON v.id = p.version_id"
        )
        return str(found[0][0]) if found else None

    def wait(
        self,
        what: str,
        measure: Callable[[], int],
        target: int,
        require_alive: Callable[[], None],
        explain: Callable[[], str],
        progress: Callable[[int], None],
    ) -> None:
        """Return once `measure` reaches `target`.

        Raises:
            DemoError: nothing has moved for PATIENCE_SECONDS (`explain` says more), or a server has ended.
        """
        reached, moved_at = -1, time.monotonic()
        while reached < target:
            now = measure()
            if now != reached:
                reached, moved_at = now, time.monotonic()
                progress(min(reached, target))
            if time.monotonic() - moved_at > PATIENCE_SECONDS:
                raise DemoError(f"{what} stands still at {reached:,} of {target:,}; {explain()}")
            require_alive()
            self.require_following()
            time.sleep(POLL_SECONDS)
