"""How much each contribution is, so that every campaign ends as its fate says."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from demo.catalogue import Campaign, Fate, Token
from demo.simulation.events import Contribute
from demo.simulation.visits import Backing

# What people round to: a thousandth of an ether, a whole test dollar; patrons in larger steps.
STEP = {Token.NATIVE: 10**15, Token.STABLE: 10**6}
PATRON_STEP = {Token.NATIVE: 5 * 10**15, Token.STABLE: 5 * 10**6}
WITHOUT_REWARD, PATRONS = 0.14, 0.22
COPIES, COPIES_SHARES = (1, 2, 3, 5), (0.8, 0.13, 0.05, 0.02)
# What came to nothing, or has hardly begun, stays at or below this share of its goal.
AT_MOST = {Fate.FAILED: 0.9, Fate.CANCELLED: 0.9, Fate.JUST_LAUNCHED: 0.09}
# What a campaign of each fate raises, as a share of its goal.
RAISED_SHARE = {
    Fate.SUCCEEDED: (1.03, 1.7),
    Fate.FAILED: (0.2, 0.75),
    Fate.CANCELLED: (0.1, 0.4),
    Fate.OPEN: (0.15, 1.3),
    Fate.JUST_LAUNCHED: (0.0, 0.03),
}


def settle_amounts(campaign: Campaign, backings: Sequence[Backing], rng: Generator) -> list[Contribute]:
    """Choose a reward and an amount for each backing of one campaign, in the order of time.

    Rewards cost what the catalogue says and run out as it says. Patrons, who ask for nothing, make up what
    is missing of the share of the goal that the campaign is to raise.
    """
    target = int(campaign.goal * rng.uniform(*RAISED_SHARE[campaign.fate]))
    left = [reward.supply or len(backings) for reward in campaign.rewards]
    contributions = [_choose(campaign, backing, left, rng) for backing in backings]
    if campaign.fate in {Fate.SUCCEEDED, Fate.OPEN}:
        contributions = _let_patrons_add(campaign, contributions, target, rng)
    if campaign.fate in AT_MOST:
        contributions = _cut_short(contributions, int(campaign.goal * AT_MOST[campaign.fate]))
    return contributions


def _choose(campaign: Campaign, backing: Backing, left: list[int], rng: Generator) -> Contribute:
    step = STEP[campaign.token]
    available = [tier for tier, supply in enumerate(left) if supply > 0]
    if not available or rng.random() < WITHOUT_REWARD:
        lowest = campaign.rewards[0].price
        amount = max(step, _rounded(lowest * rng.lognormal(0.3, 0.7), step))
        return Contribute(backing.at, backing.campaign, backing.backer, 0, amount)
    # The second tier is the one most people come for.
    shares = np.array([(0.3, 1.0, 0.3, 0.06, 0.03)[min(tier, 4)] for tier in available])
    tier = int(rng.choice(available, p=shares / shares.sum()))
    left[tier] -= 1
    amount = campaign.rewards[tier].price * int(rng.choice(COPIES, p=COPIES_SHARES))
    return Contribute(backing.at, backing.campaign, backing.backer, tier + 1, amount)


def _let_patrons_add(
    campaign: Campaign, contributions: list[Contribute], target: int, rng: Generator
) -> list[Contribute]:
    missing = target - sum(contribution.amount for contribution in contributions)
    if missing <= 0 or not contributions:
        return contributions
    count = max(1, round(PATRONS * len(contributions)))
    patrons = rng.choice(len(contributions), size=count, replace=False)
    shares = rng.lognormal(0.0, 0.8, size=count)
    step = PATRON_STEP[campaign.token]
    raised = list(contributions)
    for patron, share in zip(patrons, shares / shares.sum(), strict=True):
        old = raised[patron]
        # Rounded up, so that a goal that is to be met is met.
        added = (int(missing * share) // step + 1) * step
        raised[patron] = Contribute(old.at, old.campaign, old.backer, old.tier, old.amount + added)
    return raised


def _cut_short(contributions: list[Contribute], limit: int) -> list[Contribute]:
    kept, total = [], 0
    for contribution in contributions:
        if total + contribution.amount <= limit:
            kept.append(contribution)
            total += contribution.amount
    return kept


def _rounded(amount: float, step: int) -> int:
    return round(amount / step) * step
