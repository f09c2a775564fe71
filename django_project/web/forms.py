"""What visitors type into pages, held to the campaign's terms before the wallet is asked."""

from typing import Any

from django import forms
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_project.accounts.models import User
from django_project.campaigns.models import Report, SupporterMessage
from django_project.campaigns.selectors import CampaignDetail, Reward
from django_project.core.money import format_units, parse_units

EMAIL_INVALID = EmailValidator.message


class PledgeForm(forms.Form):
    """Amount and reward of a pledge. After `is_valid`, `amount` is in base units and `reward` is set."""

    tier = forms.IntegerField(required=False, min_value=0, max_value=2**32 - 1)
    amount = forms.CharField(required=False, max_length=100, strip=True)

    def __init__(self, data: Any, *, campaign: CampaignDetail) -> None:
        super().__init__(data)
        self.campaign = campaign
        self.reward: Reward | None = None

    def clean_tier(self) -> int:
        tier = int(self.cleaned_data["tier"] or 0)
        if tier == 0:
            return 0
        self.reward = next((reward for reward in self.campaign.rewards if reward.tier_id == tier), None)
        if self.reward is None:
            raise forms.ValidationError(_("This campaign has no such reward: choose one of the list."))
        if self.reward.is_sold_out:
            raise forms.ValidationError(_("All of these are taken: choose another reward, or none."))
        return tier

    def clean_amount(self) -> int:
        card, reward = self.campaign.card, self.reward
        text = self.cleaned_data["amount"].replace(",", "").replace("，", "")
        if not text:
            if reward is None:
                raise forms.ValidationError(_("Write how much you want to give."))
            return reward.price
        try:
            amount = parse_units(text, card.token_decimals)
        except ValueError:
            raise forms.ValidationError(
                _("Write a plain number such as 0.25, with at most %(decimals)d decimal places.")
                % {"decimals": card.token_decimals}
            ) from None
        self._hold_to_terms(amount)
        return amount

    def _hold_to_terms(self, amount: int) -> None:
        campaign, card, reward = self.campaign, self.campaign.card, self.reward

        def text(value: int) -> str:
            return f"{format_units(value, card.token_decimals, grouping=True)} {card.token_symbol}"

        if amount == 0:
            raise forms.ValidationError(_("Give more than zero."))
        if reward is not None and amount < reward.price:
            raise forms.ValidationError(
                _("This reward asks for at least %(price)s.") % {"price": text(reward.price)}
            )
        if amount < campaign.min_contribution:
            raise forms.ValidationError(
                _("The smallest contribution to this campaign is %(minimum)s.")
                % {"minimum": text(campaign.min_contribution)}
            )
        if campaign.cap and card.raised + amount > campaign.cap:
            raise forms.ValidationError(
                _("This campaign takes at most %(left)s more.")
                % {"left": text(max(campaign.cap - card.raised, 0))}
            )


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """What an account tells about itself."""

    class Meta:
        model = User
        fields = ("display_name", "bio", "language", "anonymous_backer")


class ReportForm(forms.Form):
    """What somebody has to tell the moderators."""

    reason = forms.ChoiceField(
        choices=Report.Reason.choices,
        error_messages={
            "required": gettext_lazy("Choose what is wrong."),
            "invalid_choice": gettext_lazy("Choose one of the list."),
        },
    )
    text = forms.CharField(
        min_length=10,
        max_length=2000,
        error_messages={
            "required": gettext_lazy("Say in a sentence what you saw, so that somebody can check it."),
            "min_length": gettext_lazy("Say in a sentence what you saw, so that somebody can check it."),
        },
    )


class MessageForm(forms.Form):
    """What a backer says on a campaign's wall."""

    text = forms.CharField(
        max_length=SupporterMessage.TEXT_MAX_LENGTH,
        error_messages={"required": gettext_lazy("Write something, or leave the wall as it is.")},
    )


class MailForm(forms.Form):
    """Where to write to; empty: nowhere."""

    address = forms.EmailField(required=False, max_length=254)

    def clean_address(self) -> str:
        """Django's check lets pass what no mail server can be named: marks of direction, labels too long."""
        address: str = self.cleaned_data["address"]
        try:
            address.rpartition("@")[2].encode("idna")
        except UnicodeError:
            raise forms.ValidationError(EMAIL_INVALID) from None
        if not address.isprintable():
            raise forms.ValidationError(EMAIL_INVALID)
        return address
