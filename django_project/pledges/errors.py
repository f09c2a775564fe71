"""Why a pledge cannot be made, in words for the backer."""

from django.utils.translation import gettext_lazy as _

from django_project.core.errors import ConflictError, InvalidInputError, Message, RefusedError


class WrongAccountError(RefusedError):
    def __init__(self) -> None:
        super().__init__(
            "wrong_account",
            _("This wallet does not belong to your account. Sign in with the wallet you want to pay from."),
        )


class OwnCampaignError(RefusedError):
    def __init__(self) -> None:
        super().__init__("own_campaign", _("This is your own campaign: you cannot back it."))


class ClosedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("campaign_closed", _("This campaign does not take contributions any more."))


class PausedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("campaign_paused", _("Contributions to this campaign are paused. Try again later."))


class AmountError(InvalidInputError):
    def __init__(self, message: Message) -> None:
        super().__init__("invalid_amount", message, fields={"amount": message})


class RewardError(InvalidInputError):
    def __init__(self, message: Message) -> None:
        super().__init__("invalid_reward", message, fields={"tier_id": message})


class UnderWayError(ConflictError):
    """Another pledge to the campaign may have been paid: a second one only by somebody who knows that."""

    def __init__(self) -> None:
        super().__init__(
            "pledge_under_way",
            _(
                "Your wallet was asked for a contribution to this campaign before. It may have been paid. "
                "Check “My contributions” and your wallet's activity before you pay again."
            ),
        )
