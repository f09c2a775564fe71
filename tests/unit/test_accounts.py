"""What an account tells, where an address acted first, and an account that is going to be deleted."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from django_project.accounts import selectors, services
from django_project.accounts.acts import account_changed
from django_project.accounts.challenges import Proof
from django_project.accounts.errors import WalletOnOtherChainError
from django_project.accounts.models import User, Wallet
from django_project.core.addresses import format_address
from django_project.core.models import AuditEntry
from tests.factories import CHAIN_ID, World, address, backer_user

pytestmark = pytest.mark.django_db

# Before the other chain in any order.
ELSEWHERE = 10
ALICE, BOB = 1, 2


@pytest.mark.parametrize(
    ("given", "launched", "expected"),
    [
        ({}, {}, None),
        ({CHAIN_ID: 3}, {ELSEWHERE: 2}, CHAIN_ID),
        ({CHAIN_ID: 2}, {ELSEWHERE: 3}, ELSEWHERE),
        ({ELSEWHERE: 3, CHAIN_ID: 2}, {}, ELSEWHERE),
        ({ELSEWHERE: 2, CHAIN_ID: 3}, {}, CHAIN_ID),
        ({}, {ELSEWHERE: 2, CHAIN_ID: 3}, CHAIN_ID),
        # In the same moment, the same answer at any time.
        ({CHAIN_ID: 2, ELSEWHERE: 2}, {}, ELSEWHERE),
        ({CHAIN_ID: 2}, {ELSEWHERE: 2}, ELSEWHERE),
    ],
)
def test_where_an_address_acted_first(
    given: dict[int, int], launched: dict[int, int], expected: int | None
) -> None:
    """`given` and `launched` are how many hours ago, by chain."""
    now = timezone.now()
    for chain_id in (CHAIN_ID, ELSEWHERE):
        world = World(chain_id)
        for acts, number in ((given, ALICE), ({CHAIN_ID: 8, ELSEWHERE: 9}, BOB)):
            if chain_id in acts:
                at = now - timedelta(hours=acts[chain_id])
                world.contribute(world.campaign(), backer=address(number), at=at)
        for acts, number in ((launched, ALICE), ({CHAIN_ID: 8, ELSEWHERE: 9}, BOB)):
            if chain_id in acts:
                world.campaign(creator=address(number), started=now - timedelta(hours=acts[chain_id]))
    assert selectors.chain_of_first_act(address(ALICE)) == expected


@pytest.mark.parametrize("has_account", [True, False])
def test_a_contracts_account_is_opened_by_the_code_of_the_chain_where_it_acted_first(
    *, has_account: bool
) -> None:
    """One from before chains were kept is bound to that chain, a new one is made on it."""
    world = World()
    World(ELSEWHERE)
    world.contribute(world.campaign(), backer=address(ALICE))
    if has_account:
        user = backer_user(ALICE)
        Wallet.objects.update(is_contract=True)
    with pytest.raises(WalletOnOtherChainError):
        services._account_of(Proof(address(ALICE), ELSEWHERE, ""))
    assert not Wallet.objects.exclude(contract_chain_id=None).exists()
    opened = services._account_of(Proof(address(ALICE), CHAIN_ID, ""))
    wallet = Wallet.objects.get()
    assert (wallet.user, wallet.is_contract, wallet.contract_chain_id) == (opened, True, CHAIN_ID)
    assert not has_account or opened == user


def test_whose_name_is_shown_beside_an_address() -> None:
    for number, change in enumerate(({}, {"is_active": False}, {"anonymous_backer": True}), start=1):
        user = backer_user(number, f"Name {number}")
        User.objects.filter(pk=user.pk).update(bio=f"Bio {number}", **change)
    people = [selectors.person_at(address(number)) for number in range(1, 5)]
    assert people == [selectors.Person("Name 1", "Bio 1"), None, None, None]


def test_the_wallets_of_an_account_are_its_own_the_oldest_first() -> None:
    alice, bob = backer_user(ALICE), backer_user(BOB)
    Wallet.objects.create(user=alice, address=address(3), is_contract=True, contract_chain_id=CHAIN_ID)
    assert selectors.addresses_of(alice) == [address(ALICE), address(3)]
    assert selectors.addresses_of(bob) == [address(BOB)]
    assert [selectors.signs_by_contract(address(number)) for number in (ALICE, BOB, 3, 4)] == [
        *(False, False),
        *(True, False),
    ]


def test_a_session_knows_the_wallet_that_began_it(rf: Any) -> None:
    user = backer_user(ALICE)
    request = rf.get("/")
    for who, session, wallet in (
        (user, {"wallet": format_address(address(BOB))}, address(BOB)),
        (user, {}, None),
        (AnonymousUser(), {"wallet": format_address(address(BOB))}, None),
    ):
        request.user, request.session = who, session
        assert selectors.wallet_address(request) == wallet
        assert selectors.user_key(request) == (wallet and f"0x{wallet.hex()}")


def test_a_deletion_is_asked_for_and_called_off_once_for_one_account() -> None:
    alice, bob = backer_user(ALICE), backer_user(BOB)
    due_at = timezone.now() + timedelta(days=3)
    assert not services.call_deletion_off(alice)
    assert services.ask_for_deletion(alice, due_at)
    assert not services.ask_for_deletion(alice, due_at + timedelta(days=1))
    assert alice.deletion_due_at == User.objects.get(pk=alice.pk).deletion_due_at == due_at
    assert User.objects.get(pk=bob.pk).deletion_due_at is None
    assert services.ask_for_deletion(bob, due_at)
    assert services.call_deletion_off(alice)
    assert alice.deletion_due_at is User.objects.get(pk=alice.pk).deletion_due_at is None
    assert User.objects.get(pk=bob.pk).deletion_due_at == due_at
    acts = AuditEntry.objects.order_by("pk").values_list("action", "actor")
    assert list(acts) == [
        ("accounts.deletion.asked", alice.pk),
        ("accounts.deletion.asked", bob.pk),
        ("accounts.deletion.called_off", alice.pk),
    ]


class UntoldError(Exception):
    """The owner cannot be told."""


def test_what_the_owner_cannot_be_told_of_does_not_happen() -> None:
    alice = backer_user(ALICE)
    due_at = timezone.now() + timedelta(days=3)

    def refuse(**_facts: object) -> None:
        raise UntoldError

    account_changed.connect(refuse)
    try:
        with pytest.raises(UntoldError):
            services.ask_for_deletion(alice, due_at)
        assert User.objects.get().deletion_due_at is None
        User.objects.update(deletion_due_at=due_at)
        with pytest.raises(UntoldError):
            services.call_deletion_off(alice)
        assert User.objects.get().deletion_due_at == due_at
    finally:
        account_changed.disconnect(refuse)
    assert not AuditEntry.objects.exists()
