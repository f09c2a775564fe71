"""Holds every node to the chain that was pinned, and reads its head and its final block.

A node that reports another chain id or another genesis block is left out until it is on the right one again.
When none is left at the start the chain halts: whatever such a node would tell belongs to another history.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django_project.core.addresses import format_hash
from django_project.ledger.models import Chain
from tasks.indexing.errors import (
    BadReplyError,
    CallRefusedError,
    ChainHaltedError,
    NoEndpointError,
    RpcError,
)
from tasks.indexing.node.abilities import Ability
from tasks.indexing.node.calls import Call, chain_id_call, client_call, code_calls, header_call
from tasks.indexing.node.codec import Header
from tasks.indexing.node.endpoint import Endpoint
from tasks.indexing.node.rpc import ATTEMPTS, Pool, Reply


@dataclass(frozen=True)
class Identity:
    """Who a node says it is."""

    chain_id: int
    genesis_hash: bytes
    client: str

    @property
    def is_local(self) -> bool:
        """A development node: its `finalized` tag stands still while nobody mines."""
        return self.client.lower().startswith(("anvil", "hardhat", "ganache"))


@dataclass(frozen=True)
class View:
    """What the node said in one batch: its latest block and the highest final one."""

    latest: Header
    finalized: int
    endpoint: Endpoint


def identify(pool: Pool, endpoint: Endpoint) -> Identity:
    """Ask one endpoint who it is; raises RpcError when it does not say."""
    chain_id, genesis = pool.ask(endpoint, [chain_id_call(), header_call(0)])
    return Identity(chain_id, _genesis_hash(endpoint, genesis), _client_of(pool, endpoint))


def _client_of(pool: Pool, endpoint: Endpoint) -> str:
    """What the node runs, for which some providers keep silent; only development nodes are told by it."""
    try:
        return str(pool.ask(endpoint, [client_call()])[0])
    except RpcError:
        return "a node that does not say what it is"


def _genesis_hash(endpoint: Endpoint, genesis: Header | None) -> bytes:
    if genesis is None:
        raise BadReplyError(f"{endpoint.name} does not have the genesis block: is it still syncing?")
    return genesis.hash


def require_identity(pool: Pool, chain_id: int, genesis_hash: bytes | None) -> Identity:
    """Leave out every endpoint that is on another chain; return what the others agree on.

    From then on the pool asks each of them by itself before it believes it anything, those too that do not
    answer now or are on another chain.

    Raises:
        ChainHaltedError: endpoints answer, but none is on the pinned chain.
        RpcError: no endpoint answers.
    """
    found: Identity | None = None
    unreachable: RpcError | None = None
    for endpoint in pool.endpoints:
        try:
            identity, problem = _told_identity(pool, endpoint, chain_id, genesis_hash)
        except RpcError as error:
            unreachable = error
            continue
        if problem:
            pool.ban(endpoint, problem)
        else:
            pool.accept(endpoint)
            found = found or identity
    if found is not None:
        pinned = genesis_hash if genesis_hash is not None else found.genesis_hash
        pool.hold_to(lambda endpoint: _problem_of(pool, endpoint, chain_id, pinned))
        return found
    if unreachable is not None:
        raise unreachable
    raise ChainHaltedError(Chain.Halt.IDENTITY, "; ".join(endpoint.reason for endpoint in pool.endpoints))


def _told_identity(
    pool: Pool, endpoint: Endpoint, chain_id: int, genesis_hash: bytes | None
) -> tuple[Identity, str]:
    """Who an endpoint says it is, and what is wrong with that.

    Then it is asked once more: behind a balancer one backend of many may be elsewhere.
    """
    for _ in range(2):
        identity = identify(pool, endpoint)
        problem = _difference(endpoint, identity.chain_id, identity.genesis_hash, chain_id, genesis_hash)
        if not problem:
            break
    return identity, problem


def _problem_of(pool: Pool, endpoint: Endpoint, chain_id: int, genesis_hash: bytes) -> str:
    """What is wrong with who an endpoint says it is now; raises RpcError when it does not say."""
    told_id, genesis = pool.ask(endpoint, [chain_id_call(), header_call(0)], attempts=1)
    told_hash = _genesis_hash(endpoint, genesis)
    return _difference(endpoint, told_id, told_hash, chain_id, genesis_hash)


def _difference(
    endpoint: Endpoint, told_id: int, told_hash: bytes, chain_id: int, genesis_hash: bytes | None
) -> str:
    if told_id != chain_id:
        return (
            f"the node at {endpoint.name} is on chain {told_id}, not on chain {chain_id}: correct "
            "CHAINFUND_RPC_URLS (or --rpc-url)"
        )
    if genesis_hash is not None and told_hash != genesis_hash:
        return (
            f"the node at {endpoint.name} has genesis block {format_hash(told_hash)}, but chain "
            f"{chain_id} was indexed from {format_hash(genesis_hash)}: point to the old chain again, or, if "
            f"it was restarted on purpose, run `manage.py indexer reset-chain --chain {chain_id}`"
        )
    return ""


def ask_on_chain(
    pool: Pool,
    chain_id: int,
    calls: Sequence[Call],
    *,
    endpoint: Endpoint | None = None,
    avoid: Endpoint | None = None,
) -> Reply:
    """Answers whose node says in the same batch that it is on the chain; asked again, of others first.

    A balancer may have answered for the right chain a moment ago, and have a backend on another.

    Raises:
        BadReplyError: all answers came for another chain.
        RpcError: no endpoint answers.
    """
    problem = ""
    for _ in range(ATTEMPTS):
        reply = pool.batch([chain_id_call(), *calls], endpoint=endpoint, avoid=avoid)
        told_id, *results = reply.results
        if told_id == chain_id:
            return reply._replace(results=results)
        problem = f"{reply.endpoint.name} answers for chain {told_id}, not for chain {chain_id}"
        endpoint, avoid = None, reply.endpoint
    raise BadReplyError(problem)


def read_view(pool: Pool, finality_depth: int | None) -> View:
    """Latest and final block in one batch, from each endpoint in turn.

    Raises:
        RpcError: no endpoint answers, or none has a final block while the chain relies on their own.
    """
    if finality_depth is not None:
        reply = pool.batch([header_call("latest")], endpoint=pool.take_turns())
        latest = _latest(reply)
        return View(latest, latest.number - finality_depth, reply.endpoint)
    problem = ""
    for _ in range(len(pool.endpoints) + 1):
        try:
            reply = pool.batch([header_call("latest"), header_call("finalized")], endpoint=pool.take_turns())
        except CallRefusedError as error:
            problem = str(error)
            break
        finalized = reply.results[1]
        if finalized is not None:
            return View(_latest(reply), finalized.number, reply.endpoint)
        problem = f"{reply.endpoint.name} has no final block"
        pool.refuse(reply.endpoint, Ability.FINALIZED, problem)
    raise NoEndpointError(
        f"no node tells which blocks are final ({problem}): use one that knows the tag `finalized`, or set "
        "the chain's finality depth in blocks (Chain.finality_depth)"
    )


def _latest(reply: Reply) -> Header:
    latest: Header | None = reply.results[0]
    if latest is None:
        raise BadReplyError(f"{reply.endpoint.name} has no latest block: is it still syncing?")
    return latest


def confirm_head(pool: Pool, view: View) -> None:
    """Hold a node to its head, from whose number it follows which blocks are final.

    Raises:
        BadReplyError: under that number the node has another block or none.
    """
    number = view.latest.number
    reply = pool.batch([header_call(number)], endpoint=view.endpoint)
    block = reply.results[0]
    if block is None or block.hash != view.latest.hash:
        problem = f"{view.endpoint.name} calls a block {number} its latest and does not have it"
        if reply.endpoint is view.endpoint:
            pool.distrust(view.endpoint, problem)
        raise BadReplyError(problem)


def contract_codes(pool: Pool, chain_id: int, addresses: list[str]) -> list[bytes]:
    """The code at each address at the latest block; empty bytes where there is none."""
    return list(ask_on_chain(pool, chain_id, code_calls(addresses)).results)
