"""The bounds that drafts are checked by are the contract's: its constants, and where it begins to refuse."""

from datetime import timedelta
from pathlib import Path

import pytest
from web3.exceptions import Web3Exception

from devtools.servers import Anvil
from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.studio import bounds
from django_project.studio.content import MILESTONES, REWARDS, ROWS_MOST
from django_project.studio.launching import launch_currencies
from tests.support.contracts import Suite, create_campaign, deploy_suite
from tests.support.indexing import index_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def suite(anvil: Anvil, deployments_dir: Path) -> Suite:
    return deploy_suite(anvil, deployments_dir)


def test_the_bounds_are_those_of_the_factory(suite: Suite) -> None:
    def constant(name: str) -> int:
        return int(suite.factory.functions[name]().call())

    def seconds(name: str) -> timedelta:
        return timedelta(seconds=constant(name))

    assert seconds("MIN_FUNDING_PERIOD") == bounds.MIN_FUNDING_PERIOD
    assert seconds("MAX_FUNDING_PERIOD") == bounds.MAX_FUNDING_PERIOD
    assert seconds("MAX_MILESTONE_PERIOD") == bounds.MAX_MILESTONE_PERIOD
    assert seconds("MIN_EVIDENCE_PERIOD") == bounds.MIN_EVIDENCE_PERIOD
    assert constant("MAX_FIRST_SHARE_BPS") == bounds.MAX_FIRST_SHARE_BPS
    windows = (seconds("MIN_OBJECTION_WINDOW"), seconds("MAX_OBJECTION_WINDOW"))
    assert windows == tuple(timedelta(days=days) for days in bounds.OBJECTION_DAYS)
    thresholds = (constant("MIN_OBJECTION_THRESHOLD_BPS"), constant("MAX_OBJECTION_THRESHOLD_BPS"))
    assert thresholds == bounds.OBJECTION_THRESHOLD_BPS
    assert (constant("MAX_TIERS"), constant("MAX_MILESTONES")) == (ROWS_MOST[REWARDS], ROWS_MOST[MILESTONES])


@pytest.mark.parametrize(
    ("taken", "refused"),
    [
        ({"goal": bounds.MAX_AMOUNT}, {"goal": bounds.MAX_AMOUNT + 1}),
        ({"cap": bounds.MAX_AMOUNT - 1}, {"cap": bounds.MAX_AMOUNT}),
        (
            {"goal": 2**100, "min_contribution": bounds.MAX_MIN_CONTRIBUTION},
            {"goal": 2**100, "min_contribution": bounds.MAX_MIN_CONTRIBUTION + 1},
        ),
    ],
    ids=["goal", "cap", "minimum"],
)
def test_the_largest_amounts_are_where_the_factory_begins_to_refuse(
    suite: Suite, taken: dict[str, int], refused: dict[str, int]
) -> None:
    create_campaign(suite, **taken)  # type: ignore[arg-type]
    with pytest.raises(Web3Exception):
        create_campaign(suite, **refused)  # type: ignore[arg-type]


def test_a_campaign_can_be_launched_in_what_the_factory_allows(suite: Suite) -> None:
    index_once(suite)
    own, token = f"{suite.chain_id}:{format_address(ZERO_ADDRESS)}", f"{suite.chain_id}:{suite.token.address}"
    currencies = launch_currencies()
    assert {own, token} <= set(currencies)
    assert {format_address(each.factory) for each in currencies.values()} == {suite.factory.address}
