"""What a factory has to say: roles, money, tokens, campaigns."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from brownie import Campaign, CampaignFactory, Contract
from eth_utils import keccak, to_checksum_address

from scripts.deployment.amounts import NATIVE, Currency
from scripts.deployment.node import logs_of
from scripts.deployment.registry import ListedToken, Registry
from scripts.deployment.roles import holders
from scripts.deployment.tokens import balance_of, currency_known

STATES = (
    "Funding", "Succeeded", "Failed", "Cancelled", "Completed", "Releasing", "WindDown", "Expired",
)  # fmt: skip
NEWEST_CAMPAIGNS = 10
UNNAMED = "(says no symbol and decimals)"
_TOKEN_ALLOWED = keccak(text="TokenAllowed(address,uint64,bool,bool)")
_CREATED = keccak(
    text="CampaignCreated(address,address,address,uint64,uint8,uint256,uint64,uint64,uint16,uint256,uint256,"
    "string,bytes32)"
)


def describe_factory(factory: Any, since_block: int) -> Iterator[str]:
    """Lines about the factory as it stands now, from its views and its events."""
    for name, accounts in holders(factory, since_block).items():
        yield f"{name}: {', '.join(accounts) or 'nobody'}"
    pending, schedule = factory.pendingDefaultAdmin()
    if schedule:
        since = datetime.fromtimestamp(schedule, UTC).isoformat()
        yield f"admin to be: {pending}, who may accept from {since}"
    currencies = allowed_tokens(factory, since_block)
    treasury = factory.treasury()
    held = ", ".join(
        currency.text(balance_of(token, treasury)) for token, currency in currencies.items() if currency
    )
    yield f"treasury {treasury} has {held or 'nothing that is allowed'}"
    tokens = ", ".join(
        f"{currency.symbol if currency else UNNAMED} {token}" for token, currency in currencies.items()
    )
    yield f"tokens: {tokens or 'none'}"
    yield f"fee {factory.feeBps()} bps, creation paused: {factory.paused()}"
    yield f"campaigns {factory.campaignCount()}, events {factory.seq()}"
    yield from _describe_campaigns(factory, since_block)


def allowed_tokens(factory: Any, since_block: int) -> dict[str, Currency | None]:
    """The currencies in which campaigns may be created now, by address; None for one that has no name."""
    listed = listed_tokens(factory, since_block)
    return {token: currency_known(token) for token in listed if factory.isTokenAllowed(token)}


def listed_tokens(factory: Any, since_block: int) -> Iterable[str]:
    """The currencies that were ever allowed; campaigns in them may be running still."""
    return dict.fromkeys(
        str(to_checksum_address(bytes(log["topics"][1])[-20:]))
        for log in logs_of(factory.address, _TOKEN_ALLOWED, since_block)
        if any(bytes(log["data"])[32:])  # after its number: whether it was allowed, and is
    )


def record_tokens(registry: Registry) -> list[ListedToken]:
    """Adds the tokens that the factories of a registry allow, or did, and it lacks; returns those."""
    added = []
    for entry in registry.contracts:
        if entry.name != "CampaignFactory":
            continue
        factory = Contract.from_abi(entry.name, entry.address, CampaignFactory.abi, persist=False)
        for token in listed_tokens(factory, entry.deployBlock):
            currency = currency_known(token)
            if token != NATIVE and currency and not registry.names_token(token):
                listed = ListedToken(token, currency.symbol, currency.decimals)
                registry.tokens.append(listed)
                added.append(listed)
    return added


def _describe_campaigns(factory: Any, since_block: int) -> Iterator[str]:
    created = logs_of(factory.address, _CREATED, since_block)
    for log in reversed(created[-NEWEST_CAMPAIGNS:]):
        address = to_checksum_address(bytes(log["topics"][1])[-20:])
        yield f"  {address} {_describe_campaign(address)}"
    if len(created) > NEWEST_CAMPAIGNS:
        yield f"  and {len(created) - NEWEST_CAMPAIGNS} before these"


def _describe_campaign(address: str) -> str:
    summary = Contract.from_abi("Campaign", address, Campaign.abi, persist=False).summary()
    terms = summary["terms"]
    currency = currency_known(terms["token"]) or Currency(f"units of {terms['token']}", 0)
    paused = ", contributions paused" if summary["contributionsPaused"] else ""
    raised, goal = currency.text(summary["totalRaised"]), currency.text(terms["goal"])
    held = currency.text(balance_of(terms["token"], address))
    return f"{STATES[summary['state']]}, raised {raised} of {goal}, holds {held}{paused}"
