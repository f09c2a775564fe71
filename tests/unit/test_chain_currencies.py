"""What chains are called and paid in: told, and never guessed."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_project import environment
from django_project.core.addresses import ZERO_ADDRESS
from django_project.environment import Currency
from django_project.ledger.models import Chain
from django_project.ledger.selectors import TokenInfo, token_of
from tasks.indexing.node.chain_guard import Identity
from tasks.indexing.operating.registry import NETWORKS, mend_guess, network_of


def test_known_chains_are_what_they_are() -> None:
    assert (network_of(137, is_local=False).name, network_of(137, is_local=False).currency) == (
        "Polygon",
        Currency("POL", 18),
    )
    assert all(network.currency is not None for network in NETWORKS.values())


def test_a_local_chain_pays_in_ether() -> None:
    local = network_of(31337, is_local=True)
    assert (local.name, local.currency, local.is_test) == ("Local chain", Currency("ETH", 18), True)


def test_of_an_unknown_chain_nothing_is_guessed(settings: Any) -> None:
    unknown = network_of(56, is_local=False)
    assert (unknown.name, unknown.currency, unknown.is_test, unknown.explorer) == (
        "Chain 56",
        None,
        False,
        "",
    )
    settings.CHAIN_CURRENCIES = {56: Currency("BNB", 18)}
    assert network_of(56, is_local=False).currency == Currency("BNB", 18)
    assert network_of(57, is_local=False).currency is None


def test_currencies_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINFUND_CHAIN_CURRENCIES", "56=BNB/18; 295=HBAR/8;")
    assert environment.chain_currencies("CHAINFUND_CHAIN_CURRENCIES") == {
        56: Currency("BNB", 18),
        295: Currency("HBAR", 8),
    }


@pytest.mark.parametrize(
    "told", ["BNB", "56=BNB", "56=/18", "x=BNB/18", "56=BNB/x", "56=BNB/-1", f"56={'B' * 17}/18"]
)
def test_a_currency_that_cannot_be_read_is_refused(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINFUND_CHAIN_CURRENCIES", told)
    with pytest.raises(ImproperlyConfigured, match="write `56=BNB/18`"):
        environment.chain_currencies("CHAINFUND_CHAIN_CURRENCIES")


@pytest.mark.django_db
def test_what_was_once_guessed_of_a_chain_is_put_right(settings: Any) -> None:
    chain = Chain.objects.create(
        chain_id=56, name="Local chain", currency_symbol="ETH", currency_decimals=18, is_test_network=True
    )
    node = Identity(56, bytes(32), "Geth/v1.16")
    mend_guess(chain, network_of(56, is_local=False), node)
    chain.refresh_from_db()
    assert (chain.name, chain.is_test_network) == ("Chain 56", False)
    assert (chain.currency_symbol, chain.currency_decimals) == ("", None)

    settings.CHAIN_CURRENCIES = {56: Currency("BNB", 18)}
    mend_guess(chain, network_of(56, is_local=False), node)
    assert token_of(56, ZERO_ADDRESS) == TokenInfo("BNB", 18)


@pytest.mark.django_db
def test_what_an_operator_has_named_stays() -> None:
    chain = Chain.objects.create(
        chain_id=31338, name="Our own", currency_symbol="OWN", currency_decimals=9, is_test_network=False
    )
    for is_local, client in ((True, "anvil/v1.7"), (False, "Geth/v1.16")):
        mend_guess(chain, network_of(31338, is_local=is_local), Identity(31338, bytes(32), client))
    chain.refresh_from_db()
    assert (chain.name, chain.currency_symbol, chain.currency_decimals) == ("Our own", "OWN", 9)
