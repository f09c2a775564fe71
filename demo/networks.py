"""The demo's two chains, and which part of the scenario is played on each.

Everybody has the same account on both, and both factories have the same address: a campaign that is launched
on both with equal terms stands at one address twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from demo.catalogue import Campaign, Fate, Token
from demo.simulation import Scenario
from demo.simulation.events import Action, Contribute, Launch

# Of each language's open campaigns without milestones one in so many is on the second chain.
AWAY_EVERY = 5
# Of a campaign that is on both chains, one contribution in so many was made on the second too.
TWIN_EVERY = 5
# What the test dollar's contract calls it.
STABLE_SYMBOL = "TUSD"


@dataclass(frozen=True, slots=True)
class Network:
    """A chain as the site calls it, with its own currency, finality and rhythm."""

    chain_id: int
    name: str
    title: str
    currency: str
    finality_depth: int
    block_seconds: int


HOME = Network(31337, "Local chain", "the chain", "ETH", finality_depth=8, block_seconds=1)
AWAY = Network(31338, "Second local chain", "the second chain", "TPOL", finality_depth=3, block_seconds=2)
NETWORKS = (HOME, AWAY)


@dataclass(frozen=True, slots=True)
class Part:
    """What of a scenario happens on one chain: the campaigns launched there, by position, and all acts."""

    network: Network
    campaigns: tuple[int, ...]
    actions: tuple[Action, ...]


def parts(scenario: Scenario) -> tuple[Part, Part]:
    """The scenario's share of each chain, the first chain's first."""
    away = _away(scenario)
    twin = next((position for position in _open(scenario) if position not in away), None)
    at_home = [action for action in scenario.actions if action.campaign not in away]
    abroad = [action for action in scenario.actions if action.campaign in away]
    there = sorted(away) if twin is None else sorted({*away, twin})
    if twin is not None:
        abroad = sorted([*abroad, *_twin_actions(scenario, twin)], key=lambda each: (each.at, each.campaign))
    home = tuple(position for position in range(len(scenario.campaigns)) if position not in away)
    return Part(HOME, home, tuple(at_home)), Part(AWAY, tuple(there), tuple(abroad))


def home_of(scenario: Scenario) -> list[Network]:
    """For each campaign the chain that it was launched on first."""
    away = _away(scenario)
    return [AWAY if position in away else HOME for position in range(len(scenario.campaigns))]


def symbol_of(network: Network, campaign: Campaign) -> str:
    """What the campaign's money is called on a chain."""
    return network.currency if campaign.token is Token.NATIVE else STABLE_SYMBOL


def _open(scenario: Scenario) -> list[int]:
    return [
        position
        for position, campaign in enumerate(scenario.campaigns)
        if campaign.fate is Fate.OPEN and scenario.courses[position] is None
    ]


def _away(scenario: Scenario) -> set[int]:
    """Some open campaigns of each language, and the first that failed: money to take back on both chains."""
    failed = [number for number, each in enumerate(scenario.campaigns) if each.fate is Fate.FAILED]
    by_language: dict[str, list[int]] = {}
    for position in _open(scenario):
        by_language.setdefault(scenario.campaigns[position].language, []).append(position)
    return {*failed[:1], *(each for found in by_language.values() for each in found[::AWAY_EVERY])}


def _twin_actions(scenario: Scenario, position: int) -> Sequence[Action]:
    launches = [each for each in scenario.actions if isinstance(each, Launch) and each.campaign == position]
    given = [each for each in scenario.actions if isinstance(each, Contribute) and each.campaign == position]
    return [*launches, *given[::TWIN_EVERY]]
