"""Asks the contracts of tokens what they are: symbol and decimals, which nothing else may tell.

Apart from the hot path: once a tick is done, a few at a time, at the indexed block. While the index is
behind, nodes need not keep the state of that block: then at their latest, until the index is level. A token
that answers nonsense, or nothing, is not known, and asked again after a while; it stops nobody. Contracts are
strangers' code, so gas and the size of an answer are bounded.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from django_project.core.addresses import ZERO_ADDRESS, format_address, parse_address, selector
from django_project.ledger import services
from django_project.ledger.errors import UnusableTokenError
from django_project.ledger.events import row_columns
from django_project.ledger.models import CampaignLaunched, Cursor, FactoryEvent, Token
from tasks.indexing.errors import DecodeError, ReplyTooLargeError, RpcError
from tasks.indexing.node.abilities import Ability
from tasks.indexing.node.calls import At, contract_call
from tasks.indexing.node.rpc import Pool
from tasks.indexing.pipeline.decode import decode_symbol, decode_uint8
from tasks.indexing.pipeline.match import Batch

logger = logging.getLogger(__name__)

STEP_SECONDS = 3.0
REST_SECONDS = 30.0
AGAIN_AFTER = timedelta(minutes=10)
TOKENS_AT_A_TIME = 20
# Of a proxy with its implementation, several times over.
MOST_GAS = 500_000
MOST_BYTES = 64 * 1024

_TOKEN = row_columns(CampaignLaunched).index("token")
_KIND, _ARGUMENTS = map(row_columns(FactoryEvent).index, ("kind", "arguments"))


class TokenReader:
    """Goes round the tokens of one chain that are not known."""

    def __init__(self, chain_id: int, pool: Pool) -> None:
        self._chain_id, self._pool = chain_id, pool
        self._named: set[bytes] = set()
        # They come last, so that one which no node can be asked about does not keep the others waiting.
        self._failed: set[bytes] = set()
        self._next_at = 0.0
        self.reload()

    def reload(self) -> None:
        """Find all that events name, as after a repair: two queries."""
        launched = CampaignLaunched.objects.filter(chain_id=self._chain_id).order_by()
        self._named.update(map(bytes, launched.values_list("token", flat=True).distinct()))
        acts = FactoryEvent.objects.filter(chain_id=self._chain_id, kind=FactoryEvent.Kind.TOKEN_ALLOWED)
        self._named.update(map(_allowed, acts.values_list("arguments", flat=True)))

    def note(self, batch: Batch) -> None:
        """Remember what a batch of rows names."""
        self._named.update(row[_TOKEN] for row in batch.rows.get(CampaignLaunched, ()))
        self._named.update(
            _allowed(row[_ARGUMENTS])
            for row in batch.rows.get(FactoryEvent, ())
            if row[_KIND] == FactoryEvent.Kind.TOKEN_ALLOWED
        )

    def step(self, keep_alive: Callable[[], None]) -> int:
        """Ask the next tokens; returns how many were asked."""
        if time.monotonic() < self._next_at:
            return 0
        self._next_at = time.monotonic() + STEP_SECONDS
        services.create_tokens(self._chain_id, self._named)
        self._named = set()
        cursor = Cursor.objects.get(chain_id=self._chain_id)
        at = self._indexed_state(cursor)
        waiting = waiting_tokens(self._chain_id, may_prove=at is not None)
        ordered = sorted(waiting, key=lambda token: token.address in self._failed)
        return self._ask(ordered, at, keep_alive)

    def _indexed_state(self, cursor: Cursor) -> At | None:
        """The indexed head, if it is the node's own."""
        head = cursor.next_block - 1
        if cursor.head_hash is None or head < cursor.node_head:
            return None
        return At(head, cursor.head_hash, self._pool.can(Ability.STATE_BY_HASH))

    def _ask(self, tokens: list[Token], at: At | None, keep_alive: Callable[[], None]) -> int:
        for asked, token in enumerate(tokens):
            try:
                self._read(token.address, at)
            except RpcError as error:
                # Not the token's fault, as far as can be told: what is known of it stays.
                logger.warning("chain %s: token %s could not be asked: %s", self._chain_id, token, error)
                self._failed.add(token.address)
                self._next_at = time.monotonic() + REST_SECONDS
                return asked
            self._failed.discard(token.address)
            keep_alive()
        return len(tokens)

    def _read(self, address: bytes, at: At | None) -> None:
        try:
            symbol, decimals = describe(self._pool, address, at)
            read_block = None if at is None else at.number
            services.keep_token(self._chain_id, address, symbol, decimals, read_block)
        except (DecodeError, UnusableTokenError) as error:
            services.doubt_token(self._chain_id, address, str(error))
            logger.warning(
                "chain %s: token %s is not known, nothing is shown in it: %s",
                *(self._chain_id, format_address(address), error),
            )


def waiting_tokens(chain_id: int, *, may_prove: bool) -> QuerySet[Token]:
    """The next to be asked: half of them never asked before, so that neither kind keeps the other waiting.

    With `may_prove` those too that are known, but not from a block that is indexed.
    """
    is_waiting = Q(decimals=None) & (Q(asked_at=None) | Q(asked_at__lt=timezone.now() - AGAIN_AFTER))
    if may_prove:
        # Read at a block that a reorganisation took back or that was not indexed, or before blocks were kept.
        is_waiting |= Q(decimals__isnull=False, read_block=None)
    turn = Window(
        RowNumber(),
        partition_by=ExpressionWrapper(Q(asked_at=None), BooleanField()),
        order_by=["asked_at", "pk"],
    )
    return (
        Token.objects.filter(is_waiting, chain_id=chain_id)
        .exclude(source=Token.Source.OPERATOR)
        .annotate(turn=turn)
        .order_by("turn", F("asked_at").asc(nulls_first=True), "pk")[:TOKENS_AT_A_TIME]
    )


def describe(pool: Pool, address: bytes, at: At | None) -> tuple[str, int]:
    """What a token's contract says of itself, as `contract_call`: its symbol, as it comes, and its decimals.

    Raises:
        DecodeError: it refuses to say, or what it says is neither.
        RpcError: no node answers.
    """
    calls = [
        contract_call(address, selector(view), at, gas=MOST_GAS, may_revert=True)
        for view in ("symbol()", "decimals()")
    ]
    try:
        symbol, decimals = pool.batch(calls, most_bytes=MOST_BYTES).results
    except ReplyTooLargeError as error:
        raise DecodeError("it answers with more than a symbol and a number") from error
    if symbol == decimals == b"":
        raise DecodeError("there is no contract at its address, or one that answers nothing")
    if symbol is None or decimals is None:
        raise DecodeError("it refuses to say its " + ("symbol" if symbol is None else "decimals"))
    return decode_symbol(symbol), decode_uint8(decimals)


def _allowed(arguments: Mapping[str, object]) -> bytes:
    """The token that a factory's act allows; the zero address for an act that forbids one."""
    return parse_address(str(arguments["token"])) if arguments["isAllowed"] else ZERO_ADDRESS
