"""Campaigns by the thousand, on a test's own chain."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx

from tests.support.contracts import MAX_FEE_BPS, NATIVE, Suite, mine, set_automine

LAUNCHES_A_BLOCK = 100
GAS = hex(1_000_000)


def launch_many(suite: Suite, number: int) -> None:
    """Launch as many campaigns, a hundred to a block."""
    deadline = suite.web3.eth.get_block("latest")["timestamp"] + int(timedelta(days=30).total_seconds())
    blank = b"\xab" * 32
    terms: tuple[Any, ...] = (
        NATIVE,
        0,
        10**19,
        deadline,
        0,
        0,
        f"chainfund:metadata:0x{blank.hex()}",
        blank,
        [],
        [],
        0,
        0,
        MAX_FEE_BPS,
        0,
    )
    template = suite.factory.encode_abi("createCampaign", [terms])
    set_automine(suite, on=False)
    for first in range(0, number, LAUNCHES_A_BLOCK):
        transactions = []
        for index in range(first, min(number, first + LAUNCHES_A_BLOCK)):
            digest = sha256(str(index).encode()).digest()
            # In the call the hash stands twice, as text and as it is.
            data = template.replace(blank.hex(), digest.hex())
            data = data.replace(blank.hex().encode().hex(), digest.hex().encode().hex())
            transactions.append(
                {"from": suite.accounts[2], "to": suite.factory.address, "data": data, "gas": GAS}
            )
        send_all(suite, transactions)
        mine(suite)
    set_automine(suite, on=True)


def send_all(suite: Suite, transactions: list[dict[str, Any]]) -> None:
    """Hand all over in one request."""
    calls = [
        {"jsonrpc": "2.0", "id": index, "method": "eth_sendTransaction", "params": [transaction]}
        for index, transaction in enumerate(transactions)
    ]
    replies = httpx.post(suite.url, json=calls).json()
    assert all("result" in reply for reply in replies)
