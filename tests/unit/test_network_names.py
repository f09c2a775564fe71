"""When a row's chain has to be named, and when its coins have to be told from real ones."""

import pytest

from django_project.ledger.models import Chain
from django_project.ledger.networks import has_others, is_play_among_real, network_names
from tests.factories import CHAIN_ID, World

pytestmark = pytest.mark.django_db

OTHER = CHAIN_ID + 1


@pytest.fixture
def world() -> World:
    """A test network."""
    return World()


def told() -> dict[int, tuple[bool, bool]]:
    """Of each chain whether there are others, and whether it is play money among real."""
    rows = Chain.objects.order_by("pk").annotate(
        others=has_others("chain_id"), play=is_play_among_real("cursor__chain")
    )
    return {pk: (others, play) for pk, others, play in rows.values_list("pk", "others", "play")}


@pytest.mark.usefixtures("world")
def test_play_money_is_told_from_real_only_where_there_is_real() -> None:
    assert told() == {CHAIN_ID: (False, False)}
    World(OTHER)
    assert told() == {CHAIN_ID: (True, False), OTHER: (True, False)}
    Chain.objects.filter(pk=OTHER).update(is_test_network=False)
    assert told() == {CHAIN_ID: (True, True), OTHER: (True, False)}
    Chain.objects.update(is_test_network=False)
    assert told() == {CHAIN_ID: (True, False), OTHER: (True, False)}
    Chain.objects.filter(pk=CHAIN_ID).delete()
    assert told() == {OTHER: (False, False)}


@pytest.mark.usefixtures("world")
def test_only_namesakes_carry_their_ids() -> None:
    World(OTHER)
    World(OTHER + 1)
    Chain.objects.filter(pk=OTHER).update(name="Mainland")
    name = Chain.objects.get(pk=CHAIN_ID).name
    assert network_names() == {
        CHAIN_ID: f"{name} ({CHAIN_ID})",
        OTHER: "Mainland",
        OTHER + 1: f"{name} ({OTHER + 1})",
    }
