"""One small campaign through a deployment: what nobody has tried does not work."""

import secrets
from typing import Any

from brownie import Campaign, Contract, web3

from scripts.deployment.amounts import NATIVE
from scripts.deployment.errors import DeploymentError
from scripts.deployment.node import gas_fees

GOAL = 1_000
STAKE = 1
FUNDING_SECONDS = 3 * 24 * 3600
METADATA_URI = "chainfund:smoke"


def run_smoke_campaign(factory: Any, account: Any) -> str:
    """Launches a campaign, gives one base unit, takes it back and cancels; returns the campaign's address.

    Raises:
        DeploymentError: The contracts did something else than that.
    """
    deadline = web3.eth.get_block("latest")["timestamp"] + FUNDING_SECONDS
    document = "0x" + secrets.token_hex(32)
    fee, nonce = factory.feeBps(), 0
    params = (NATIVE, 0, GOAL, deadline, 0, 0, METADATA_URI, document, [], [], 0, 0, fee, nonce)
    address = str(factory.campaignAddress(account, params))
    gas = {"from": account, **gas_fees()}
    factory.createCampaign(params, gas)
    campaign = Contract.from_abi("Campaign", address, Campaign.abi, persist=False)
    if not factory.isCampaign(address):
        raise DeploymentError(f"the factory does not know its smoke campaign {address}: do not use it.")
    _expect(address, "its creator", campaign.creator(), account.address)
    campaign.contribute(0, bytes(32), {**gas, "value": STAKE})
    _expect(address, "its total after a contribution", campaign.totalRaised(), STAKE)
    campaign.takeBack(account, gas)
    _expect(address, "its total after it was taken back", campaign.totalRaised(), 0)
    campaign.cancel("The deployment was tried out with this campaign.", gas)
    _expect(address, "its count of events", campaign.seq(), 3)
    return address


def _expect(campaign: str, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise DeploymentError(
            f"the smoke campaign at {campaign}: {what} should be {wanted}, the chain says {found}: "
            "do not use this deployment."
        )
