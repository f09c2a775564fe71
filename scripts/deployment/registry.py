"""deployments/<chainId>.json: what is deployed where, for whoever reads the chain.

Written whole or not at all. See docs/contracts.md for the meaning of each key.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.deployment.errors import DeploymentError
from scripts.deployment.settings import deployments_dir

TOKEN = "token"


@dataclass(frozen=True)
class Entry:
    """One deployed contract; hashes are hex, with 0x where the chain's hash function made them."""

    name: str
    kind: str
    address: str
    deployBlock: int  # noqa: N815  the keys are the file's
    txHash: str  # noqa: N815
    arguments: list[Any]
    abiHash: str  # noqa: N815
    creationCodeHash: str  # noqa: N815
    runtimeCodeHash: str  # noqa: N815
    compiler: dict[str, Any]
    gitCommit: str | None  # noqa: N815
    version: int  # of the contracts' sources: what `VERSION()` of the factory says
    verified: list[str] = field(default_factory=list)  # the explorers that publish the sources
    supersedes: str | None = None
    symbol: str | None = None  # of a token
    decimals: int | None = None

    @property
    def published(self) -> str:
        """Where the sources are, in words."""
        return f"verified by {' and '.join(self.verified)}" if self.verified else "not verified"


@dataclass(frozen=True)
class ListedToken:
    """A token of others that a factory allows, or did, as it describes itself.

    In the file it stands among the contracts, under a name that it can't choose: by name ours are found.
    """

    address: str
    symbol: str
    decimals: int
    name: str = "ERC20"
    kind: str = TOKEN


@dataclass
class Registry:
    """All entries of one chain, older versions included."""

    chainId: int  # noqa: N815
    network: str
    genesisHash: str  # noqa: N815
    contracts: list[Entry] = field(default_factory=list)
    tokens: list[ListedToken] = field(default_factory=list)

    def names_token(self, address: str) -> bool:
        """Whether a token is in the file, deployed from here or not."""
        entries = [*self.tokens, *(entry for entry in self.contracts if entry.kind == TOKEN)]
        return any(entry.address == address for entry in entries)

    def latest(self, name: str) -> Entry | None:
        """The last one made of a contract, None when it was never deployed; the file keeps their order."""
        return next((entry for entry in reversed(self.contracts) if entry.name == name), None)


def registry_path(folder: Path, chain_id: int) -> Path:
    return folder / f"{chain_id}.json"


def read_registry(path: Path, chain_id: int) -> Registry | None:
    """Reads a registry; None when there is none yet.

    Raises:
        DeploymentError: The file is not a registry of this chain.
    """
    try:
        document = json.loads(path.read_bytes())
        registry = Registry(**{**document, **_sorted_out(document["contracts"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise DeploymentError(
            f"{path} is not a readable deployments file ({error}): restore it from version control, "
            "or move it away to deploy anew."
        ) from error
    except OSError as error:
        raise DeploymentError(f"{path} can't be read: {error.strerror}.") from error
    if registry.chainId != chain_id:
        raise DeploymentError(
            f"{path} belongs to chain {registry.chainId}, the node to chain {chain_id}: "
            "restore the file from version control, or move it away to deploy anew."
        )
    return registry


def deployed_factory(chain_id: int, version: str = "") -> Entry:
    """The newest factory of that version on a chain, the newest of all when none is named.

    Raises:
        DeploymentError: None was deployed from here.
    """
    path = registry_path(deployments_dir(), chain_id)
    registry = read_registry(path, chain_id)
    factories = [entry for entry in registry.contracts if entry.name == "CampaignFactory"] if registry else []
    if not factories:
        raise DeploymentError(f"{path} names no factory on chain {chain_id}: deploy first.")
    if not version:
        return factories[-1]
    if named := [entry for entry in factories if str(entry.version) == version]:
        return named[-1]
    versions = ", ".join(str(entry.version) for entry in factories)
    raise DeploymentError(f"{path} has no factory of version {version!r}, only {versions}.")


def write_registry(path: Path, registry: Registry) -> None:
    """Replaces the file in one step."""
    document = asdict(registry)
    for entry in document["contracts"]:
        if entry["kind"] != TOKEN:
            del entry["symbol"], entry["decimals"]
    document["contracts"] += document.pop("tokens")
    write_atomically(path, json.dumps(document, indent=2) + "\n")


def _sorted_out(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """What was deployed from here, which has a block, and what others' tokens are."""
    parts: dict[str, list[Any]] = {"contracts": [], "tokens": []}
    for entry in entries:
        if entry["kind"] == TOKEN and "deployBlock" not in entry:
            parts["tokens"].append(ListedToken(**entry))
        else:
            parts["contracts"].append(Entry(**entry))
    return parts


def write_atomically(path: Path, text: str) -> None:
    """Writes beside the file and renames: a reader sees the old or the new, a crash leaves the old.

    Raises:
        DeploymentError: The folder can't be written to.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise DeploymentError(f"{path} can't be written: {error.strerror}.") from error
