"""Holds every node to the chain that was pinned, and reads its head and its final block.

A node that reports another chain id or another genesis block is left out. When none is left the chain halts:
whatever such a node would tell belongs to another history.
"""

from dataclasses import dataclass

from django_project.core.addresses import format_hash
from django_project.ledger.models import Chain
from tasks.indexing.errors import BadReplyError, ChainHaltedError, ConfigurationError, RpcError
from tasks.indexing.rpc import Call, Endpoint, Pool
from tasks.indexing.wire import Header, parse_header, to_bytes


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
    reply = pool.batch(
        [
            Call("eth_chainId"),
            Call("eth_getBlockByNumber", ("0x0", False)),
            Call("web3_clientVersion"),
        ],
        endpoint=endpoint,
    )
    chain_id, genesis, client = reply.results
    return Identity(int(chain_id, 16), parse_header(genesis).hash, str(client))


def require_identity(pool: Pool, chain_id: int, genesis_hash: bytes | None) -> Identity:
    """Leave out every endpoint that is on another chain; return what the others agree on.

    Raises:
        ChainHaltedError: endpoints answer, but none is on the pinned chain.
        RpcError: no endpoint answers.
    """
    found: Identity | None = None
    unreachable: RpcError | None = None
    for endpoint in pool.endpoints:
        try:
            identity = identify(pool, endpoint)
        except RpcError as error:
            unreachable = error
            continue
        problem = _difference(endpoint, identity, chain_id, genesis_hash)
        if problem:
            pool.ban(endpoint, problem)
        else:
            found = found or identity
    if found is not None:
        return found
    if unreachable is not None:
        raise unreachable
    raise ChainHaltedError(Chain.Halt.IDENTITY, "; ".join(endpoint.reason for endpoint in pool.endpoints))


def _difference(endpoint: Endpoint, identity: Identity, chain_id: int, genesis_hash: bytes | None) -> str:
    if identity.chain_id != chain_id:
        return (
            f"the node at {endpoint.name} is on chain {identity.chain_id}, not on chain {chain_id}: correct "
            "CHAINFUND_RPC_URLS (or --rpc-url)"
        )
    if genesis_hash is not None and identity.genesis_hash != genesis_hash:
        return (
            f"the node at {endpoint.name} has genesis block {format_hash(identity.genesis_hash)}, but chain "
            f"{chain_id} was indexed from {format_hash(genesis_hash)}: point to the old chain again, or, if "
            f"it was restarted on purpose, run `manage.py indexer reset-chain --chain {chain_id}`"
        )
    return ""


def look(pool: Pool, finality_depth: int | None) -> View:
    """Latest and final block in one batch, from each endpoint in turn.

    Raises:
        ConfigurationError: the chain relies on the node's `finalized` tag and the node has none.
    """
    if finality_depth is not None:
        reply = pool.batch([Call("eth_getBlockByNumber", ("latest", False))], endpoint=pool.take_turns())
        latest = parse_header(reply.results[0])
        return View(latest, latest.number - finality_depth, reply.endpoint)
    reply = pool.batch(
        [
            Call("eth_getBlockByNumber", ("latest", False)),
            Call("eth_getBlockByNumber", ("finalized", False)),
        ],
        endpoint=pool.take_turns(),
    )
    latest, finalized = reply.results
    if finalized is None:
        raise ConfigurationError(
            f"{reply.endpoint.name} has no final block: set the chain's finality depth in blocks "
            "(Chain.finality_depth)"
        )
    return View(parse_header(latest), parse_header(finalized).number, reply.endpoint)


def confirm_head(pool: Pool, view: View) -> None:
    """Hold a node to its head, from whose number it follows which blocks are final.

    Raises:
        BadReplyError: under that number the node has another block or none.
    """
    number = view.latest.number
    reply = pool.batch([Call("eth_getBlockByNumber", (hex(number), False))], endpoint=view.endpoint)
    block = reply.results[0]
    if block is None or parse_header(block).hash != view.latest.hash:
        problem = f"{view.endpoint.name} calls a block {number} its latest and does not have it"
        if reply.endpoint is view.endpoint:
            pool.distrust(view.endpoint, problem)
        raise BadReplyError(problem)


def contract_codes(pool: Pool, addresses: list[str]) -> list[bytes]:
    """The code at each address at the latest block; empty bytes where there is none."""
    return [
        to_bytes(code)
        for code in pool.batch([Call("eth_getCode", (each, "latest")) for each in addresses]).results
    ]
