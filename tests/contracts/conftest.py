"""One anvil and one deployed suite per run; every test starts from the same block."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from brownie import Contract, accounts, history, network, project
from brownie._config import CONFIG
from chain import ROOT, anvil, learn_errors, now, rpc
from scripting import Scripts, script_runner

FEE_BPS = 250
DAY = 24 * 3600
ETHER = 10**18
DOLLAR = 10**6
NATIVE = "0x" + "00" * 20
NO_REF = "0x" + "00" * 32
METADATA_HASH = "0x" + "ab" * 32
METADATA_URI = f"chainfund:metadata:{METADATA_HASH}"
ALL_OR_NOTHING, KEEP = 0, 1
FUNDING, SUCCEEDED, FAILED, CANCELLED, COMPLETED = range(5)


@dataclass(frozen=True)
class Suite:
    """What the tests of the contracts work with; `owner` has every role of the factory."""

    contracts: Any
    factory: Any
    token: Any
    owner: Any
    treasury: Any
    creator: Any
    backers: list[Any]


@pytest.fixture(scope="session")
def contracts() -> Iterator[Any]:
    CONFIG.argv["silent"] = True
    with anvil() as url:
        os.environ["CHAINFUND_RPC_URL"] = url
        loaded = project.load(str(ROOT), name="ChainFundTests")
        network.connect("anvil")
        learn_errors(loaded.Campaign, loaded.CampaignFactory, loaded.SupporterReceipt, loaded.TestToken)
        yield loaded
        network.disconnect()


@pytest.fixture(scope="session")
def scripts() -> Iterator[Scripts]:
    """Runs what is in scripts/, as an operator does."""
    with script_runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def deployed(contracts: Any) -> Suite:
    owner, treasury, creator, *backers = accounts
    token = create(contracts.TestToken, owner)
    factory = create(contracts.CampaignFactory, owner, owner, 2 * DAY, treasury, FEE_BPS, [token.address])
    for backer in backers:
        token.mint(backer, 1_000_000 * DOLLAR, {"from": owner})
    return Suite(contracts, factory, token, owner, treasury, creator, backers)


def create(container: Any, sender: Any, *arguments: Any) -> Any:
    """Deploys without Brownie's own registry of deployments."""
    receipt = sender.transfer(data=container.deploy.encode_input(*arguments), silent=True)
    assert receipt.status == 1, container._name
    return attach(container, receipt.contract_address)


def attach(container: Any, address: str) -> Any:
    """A contract at an address, not written down in Brownie's database."""
    return Contract.from_abi(container._name, address, container.abi, persist=False)


@pytest.fixture
def suite(deployed: Suite) -> Iterator[Suite]:
    snapshot = rpc("evm_snapshot")
    yield deployed
    rpc("evm_revert", snapshot)
    history.clear()  # a transaction of the same number in the next test would count as replaced


@pytest.fixture
def receipt(suite: Suite) -> Any:
    """Receipts for the campaigns of the factory."""
    return create(
        suite.contracts.SupporterReceipt, suite.owner, suite.factory.address, "chainfund:receipt:{id}"
    )


@pytest.fixture
def parameters() -> Callable[..., tuple[Any, ...]]:
    """Arguments of createCampaign() with some of them changed, and a document that no other call got."""
    documents = itertools.count(int(METADATA_HASH, 16))

    def build(**changes: Any) -> tuple[Any, ...]:
        values = {
            "token": NATIVE,
            "mode": ALL_OR_NOTHING,
            "goal": 10 * ETHER,
            # Zero bytes are cheaper: without any, gas does not depend on the hour of the test.
            "deadline": (now() + 30 * DAY) | 0x010101,
            "min_contribution": 0,
            "cap": 0,
            "uri": METADATA_URI,
            "metadata_hash": f"0x{next(documents):064x}",
            "tiers": [],
            "milestones": [],
            "objection_window": 0,
            "objection_threshold_bps": 0,
            "max_fee_bps": 500,
            "nonce": 0,
        }
        if unknown := changes.keys() - values.keys():
            raise TypeError(f"no such parameter: {unknown}")
        wanted = {**values, **changes}
        # Evidence at any time after the deadline, unless a third value says otherwise.
        wanted["milestones"] = [(*each, 0)[:3] for each in wanted["milestones"]]
        return tuple(wanted.values())

    return build


@pytest.fixture
def launch(suite: Suite, parameters: Callable[..., tuple[Any, ...]]) -> Callable[..., Any]:
    """Creates a campaign and gives it as a contract."""

    def create_campaign(**changes: Any) -> Any:
        receipt = suite.factory.createCampaign(parameters(**changes), {"from": suite.creator})
        return attach(suite.contracts.Campaign, receipt.events["CampaignCreated"]["campaign"])

    return create_campaign
