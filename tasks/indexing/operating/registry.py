"""From `deployments/<chain id>.json` to the rows that say what to index, checked against the chain first."""

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from django_project.core.addresses import (
    ZERO_HASH,
    format_address,
    keccak,
    parse_address,
    parse_hash,
)
from django_project.core.endpoints import endpoint_name, is_websocket
from django_project.environment import Currency
from django_project.ledger.models import (
    FIRST_VERSION,
    Block,
    Chain,
    Contract,
    Cursor,
    RpcEndpoint,
    SuspectRange,
)
from django_project.ledger.services import create_tokens, name_tokens_apart
from tasks.indexing.errors import ConfigurationError
from tasks.indexing.node.chain_guard import Identity, contract_codes, require_identity
from tasks.indexing.node.codec import Header
from tasks.indexing.node.rpc import Pool
from tasks.indexing.pipeline.decode import load_decoders
from tasks.indexing.pipeline.events import Event, bind_events, to_time
from tasks.indexing.pipeline.fetch import linked_header

# A worker hands a chain on every minute; contracts do not come and go so often.
CODE_CHECKED_EVERY = timedelta(minutes=10)

ETHER = Currency("ETH", 18)


@dataclass(frozen=True)
class Network:
    """What people call a chain, and where they look things up."""

    name: str
    currency: Currency | None
    explorer: str = ""
    is_test: bool = False


NETWORKS = {
    1: Network("Ethereum", ETHER, "https://etherscan.io"),
    10: Network("OP Mainnet", ETHER, "https://optimistic.etherscan.io"),
    137: Network("Polygon", Currency("POL", 18), "https://polygonscan.com"),
    8453: Network("Base", ETHER, "https://basescan.org"),
    42161: Network("Arbitrum One", ETHER, "https://arbiscan.io"),
    84532: Network("Base Sepolia", ETHER, "https://sepolia.basescan.org", is_test=True),
    11155111: Network("Sepolia", ETHER, "https://sepolia.etherscan.io", is_test=True),
}
LOCAL_NETWORK = Network("Local chain", ETHER, is_test=True)


def network_of(chain_id: int, *, is_local: bool) -> Network:
    """What a chain is called and paid in; an operator's word (CHAINFUND_CHAIN_CURRENCIES) goes before ours.

    Of a chain that nobody has told anything of, nothing is guessed.
    """
    unknown = LOCAL_NETWORK if is_local else Network(f"Chain {chain_id}", currency=None)
    network = NETWORKS.get(chain_id, unknown)
    told = settings.CHAIN_CURRENCIES.get(chain_id)
    return network if told is None else replace(network, currency=told)


def _hex_address(text: str) -> str:
    parse_address(text)
    return text


def _hex_hash(text: str) -> str:
    parse_hash(text)
    return text


Address = Annotated[str, AfterValidator(_hex_address)]
Hash = Annotated[str, AfterValidator(_hex_hash)]


class _Document(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class _Contract(_Document):
    name: str
    address: Address

    @property
    def address_bytes(self) -> bytes:
        return parse_address(self.address)


class ListedToken(_Contract):
    """A token that a factory allows; only of one that was deployed from here is the code known."""

    kind: Literal["token"]
    runtime_code_hash: Hash | None = None


class Deployment(_Contract):
    """One contract of the registry that was deployed from here."""

    kind: Literal["factory", "implementation", "receipt"]
    deploy_block: int = Field(ge=0)
    version: int = Field(default=FIRST_VERSION, ge=FIRST_VERSION)
    abi_hash: str = Field(pattern=r"^(0x)?[0-9a-f]{64}$")
    runtime_code_hash: Hash

    @property
    def abi_file(self) -> Path:
        return settings.ABIS_DIR / f"{self.abi_hash.removeprefix('0x')}.json"


class Registry(_Document):
    """What was deployed on one chain."""

    chain_id: int = Field(gt=0)
    network: str
    genesis_hash: Hash
    contracts: list[Annotated[Deployment | ListedToken, Field(discriminator="kind")]]

    def of_kind(self, kind: Literal["factory", "implementation", "receipt"]) -> list[Deployment]:
        return [entry for entry in self.contracts if isinstance(entry, Deployment) and entry.kind == kind]

    @property
    def tokens(self) -> list[ListedToken]:
        return [entry for entry in self.contracts if isinstance(entry, ListedToken)]

    @property
    def start_block(self) -> int:
        return min(contract.deploy_block for contract in self.of_kind("factory"))


def find_registry(chain_id: int) -> Path:
    return settings.DEPLOYMENTS_DIR / f"{chain_id}.json"


def known_chains() -> list[int]:
    """The chains that have a registry file and an RPC URL."""
    return [chain_id for chain_id in sorted(settings.RPC_URLS) if find_registry(chain_id).exists()]


def read_registry(path: Path) -> Registry:
    """Read and check a registry file.

    Raises:
        ConfigurationError: missing, not JSON, or not of the shape that the deploy script writes.
    """
    try:
        registry = Registry.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"there is no deployment to index: {path} cannot be read ({error.strerror}); deploy first with "
            "`brownie run deploy`, or name the file with --deployments"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"{path} is damaged ({place + ': ' if place else ''}{first['msg']}): restore it, or deploy again "
            "to write it anew"
        ) from error
    if not registry.of_kind("factory"):
        raise ConfigurationError(f"{path} names no factory: deploy again to write it anew")
    return registry


def load_events(registry: Registry) -> dict[bytes, Event]:
    """The registry's events by topic; checks that the ABIs are those that were deployed.

    Raises:
        ConfigurationError: an ABI file is missing, altered, or has an event that the ledger has no table for.
    """
    deployments = registry.of_kind("factory") + registry.of_kind("implementation")
    for deployment in deployments:
        _check_abi(deployment)
    return bind_events(load_decoders({deployment.abi_file for deployment in deployments}))


def _check_abi(deployment: Deployment) -> None:
    try:
        content = deployment.abi_file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the ABI of {deployment.name} is missing: restore abis/{deployment.abi_file.name} from the "
            "repository, or deploy again with this version"
        ) from error
    if sha256(content).hexdigest() != deployment.abi_file.stem:
        raise ConfigurationError(
            f"abis/{deployment.abi_file.name} was altered, its contents do not have its name's hash: restore "
            "it"
        )


def attach(registry: Registry, pool: Pool) -> Chain:
    """Check the registry against the nodes and write its rows in one transaction.

    Idempotent: a second call with the same registry changes nothing. A factory that was added with blocks
    below the cursor makes them suspect, so that they are read again.

    Raises:
        ConfigurationError: chain id, genesis or code on the chain are not the registry's.
        ChainHaltedError: the chain was indexed from another genesis.
        RpcError: no endpoint answers.
    """
    stored = Chain.objects.filter(pk=registry.chain_id).first()
    genesis = parse_hash(registry.genesis_hash)
    pinned = stored.genesis_hash if stored is not None else None
    identity = require_identity(pool, registry.chain_id, pinned)
    if identity.genesis_hash != genesis:
        raise ConfigurationError(
            f"the registry of chain {registry.chain_id} was written for another chain with this id (its "
            "genesis hash differs from the node's): deploy again, or point CHAINFUND_RPC_URLS to the chain "
            "it was written for"
        )
    digest = sha256(registry.model_dump_json().encode()).hexdigest()
    cursor = Cursor.objects.filter(chain_id=registry.chain_id).first()
    if cursor is None or not _was_checked(cursor, digest):
        _check_code(registry, pool)
    anchor = _anchor(registry, pool) if cursor is None else None
    with transaction.atomic():
        chain = _write_chain(registry, identity)
        _write_endpoints(chain)
        create_tokens(chain.chain_id, {token.address_bytes for token in registry.tokens})
        cursor = _write_cursor(chain, registry.start_block, anchor)
        if not _was_checked(cursor, digest):
            Cursor.objects.filter(chain=chain).update(checked_registry=digest, checked_at=Now())
        for factory in registry.of_kind("factory"):
            _write_factory(chain, cursor, factory)
    return chain


def _was_checked(cursor: Cursor, digest: str) -> bool:
    """Whether the code of just these contracts was found on the chain a short while ago."""
    at = cursor.checked_at
    return cursor.checked_registry == digest and at is not None and timezone.now() - at < CODE_CHECKED_EVERY


def _check_code(registry: Registry, pool: Pool) -> None:
    addresses = [deployment.address for deployment in registry.contracts]
    codes = contract_codes(pool, registry.chain_id, addresses)
    for deployment, code in zip(registry.contracts, codes, strict=True):
        if not code:
            raise ConfigurationError(
                f"there is no contract at {deployment.address} ({deployment.name}) on chain "
                f"{registry.chain_id}: the node lost its state, is still syncing, or the registry belongs to "
                "another chain"
            )
        expected = deployment.runtime_code_hash
        if expected is not None and keccak(code) != parse_hash(expected):
            raise ConfigurationError(
                f"the code at {deployment.address} is not the {deployment.name} that was deployed: the "
                f"registry of chain {registry.chain_id} belongs to another chain; deploy again or restore "
                "the right file"
            )


def _anchor(registry: Registry, pool: Pool) -> Header | None:
    """The block on which the first indexed one has to stand; none when that is the genesis block itself."""
    if registry.start_block == 0:
        return None
    return linked_header(pool, registry.chain_id, registry.start_block - 1)


def _write_cursor(chain: Chain, start_block: int, anchor: Header | None) -> Cursor:
    cursor, created = Cursor.objects.get_or_create(
        chain=chain,
        defaults={
            "next_block": start_block,
            "head_hash": anchor.hash if anchor else ZERO_HASH,
            # Ahead of every fence of an earlier cursor, should the chain have been reset under a live worker.
            "fence": time.time_ns(),
        },
    )
    if created and anchor is not None:
        Block.objects.create(
            chain=chain,
            number=anchor.number,
            hash=anchor.hash,
            parent_hash=anchor.parent_hash,
            timestamp=to_time(anchor.timestamp),
        )
    return cursor


def _write_chain(registry: Registry, identity: Identity) -> Chain:
    network = network_of(registry.chain_id, is_local=identity.is_local)
    currency = network.currency
    chain, created = Chain.objects.get_or_create(
        pk=registry.chain_id,
        defaults={
            "name": network.name,
            "genesis_hash": identity.genesis_hash,
            "finality_depth": settings.LOCAL_FINALITY_DEPTH if identity.is_local else None,
            "currency_symbol": currency.symbol if currency else "",
            "currency_decimals": currency.decimals if currency else None,
            "explorer_url": network.explorer,
            "is_test_network": network.is_test or identity.is_local,
        },
    )
    if not created and chain.genesis_hash is None:
        chain.genesis_hash = identity.genesis_hash
        chain.save(update_fields=["genesis_hash"])
    if not created:
        mend_guess(chain, network, identity)
    return chain


def mend_guess(chain: Chain, network: Network, identity: Identity) -> None:
    """Put right what was once guessed of a chain, and what an operator has told of its currency since."""
    is_guessed = chain.name == LOCAL_NETWORK.name and not identity.is_local
    told = settings.CHAIN_CURRENCIES.get(chain.chain_id)
    if is_guessed:
        chain.name, chain.is_test_network = network.name, network.is_test
    if is_guessed or (told is not None and (chain.currency_symbol, chain.currency_decimals) != told):
        currency = network.currency
        chain.currency_symbol = currency.symbol if currency else ""
        chain.currency_decimals = currency.decimals if currency else None
        chain.save(update_fields=["name", "is_test_network", "currency_symbol", "currency_decimals"])
        name_tokens_apart(chain.chain_id)


def _write_endpoints(chain: Chain) -> None:
    """Make the rows those of the settings; an endpoint given on the command line leaves no row."""
    urls = [url for url in settings.RPC_URLS.get(chain.chain_id, []) if not is_websocket(url)]
    RpcEndpoint.objects.filter(chain=chain).exclude(url__in=urls).delete()
    for url in urls:
        RpcEndpoint.objects.get_or_create(chain=chain, url=url, defaults={"name": endpoint_name(url)[:50]})


def _write_factory(chain: Chain, cursor: Cursor, factory: Deployment) -> None:
    contract, created = Contract.objects.get_or_create(
        chain=chain,
        address=factory.address_bytes,
        defaults={
            "kind": Contract.Kind.FACTORY,
            "start_block": factory.deploy_block,
            "version": factory.version,
        },
    )
    if contract.version != factory.version:
        # A database that was filled before it kept versions, or a registry that was put right.
        contract.version = factory.version
        contract.save(update_fields=["version"])
    if created and factory.deploy_block < cursor.next_block:
        SuspectRange.objects.create(
            chain=chain,
            from_block=factory.deploy_block,
            to_block=cursor.next_block - 1,
            reason=f"factory {format_address(factory.address_bytes)} was added when these were indexed",
        )
