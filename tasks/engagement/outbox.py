"""Who acts on news of the chain, and how each reader of the outbox gets what is new to it."""

from collections.abc import Callable
from dataclasses import dataclass

from django_project.campaigns.services import sync_listings
from django_project.ledger.outbox import take_news
from django_project.pledges.services import reconcile


@dataclass(frozen=True)
class Reader:
    """Who acts on news of the chain: a service that is told a chain's id, and is safe to be told twice."""

    name: str
    topics: frozenset[str]
    act: Callable[[int], object]


# In this order, for a pledge is decided by the campaign's listing too.
READERS = (
    Reader("listings", frozenset({"campaigns_launched", "chain_reorganised"}), sync_listings),
    Reader("pledges", frozenset({"contributions_changed", "chain_reorganised"}), reconcile),
)


def deliver(chain_id: int) -> None:
    """Hand a chain's news to every reader.

    Raises:
        ExceptionGroup: the readers' errors, once the others were served.
    """
    failures: list[Exception] = []
    for reader in READERS:
        try:
            take_news(reader.name, chain_id, reader.topics, reader.act)
        except Exception as error:  # noqa: BLE001  # raised below
            failures.append(error)
    if failures:
        raise ExceptionGroup("readers of the outbox failed, and are told again", failures)
