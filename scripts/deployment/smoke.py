"""One small campaign through a new deployment: what nobody has tried does not work."""

import secrets
from typing import Any

from brownie import Campaign, Contract, web3

from scripts.deployment.errors import DeploymentError

GOAL = 1_000
STAKE = 1
FUNDING_SECONDS = 3 * 24 * 3600
NATIVE = "0x" + "00" * 20
METADATA_URI = "chainfund:smoke"


def run_smoke_campaign(factory: Any, account: Any) -> str:
    """Launches a campaign, gives one base unit, takes it back and cancels; returns the campaign's address.

    Raises:
        DeploymentError: the contracts did something else than that.
    """
    deadline = web3.eth.get_block("latest")["timestamp"] + FUNDING_SECONDS
    document = "0x" + secrets.token_hex(32)
    params = (NATIVE, 0, GOAL, deadline, 0, 0, METADATA_URI, document, [], [], 0, 0)
    address = str(factory.campaignAddress(account, params))
    gas = {"from": account, "gas_price": 2 * web3.eth.gas_price, "silent": True}
    factory.createCampaign(params, gas)
    campaign = Contract.from_abi("Campaign", address, Campaign.abi, persist=False)
    campaign.contribute(0, bytes(32), {**gas, "value": STAKE})
    _expect(campaign, "totalRaised", STAKE)
    campaign.takeBack(account, gas)
    _expect(campaign, "totalRaised", 0)
    campaign.cancel("The deployment was tried out with this campaign.", gas)
    _expect(campaign, "seq", 3)
    return address


def _expect(campaign: Any, view: str, wanted: int) -> None:
    found = getattr(campaign, view)()
    if found != wanted:
        raise DeploymentError(
            f"the smoke campaign at {campaign.address} has {view} {found}, not {wanted}: "
            "do not use this deployment."
        )
