"""Sign-in by wallets that nobody here wrote: each as its owners sign, and nobody else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from eth_abi.abi import encode

from django_project.accounts.models import Challenge, User
from django_project.ledger.models import Chain
from tests.support.browser import SESSION, Browser, error_code
from tests.support.wallets.calls import do, key
from tests.support.wallets.safe import WRAPPER_SUFFIX
from tests.wallets.conftest import Scene

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _chain(scene: Scene) -> None:
    Chain.objects.create(chain_id=scene.suite.chain_id, name="Local")


def answer(scene: Scene, address: str, sign: Callable[[str], bytes]) -> tuple[int, str]:
    """The status, and whose session it is then or why not."""
    reply = Browser().sign_in_by(address, scene.suite.chain_id, lambda text: "0x" + sign(text).hex())
    return reply.status_code, reply.json()["address"] if reply.status_code == 200 else error_code(reply)


def assert_refused(scene: Scene, address: str, sign: Callable[[str], bytes]) -> None:
    assert answer(scene, address, sign) == (403, "wrong_signature")
    assert not User.objects.exists()


def test_a_safe_by_the_signatures_of_two_of_its_three_owners(scene: Scene) -> None:
    assert answer(scene, scene.safe.address, scene.safe.sign) == (200, scene.safe.address)


@pytest.mark.parametrize("owners", [(1, 2), (2, 3), (1, 3)])
def test_any_two_of_them(scene: Scene, owners: tuple[int, int]) -> None:
    by = replace(scene.safe, owners=tuple(key(number) for number in owners))
    assert answer(scene, by.address, by.sign) == (200, by.address)


@pytest.mark.parametrize("signers", [(1,), (1, 1), (1, 4), (4, 5)])
def test_not_by_one_owner_nor_by_somebody_else(scene: Scene, signers: tuple[int, ...]) -> None:
    by = replace(scene.safe, owners=tuple(key(number) for number in signers))
    assert_refused(scene, by.address, by.sign)


def test_not_by_signatures_of_the_text_that_are_not_for_this_safe(scene: Scene) -> None:
    """Owners of two Safes sign for one of them at a time."""
    other = scene.safes.promise((key(1), key(2), key(3)), 2, salt=7).deployed()
    assert_refused(scene, scene.safe.address, other.sign)
    assert answer(scene, other.address, other.sign) == (200, other.address)


def test_not_by_an_owner_who_was_replaced(scene: Scene) -> None:
    safe = scene.safe
    do(safe, safe.contract.functions.swapOwner(previous_owner(scene, 2), key(2).address, key(6).address))
    assert_refused(scene, safe.address, replace(safe, owners=(key(1), key(2))).sign)
    now = replace(safe, owners=(key(1), key(6)))
    assert answer(scene, safe.address, now.sign) == (200, safe.address)


def previous_owner(scene: Scene, number: int) -> str:
    """Before the owner in the Safe's linked list."""
    owners = ["0x" + 39 * "0" + "1", *scene.safe.contract.functions.getOwners().call()]
    return str(owners[owners.index(key(number).address) - 1])


def test_a_safe_of_which_a_safe_is_an_owner(scene: Scene) -> None:
    outer = scene.safes.promise((scene.safe, key(6)), 2, salt=3).deployed()
    assert answer(scene, outer.address, outer.sign) == (200, outer.address)


def test_not_by_a_safe_whose_own_owners_did_not_sign(scene: Scene) -> None:
    outer = scene.safes.promise((scene.safe, key(6)), 2, salt=3).deployed()
    without = replace(outer, owners=(replace(scene.safe, owners=(key(1), key(4))), key(6)))
    assert_refused(scene, outer.address, without.sign)


def test_a_safe_that_signs_on_the_chain(scene: Scene) -> None:
    """Its signature is empty, and comes when the second owner has confirmed: the text is good for a day."""
    browser, safe = Browser(), scene.safe
    challenge = browser.challenge_for(safe.address, scene.suite.chain_id)
    signature = {"nonce": challenge["nonce"], "signature": "0x"}
    early = browser.post(SESSION, signature)
    assert (early.status_code, error_code(early)) == (409, "signature_pending")
    assert safe.sign_on_chain(challenge["message"]) == b""
    # As it is 23 hours later.
    Challenge.objects.update(expires_at=F("expires_at") - timedelta(hours=23))
    reply = browser.post(SESSION, signature)
    assert (reply.status_code, reply.json()) == (200, {"address": safe.address})


def test_what_a_safe_signs_on_the_chain_is_one_text(scene: Scene) -> None:
    scene.safe.sign_on_chain("another text")
    assert answer(scene, scene.safe.address, lambda _: b"") == (409, "signature_pending")
    assert_refused(scene, scene.key.address, lambda _: b"")


def test_a_safe_before_it_is_deployed(scene: Scene) -> None:
    promised = scene.safes.promise((key(1), key(2), key(3)), 2, salt=5)
    assert_refused(scene, promised.address, promised.sign)
    assert answer(scene, promised.address, promised.sign_undeployed) == (200, promised.address)
    assert not scene.web3.eth.get_code(promised.address)
    assert answer(scene, promised.deployed().address, promised.sign) == (200, promised.address)


def test_another_safes_deployment_proves_nothing(scene: Scene) -> None:
    mine = scene.safes.promise((key(4),), 1, salt=5)
    theirs = scene.safes.promise((key(1),), 1, salt=5)
    wrapped = encode(
        ["address", "bytes", "bytes"], [mine.creation.to, bytes(mine.creation.data), mine.sign("x")]
    )
    assert_refused(scene, theirs.address, lambda _: wrapped + WRAPPER_SUFFIX)
    assert_refused(scene, theirs.address, mine.sign_undeployed)


def test_a_smart_account_before_and_after_its_first_operation(scene: Scene) -> None:
    account = scene.account
    assert answer(scene, account.address, account.sign) == (200, account.address)
    assert not account.is_deployed()
    do(account, account.safe.contract.functions.changeThreshold(1))
    assert account.is_deployed()
    assert answer(scene, account.address, account.sign) == (200, account.address)


def test_a_key_that_delegates_by_itself(scene: Scene) -> None:
    assert answer(scene, scene.key.address, scene.key.sign) == (200, scene.key.address)
    assert answer(scene, scene.key.address, replace(scene.key, key=key(6)).sign) == (403, "wrong_signature")
