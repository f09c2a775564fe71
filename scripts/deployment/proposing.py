"""Calls that only some may make: sent by whoever may, printed for a multisig to make."""

from collections.abc import Sequence
from typing import Any

from scripts.deployment.deployer import load_account
from scripts.deployment.node import Node, gas_fees
from scripts.deployment.settings import Settings


def send_or_propose(
    node: Node, settings: Settings, call: Any, arguments: Sequence[Any], *, role: str, holders: Sequence[str]
) -> bool:
    """Sends a call from the account CHAINFUND_DEPLOYER when it holds the role, with CHAINFUND_BROADCAST=1.

    Args:
        node: Where it is sent.
        settings: Who sends it, and whether.
        call: The function of a contract.
        arguments: What it is called with.
        role: Who may call it, in words.
        holders: Their addresses.

    Returns:
        Whether it was sent; otherwise the next step was printed.
    """
    sender = load_account(node, settings) if node.is_local or settings.deployer else None
    if sender is None or sender.address not in holders:
        print(f"the {role} is {', '.join(holders) or 'nobody'}: have it call {call._address} with")  # noqa: SLF001
        print(f"  {call.encode_input(*arguments)}")
        return False
    if not node.is_local and not settings.broadcast:
        print("rehearsal: nothing was sent; set CHAINFUND_BROADCAST=1 to send it")
        return False
    call(*arguments, {"from": sender, **gas_fees()})
    return True
