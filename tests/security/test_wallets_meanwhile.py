"""A wallet that goes to another account between its signature and the act: nothing of the act happens."""

from collections.abc import Callable

import pytest
from eth_account.signers.local import LocalAccount

from django_project.accounts import services
from django_project.accounts.models import User, Wallet
from tests.factories import CHAIN_ID, World
from tests.support.browser import REMOVAL, Browser, error_code, wallet

pytestmark = pytest.mark.django_db

ALICE, BOB, SECOND, THIRD = (wallet(number) for number in (1, 2, 3, 4))


def raw(account: LocalAccount) -> bytes:
    return bytes.fromhex(account.address[2:])


def wallets_of_alice() -> set[bytes]:
    return set(Wallet.objects.filter(user__wallets__address=raw(ALICE)).values_list("address", flat=True))


@pytest.fixture
def alice() -> Browser:
    """Her browser: her account has a second wallet, and Bob one of his own."""
    World()
    Browser().sign_in(BOB, CHAIN_ID)
    browser = Browser()
    browser.sign_in(ALICE, CHAIN_ID)
    assert browser.link(ALICE, SECOND).status_code == 200
    return browser


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Callable[[LocalAccount], None]:
    """Have a wallet become Bob's as soon as the account is held."""
    hold = services._hold

    def prepare(account: LocalAccount) -> None:
        def hold_and_find_it_gone(user: User) -> None:
            hold(user)
            Wallet.objects.filter(address=raw(account)).update(user=Wallet.objects.get(address=raw(BOB)).user)

        monkeypatch.setattr(services, "_hold", hold_and_find_it_gone)

    return prepare


@pytest.mark.parametrize("lost", [ALICE, SECOND], ids=["permits", "goes"])
def test_nothing_is_removed_when_either_wallet_is_anothers_by_now(
    lost: LocalAccount, alice: Browser, lose: Callable[[LocalAccount], None]
) -> None:
    lose(lost)
    refused = alice.post(REMOVAL, alice.signed(ALICE, "remove_wallet", SECOND.address))
    assert (refused.status_code, error_code(refused)) == (403, "not_your_wallet")
    assert wallets_of_alice() == {raw(ALICE), raw(SECOND)}


def test_nothing_is_added_when_the_wallet_that_permits_it_is_anothers_by_now(
    alice: Browser, lose: Callable[[LocalAccount], None]
) -> None:
    lose(ALICE)
    refused = alice.link(ALICE, THIRD)
    assert (refused.status_code, error_code(refused)) == (403, "not_your_wallet")
    assert wallets_of_alice() == {raw(ALICE), raw(SECOND)}
