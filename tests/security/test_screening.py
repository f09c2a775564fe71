"""The operator's function that says which addresses the site does not serve."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_project.accounts.models import Challenge
from django_project.core.addresses import parse_address
from django_project.core.screening import AddressRefusedError, operators_screen
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tests.factories import CHAIN_ID, ETHER, World, address, backer_user
from tests.support.browser import CHALLENGE, Browser, error_code, wallet

HERE = "tests.security.test_screening"
LISTED, OTHER = wallet(1), wallet(2)


def refuses_some(asked: bytes) -> bool:
    return asked in (parse_address(LISTED.address), address(1))


def fails(_asked: bytes) -> bool:
    raise OSError("the list cannot be read")


@pytest.mark.django_db
@override_settings(ADDRESS_SCREEN=f"{HERE}.refuses_some")
def test_a_listed_address_is_asked_for_no_signature() -> None:
    World()
    refused = Browser().post(CHALLENGE, {"address": LISTED.address, "chain_id": CHAIN_ID})
    assert (refused.status_code, error_code(refused)) == (403, "address_refused")
    assert not Challenge.objects.exists()
    assert Browser().sign_in(OTHER, CHAIN_ID).status_code == 200


@pytest.mark.django_db
def test_an_address_that_was_listed_after_its_sign_in_cannot_pledge() -> None:
    world = World()
    listing = world.listing(world.campaign())
    alice, bob = backer_user(1), backer_user(2)
    with override_settings(ADDRESS_SCREEN=f"{HERE}.refuses_some"):
        with pytest.raises(AddressRefusedError):
            services.create_intent(alice, listing, ETHER, 0, address(1))
        services.create_intent(bob, listing, ETHER, 0, address(2))
    assert PledgeIntent.objects.get().backer == address(2)


@pytest.mark.django_db
@override_settings(ADDRESS_SCREEN=f"{HERE}.fails")
def test_nobody_passes_a_screen_that_fails() -> None:
    world = World()
    with pytest.raises(OSError, match="cannot be read"):
        services.create_intent(backer_user(1), world.listing(world.campaign()), ETHER, 0, address(1))
    assert not PledgeIntent.objects.exists()


@pytest.mark.parametrize("path", [f"{HERE}.nothing", f"{HERE}.HERE", "nowhere.at_all", "undotted"])
def test_a_screen_that_cannot_be_asked_stops_the_start(path: str) -> None:
    with (
        override_settings(ADDRESS_SCREEN=path),
        pytest.raises(ImproperlyConfigured, match="CHAINFUND_ADDRESS_SCREEN"),
    ):
        operators_screen()


def test_everybody_is_served_without_one() -> None:
    assert operators_screen() is None
