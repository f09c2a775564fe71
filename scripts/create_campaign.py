"""Launches a campaign from a file: `tools/brownie run create_campaign main campaign.toml --network sepolia`.

Off anvil it rehearses, unless CHAINFUND_BROADCAST=1: it says what would be fixed for good, where, and what
the factory thinks of it.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from brownie import CampaignFactory, Contract, TestToken, web3

from scripts.deployment.campaign_file import NATIVE, CampaignFile
from scripts.deployment.deployer import load_account
from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.node import connect_node
from scripts.deployment.refusals import reason_of
from scripts.deployment.registry import deployed_factory
from scripts.deployment.settings import Settings


def main(path: str = "") -> None:
    with exit_with_message():
        if not path:
            raise DeploymentError(
                "name the campaign's file: tools/brownie run create_campaign main campaign.toml."
            )
        create_campaign(Path(path), Settings())


def create_campaign(path: Path, settings: Settings) -> None:
    """Raises a DeploymentError, with nothing sent, when file, account or factory stand in the way."""
    node = connect_node()
    file = CampaignFile.read(path)
    factory = Contract.from_abi(
        "CampaignFactory", deployed_factory(node.chain_id).address, CampaignFactory.abi, persist=False
    )
    account = load_account(node, settings)
    decimals = _decimals(file.token)
    params = file.params(decimals)
    address = factory.campaignAddress(account, params)
    _describe(file, params, decimals, str(account), address, factory.feeBps())
    data = factory.createCampaign.encode_input(params)
    if refusal := reason_of({"from": account.address, "to": factory.address, "data": data}):
        raise DeploymentError(f"the factory would refuse this: {refusal}.")
    if not node.is_local and not settings.broadcast:
        print("rehearsal: nothing was sent; set CHAINFUND_BROADCAST=1 to launch")
        return
    receipt = factory.createCampaign(
        params, {"from": account, "gas_price": 2 * web3.eth.gas_price, "silent": True}
    )
    print(f"launched {address} in block {receipt.block_number}, transaction {receipt.txid}")


def _decimals(token: str) -> int:
    if token == NATIVE:
        return 18
    try:
        return int(Contract.from_abi("Token", token, TestToken.abi, persist=False).decimals())
    except ValueError as error:
        raise DeploymentError(f"the token {token} does not say its decimals: is it on this chain?") from error


def _describe(
    file: CampaignFile, params: tuple[Any, ...], decimals: int, creator: str, address: str, fee_bps: int
) -> None:
    def amount(units: int) -> str:
        return f"{Decimal(units).scaleb(-decimals).normalize():f}" if units else "none"

    def time(seconds: int) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    _, _, goal, deadline, least, cap, uri, digest, tiers, milestones, window, threshold = params
    print("fixed for good once it is launched:")
    print(f"  address {address}, creator {creator}, fee {fee_bps} bps")
    print(f"  {file.values['mode']}, goal {amount(goal)}, deadline {time(deadline)}")
    print(f"  minimum {amount(least)}, cap {amount(cap)}, token {file.token}")
    print(f"  document {uri}, keccak256 0x{digest.hex()}, {len(file.document)} bytes")
    for number, (price, supply) in enumerate(tiers, start=1):
        print(f"  tier {number}: {amount(price)}, {supply or 'no'} limit")
    for number, (share, due) in enumerate(milestones, start=1):
        print(f"  milestone {number}: {share} bps, evidence due {time(due)}")
    if milestones:
        print(f"  objections: {window // 86_400} days, more than {threshold} bps stop the payouts")
