"""What was sent to a chain and is not in its deployments file yet: an interrupted run loses nothing.

deployments/<chainId>.pending.json is written before a creation is sent, and removed when the registry has the
contract. A run that finds one looks whether the contract came to be before it sends another.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from brownie import web3

from scripts.deployment.errors import DeploymentError
from scripts.deployment.node import code_hash
from scripts.deployment.registry import write_atomically


@dataclass(frozen=True)
class Pending:
    """A creation that was about to be sent; its address follows from sender and nonce."""

    name: str
    address: str
    sender: str
    nonce: int
    dataHash: str  # noqa: N815  keccak256 of creation code and arguments; the keys are the file's
    sinceBlock: int  # noqa: N815  the newest block at that time
    genesisHash: str  # noqa: N815


@dataclass(frozen=True)
class Creation:
    """A creation that was mined."""

    address: str
    transaction: str
    block: int


def pending_path(registry: Path) -> Path:
    return registry.with_suffix(".pending.json")


def read_pending(path: Path) -> Pending | None:
    """Raises a DeploymentError for a file that can't be read."""
    try:
        return Pending(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DeploymentError(
            f"{path}, the note of an interrupted run, can't be read ({error}): look at the deployer's last "
            "transactions, then remove the file."
        ) from error


def write_pending(path: Path, pending: Pending) -> None:
    """Raises a DeploymentError when it can't be written: then nothing should be sent."""
    write_atomically(path, json.dumps(asdict(pending), indent=2) + "\n")


def find_creation(pending: Pending) -> Creation | None:
    """What became of it; None when nothing did or will: not sent, failed, or another took its nonce.

    Raises:
        DeploymentError: It waits to be mined, or the node does not know how the contract got there.
    """
    if code_hash(pending.address) is None:
        mined = web3.eth.get_transaction_count(pending.sender)
        if mined <= pending.nonce < web3.eth.get_transaction_count(pending.sender, "pending"):
            raise DeploymentError(
                f"the creation of {pending.name} that an earlier run has sent still waits to be mined: "
                "run this again when it is."
            )
        return None
    for number in range(pending.sinceBlock + 1, web3.eth.block_number + 1):
        for transaction in web3.eth.get_block(number, full_transactions=True)["transactions"]:
            if (transaction["from"], transaction["nonce"]) == (pending.sender, pending.nonce):
                return Creation(pending.address, "0x" + bytes(transaction["hash"]).hex(), number)
    raise DeploymentError(
        f"{pending.name} is at {pending.address}, but the node has no transaction {pending.nonce} of "
        f"{pending.sender} since block {pending.sinceBlock}: ask another node."
    )
