"""What became of transactions that wallets say they sent and the chain does not show.

The indexer sees what happened, not what never did: a transaction that the contract refused leaves no event,
and one that was dropped leaves nothing. So the nodes are asked for the hash that the browser reported. It is
a hint from the backer about the backer's own pledge, and the answer changes what its page says; what
turns up later still confirms the pledge.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from django_project.core.addresses import ZERO_HASH, format_hash
from django_project.pledges.models import PledgeIntent
from django_project.pledges.services import ON_ITS_WAY, give_up
from tasks.indexing.errors import IndexerError
from tasks.indexing.rpc import Call, Pool

logger = logging.getLogger(__name__)

# A node may not know a transaction yet that its neighbour has just taken.
DROPPED_AFTER = timedelta(minutes=30)
# Who is asked for in one run, those not looked at for longest first.
BATCH = 100
REVERTED = "0x0"


@shared_task(name="tasks.pledging.look_for_missing")
def look_for_missing() -> None:
    """Give up pledges whose transaction reverted, or that no node has known for `DROPPED_AFTER`."""
    sent = PledgeIntent.objects.filter(state__in=ON_ITS_WAY).order_by("updated_at")
    for chain_id, urls in settings.RPC_URLS.items():
        pledges = list(sent.filter(chain_id=chain_id)[:BATCH])
        if not pledges:
            continue
        try:
            with Pool(urls) as pool:
                lost = _lost(pool, pledges)
        except IndexerError as error:
            logger.warning("chain %s: pledges that are on their way were not looked for: %s", chain_id, error)
            continue
        for pledge in lost:
            give_up(pledge)


def _lost(pool: Pool, pledges: Sequence[PledgeIntent]) -> list[PledgeIntent]:
    hashes = [format_hash(pledge.tx_hash or pledge.reported_tx_hash or ZERO_HASH) for pledge in pledges]
    calls = [
        Call(method, (tx_hash,))
        for tx_hash in hashes
        for method in ("eth_getTransactionReceipt", "eth_getTransactionByHash")
    ]
    replies = pool.batch(calls).results
    long_ago = timezone.now() - DROPPED_AFTER
    lost = []
    for pledge, receipt, transaction in zip(pledges, replies[::2], replies[1::2], strict=True):
        is_reverted = receipt is not None and receipt["status"] == REVERTED
        is_dropped = receipt is None and transaction is None and pledge.updated_at < long_ago
        if is_reverted or is_dropped:
            lost.append(pledge)
    return lost
