"""Plays a scenario on the chain: real transactions of unlocked accounts, in blocks of the right times."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from demo.accounts import Accounts
from demo.catalogue import Campaign, Mode, Token
from demo.contracts import NATIVE, Deployment, Interface
from demo.networks import Part
from demo.rpc import Call, Node
from demo.simulation import Scenario
from demo.simulation.events import (
    Action,
    Cancel,
    ClaimFees,
    Contribute,
    Launch,
    Object,
    PostUpdate,
    Refund,
    Release,
    SubmitMilestone,
    TakeBack,
    Withdraw,
)
from demo.simulation.milestones import DUE, OBJECTION_WINDOW, SHARES, THRESHOLD_BPS
from demo.simulation.timeline import MINUTE
from demo.texts import campaign_document, evidence_document, update_document
from django_project.core.metadata import canonical_json, metadata_hash, metadata_uri

# Blocks stand on this grid, so that a cart's transactions share one: anvil takes the longer for a block the
# more storage the whole chain has.
SLOT_SECONDS = 5 * MINUTE
MINTS_PER_BLOCK = 150
SLOTS_PER_REPORT = 5
# When test dollars are handed out: before anything is launched.
MINTED_AT = 20 * MINUTE
# What everybody gets beside what they spend, in base units of the test dollar.
SPARE_TOKENS = 2_000 * 10**6
SMALLEST_CONTRIBUTION = {Token.NATIVE: 10**15, Token.STABLE: 10**6}
MODE_NUMBER = {Mode.ALL_OR_NOTHING: 0, Mode.KEEP_WHAT_YOU_RAISE: 1}
NO_REFERENCE = bytes(32)
# Enough for each kind of call; the node refunds what is not used.
# The factory's own bound: the demo's creators agree to any fee.
MAX_FEE_BPS = 500
FIRST_OF_ITS_KIND = 0
AT_ANY_TIME = 0
GAS_LIMIT = {"createCampaign": 1_200_000, "cancel": 200_000, "postUpdate": 200_000}
USUAL_GAS_LIMIT = 160_000


class SeedingError(RuntimeError):
    """The chain did not come to hold what the scenario says."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What one campaign's views must say when the scenario has been played."""

    raised: int = 0
    refunded: int = 0


@dataclass
class Seeder:
    """Turns what happens of a scenario on one chain into transactions.

    Attributes:
        part: what that is.
        genesis: the chain's first timestamp; the scenario counts from it.
        addresses: where the scenario's campaigns will be.
        progress: told how many of the part's actions are on the chain.
    """

    node: Node
    deployment: Deployment
    scenario: Scenario
    part: Part
    accounts: Accounts
    genesis: int
    addresses: Sequence[str]
    progress: Callable[[int], None]
    _factory: Interface = field(default_factory=lambda: Interface("CampaignFactory"))
    _campaign: Interface = field(default_factory=lambda: Interface("Campaign"))
    _token: Interface = field(default_factory=lambda: Interface("TestToken"))
    _nonces: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def play(self) -> None:
        """Put the whole part on the chain; mining by itself is off while it lasts.

        Raises:
            SeedingError: a campaign's totals are not what the scenario adds up to.
            RpcError: the node refused a transaction.
        """
        self.node.call("evm_setAutomine", False)  # noqa: FBT003  JSON-RPC
        known = {self.accounts.deployer, self.accounts.treasury}
        counts = self.node.batch([("eth_getTransactionCount", (account, "latest")) for account in known])
        self._nonces.update(zip(known, (int(count, 16) for count in counts), strict=True))
        self._hand_out_tokens()
        done = 0
        for slot, actions in groupby(self.part.actions, key=lambda action: -(-action.at // SLOT_SECONDS)):
            calls: list[Call] = []
            for action in actions:
                if isinstance(action, Launch):
                    # Alone: anvil works off a batch in any order, and launches are told apart by theirs.
                    self.node.batch(list(self._transactions(action)))
                else:
                    calls += self._transactions(action)
                done += 1
            self.node.batch(calls)
            self.node.call("evm_mine", hex(self.genesis + slot * SLOT_SECONDS))
            if slot % SLOTS_PER_REPORT == 0:
                self.progress(done)
        self.progress(done)
        self._compare_totals()

    def _hand_out_tokens(self) -> None:
        spent: dict[str, int] = dict.fromkeys(self.accounts.newcomers, 0)
        for action in self.part.actions:
            if isinstance(action, Contribute) and self._campaign_of(action).token is Token.STABLE:
                backer = self.accounts.backers[action.backer]
                spent[backer] = spent.get(backer, 0) + action.amount
        mints = [
            self._send(
                self.accounts.deployer,
                self.deployment.token,
                "mint",
                self._token.encode("mint", account, amount + SPARE_TOKENS),
            )
            for account, amount in spent.items()
        ]
        for start in range(0, len(mints), MINTS_PER_BLOCK):
            self.node.batch(mints[start : start + MINTS_PER_BLOCK])
            self.node.call("evm_mine", hex(self.genesis + MINTED_AT + start))

    def _campaign_of(self, action: Action) -> Campaign:
        return self.scenario.campaigns[action.campaign]

    def _transactions(self, action: Action) -> Iterator[Call]:
        campaign, address = self._campaign_of(action), self.addresses[action.campaign]
        creator = self.accounts.creators[campaign.creator.slug]
        match action:
            case Launch():
                yield self._launch(action, creator)
            case Contribute():
                yield from self._contribute(action, campaign, address)
            case Refund() | TakeBack() | Object():
                yield self._answer(action, address)
            case ClaimFees():
                yield self._act(self.accounts.treasury, address, "claimFees")
            case _:
                yield self._act(creator, address, *self._creators_act(action, campaign, creator))

    def _answer(self, action: Refund | TakeBack | Object, address: str) -> Call:
        backer = self.accounts.backers[action.backer]
        match action:
            case Refund():
                return self._act(backer, address, "refund")
            case TakeBack():
                return self._act(backer, address, "takeBack", backer)
            case Object():
                return self._act(backer, address, "object")

    def _creators_act(
        self,
        action: Cancel | Withdraw | PostUpdate | SubmitMilestone | Release,
        campaign: Campaign,
        creator: str,
    ) -> tuple[str, *tuple[object, ...]]:
        """The function that a creator calls, and its arguments."""
        match action:
            case Cancel():
                return "cancel", action.reason
            case Withdraw():
                return "withdraw", creator
            case Release():
                return "release", creator
            case PostUpdate():
                digest = metadata_hash(canonical_json(update_document(campaign.updates[action.number])))
                return "postUpdate", metadata_uri(digest), digest
            case SubmitMilestone():
                digest = metadata_hash(canonical_json(evidence_document(campaign, action.number)))
                return "submitMilestone", metadata_uri(digest), digest

    def _launch(self, action: Launch, creator: str) -> Call:
        terms = launch_terms(self.scenario, action.campaign, self.deployment, self.genesis)
        data = self._factory.encode("createCampaign", terms)
        return self._send(creator, self.deployment.factory, "createCampaign", data)

    def _contribute(self, action: Contribute, campaign: Campaign, address: str) -> Iterator[Call]:
        backer = self.accounts.backers[action.backer]
        if campaign.token is Token.NATIVE:
            data = self._campaign.encode("contribute", action.tier, NO_REFERENCE)
            yield self._send(backer, address, "contribute", data, value=action.amount)
            return
        approval = self._token.encode("approve", address, action.amount)
        yield self._send(backer, self.deployment.token, "approve", approval)
        data = self._campaign.encode("contributeERC20", action.amount, action.tier, NO_REFERENCE)
        yield self._send(backer, address, "contributeERC20", data)

    def _act(self, sender: str, address: str, function: str, *arguments: object) -> Call:
        return self._send(sender, address, function, self._campaign.encode(function, *arguments))

    def _send(self, sender: str, to: str, function: str, data: str, value: int = 0) -> Call:
        nonce = self._nonces[sender]
        self._nonces[sender] += 1
        gas = GAS_LIMIT.get(function, USUAL_GAS_LIMIT)
        return (
            "eth_sendTransaction",
            (
                {
                    "from": sender,
                    "to": to,
                    "data": data,
                    "value": hex(value),
                    "nonce": hex(nonce),
                    "gas": hex(gas),
                },
            ),
        )

    def _compare_totals(self) -> None:
        expected = expected_totals(self.part)
        found = self.node.batch(
            [
                (
                    "eth_call",
                    ({"to": self.addresses[position], "data": self._campaign.encode(view)}, "latest"),
                )
                for position in expected
                for view in ("totalRaised", "totalRefunded")
            ]
        )
        amounts = [int(value, 16) if value != "0x" else -1 for value in found]
        for number, (position, totals) in enumerate(expected.items()):
            on_chain = Totals(amounts[2 * number], amounts[2 * number + 1])
            if on_chain != totals:
                raise SeedingError(
                    f"{self.scenario.campaigns[position].slug}: the scenario comes to {totals}, "
                    f"the chain to {on_chain}"
                )


def launch_terms(
    scenario: Scenario, position: int, deployment: Deployment, genesis: int
) -> tuple[object, ...]:
    """What a campaign is launched with: the factory's CampaignParams."""
    campaign = scenario.campaigns[position]
    digest = metadata_hash(canonical_json(campaign_document(campaign)))
    return (
        deployment.token if campaign.token is Token.STABLE else NATIVE,
        MODE_NUMBER[campaign.mode],
        campaign.goal,
        genesis + scenario.windows[position].deadline,
        SMALLEST_CONTRIBUTION[campaign.token],
        0,
        metadata_uri(digest),
        digest,
        [(reward.price, reward.supply) for reward in campaign.rewards],
        *_milestone_terms(scenario, position, genesis),
        MAX_FEE_BPS,
        FIRST_OF_ITS_KIND,
    )


def _milestone_terms(scenario: Scenario, position: int, genesis: int) -> tuple[object, int, int]:
    if scenario.courses[position] is None:
        return [], 0, 0
    deadline = genesis + scenario.windows[position].deadline
    milestones = [(share, deadline + due, AT_ANY_TIME) for share, due in zip(SHARES, DUE, strict=True)]
    return milestones, OBJECTION_WINDOW, THRESHOLD_BPS


def campaign_addresses(
    node: Node, deployment: Deployment, scenario: Scenario, accounts: Accounts, genesis: int
) -> list[str]:
    """Where each campaign will be: the factory derives it from the creator and the terms."""
    factory = Interface("CampaignFactory")
    calls = []
    for position, campaign in enumerate(scenario.campaigns):
        terms = launch_terms(scenario, position, deployment, genesis)
        data = factory.encode("campaignAddress", accounts.creators[campaign.creator.slug], terms)
        calls.append(("eth_call", ({"to": deployment.factory, "data": data}, "latest")))
    return [str(factory.decode("campaignAddress", result)) for result in node.batch(calls)]


def expected_totals(part: Part) -> dict[int, Totals]:
    """What each campaign of a chain has raised and refunded there in the end, by its position."""
    raised, refunded = dict.fromkeys(part.campaigns, 0), dict.fromkeys(part.campaigns, 0)
    for action in part.actions:
        if isinstance(action, Contribute):
            raised[action.campaign] += action.amount
        elif isinstance(action, TakeBack):
            raised[action.campaign] -= action.amount
        elif isinstance(action, Refund):
            refunded[action.campaign] += action.amount
    return {position: Totals(raised[position], refunded[position]) for position in part.campaigns}
