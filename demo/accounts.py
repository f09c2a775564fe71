"""Who plays which part: positions of the node's unlocked accounts."""

from dataclasses import dataclass

from demo.simulation import Scenario

# The demo's own; its keys are as public as this line, so they are worth nothing anywhere else.
MNEMONIC = "witness first soup vendor armed sphere total canyon whale night ritual cancel"
BALANCE_ETHER = 2_000

FRESH_ACCOUNTS = 2

# Who signs in to the admin pages; the password is another one at each start.
OPERATOR = "operator"
# What the operator shows as the staff's choice, as far as these campaigns are played and still open.
STAFF_PICKS = (
    "Slurp: eight noodle suppers with bowls to keep",
    "Rebuild the bothy at Carrow Gap",
    "The Plain Bookbinder: forty structures, fully drawn",
    "听见山歌：一百位歌者的声音档案",
)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts of a scenario, in the node's order: deployer, treasury, creators, backers, newcomers."""

    unlocked: tuple[str, ...]
    creators: dict[str, str]
    backers: tuple[str, ...]
    newcomers: tuple[str, ...]

    @property
    def deployer(self) -> str:
        return self.unlocked[0]

    @property
    def treasury(self) -> str:
        return self.unlocked[1]


def account_count(scenario: Scenario) -> int:
    """How many accounts the node has to unlock."""
    return 2 + len(_creator_slugs(scenario)) + scenario.backers + FRESH_ACCOUNTS


def assign(scenario: Scenario, accounts: list[str]) -> Accounts:
    """Give each account its part.

    Raises:
        ValueError: the node has fewer accounts than parts.
    """
    if len(accounts) < account_count(scenario):
        raise ValueError(
            f"the node has {len(accounts)} accounts, the scenario needs {account_count(scenario)}"
        )
    slugs = _creator_slugs(scenario)
    first_backer = 2 + len(slugs)
    first_newcomer = first_backer + scenario.backers
    return Accounts(
        unlocked=tuple(accounts),
        creators=dict(zip(slugs, accounts[2:first_backer], strict=True)),
        backers=tuple(accounts[first_backer:first_newcomer]),
        newcomers=tuple(accounts[first_newcomer : first_newcomer + FRESH_ACCOUNTS]),
    )


def _creator_slugs(scenario: Scenario) -> list[str]:
    return sorted({campaign.creator.slug for campaign in scenario.campaigns})
