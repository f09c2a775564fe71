"""The accounts that the demo wallet offers: newcomers, backers with a past, a creator."""

from collections import Counter, defaultdict

from demo.accounts import Accounts
from demo.catalogue import Fate, Language
from demo.simulation import Scenario
from demo.simulation.events import Contribute, Refund

# How much of what somebody backed has to be of one category to call it their taste; who has backed much more
# than this has little left to be recommended.
CLEAR_TASTE, MOST_BACKED = 0.35, 14
TASTES_SHOWN = 2


def offered_accounts(scenario: Scenario, accounts: Accounts) -> list[dict[str, str]]:
    """[{address, label}], the most useful first; nobody twice."""
    offers: dict[str, str] = {accounts.newcomers[0]: "New backer"}
    for backer, category in _clear_tastes(scenario, Language.ENGLISH)[:TASTES_SHOWN]:
        offers.setdefault(accounts.backers[backer], f"Backer of {category.lower()}")
    for backer, category in _clear_tastes(scenario, Language.CHINESE)[:1]:
        offers.setdefault(accounts.backers[backer], f"中文读者 · {category}")
    for backer in _with_refund_due(scenario):
        if accounts.backers[backer] not in offers:
            offers[accounts.backers[backer]] = "Backer with a refund to claim"
            break
    for campaign in scenario.campaigns:
        if campaign.fate is Fate.OPEN:
            offers.setdefault(accounts.creators[campaign.creator.slug], f"Creator: {campaign.creator.name}")
            break
    offers.setdefault(accounts.newcomers[1], "Another new backer")
    return [{"address": address, "label": label} for address, label in offers.items()]


def _clear_tastes(scenario: Scenario, language: Language) -> list[tuple[int, str]]:
    """Backers of one language with a clear taste and more to discover, each category's keenest first."""
    backed: dict[int, Counter[str]] = defaultdict(Counter)
    names = {}
    for action in scenario.actions:
        if isinstance(action, Contribute):
            category = scenario.campaigns[action.campaign].category
            backed[action.backer][category.slug] += 1
            names[category.slug] = category.name_en if language is Language.ENGLISH else category.name_zh_hans
    keenest: dict[str, tuple[int, int]] = {}
    for backer, counts in backed.items():
        slug, count = counts.most_common(1)[0]
        is_candidate = scenario.readers[backer].languages == {language} and counts.total() <= MOST_BACKED
        if is_candidate and count >= CLEAR_TASTE * counts.total() and count > keenest.get(slug, (0, 0))[0]:
            keenest[slug] = (count, backer)
    ranked = sorted(keenest.items(), key=lambda entry: (-entry[1][0], entry[0]))
    return [(backer, names[slug]) for slug, (_, backer) in ranked]


def _with_refund_due(scenario: Scenario) -> list[int]:
    refunded = {(action.backer, action.campaign) for action in scenario.actions if isinstance(action, Refund)}
    return [
        action.backer
        for action in scenario.actions
        if isinstance(action, Contribute)
        and scenario.campaigns[action.campaign].fate is Fate.FAILED
        and (action.backer, action.campaign) not in refunded
    ]
