"""Launches a campaign from a file: `tools/brownie run create_campaign main campaign.toml --network sepolia`.

Off anvil it rehearses, unless CHAINFUND_BROADCAST=1: it says what would be fixed for good, where, and what
the factory thinks of it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from brownie import CampaignFactory, Contract

from scripts.deployment.amounts import Currency
from scripts.deployment.campaign_file import CampaignFile
from scripts.deployment.deployer import load_account
from scripts.deployment.errors import DeploymentError, exit_with_message
from scripts.deployment.node import connect_node, gas_fees
from scripts.deployment.refusals import reason_of
from scripts.deployment.registry import deployed_factory
from scripts.deployment.settings import Settings
from scripts.deployment.tokens import currency_of

# What a creator can do about a refusal that its name doesn't say.
WHAT_HELPS = {
    "Factory_CampaignExists": (
        " It was launched before, whatever became of it: give the file a nonce that it had not yet to launch "
        "the same terms once more."
    ),
    "Factory_FeeAboveMax": " The fee is above max_fee_bps: raise that to agree to it.",
}


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
    currency = currency_of(file.token)
    params = file.params(currency.decimals, int(factory.feeBps()))
    account = load_account(node, settings)
    address = factory.campaignAddress(account, params)
    _describe(file, params, currency)
    print(f"  address {address}, creator {account}, fee {factory.feeBps()} bps")
    data = factory.createCampaign.encode_input(params)
    if refusal := reason_of({"from": account.address, "to": factory.address, "data": data}):
        advice = WHAT_HELPS.get(refusal.partition("(")[0], "")
        raise DeploymentError(f"the factory would refuse this: {refusal}.{advice}")
    if not node.is_local and not settings.broadcast:
        print("rehearsal: nothing was sent; set CHAINFUND_BROADCAST=1 to launch")
        return
    receipt = factory.createCampaign(params, {"from": account, **gas_fees()})
    created = receipt.events["CampaignCreated"]["campaign"]
    print(f"launched {created} in block {receipt.block_number}, transaction {receipt.txid}")
    if created != address:
        raise DeploymentError("the fee was lowered in the meantime: it is another address than foretold.")


def _describe(file: CampaignFile, params: tuple[Any, ...], currency: Currency) -> None:
    def time(seconds: int) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    _, _, goal, deadline, least, cap, uri, digest, tiers, milestones, window, threshold, most, nonce = params
    print("fixed for good once it is launched:")
    print(f"  {file.values['mode']}, goal {currency.text(goal)}, deadline {time(deadline)}")
    print(
        f"  minimum {currency.text(least)}, cap {currency.text(cap) if cap else 'none'}, token {file.token}"
    )
    print(f"  document {uri}, keccak256 0x{digest.hex()}, {len(file.document)} bytes")
    for number, (price, supply) in enumerate(tiers, start=1):
        print(f"  tier {number}: {currency.text(price)}, {supply or 'no'} limit")
    for number, (share, due, opens) in enumerate(milestones, start=1):
        since = f", not before {time(opens)}" if opens else ""
        print(f"  milestone {number}: {share} bps, evidence due {time(due)}{since}")
    if milestones:
        print(f"  objections: {window // 86_400} days, more than {threshold} bps stop the payouts")
    print(f"  at most {most} bps of fee, number {nonce} of its kind")
