"""One chain with wallets and tokens that nobody here wrote; each test finds it as it was in the beginning."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt, Wei

from devtools.servers import Anvil
from django_project.campaigns import services
from django_project.ledger.invariants import violations
from django_project.ledger.models import Chain
from tasks.engagement.tasks import settle
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating.registry import load_events, read_registry
from tasks.indexing.repair.verify import Verifier
from tests.factories import CATEGORIES
from tests.support.browser import Browser
from tests.support.contracts import NATIVE, Suite, create_campaign, deploy_first_version, deploy_suite, node
from tests.support.indexing import index_once
from tests.support.tokens.stock import FiatToken, Stock, UsdtLikeness, Weth9
from tests.support.wallets.calls import Wallet, do, key, mined
from tests.support.wallets.delegated_key import DelegatedKey
from tests.support.wallets.entry_point import EntryPoint
from tests.support.wallets.safe import Safe, SafeContracts
from tests.support.wallets.smart_account import SmartAccount, SmartAccountContracts

# The chain begins this long ago, so that a campaign can have gone through its life by now.
HISTORY = timedelta(days=60)
# From the beginning of the chain to some days after the test.
STILL_OPEN = timedelta(days=80)
# More than the depth at which a local chain's blocks are final.
FINAL = 12


@dataclass(frozen=True)
class Scene:
    """The chain with everything on it; `safe` is a 2-of-3, `account` is not deployed before it acts.

    `first` is the contracts' first version, where `cents` is listed too, which the second refuses.
    """

    suite: Suite
    first: Suite
    safes: SafeContracts
    accounts: SmartAccountContracts
    safe: Safe
    account: SmartAccount
    key: DelegatedKey
    weth: Weth9
    usdc: FiatToken
    cents: FiatToken
    usdt: UsdtLikeness

    @property
    def web3(self) -> Web3:
        return self.suite.web3

    @property
    def wallets(self) -> tuple[Wallet, Wallet, Wallet]:
        return self.safe, self.account, self.key

    @property
    def tokens(self) -> tuple[Stock, Stock, Stock]:
        return self.weth, self.usdc, self.usdt

    @property
    def creator(self) -> ChecksumAddress:
        return self.suite.accounts[2]

    @property
    def stranger(self) -> ChecksumAddress:
        return self.suite.accounts[7]

    def fund(self, address: ChecksumAddress, wei: int) -> None:
        self.web3.eth.send_transaction({"from": self.suite.accounts[8], "to": address, "value": Wei(wei)})

    def send(self, function: ContractFunction, sender: ChecksumAddress) -> TxReceipt:
        return mined(self.web3, function, sender)

    def launch(
        self, title: str, *, suite: Suite | None = None, stock: Stock | None = None, **terms: Any
    ) -> Contract:
        """A campaign with its text on the site; indexed with the next `index`."""
        token = stock.contract.address if stock else NATIVE
        return create_campaign(suite or self.suite, token=token, metadata_hash=store_text(title), **terms)

    def give(self, wallet: Wallet, campaign: Contract, stock: Stock | None, amount: int) -> None:
        """Have a wallet come by some money, and contribute all of it."""
        if stock is None:
            self.fund(wallet.address, amount)
            do(wallet, campaign.functions.contribute(0, bytes(32)), value=amount)
        else:
            stock.give(wallet.address, amount)
            do(wallet, stock.contract.functions.approve(campaign.address, amount))
            do(wallet, campaign.functions.contributeERC20(amount, 0, bytes(32)))

    def balance(self, stock: Stock | None, address: ChecksumAddress) -> int:
        if stock is None:
            return self.web3.eth.get_balance(address)
        return int(stock.contract.functions.balanceOf(address).call())

    def travel(self, span: timedelta) -> None:
        """Let so much time pass on the chain."""
        node(self.suite, "evm_increaseTime", int(span.total_seconds()))
        node(self.suite, "evm_mine")

    def arrive(self) -> None:
        """Let the chain's time be the site's."""
        node(self.suite, "evm_setNextBlockTimestamp", int(time.time()))
        node(self.suite, "evm_mine")

    def follow(self) -> None:
        """Index the chain, whatever its time is, and settle what follows: the ledger agrees with itself."""
        index_once(self.suite)
        settle()
        assert violations() == []

    def index(self) -> None:
        """The same, once the states on pages are those on the chain: index and chain have to agree, too."""
        self.follow()
        with Pool((self.suite.url,)) as pool:
            verifier = Verifier(
                Chain.objects.get(pk=self.suite.chain_id),
                pool,
                load_events(read_registry(self.suite.registry)),
            )
            assert verifier.verify().problems == []

    def signed_in(self, wallet: Wallet) -> Browser:
        browser = Browser()
        reply = browser.sign_in_by(
            wallet.address, self.suite.chain_id, lambda text: "0x" + wallet.sign(text).hex()
        )
        assert reply.status_code == 200, reply.content
        return browser


def pledge(browser: Browser, scene: Scene, campaign: Contract, amount: str) -> dict[str, str]:
    """Write down what is about to be given, as the page does before the wallet opens."""
    key = f"{scene.suite.chain_id}:{campaign.address.lower()}"
    reply = browser.post("/api/v1/pledges", {"campaign": key, "amount": amount})
    assert reply.status_code == 201, reply.content
    created: dict[str, str] = reply.json()
    return created


def unit(stock: Stock | None) -> tuple[str, int]:
    """Symbol and decimals; nothing stands for the chain's own currency."""
    return (stock.symbol, stock.decimals) if stock else ("ETH", 18)


def moment(suite: Suite) -> datetime:
    """The chain's time."""
    return datetime.fromtimestamp(suite.web3.eth.get_block("latest")["timestamp"], UTC)


def store_text(title: str, **more: object) -> bytes:
    """A campaign's text on the site, by its hash."""
    services.ensure_categories(CATEGORIES)
    text: Mapping[str, object] = {
        "schema": 1,
        "title": title,
        "tagline": "Bees above the tram depot",
        "story": "We keep **bees**.",
        "category": "food",
        "language": "en",
        "publisher": "Roof Apiary",
        "rewards": [],
        **more,
    }
    return bytes(services.store_metadata(text).hash)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The scene of all tests: take `scene`, which puts it back afterwards."""
    directory = tmp_path_factory.mktemp("wallets")
    began = int(time.time() - HISTORY.total_seconds())
    anvil = Anvil(directory, hardfork="prague", arguments=["--accounts", "20", "--timestamp", str(began)])
    try:
        suite = deploy_suite(anvil, directory / "deployments")
        first = deploy_first_version(suite)
        entry_point = EntryPoint.deploy(suite.web3)
        safes, accounts = SafeContracts.deploy(suite.web3), SmartAccountContracts.deploy(entry_point)
        sponsor = key(99)
        suite.web3.eth.send_transaction(
            {"from": suite.accounts[8], "to": sponsor.address, "value": Wei(10**18)}
        )
        scene = Scene(
            suite=suite,
            first=first,
            safes=safes,
            accounts=accounts,
            safe=safes.promise((key(1), key(2), key(3)), 2).deployed(),
            account=accounts.promise(key(4)),
            key=DelegatedKey.delegate(entry_point, key(5), sponsor),
            weth=Weth9.deploy(suite.web3),
            usdc=FiatToken.deploy(suite.web3),
            cents=FiatToken.deploy(suite.web3, "CENT", 2),
            usdt=UsdtLikeness.deploy(suite.web3),
        )
        for stock in scene.tokens:
            allow = suite.factory.functions.setTokenAllowed(stock.contract.address, allowed=True)
            mined(suite.web3, allow, suite.admin)
        allow = first.factory.functions.setTokenAllowed(scene.cents.contract.address, allowed=True)
        mined(suite.web3, allow, suite.admin)
        yield scene
    finally:
        anvil.stop()


@pytest.fixture
def scene(played: Scene, settings: Any) -> Iterator[Scene]:
    settings.RPC_URLS = {played.suite.chain_id: [played.suite.url]}
    settings.DEPLOYMENTS_DIR = Path(played.suite.registry).parent
    snapshot = node(played.suite, "evm_snapshot")
    yield played
    node(played.suite, "evm_revert", snapshot)
