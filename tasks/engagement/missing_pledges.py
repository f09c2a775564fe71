"""What became of pledges that the chain does not show.

The indexer sees what happened, not what never did: a transaction that the contract refused leaves no event,
and one that was dropped leaves nothing. So the nodes are asked for the hash that the browser reported. It is
a hint from the backer about the backer's own pledge, and the answer changes what its page says; what
turns up later still confirms the pledge.

Where others may send for the backer (a wallet with several signers, a bundler), the hash may be one that no
node ever knows: of a proposal, or of an operation inside a bundle. Such a pledge is decided by its reference
in the ledger alone, until its campaign has closed for good. Times here are the chain's own.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from django_project.core.addresses import ZERO_HASH, format_address, format_hash, parse_address
from django_project.ledger.models import CampaignLaunched, Chain
from django_project.ledger.selectors import finalized_block
from django_project.pledges.models import PledgeIntent
from django_project.pledges.services import OPEN, give_up, record_findings
from tasks.indexing.errors import BadReplyError, IndexerError
from tasks.indexing.node.calls import Call, code_calls, read_object, read_quantity
from tasks.indexing.node.rpc import Pool

logger = logging.getLogger(__name__)

Failure = PledgeIntent.Failure

# A node may not know a transaction that its neighbour has, and wallets send again what nodes forgot.
DROPPED_AFTER = timedelta(minutes=30)
# Who is asked for in one run.
BATCH = 100
# A pledge of which no transaction is known: the browser said that the wallet was asked, or not even that.
ASKED_KEPT = timedelta(days=7)
CREATED_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Times:
    """The chain's clock: at its newest block, and at the newest one that is final and indexed."""

    newest: datetime
    final: datetime
    final_block: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What a node knows of a pledge's transaction and of its backer's account."""

    receipt: dict[str, Any] | None
    transaction: dict[str, Any] | None
    has_code: bool
    # Transactions that the account has in blocks.
    sent: int


def look_for_missing() -> None:
    """Give up pledges that can't come any more, saying why; of retired chains nobody asks."""
    retired = set(Chain.objects.filter(state=Chain.State.RETIRED).values_list("chain_id", flat=True))
    for chain_id, urls in settings.RPC_URLS.items():
        pledges = [] if chain_id in retired else list(next_to_look_for(chain_id)[:BATCH])
        final = finalized_block(chain_id)
        if not pledges or final < 0:
            continue
        try:
            with Pool(urls) as pool:
                _look(pool, pledges, final)
        except IndexerError as error:
            logger.warning("chain %s: pledges that are on their way were not looked for: %s", chain_id, error)


def next_to_look_for(chain_id: int) -> QuerySet[PledgeIntent]:
    """A chain's open pledges in turn: the first of each account before anybody's second.

    Within a turn those come first that wait for longest since they were looked for, or made: a new one does
    not come before those, so nobody holds the head of the queue by making many.
    """
    waiting_since = Coalesce("looked_at", "created_at")
    turn = Window(RowNumber(), partition_by="user_id", order_by=[waiting_since, "pk"])
    waiting = PledgeIntent.objects.filter(state__in=OPEN, chain_id=chain_id)
    return waiting.annotate(turn=turn).order_by("turn", waiting_since, "pk")


def _look(pool: Pool, pledges: Sequence[PledgeIntent], final_block: int) -> None:
    times = _times(pool, final_block)
    over = _over(pledges, times)
    for pledge, findings in _findings(pool, pledges):
        _note(pledge, findings, times.newest)
        failure = _failure(pledge, findings, times)
        if failure is None and pledge.pk in over:
            failure = Failure.CLOSED
        if failure is None and _has_expired(pledge, times):
            failure = Failure.EXPIRED
        if failure is not None:
            give_up(pledge, failure)


def _note(pledge: PledgeIntent, findings: Findings, newest: datetime) -> None:
    transaction = findings.transaction
    is_missing = _hint(pledge) is not None and not (findings.receipt or transaction)
    if transaction is not None and parse_address(transaction["from"]) == pledge.backer:
        pledge.reported_nonce = int(transaction["nonce"], 16)
    is_outrun = is_missing and pledge.reported_nonce is not None and findings.sent > pledge.reported_nonce
    pledge.is_by_contract = pledge.is_by_contract or findings.has_code
    pledge.missing_since = (pledge.missing_since or newest) if is_missing else None
    pledge.outrun_since = (pledge.outrun_since or newest) if is_outrun else None
    record_findings(pledge, timezone.now())


def _failure(pledge: PledgeIntent, findings: Findings, times: Times) -> PledgeIntent.Failure | None:
    """Why the transaction brings no contribution any more; None while it still may."""
    receipt = findings.receipt
    if receipt is not None:
        if int(receipt["status"], 16) == 0:
            # What somebody else sent for the backer can be sent again.
            return Failure.REVERTED if parse_address(receipt["from"]) == pledge.backer else None
        return Failure.WITHOUT if int(receipt["blockNumber"], 16) <= times.final_block else None
    if pledge.missing_since is None or pledge.is_by_contract:
        return None
    if pledge.outrun_since is not None and pledge.outrun_since < times.final:
        return Failure.REPLACED
    return Failure.DROPPED if times.final >= pledge.missing_since + DROPPED_AFTER else None


def _has_expired(pledge: PledgeIntent, times: Times) -> bool:
    """Whether no transaction became known of one that the backer's own key pays, by either clock."""
    if pledge.is_by_contract or _hint(pledge) is not None:
        return False
    kept = CREATED_KEPT if pledge.state == PledgeIntent.State.CREATED else ASKED_KEPT
    return min(timezone.now(), times.final) >= pledge.updated_at + kept


def _hint(pledge: PledgeIntent) -> bytes | None:
    """The transaction to ask for: the one that was in a block before, else what the browser reported."""
    was_in_a_block = pledge.state == PledgeIntent.State.REORGED
    tx_hash: bytes | None = pledge.tx_hash if was_in_a_block else pledge.reported_tx_hash
    return tx_hash


def _times(pool: Pool, final_block: int) -> Times:
    newest, final = pool.batch(
        [
            Call("eth_getBlockByNumber", (block, False), read=_time_of)
            for block in ("latest", hex(final_block))
        ]
    ).results
    return Times(newest, final, final_block)


def _time_of(block: Any) -> datetime:
    if not isinstance(block, dict) or "timestamp" not in block:
        raise BadReplyError("a block that is final is not known")
    return datetime.fromtimestamp(int(block["timestamp"], 16), UTC)


def _findings(pool: Pool, pledges: Sequence[PledgeIntent]) -> Iterator[tuple[PledgeIntent, Findings]]:
    calls = []
    for pledge in pledges:
        backer, tx_hash = format_address(pledge.backer), format_hash(_hint(pledge) or ZERO_HASH)
        calls += [
            *code_calls([backer]),
            Call("eth_getTransactionCount", (backer, "latest"), read_quantity),
            Call("eth_getTransactionReceipt", (tx_hash,), read_object),
            Call("eth_getTransactionByHash", (tx_hash,), read_object),
        ]
    replies = pool.batch(calls).results
    for pledge, *replied in zip(pledges, *(replies[index::4] for index in range(4)), strict=True):
        code, sent, receipt, transaction = replied
        yield pledge, Findings(receipt, transaction, has_code=bool(code), sent=sent)


def _over(pledges: Sequence[PledgeIntent], times: Times) -> set[int]:
    """Ids of those whose campaign takes nothing any more, whatever blocks may still be replaced."""
    launched = CampaignLaunched.objects.filter(
        chain_id=pledges[0].chain_id, address__in={pledge.campaign_address for pledge in pledges}
    ).select_related("totals")
    closed = {
        campaign.address
        for campaign in launched
        if campaign.deadline <= times.final
        or (campaign.totals.cancelled_at is not None and campaign.totals.cancelled_at < times.final)
    }
    return {pledge.pk for pledge in pledges if pledge.campaign_address in closed}
