"""What a campaign takes: the contract's own rules, checked for page and API alike before a wallet opens."""

from django.utils.translation import gettext as _

from django_project.campaigns.selectors import CampaignCard, CampaignDetail, Reward
from django_project.core.money import UINT256_MAX
from django_project.ledger.selectors import TokenInfo
from django_project.pledges.errors import TOO_LARGE, AmountError, RewardError, UnknownCurrencyError


def currency_of(card: CampaignCard) -> TokenInfo:
    """The currency that a pledge to a campaign is in.

    Raises:
        UnknownCurrencyError: nobody could say what an amount is.
    """
    if card.token is None:
        raise UnknownCurrencyError
    return card.token


def chosen_reward(detail: CampaignDetail, tier_id: int) -> Reward | None:
    """The reward of a number that can still be had; None for the number 0.

    Raises:
        RewardError: there is no such reward, or it is sold out.
    """
    if tier_id == 0:
        return None
    reward = next((reward for reward in detail.rewards if reward.tier_id == tier_id), None)
    if reward is None:
        raise RewardError(_("This campaign has no such reward. Choose one of the list."))
    if reward.is_sold_out:
        raise RewardError(_("This reward is sold out. Choose another, or none."))
    return reward


def require_acceptable(detail: CampaignDetail, amount: int, reward: Reward | None) -> None:
    """Hold an amount in base units to the campaign's terms and the reward's price.

    More than is left to the cap is refused here, though the contract would take a part of it and leave the
    rest: nobody is to pay another amount than the one they entered.

    Raises:
        AmountError: it is zero, below the least or the price, or more than the campaign still takes.
    """

    def text(value: int) -> str:
        return f"{detail.amount_text(value)} {detail.card.token_symbol}"

    if amount <= 0:
        raise AmountError(_("Enter an amount above zero."))
    if amount > UINT256_MAX:
        raise AmountError(TOO_LARGE)
    if amount < detail.min_contribution:
        raise AmountError(
            _("The smallest contribution to this campaign is %(minimum)s.")
            % {"minimum": text(detail.min_contribution)}
        )
    if reward is not None and amount < reward.price:
        raise AmountError(_("This reward asks for at least %(price)s.") % {"price": text(reward.price)})
    left = detail.cap - detail.card.raised
    if detail.cap and amount > left:
        raise AmountError(_("This campaign takes at most %(left)s more.") % {"left": text(left)})
