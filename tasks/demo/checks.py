"""Compares chain, database and pages, and what the site ranks; the table that `--check` ends with."""

import html
import re
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import starmap
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from django_project.core.money import format_units
from tasks.demo.catalogue import Fate, Language
from tasks.demo.contracts import NATIVE, Deployment, Interface
from tasks.demo.index import Index
from tasks.demo.rpc import Node
from tasks.demo.simulation import Scenario
from tasks.demo.simulation.events import Contribute
from tasks.demo.visiting import TAG, Browser

CURRENCY, TOKEN = "ETH", "TUSD"
CONTRACTS = ("CampaignFactory", "Campaign")
DECIMALS = {CURRENCY: 18, TOKEN: 6}
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
CARD = re.compile(r'data-impression="([^"]+)" data-slot')
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
    slug: str
    totals: dict[str, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """The recommended section of a home page: its campaigns in order and their reasons."""

    items: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass
class Check:
    """Everything a check asks. All figures are taken at one block, the index's newest.

    Attributes:
        expects_personal: there is enough history for a model that knows backers apart.
    """

    node: Node
    index: Index
    deployment: Deployment
    scenario: Scenario
    expects_personal: bool
    site_url: str
    backers: Sequence[str]

    def run(self) -> list[Finding]:
        """Raises RpcError or VisitError when the node or the site does not answer."""
        self.block = self.index.cursor().indexed
        self.campaigns = self._indexed_campaigns()
        on_chain = self._chain_totals()
        return [
            self._events(),
            *self._sums(on_chain),
            self._every_total(on_chain),
            self._pages(on_chain),
            *(self._personal_rankings() if self.expects_personal else []),
            *self._model(),
        ]

    def _indexed_campaigns(self) -> list[Campaign]:
        rows = self.index.rows(
            "SELECT l.address, l.token, s.slug, t.raised, t.refunded, t.withdrawn, t.fees, t.fees_claimed "
            "FROM ledger_campaignlaunched l JOIN ledger_campaigntotals t ON t.campaign_id = l.id "
            "JOIN campaigns_listing s ON s.chain_id = l.chain_id AND s.address = l.address "
            "WHERE l.chain_id = %s ORDER BY l.block_number, l.log_index",
            self.deployment.chain_id,
        )
        return [
            Campaign(
                address="0x" + bytes(address).hex(),
                symbol=CURRENCY if "0x" + bytes(token).hex() == NATIVE else TOKEN,
                slug=slug,
                totals={column: int(total) for column, total in zip(TOTALS.values(), totals, strict=True)},
            )
            for address, token, slug, *totals in rows
        ]

    def _chain_totals(self) -> list[dict[str, int]]:
        interface = Interface("Campaign")
        calls = [
            ("eth_call", ({"to": campaign.address, "data": interface.encode(view)}, hex(self.block)))
            for campaign in self.campaigns
            for view in TOTALS
        ]
        values = [int(result, 16) for result in self.node.batch(calls)]
        width = len(TOTALS)
        return [
            dict(zip(TOTALS.values(), values[start : start + width], strict=True))
            for start in range(0, len(values), width)
        ]

    def _events(self) -> Finding:
        ours = {self.deployment.factory.lower(), *(campaign.address for campaign in self.campaigns)}
        topics = [topic for name in CONTRACTS for topic in Interface(name).numbered_events()]
        requests = [
            (
                "eth_getLogs",
                (
                    {
                        "topics": [topics],
                        "fromBlock": hex(start),
                        "toBlock": hex(min(start + LOGS_PER_REQUEST - 1, self.block)),
                    },
                ),
            )
            for start in range(0, self.block + 1, LOGS_PER_REQUEST)
        ]
        on_chain = sum(log["address"].lower() in ours for logs in self.node.batch(requests) for log in logs)
        indexed = self.index.rows("SELECT count(*) FROM ledger_rawlog WHERE block_number <= %s", self.block)
        count = int(indexed[0][0])
        return Finding("events on chain = events indexed", f"{on_chain:,}", f"{count:,}", on_chain == count)

    def _sums(self, on_chain: list[dict[str, int]]) -> list[Finding]:
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for campaign, totals in zip(self.campaigns, on_chain, strict=True):
            sums[campaign.symbol][0] += totals["raised"]
            sums[campaign.symbol][1] += campaign.totals["raised"]
        return [
            Finding(
                f"Σ raised on chain = Σ in the database, {symbol}",
                format_units(chain, DECIMALS[symbol], grouping=True),
                format_units(database, DECIMALS[symbol], grouping=True),
                chain == database,
            )
            for symbol, (chain, database) in sorted(sums.items())
        ]

    def _every_total(self, on_chain: list[dict[str, int]]) -> Finding:
        equal = sum(
            campaign.totals == totals for campaign, totals in zip(self.campaigns, on_chain, strict=True)
        )
        whole = len(self.scenario.campaigns)
        return Finding(
            "campaigns whose five totals equal the contract's own",
            f"{equal}",
            f"{whole}",
            equal == whole == len(self.campaigns),
        )

    def _pages(self, on_chain: list[dict[str, int]]) -> Finding:
        with ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
            shown = list(pool.map(self._raised_on_page, self.campaigns))
        expected = [
            format_units(totals["raised"], DECIMALS[campaign.symbol], grouping=True)
            for campaign, totals in zip(self.campaigns, on_chain, strict=True)
        ]
        equal = sum(starmap(str.__eq__, zip(shown, expected, strict=True)))
        return Finding(
            "campaign pages that show the contract's total",
            f"{equal}",
            f"{len(expected)}",
            equal == len(expected),
        )

    def _raised_on_page(self, campaign: Campaign) -> str:
        browser = Browser(self.site_url)
        text = browser.text(f"/campaigns/{quote(campaign.slug)}/")
        browser.close()
        found = re.search(rf"([\d,.]+)\s+{campaign.symbol}\s+\d+% of the goal", text)
        return found.group(1) if found else ""

    def _personal_rankings(self) -> list[Finding]:
        browser = Browser(self.site_url)
        anonymous = self._home(browser)
        backer, chinese = self._typical_backer(Language.ENGLISH), self._typical_backer(Language.CHINESE)
        browser.sign_in(self.node, self.backers[backer], self.deployment.chain_id)
        personal = self._home(browser)
        browser.forget()
        browser.sign_in(self.node, self.backers[chinese], self.deployment.chain_id)
        of_chinese = self._home(browser)
        browser.close()
        languages = {
            f"{self.deployment.chain_id}:{campaign.address}": story.language
            for campaign, story in zip(self.campaigns, self.scenario.campaigns, strict=True)
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
