"""What visitors type into pages, held to the campaign's terms before the wallet is asked."""

from typing import Any

from django import forms
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy

from django_project.accounts.models import User
from django_project.campaigns.selectors import CampaignDetail, Reward
from django_project.catalog.selectors import facet_values
from django_project.community.models import Report, SupporterMessage
from django_project.core.characters import is_visible
from django_project.core.money import AmountTextError, parse_units
from django_project.core.names import NameRefusedError, checked_speaker
from django_project.discovery.answers import CATEGORIES_MOST
from django_project.pledges.errors import (
    AmountError,
    RewardError,
    UnknownCurrencyError,
    UnreadableAmountError,
)
from django_project.pledges.terms import chosen_reward, currency_of, require_acceptable

EMAIL_INVALID = EmailValidator.message
MESSAGE_EMPTY = gettext_lazy("Enter a message.")
REPORT_EMPTY = gettext_lazy("Say in a sentence what you saw, so that somebody can check it.")
NOTHING_CHOSEN = gettext_lazy("Choose at least one category or one language.")
NO_SUCH_CATEGORY = gettext_lazy("There is no such category here any more. Choose from the list.")
NO_SUCH_LANGUAGE = gettext_lazy("Choose from the list.")
TOO_MANY_CATEGORIES = gettext_lazy("Choose at most %(most)s categories.")
NO_SUCH_REWARD = gettext_lazy("This campaign has no such reward. Choose one of the list.")


class PledgeForm(forms.Form):
    """Amount and reward of a pledge. After `is_valid`, `amount` is in base units and `reward` is set."""

    tier = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=2**32 - 1,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), NO_SUCH_REWARD),
    )
    amount = forms.CharField(required=False, strip=False)

    def __init__(self, data: Any, *, campaign: CampaignDetail) -> None:
        super().__init__(data)
        self.campaign = campaign
        self.reward: Reward | None = None

    def clean_tier(self) -> int:
        tier = int(self.cleaned_data["tier"] or 0)
        try:
            self.reward = chosen_reward(self.campaign, tier)
        except RewardError as error:
            raise forms.ValidationError(str(error.message)) from None
        return tier

    def clean_amount(self) -> int:
        try:
            currency = currency_of(self.campaign.card)
        except UnknownCurrencyError as error:
            raise forms.ValidationError(str(error.message)) from None
        try:
            amount = parse_units(self.cleaned_data["amount"], currency.decimals, currency.symbol)
        except AmountTextError as error:
            if error.problem == "empty" and self.reward is not None:
                return self.reward.price
            refusal = UnreadableAmountError(error, currency.symbol, currency.decimals)
            raise forms.ValidationError(str(refusal.message)) from None
        try:
            require_acceptable(self.campaign, amount, self.reward)
        except AmountError as error:
            raise forms.ValidationError(str(error.message)) from None
        return amount


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """What an account tells about itself."""

    class Meta:
        model = User
        fields = ("display_name", "bio", "language", "anonymous_backer")

    def clean_display_name(self) -> str:
        try:
            return checked_speaker(self.cleaned_data["display_name"])
        except NameRefusedError as error:
            raise forms.ValidationError(str(error.message)) from None


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
        error_messages={"required": REPORT_EMPTY, "min_length": REPORT_EMPTY},
    )

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if not is_visible(text):
            raise forms.ValidationError(REPORT_EMPTY)
        return text


class InterestsForm(forms.Form):
    """A newcomer's answers to two questions, of which one may be left open."""

    categories = forms.MultipleChoiceField(
        required=False,
        choices=lambda: [(slug, slug) for slug in facet_values("category")],
        error_messages={"invalid_choice": NO_SUCH_CATEGORY},
    )
    languages = forms.MultipleChoiceField(
        required=False,
        choices=lambda: [(code, code) for code in facet_values("language")],
        error_messages={"invalid_choice": NO_SUCH_LANGUAGE},
    )

    def clean_categories(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["categories"]
        if len(set(chosen)) > CATEGORIES_MOST:
            raise forms.ValidationError(TOO_MANY_CATEGORIES % {"most": CATEGORIES_MOST})
        return chosen

    def clean(self) -> dict[str, Any]:
        fields = self.cleaned_data
        if not self.errors and not fields["categories"] and not fields["languages"]:
            raise forms.ValidationError(NOTHING_CHOSEN)
        return fields


class MessageForm(forms.Form):
    """What a backer says among a campaign's comments."""

    text = forms.CharField(
        max_length=SupporterMessage.TEXT_MAX_LENGTH,
        error_messages={"required": MESSAGE_EMPTY},
    )

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if not is_visible(text):
            raise forms.ValidationError(MESSAGE_EMPTY)
        return text
