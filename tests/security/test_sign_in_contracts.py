"""Sign-in of contract wallets: whom the chain says yes for, and every way to make it say no."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone
from eth_abi.abi import encode
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.types import RPCEndpoint

from devtools.servers import Anvil, free_port
from django_project.accounts import contract_wallets, eip4361
from django_project.accounts.models import Challenge, User, Wallet
from django_project.core import node
from django_project.ledger.models import Chain
from tests.factories import CHAIN_ID, World
from tests.support.browser import (
    CHALLENGE,
    DELETION,
    SESSION,
    WALLETS,
    Browser,
    error_code,
    sign,
    wallet,
)
from tests.support.contracts import compile_sources
from tools import signature_check

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Reply

pytestmark = pytest.mark.django_db

OWNER, MALLORY = wallet(1), wallet(2)
SOURCE = "tests/security/contracts/Wallets.sol"
NAMES = (
    *("OwnedWallet", "CarelessWallet", "ConfirmingWallet", "WalletFactory", "Answering", "Echoing"),
    *("Reverting", "RevertingWithYes", "Costly", "Burning", "Flooding", "Writing"),
)
MAGIC = bytes.fromhex("1626ba7e")
WRAPPER_SUFFIX = bytes.fromhex("6492" * 16)
SALT = bytes(32)
OTHER_CHAIN_ID = 31338
DEPLOYER_NONCE = 1_000


@dataclass
class Chained:
    """A chain with its node, and contracts of `Wallets.sol` on it."""

    web3: Web3
    factory: Contract

    def deploy(self, name: str, *arguments: object) -> ChecksumAddress:
        return deployed(self.web3, name, *arguments).address

    def promised(self, owner: LocalAccount = OWNER) -> ChecksumAddress:
        """Where the factory would deploy the owner's wallet."""
        return Web3.to_checksum_address(self.factory.functions.deploy(owner.address, SALT).call())

    def order(self, owner: LocalAccount = OWNER) -> bytes:
        """What to tell the factory for it."""
        return bytes.fromhex(self.factory.encode_abi("deploy", [owner.address, SALT])[2:])

    def has_code(self, address: ChecksumAddress) -> bool:
        return bool(self.web3.eth.get_code(address))


def deployed(web3: Web3, name: str, *arguments: object) -> Contract:
    artifact = compile_sources((SOURCE,), NAMES)[name]
    constructor = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor(*arguments)
    sent = constructor.transact({"from": web3.eth.accounts[0]})
    address = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)["contractAddress"]
    assert address is not None
    return web3.eth.contract(address, abi=artifact.abi)


def chained(anvil: Anvil) -> Chained:
    """The factory on a chain, at the same address whatever its deployer sent there before."""
    web3 = Web3(HTTPProvider(anvil.url))
    anvil.request("anvil_setNonce", web3.eth.accounts[0], hex(DEPLOYER_NONCE))
    return Chained(web3, deployed(web3, "WalletFactory"))


@pytest.fixture(autouse=True)
def world() -> World:
    return World()


@pytest.fixture
def chain(anvil: Anvil, settings: Any) -> Chained:
    settings.RPC_URLS = {CHAIN_ID: [anvil.url]}
    return chained(anvil)


@pytest.fixture
def other_chain(settings: Any, chain: Chained, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chained]:
    """A second chain of the site, on which everything may be deployed to the same addresses."""
    Chain.objects.create(chain_id=OTHER_CHAIN_ID, name="Other")
    anvil = Anvil(tmp_path_factory.mktemp("anvil"), chain_id=OTHER_CHAIN_ID)
    settings.RPC_URLS = {**settings.RPC_URLS, OTHER_CHAIN_ID: [anvil.url]}
    try:
        second = chained(anvil)
        assert second.factory.address == chain.factory.address
        yield second
    finally:
        anvil.stop()


@pytest.fixture
def delegating_chain(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chained]:
    """A chain whose accounts may delegate, which the others are too old for."""
    anvil = Anvil(tmp_path_factory.mktemp("anvil"), hardfork="prague")
    settings.RPC_URLS = {CHAIN_ID: [anvil.url]}
    try:
        yield chained(anvil)
    finally:
        anvil.stop()


def set_code(chain: Chained, address: ChecksumAddress, code: str) -> None:
    chain.web3.provider.make_request(RPCEndpoint("anvil_setCode"), [address, code])


def by(signer: LocalAccount) -> Callable[[str], bytes]:
    """The key's own signature of the text."""
    return lambda message: bytes(signer.sign_message(encode_defunct(text=message)).signature)


def wrapped(factory: str, order: bytes, signer: LocalAccount = OWNER) -> Callable[[str], bytes]:
    """The signature with what deploys the wallet first (ERC-6492)."""
    return lambda message: (
        encode(["address", "bytes", "bytes"], [factory, order, by(signer)(message)]) + WRAPPER_SUFFIX
    )


def answer(
    address: str,
    sign_text: Callable[[str], bytes],
    *,
    browser: Browser | None = None,
    chain_id: int = CHAIN_ID,
) -> "Reply":
    """Ask for a text, sign it, post the signature."""
    browser = browser or Browser()
    challenge = browser.post(CHALLENGE, {"address": address, "chain_id": chain_id}).json()
    signature = "0x" + sign_text(challenge["message"]).hex()
    reply = browser.post(SESSION, {"nonce": challenge["nonce"], "signature": signature})
    browser.refresh_csrf()
    return reply


def assert_refused(reply: "Reply", code: str = "wrong_signature", status: int = 403) -> None:
    assert (reply.status_code, error_code(reply)) == (status, code)
    assert not User.objects.exists()


def test_the_bytecode_is_what_the_source_gives() -> None:
    assert signature_check.ARTIFACT.read_text() == signature_check.compiled(), (
        "SignatureCheck.sol or its compiler changed: run `python -m tools.signature_check`"
    )


def test_a_contract_signs_in_by_its_owners_key(chain: Chained) -> None:
    address, browser = chain.deploy("OwnedWallet", OWNER.address), Browser()
    reply = answer(address, by(OWNER), browser=browser)
    assert (reply.status_code, reply.json()) == (200, {"address": address})
    assert browser.get(SESSION).json()["address"] == address
    assert [bytes(each.address) for each in Wallet.objects.all()] == [bytes.fromhex(address[2:])]


def test_another_key_does_not(chain: Chained) -> None:
    assert_refused(answer(chain.deploy("OwnedWallet", OWNER.address), by(MALLORY)))


def test_nor_does_a_signature_of_another_text(chain: Chained) -> None:
    address = chain.deploy("OwnedWallet", OWNER.address)
    assert_refused(answer(address, lambda _: by(OWNER)("something else")))


def test_a_contract_is_asked_about_signatures_of_any_length(chain: Chained) -> None:
    address = chain.deploy("Answering", MAGIC.ljust(32, b"\0"))
    for length in (1, 65, 4_000):
        assert answer(address, lambda _, length=length: b"\x07" * length).status_code == 200  # type: ignore[misc]


@pytest.mark.parametrize(
    "told",
    [
        b"",
        MAGIC,
        MAGIC.ljust(31, b"\0"),
        MAGIC.ljust(33, b"\0"),
        MAGIC.ljust(64, b"\0"),
        MAGIC.ljust(32, b"\x01"),
        MAGIC.rjust(32, b"\0"),
        b"\xff" * 32,
        (1).to_bytes(32),
    ],
)
def test_only_the_exact_answer_is_a_yes(chain: Chained, told: bytes) -> None:
    assert_refused(answer(chain.deploy("Answering", told), by(OWNER)))


@pytest.mark.parametrize(
    "name", ["Echoing", "Reverting", "RevertingWithYes", "Burning", "Flooding", "Writing", "WalletFactory"]
)
def test_a_contract_that_misbehaves_is_not_believed(chain: Chained, name: str) -> None:
    assert_refused(answer(chain.deploy(name), by(OWNER)))


def test_a_contract_may_use_so_much_gas_and_no_more(chain: Chained) -> None:
    too_much = chain.deploy("Costly", contract_wallets.GAS_LIMIT + 100_000)
    assert_refused(answer(too_much, by(OWNER)))
    much = chain.deploy("Costly", contract_wallets.GAS_LIMIT - 300_000)
    assert answer(much, by(OWNER)).status_code == 200


@pytest.mark.parametrize("address", [MALLORY.address, "0x" + "11" * 20, "0x" + "00" * 19 + "04"])
@pytest.mark.parametrize("length", [65, 400])
@pytest.mark.usefixtures("chain")
def test_where_no_contract_is_nothing_is_accepted(address: str, length: int) -> None:
    """The last address is the precompile that gives back what it is told."""
    assert_refused(
        answer(Web3.to_checksum_address(address), lambda text: by(OWNER)(text).ljust(length, b"\0"))
    )


def test_a_wallet_signs_in_before_it_is_deployed_and_stays_undeployed(chain: Chained) -> None:
    address, block = chain.promised(), chain.web3.eth.block_number
    reply = answer(address, wrapped(chain.factory.address, chain.order()))
    assert (reply.status_code, reply.json()) == (200, {"address": address})
    assert not chain.has_code(address)
    assert chain.web3.eth.block_number == block


def test_undeployed_it_needs_the_wrapper(chain: Chained) -> None:
    assert_refused(answer(chain.promised(), by(OWNER)))


def test_and_the_key_of_its_owner(chain: Chained) -> None:
    assert_refused(answer(chain.promised(), wrapped(chain.factory.address, chain.order(), MALLORY)))


def test_a_factory_that_deploys_elsewhere_proves_nothing(chain: Chained) -> None:
    theirs = wrapped(chain.factory.address, chain.order(MALLORY), MALLORY)
    assert_refused(answer(chain.promised(OWNER), theirs))
    assert_refused(answer(OWNER.address, theirs))


@pytest.mark.parametrize("name", ["Reverting", "Burning"])
def test_a_factory_that_fails_proves_nothing(chain: Chained, name: str) -> None:
    assert_refused(answer(chain.promised(), wrapped(chain.deploy(name), chain.order())))


def test_a_deployed_wallet_may_keep_the_wrapper(chain: Chained) -> None:
    address = chain.promised()
    sent = chain.factory.functions.deploy(OWNER.address, SALT).transact({"from": chain.web3.eth.accounts[0]})
    chain.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
    assert chain.has_code(address)
    assert answer(address, wrapped(chain.factory.address, chain.order())).status_code == 200


def test_a_wrapper_does_nothing_to_a_deployed_wallet(chain: Chained) -> None:
    wallet_contract = deployed(chain.web3, "CarelessWallet")
    taking = bytes.fromhex(wallet_contract.encode_abi("take", [MALLORY.address])[2:])
    assert_refused(answer(wallet_contract.address, wrapped(wallet_contract.address, taking, MALLORY)))


@pytest.mark.parametrize(
    "wrapper",
    [
        b"",
        b"\x07" * 31,
        b"\xff" * 96,
        bytes(96),
        # Offsets and lengths that lead out of it, or further than any number of bytes.
        encode(["address", "uint256", "uint256"], [OWNER.address, 96, 2**255]),
        encode(["address", "uint256", "uint256"], [OWNER.address, 2**255, 96]),
        encode(["address", "uint256", "uint256", "uint256"], [OWNER.address, 96, 96, 2**256 - 1]),
        encode(["address", "uint256", "uint256", "uint256"], [OWNER.address, 96, 96, 2**64]),
        encode(["uint256", "bytes", "bytes"], [2**200, b"", b""]),
        encode(["address", "bytes", "bytes"], [OWNER.address, b"", b"\x07" * 65])[:-32],
    ],
)
def test_malformed_wrappers_are_refused_without_asking(settings: Any, wrapper: bytes) -> None:
    settings.RPC_URLS = {}
    assert_refused(answer(OWNER.address, lambda _: wrapper + WRAPPER_SUFFIX))


def test_a_replayed_nonce_is_refused(chain: Chained) -> None:
    address, browser = chain.deploy("OwnedWallet", OWNER.address), Browser()
    challenge = browser.post(CHALLENGE, {"address": address, "chain_id": CHAIN_ID}).json()
    body = {"nonce": challenge["nonce"], "signature": sign(OWNER, challenge["message"])}
    assert browser.post(SESSION, body).status_code == 200
    browser.refresh_csrf()
    again = browser.post(SESSION, body)
    assert (again.status_code, error_code(again)) == (403, "challenge_not_usable")


def test_a_key_that_delegates_signs_by_itself(delegating_chain: Chained) -> None:
    """EIP-7702: what acts for an account on one chain is not its key, which signs everywhere."""
    chain, account = delegating_chain, Web3.to_checksum_address(MALLORY.address)
    contract = chain.deploy("OwnedWallet", OWNER.address)
    set_code(chain, account, f"0xef0100{contract[2:]}")
    abi = compile_sources((SOURCE,), NAMES)["OwnedWallet"].abi
    assert chain.web3.eth.contract(account, abi=abi).functions.owner().call() == OWNER.address
    assert_refused(answer(account, by(OWNER)))
    assert answer(account, by(MALLORY)).status_code == 200
    assert answer(contract, by(OWNER)).status_code == 200


def test_signers_may_confirm_on_the_chain_and_take_their_time(chain: Chained) -> None:
    """An empty signature spends nothing while it waits, and the session's text stays the same."""
    contract, browser = deployed(chain.web3, "ConfirmingWallet"), Browser()
    ask = {"address": contract.address, "chain_id": CHAIN_ID}
    challenge = browser.post(CHALLENGE, ask).json()
    body = {"nonce": challenge["nonce"], "signature": "0x"}
    for _ in range(2):
        assert_refused(browser.post(SESSION, body), "signature_pending", 409)
    assert browser.post(CHALLENGE, ask).json() == challenge
    confirm(contract, "something else")
    assert_refused(browser.post(SESSION, body), "signature_pending", 409)
    confirm(contract, challenge["message"])
    assert_refused(Browser().post(SESSION, body), "challenge_not_usable")
    signed_in = browser.post(SESSION, body)
    assert (signed_in.status_code, signed_in.json()) == (200, {"address": contract.address})
    assert Wallet.objects.get().is_contract
    browser.refresh_csrf()
    again = browser.post(SESSION, body)
    assert (again.status_code, error_code(again)) == (403, "challenge_not_usable")
    assert browser.post(CHALLENGE, ask).json()["nonce"] != challenge["nonce"]


def test_one_of_two_answers_with_the_same_confirmation_signs_in(
    chain: Chained, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract, browser = deployed(chain.web3, "ConfirmingWallet"), Browser()
    challenge = browser.post(CHALLENGE, {"address": contract.address, "chain_id": CHAIN_ID}).json()
    confirm(contract, challenge["message"])
    accept = contract_wallets.require_acceptance

    def overtaken(*arguments: Any) -> None:
        accept(*arguments)
        Challenge.objects.update(consumed_at=timezone.now())

    monkeypatch.setattr(contract_wallets, "require_acceptance", overtaken)
    assert_refused(
        browser.post(SESSION, {"nonce": challenge["nonce"], "signature": "0x"}), "challenge_not_usable"
    )


@pytest.mark.usefixtures("chain")
def test_a_key_never_signs_with_nothing() -> None:
    browser = Browser()
    challenge = browser.challenge(MALLORY, CHAIN_ID)
    body = {"nonce": challenge["nonce"], "signature": "0x"}
    assert_refused(browser.post(SESSION, body))
    assert_refused(browser.post(SESSION, body), "challenge_not_usable")


def test_an_account_that_delegates_never_signs_with_nothing(delegating_chain: Chained) -> None:
    """Its contract would say yes; on the other chains nobody but the key may."""
    chain, account = delegating_chain, Web3.to_checksum_address(MALLORY.address)
    yes = chain.deploy("Answering", MAGIC.ljust(32, b"\0"))
    set_code(chain, account, f"0xef0100{yes[2:]}")
    assert_refused(answer(account, lambda _: b""))
    assert answer(yes, lambda _: b"").status_code == 200


@pytest.mark.parametrize(
    ("code", "lifetime"),
    [
        ("0x", timedelta(minutes=5)),
        ("0xef0100" + "22" * 20, timedelta(minutes=5)),
        ("0x00", timedelta(days=1)),
    ],
    ids=["key", "delegation", "contract"],
)
def test_contracts_have_a_day_to_sign_and_keys_five_minutes(
    code: str, lifetime: timedelta, chain: Chained
) -> None:
    set_code(chain, Web3.to_checksum_address(MALLORY.address), code)
    Browser().challenge(MALLORY, CHAIN_ID)
    challenge = Challenge.objects.get()
    left = challenge.expires_at - timezone.now()
    assert lifetime - timedelta(minutes=1) < left <= lifetime
    assert f"Expiration Time: {challenge.expires_at:%Y-%m-%dT%H:%M:%SZ}" in challenge.message
    Browser().challenge(MALLORY, CHAIN_ID)
    assert Challenge.objects.values("nonce").distinct().count() == 2


def test_without_a_node_nobody_has_longer(settings: Any) -> None:
    settings.RPC_URLS = {}
    Browser().challenge(MALLORY, CHAIN_ID)
    assert Challenge.objects.get().expires_at <= timezone.now() + timedelta(minutes=5)


def test_a_text_that_ends_soon_is_not_given_again(chain: Chained, settings: Any) -> None:
    contract, browser = deployed(chain.web3, "ConfirmingWallet"), Browser()
    ask = {"address": contract.address, "chain_id": CHAIN_ID}
    first = browser.post(CHALLENGE, ask).json()
    half = timezone.now() + settings.SIGN_IN_CONTRACT_CHALLENGE_LIFETIME / 2
    Challenge.objects.update(expires_at=half - timedelta(minutes=1))
    assert browser.post(CHALLENGE, ask).json()["nonce"] != first["nonce"]


def confirm(contract: Contract, text: str) -> None:
    digest = eip4361.signing_digest(text)
    contract.functions.confirm(digest).transact({"from": contract.w3.eth.accounts[0]})
    contract.w3.provider.make_request(RPCEndpoint("evm_mine"), [])


def linked(browser: Browser, address: str, sign_text: Callable[[str], bytes]) -> "Reply":
    challenge = browser.ask(address, "join_account", OWNER.address).json()
    joining = {"nonce": challenge["nonce"], "signature": "0x" + sign_text(challenge["message"]).hex()}
    approval = browser.signed(OWNER, "add_wallet", address)
    return browser.post(WALLETS, {"approval": approval, "joining": joining})


def test_a_further_wallet_may_be_a_contract(chain: Chained) -> None:
    address, browser = chain.deploy("OwnedWallet", MALLORY.address), Browser()
    browser.sign_in(OWNER, CHAIN_ID)
    refused = linked(browser, address, by(OWNER))
    assert (refused.status_code, error_code(refused)) == (403, "wrong_signature")
    reply = linked(browser, address, by(MALLORY))
    assert (reply.status_code, reply.json()) == (200, {"address": address})
    assert Wallet.objects.filter(user=User.objects.get()).count() == 2
    assert Wallet.objects.get(is_contract=True).contract_chain_id == CHAIN_ID


def test_who_signs_on_the_chain_may_be_waited_for_before_anything_is_spent(chain: Chained) -> None:
    contract, browser = deployed(chain.web3, "ConfirmingWallet"), Browser()
    browser.sign_in(OWNER, CHAIN_ID)
    challenge = browser.ask(contract.address, "join_account", OWNER.address).json()
    approval = browser.signed(OWNER, "add_wallet", contract.address)
    proofs = {"approval": approval, "joining": {"nonce": challenge["nonce"], "signature": "0x"}}
    early = browser.post(WALLETS, proofs)
    assert (early.status_code, error_code(early)) == (409, "signature_pending")
    confirm(contract, challenge["message"])
    assert browser.post(WALLETS, proofs).status_code == 200


def test_a_contract_permits_an_act_on_its_own_chain_alone(chain: Chained, other_chain: Chained) -> None:
    address, browser = chain.deploy("OwnedWallet", OWNER.address), Browser()
    assert other_chain.deploy("OwnedWallet", MALLORY.address) == address
    assert answer(address, by(OWNER), browser=browser).status_code == 200
    for signer, chain_id, expected in (
        (MALLORY, OTHER_CHAIN_ID, "wallet_on_other_network"),
        (MALLORY, CHAIN_ID, "wrong_signature"),
    ):
        challenge = browser.ask(address, "delete_account", chain_id=chain_id).json()
        body = {"nonce": challenge["nonce"], "signature": sign(signer, challenge["message"])}
        assert error_code(browser.post(DELETION, body)) == expected
    assert User.objects.exists()
    challenge = browser.ask(address, "delete_account").json()
    body = {"nonce": challenge["nonce"], "signature": sign(OWNER, challenge["message"])}
    assert browser.post(DELETION, body).status_code == 204
    assert not User.objects.exists()


def test_a_key_signs_in_without_a_node(settings: Any) -> None:
    settings.RPC_URLS = {CHAIN_ID: [f"http://127.0.0.1:{free_port()}"]}
    assert Browser().sign_in(OWNER, CHAIN_ID).status_code == 200


@pytest.mark.parametrize("urls", [{}, {CHAIN_ID: [f"http://127.0.0.1:{free_port()}"]}])
def test_without_a_node_the_signature_is_not_called_wrong(settings: Any, urls: dict[int, list[str]]) -> None:
    settings.RPC_URLS = urls
    reply = answer(MALLORY.address, by(OWNER))
    assert_refused(reply, "node_unreachable", 503)
    assert "Start again" in reply.json()["error"]["message"]


def test_a_silent_node_is_given_up(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "REQUEST_TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.RPC_URLS = {CHAIN_ID: [f"http://127.0.0.1:{silent.getsockname()[1]}"]}
        assert_refused(answer(MALLORY.address, by(OWNER)), "node_unreachable", 503)


def test_no_more_nodes_are_asked_when_patience_ends(chain: Chained, monkeypatch: pytest.MonkeyPatch) -> None:
    address = chain.deploy("OwnedWallet", OWNER.address)
    monkeypatch.setattr(contract_wallets, "PATIENCE_SECONDS", 0.0)
    assert_refused(answer(address, by(OWNER)), "node_unreachable", 503)


def test_a_node_of_another_chain_is_not_believed(other_chain: Chained, settings: Any) -> None:
    address = other_chain.deploy("OwnedWallet", OWNER.address)
    settings.RPC_URLS = {CHAIN_ID: settings.RPC_URLS[OTHER_CHAIN_ID]}
    assert_refused(answer(address, by(OWNER)))


def test_a_contract_on_one_of_several_chains_signs_in_there_only(
    chain: Chained, other_chain: Chained
) -> None:
    address = chain.deploy("OwnedWallet", OWNER.address)
    assert not other_chain.has_code(address)
    assert_refused(answer(address, by(OWNER), chain_id=OTHER_CHAIN_ID))
    assert answer(address, by(OWNER)).status_code == 200


def test_an_account_is_opened_on_the_chain_where_its_contract_signed_first(
    chain: Chained, other_chain: Chained
) -> None:
    """Whoever deploys the same elsewhere comes to nothing, and turns nobody away."""
    address = chain.deploy("OwnedWallet", OWNER.address)
    assert answer(address, by(OWNER)).status_code == 200
    assert other_chain.deploy("OwnedWallet", MALLORY.address) == address
    reply = answer(address, by(MALLORY), chain_id=OTHER_CHAIN_ID)
    assert (reply.status_code, error_code(reply)) == (403, "wallet_on_other_network")
    assert "Test chain" in reply.json()["error"]["message"]
    assert answer(address, by(OWNER)).status_code == 200
    assert Wallet.objects.get().contract_chain_id == CHAIN_ID
    assert User.objects.count() == 1


def test_a_contract_on_two_chains_signs_in_on_the_one_it_chose_first(
    chain: Chained, other_chain: Chained
) -> None:
    address = chain.deploy("OwnedWallet", OWNER.address)
    assert other_chain.deploy("OwnedWallet", OWNER.address) == address
    assert answer(address, by(OWNER), chain_id=OTHER_CHAIN_ID).status_code == 200
    assert error_code(answer(address, by(OWNER))) == "wallet_on_other_network"


def test_an_address_that_gave_something_is_opened_on_the_chain_of_its_first_gift(
    world: World, chain: Chained, other_chain: Chained
) -> None:
    """Before there is an account, what the address did says whose it is."""
    address = chain.deploy("OwnedWallet", OWNER.address)
    assert other_chain.deploy("OwnedWallet", MALLORY.address) == address
    world.contribute(world.campaign(), backer=bytes.fromhex(address[2:]))
    assert_refused(answer(address, by(MALLORY), chain_id=OTHER_CHAIN_ID), "wallet_on_other_network")
    assert answer(address, by(OWNER)).status_code == 200


def test_an_address_that_launched_something_too(world: World, chain: Chained, other_chain: Chained) -> None:
    address = chain.deploy("OwnedWallet", OWNER.address)
    assert other_chain.deploy("OwnedWallet", MALLORY.address) == address
    world.campaign(creator=bytes.fromhex(address[2:]))
    assert_refused(answer(address, by(MALLORY), chain_id=OTHER_CHAIN_ID), "wallet_on_other_network")


@pytest.mark.usefixtures("other_chain")
def test_a_former_owner_cannot_come_by_a_chain_where_nothing_is_deployed(chain: Chained) -> None:
    """The wrapper deploys a wallet as it was in the beginning, whoever owns it by now."""
    address = chain.promised()
    changed = chain.web3.eth.get_code(chain.deploy("OwnedWallet", MALLORY.address))
    set_code(chain, address, changed.to_0x_hex())
    assert answer(address, by(MALLORY)).status_code == 200
    returning = wrapped(chain.factory.address, chain.order(OWNER))
    assert error_code(answer(address, returning)) == "wrong_signature"
    assert error_code(answer(address, returning, chain_id=OTHER_CHAIN_ID)) == "wallet_on_other_network"


def test_a_contract_from_before_chains_were_kept_is_bound_when_it_signs_next(
    chain: Chained, other_chain: Chained
) -> None:
    address = chain.deploy("OwnedWallet", OWNER.address)
    assert other_chain.deploy("OwnedWallet", OWNER.address) == address
    assert answer(address, by(OWNER)).status_code == 200
    Wallet.objects.update(contract_chain_id=None)
    assert answer(address, by(OWNER)).status_code == 200
    assert Wallet.objects.get().contract_chain_id == CHAIN_ID
    assert error_code(answer(address, by(OWNER), chain_id=OTHER_CHAIN_ID)) == "wallet_on_other_network"


def test_a_keys_account_is_opened_by_its_key_alone(delegating_chain: Chained) -> None:
    """Even where the account delegates to a contract that would say yes; with the key, as before."""
    chain, account = delegating_chain, Web3.to_checksum_address(MALLORY.address)
    assert answer(account, by(MALLORY)).status_code == 200
    yes = chain.deploy("Answering", MAGIC.ljust(32, b"\0"))
    set_code(chain, account, f"0xef0100{yes[2:]}")
    assert error_code(answer(account, by(OWNER))) == "wrong_signature"
    assert answer(account, by(MALLORY)).status_code == 200
    # No chain can do that to a key; if one did, its code would still not be the key.
    owned = chain.web3.eth.get_code(chain.deploy("OwnedWallet", OWNER.address))
    set_code(chain, account, owned.to_0x_hex())
    assert error_code(answer(account, by(OWNER))) == "account_refused"
    assert not Wallet.objects.get().is_contract


@pytest.mark.django_db(transaction=True)
def test_no_transaction_waits_for_a_node(chain: Chained, monkeypatch: pytest.MonkeyPatch) -> None:
    address, browser = chain.deploy("OwnedWallet", MALLORY.address), Browser()
    asked: list[bool] = []
    ask = node.call

    def watched(chain_id: int, method: str, *params: object, until: float) -> str:
        asked.append(connection.in_atomic_block)
        return ask(chain_id, method, *params, until=until)

    monkeypatch.setattr(node, "call", watched)
    browser.sign_in(OWNER, CHAIN_ID)
    assert linked(browser, address, by(MALLORY)).status_code == 200
    assert answer(address, by(MALLORY)).status_code == 200
    assert asked == 6 * [False]
