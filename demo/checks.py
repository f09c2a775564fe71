"""Compares chains, database and pages, and what the site ranks; the table that `--check` ends with."""

import html
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from demo.catalogue import Fate, Language
from demo.contracts import NATIVE, Deployment, Interface
from demo.index import Index
from demo.networks import HOME, STABLE_SYMBOL, Network, Part
from demo.rpc import Node
from demo.simulation import Scenario
from demo.simulation.events import Contribute
from demo.visiting import TAG, Browser
from django_project.core.money import format_units

CONTRACTS = ("CampaignFactory", "Campaign")
NATIVE_DECIMALS, STABLE_DECIMALS = 18, 6
# The contract's view and the index's column of each running total.
TOTALS = {
    "totalRaised": "raised",
    "totalRefunded": "refunded",
    "totalWithdrawn": "withdrawn",
    "totalFees": "fees",
    "totalFeesClaimed": "fees_claimed",
}
LOGS_PER_REQUEST = 2_000
PAGES_AT_ONCE = 3
RECOMMENDED = re.compile(r'id="recommended-title".*?</section>', re.DOTALL)
CARD = re.compile(r'data-impression="([^"]+)"\s+data-slot=')
REASON = re.compile(r'<p class="reason">(.*?)</p>', re.DOTALL)
# Contributions that make a taste visible.
ENOUGH_BACKED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table: what was compared, both sides in words, and whether it holds."""

    what: str
    left: str
    right: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign in the index: its totals by column, and where its page is."""

    address: str
    symbol: str
    decimals: int
    slug: str
    totals: dict[str, int]

    def text(self, amount: int) -> str:
        return format_units(amount, self.decimals, grouping=True)


@dataclass(frozen=True, slots=True)
class Side:
    """One chain at its index's newest block: its campaigns as indexed, and as their contracts say."""

    part: Part
    block: int
    campaigns: Sequence[Campaign]
    on_chain: Sequence[dict[str, int]]

    @property
    def chain_id(self) -> int:
        return self.part.network.chain_id


@dataclass(frozen=True, slots=True)
class Shown:
    """The recommended section of a home page: its campaigns in order and their reasons."""

    items: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass
class Check:
    """Everything a check asks. A chain's figures are all taken at one block, its index's newest.

    Attributes:
        nodes, deployments: by chain id.
        expects_personal: there is enough history for a model that knows backers apart.
    """

    nodes: Mapping[int, Node]
    index: Index
    deployments: Mapping[int, Deployment]
    scenario: Scenario
    parts: Sequence[Part]
    expects_personal: bool
    site_url: str
    backers: Sequence[str]

    def run(self) -> list[Finding]:
        """Raises RpcError or VisitError when a node or the site does not answer."""
        sides = [self._side(part) for part in self.parts]
        return [
            *(finding for side in sides for finding in self._of_chain(side)),
            self._twins(sides),
            *(self._personal_rankings(sides) if self.expects_personal else []),
            *self._model(),
        ]

    def _side(self, part: Part) -> Side:
        chain_id = part.network.chain_id
        block = self.index.cursor(chain_id).indexed
        campaigns = self._indexed_campaigns(part.network)
        return Side(part, block, campaigns, self._chain_totals(chain_id, block, campaigns))

    def _of_chain(self, side: Side) -> list[Finding]:
        return [self._events(side), *self._sums(side), self._every_total(side), self._pages(side)]

    def _indexed_campaigns(self, network: Network) -> list[Campaign]:
        rows = self.index.rows(
            "SELECT l.address, l.token, s.slug, t.raised, t.refunded, t.withdrawn, t.fees, t.fees_claimed "
            "FROM ledger_campaignlaunched l JOIN ledger_campaigntotals t ON t.campaign_id = l.id "
            "JOIN campaigns_listing s ON s.chain_id = l.chain_id AND s.address = l.address "
            "WHERE l.chain_id = %s ORDER BY l.block_number, l.log_index",
            network.chain_id,
        )
        return [
            Campaign(
                address="0x" + bytes(address).hex(),
                symbol=network.currency if is_native else STABLE_SYMBOL,
                decimals=NATIVE_DECIMALS if is_native else STABLE_DECIMALS,
                slug=slug,
                totals={column: int(total) for column, total in zip(TOTALS.values(), totals, strict=True)},
            )
            for address, token, slug, *totals in rows
            for is_native in ["0x" + bytes(token).hex() == NATIVE]
        ]

    def _chain_totals(self, chain_id: int, block: int, campaigns: Sequence[Campaign]) -> list[dict[str, int]]:
        interface = Interface("Campaign")
        calls = [
            ("eth_call", ({"to": campaign.address, "data": interface.encode(view)}, hex(block)))
            for campaign in campaigns
            for view in TOTALS
        ]
        values = [int(result, 16) for result in self.nodes[chain_id].batch(calls)]
        width = len(TOTALS)
        return [
            dict(zip(TOTALS.values(), values[start : start + width], strict=True))
            for start in range(0, len(values), width)
        ]

    def _events(self, side: Side) -> Finding:
        factory = self.deployments[side.chain_id].factory.lower()
        ours = {factory, *(campaign.address for campaign in side.campaigns)}
        topics = [topic for name in CONTRACTS for topic in Interface(name).numbered_events()]
        requests = [
            (
                "eth_getLogs",
                (
                    {
                        "topics": [topics],
                        "fromBlock": hex(start),
                        "toBlock": hex(min(start + LOGS_PER_REQUEST - 1, side.block)),
                    },
                ),
            )
            for start in range(0, side.block + 1, LOGS_PER_REQUEST)
        ]
        replies = self.nodes[side.chain_id].batch(requests)
        on_chain = sum(log["address"].lower() in ours for logs in replies for log in logs)
        indexed = self.index.rows(
            "SELECT count(*) FROM ledger_rawlog WHERE chain_id = %s AND block_number <= %s",
            *(side.chain_id, side.block),
        )
        count = int(indexed[0][0])
        what = f"events on {side.part.network.title} = events indexed"
        return Finding(what, f"{on_chain:,}", f"{count:,}", on_chain == count)

    def _sums(self, side: Side) -> list[Finding]:
        sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
        for campaign, totals in zip(side.campaigns, side.on_chain, strict=True):
            pair = sums[campaign.symbol, campaign.decimals]
            pair[0] += totals["raised"]
            pair[1] += campaign.totals["raised"]
        return [
            Finding(
                f"Σ raised on {side.part.network.title} = Σ in the database, {symbol}",
                format_units(chain, decimals, grouping=True),
                format_units(database, decimals, grouping=True),
                chain == database,
            )
            for (symbol, decimals), (chain, database) in sorted(sums.items())
        ]

    def _every_total(self, side: Side) -> Finding:
        equal = sum(
            campaign.totals == totals for campaign, totals in zip(side.campaigns, side.on_chain, strict=True)
        )
        whole = len(side.part.campaigns)
        return Finding(
            f"campaigns on {side.part.network.title} whose five totals equal the contract's own",
            f"{equal}",
            f"{whole}",
            equal == whole == len(side.campaigns),
        )

    def _pages(self, side: Side) -> Finding:
        with ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
            shown = list(pool.map(partial(self._raised_on_page, side.part.network), side.campaigns))
        expected = [
            campaign.text(totals["raised"])
            for campaign, totals in zip(side.campaigns, side.on_chain, strict=True)
        ]
        equal = sum(starmap(str.__eq__, zip(shown, expected, strict=True)))
        return Finding(
            f"campaign pages that name {side.part.network.title} and show the contract's total",
            f"{equal}",
            f"{len(expected)}",
            equal == len(expected),
        )

    def _raised_on_page(self, network: Network, campaign: Campaign) -> str:
        browser = Browser(self.site_url)
        text = browser.text(f"/campaigns/{quote(campaign.slug)}/")
        browser.close()
        share = r"(?:<|&lt;)?\d+% of the goal"
        found = re.search(rf"([\d,.]+)\s+{campaign.symbol}\s+{share}[^%]*?{network.name}\b", text)
        return found.group(1) if found else ""

    def _twins(self, sides: Sequence[Side]) -> Finding:
        """A campaign that has one address on both chains has a page for each."""
        first, second = ({each.address: each.slug for each in side.campaigns} for side in sides)
        shared = set(self.parts[0].campaigns) & set(self.parts[1].campaigns)
        pages = {
            slug
            for side in (first, second)
            for address, slug in side.items()
            if address in first.keys() & second.keys()
        }
        return Finding(
            "pages of campaigns that have one address on both chains",
            f"{len(pages)}",
            f"{2 * len(shared)}",
            len(pages) == 2 * len(shared),
        )

    def _personal_rankings(self, sides: Sequence[Side]) -> list[Finding]:
        browser = Browser(self.site_url)
        anonymous = self._home(browser)
        backer, chinese = self._typical_backer(Language.ENGLISH), self._typical_backer(Language.CHINESE)
        self._sign_in(browser, backer)
        personal = self._home(browser)
        browser.forget()
        self._sign_in(browser, chinese)
        of_chinese = self._home(browser)
        browser.close()
        languages = {
            f"{side.chain_id}:{campaign.address}": self.scenario.campaigns[position].language
            for side in sides
            for campaign, position in zip(side.campaigns, side.part.campaigns, strict=True)
        }
        share = [languages[item] is Language.CHINESE for item in of_chinese.items]
        baseline = [languages[item] is Language.CHINESE for item in anonymous.items]
        return [
            Finding(
                "home of a signed-in backer differs from an anonymous one's",
                personal.reasons[0] if personal.reasons else "no reasons",
                f"{len(set(personal.items) & set(anonymous.items))} of {len(personal.items)} in common",
                bool(personal.items) and personal.items != anonymous.items,
            ),
            Finding(
                "a reason on every recommended card",
                f"{len(personal.reasons)}",
                f"{len(personal.items)}",
                all(personal.reasons) and len(personal.reasons) == len(personal.items) > 0,
            ),
            Finding(
                "Chinese stories for a backer of Chinese stories, against anybody's",
                f"{sum(share)} of {len(share)}",
                f"{sum(baseline)} of {len(baseline)}",
                sum(share) * len(baseline) > sum(baseline) * len(share),
            ),
        ]

    def _sign_in(self, browser: Browser, backer: int) -> None:
        browser.sign_in(self.nodes[HOME.chain_id], self.backers[backer], HOME.chain_id)

    def _home(self, browser: Browser) -> Shown:
        page = browser.get("/").decode()
        section = RECOMMENDED.search(page)
        cards = section.group() if section else ""
        return Shown(
            tuple(CARD.findall(cards)),
            tuple(html.unescape(TAG.sub("", reason)).strip() for reason in REASON.findall(cards)),
        )

    def _typical_backer(self, language: Language) -> int:
        """Who reads this language only, has a past, and has most open campaigns in it left to discover."""
        backed: dict[int, set[int]] = defaultdict(set)
        for action in self.scenario.actions:
            if isinstance(action, Contribute):
                backed[action.backer].add(action.campaign)
        within_reach = {
            position
            for position, campaign in enumerate(self.scenario.campaigns)
            if campaign.language is language and campaign.fate in {Fate.OPEN, Fate.JUST_LAUNCHED}
        }
        candidates = [
            backer
            for backer, campaigns in backed.items()
            if len(campaigns) >= ENOUGH_BACKED and self.scenario.readers[backer].languages == {language}
        ]
        return max(candidates, key=lambda backer: (len(within_reach - backed[backer]), -backer), default=0)

    def _model(self) -> list[Finding]:
        found = self.index.rows(
            "SELECT v.model, v.metrics FROM discovery_rankingpublication p "
            "JOIN discovery_modelversion v ON v.id = p.version_id"
        )
        if not found:
            return [Finding("model live", "none", "", holds=False)]
        model, metrics = found[0]
        ours, popular = _ndcg(metrics, model), _ndcg(metrics, "pop")
        return [
            Finding(
                f"NDCG@10 of the live model, {model}, against pop",
                "?" if ours is None else f"{ours:.3f}",
                "?" if popular is None else f"{popular:.3f}",
                ours is not None
                and popular is not None
                and (ours > popular if self.expects_personal else ours >= popular),
            )
        ]


def _ndcg(metrics: dict[str, Any], model: str) -> float | None:
    value = metrics.get(model, {}).get("ndcg@10", {}).get("mean")
    return None if value is None else float(value)


def show(findings: Sequence[Finding], seconds: dict[str, float], elapsed: float, console: Console) -> bool:
    """Print the last table; whether everything holds."""
    table = Table(title="ChainFund, checked", title_justify="left")
    for column in ("", "what", "found", "against"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[green]✓[/]" if finding.holds else "[red]✗[/]"
        table.add_row(mark, finding.what, finding.left, finding.right)
    table.add_section()
    for title, spent in seconds.items():
        table.add_row("", title, f"{spent:.1f} s", "")
    table.add_row("", "in all", f"{elapsed:.1f} s", "")
    console.print(table)
    return all(finding.holds for finding in findings)
