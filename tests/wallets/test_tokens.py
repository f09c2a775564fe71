"""What tokens in the world do that a campaign has to live with: how they refuse, permit and are listed."""

from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractCustomError
from web3.types import RPCEndpoint

from django_project.ledger.models import Contribution
from tests.support.published import deploy
from tests.support.tokens.stock import Stock
from tests.support.wallets.calls import do
from tests.wallets.conftest import STILL_OPEN, Scene, pledge

pytestmark = pytest.mark.django_db(transaction=True)

# What a transaction may take; of what one asks of another contract 1/64 stays behind.
GAS = 500_000
# OpenZeppelin's, as Safe's package carries it.
OPENZEPPELIN = "@safe-global/safe-smart-account/build/artifacts/@openzeppelin/contracts/"
ERC721 = OPENZEPPELIN + "token/ERC721/ERC721.sol/ERC721.json"
DECIMALS = bytes.fromhex("313ce567")


def campaign_in(scene: Scene, stock: Stock) -> Contract:
    return scene.launch("Honey from one roof", stock=stock, goal=10**6, duration=STILL_OPEN)


def simulated(scene: Scene, campaign: Contract, amount: int) -> dict[str, Any]:
    """The node's answer to a contribution of the Safe that is only tried."""
    data = campaign.encode_abi("contributeERC20", [amount, 0, bytes(32)])
    call = {"from": scene.safe.address, "to": campaign.address, "data": data, "gas": hex(GAS)}
    reply = scene.web3.provider.make_request(RPCEndpoint("eth_call"), [call, "latest"])
    return dict(reply)


@pytest.mark.parametrize("lacking", ["allowance", "balance"])
@pytest.mark.parametrize(
    ("of", "says"),
    [(lambda scene: scene.weth, ""), (lambda scene: scene.usdc, "ERC20: "), (lambda scene: scene.usdt, "")],
    ids=["weth", "usdc", "usdt-like"],
)
def test_a_refusal_says_why_only_where_the_token_does(
    scene: Scene, of: Callable[[Scene], Stock], says: str, lacking: str
) -> None:
    """What a page reads when it asks first: nothing from most, so that it has to look at both itself."""
    stock = of(scene)
    campaign = campaign_in(scene, stock)
    if lacking == "balance":
        do(scene.safe, stock.contract.functions.approve(campaign.address, 1_000))
    else:
        stock.give(scene.safe.address, 1_000)
    error = simulated(scene, campaign, 1_000)["error"]
    words = f"{says}transfer amount exceeds {lacking}" if says else ""
    reason = bytes.fromhex("08c379a0") + encode(["string"], [words]) if says else b""
    assert (error["code"], error["data"]) == (3, Web3.to_hex(reason))


def test_the_usdt_like_token_takes_nearly_all_gas_when_it_refuses(scene: Scene) -> None:
    campaign = campaign_in(scene, scene.usdt)
    sent = campaign.functions.contributeERC20(1_000, 0, bytes(32)).transact(
        {"from": scene.stranger, "gas": GAS}
    )
    receipt = scene.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
    assert receipt["status"] == 0
    assert receipt["gasUsed"] > GAS * 9 // 10


def test_an_allowance_of_the_usdt_like_token_is_changed_by_way_of_zero(scene: Scene) -> None:
    campaign, usdt = campaign_in(scene, scene.usdt), scene.usdt.contract.functions
    scene.usdt.give(scene.safe.address, 1_000)
    do(scene.safe, usdt.approve(campaign.address, 400))
    with pytest.raises(RuntimeError):
        do(scene.safe, usdt.approve(campaign.address, 1_000))
    do(scene.safe, usdt.approve(campaign.address, 0))
    do(scene.safe, usdt.approve(campaign.address, 1_000))
    do(scene.safe, campaign.functions.contributeERC20(1_000, 0, bytes(32)))
    assert usdt.allowance(scene.safe.address, campaign.address).call() == 0
    assert campaign.functions.contributionOf(scene.safe.address).call() == 1_000


def test_a_permit_of_a_delegating_key_is_used_in_the_same_call(scene: Scene) -> None:
    """Circle's token asks an account with code by ERC-1271: here that code is the key's own."""
    campaign, usdc = campaign_in(scene, scene.usdc), scene.usdc
    usdc.give(scene.key.address, 1_500)
    until = scene.web3.eth.get_block("latest")["timestamp"] + 3_600
    signed = scene.key.key.sign_message(permit(scene, campaign, 1_000, until))
    permission = (until, signed.v, signed.r.to_bytes(32), signed.s.to_bytes(32))
    do(scene.key, campaign.functions.contributeERC20WithPermit(1_000, 0, bytes(32), permission))
    assert scene.balance(usdc, scene.key.address) == 500
    assert usdc.contract.functions.allowance(scene.key.address, campaign.address).call() == 0
    scene.index()
    assert Contribution.objects.get().amount == 1_000


def permit(scene: Scene, campaign: Contract, amount: int, until: int) -> Any:
    token = scene.usdc.contract
    fields = [("owner", "address"), ("spender", "address"), ("value", "uint256"), ("nonce", "uint256")]
    return encode_typed_data(
        {
            "name": token.functions.name().call(),
            "version": token.functions.version().call(),
            "chainId": scene.suite.chain_id,
            "verifyingContract": token.address,
        },
        {"Permit": [{"name": name, "type": of} for name, of in (*fields, ("deadline", "uint256"))]},
        {
            "owner": scene.key.address,
            "spender": campaign.address,
            "value": amount,
            "nonce": token.functions.nonces(scene.key.address).call(),
            "deadline": until,
        },
    )


def refused(scene: Scene, token: Contract, error: str, *values: object) -> None:
    """The second version of the factory refuses to list the token, with this error and these values."""
    listing = scene.suite.factory.functions.setTokenAllowed(token.address, allowed=True)
    with pytest.raises(ContractCustomError) as refusal:
        listing.call({"from": scene.suite.admin})
    (types,) = (
        [value["type"] for value in item["inputs"]]
        for item in scene.suite.factory.abi
        if item["type"] == "error" and item["name"] == error
    )
    selector = Web3.keccak(text=f"{error}({','.join(types)})")[:4]
    assert refusal.value.data == Web3.to_hex(selector + encode(types, [token.address, *values]))


def test_a_token_of_two_decimals_is_not_listed(scene: Scene) -> None:
    refused(scene, scene.cents.contract, "Factory_TooFewDecimals", 2, 6)


def test_a_collectible_is_not_listed(scene: Scene) -> None:
    refused(scene, deploy(scene.web3, ERC721, "Roof", "ROOF"), "Factory_NotAToken", DECIMALS)


def test_an_account_or_a_wallet_is_not_listed(scene: Scene) -> None:
    refused(scene, scene.safe.contract, "Factory_NotAToken", DECIMALS)


@pytest.mark.parametrize("of", [lambda scene: scene.weth, lambda scene: scene.usdc, lambda scene: scene.usdt])
def test_tokens_as_they_are_in_the_world_are_listed(scene: Scene, of: Callable[[Scene], Stock]) -> None:
    assert scene.suite.factory.functions.isTokenAllowed(of(scene).contract.address).call()


def test_a_campaign_that_the_first_version_launched_in_cents_counts_in_cents(scene: Scene) -> None:
    cents = scene.cents
    campaign = scene.launch(
        "Honey by the cent", suite=scene.first, stock=cents, goal=100_00, duration=STILL_OPEN
    )
    scene.index()
    browser = scene.signed_in(scene.safe)
    created = pledge(browser, scene, campaign, "12.34")
    assert created["amount"] == "1234"
    cents.give(scene.safe.address, 1_234)
    do(scene.safe, cents.contract.functions.approve(campaign.address, 1_234))
    do(scene.safe, campaign.functions.contributeERC20(1_234, 0, bytes.fromhex(created["ref"][2:])))
    scene.index()
    assert "12.34 CENT" in browser.get(created["status_url"]).content.decode()
