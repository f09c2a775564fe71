"""Why a pledge cannot be made, in words for the backer."""

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from django_project.core.errors import ConflictError, InvalidInputError, Message, RefusedError
from django_project.core.money import MAX_LENGTH, AmountTextError

TOO_LARGE = _("This amount is larger than the network can hold.")


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


class UnknownCurrencyError(ConflictError):
    """Nobody could say what an amount is."""

    def __init__(self) -> None:
        super().__init__(
            "currency_unknown",
            _("This campaign takes no contributions yet: its currency is not known. Try again later."),
        )


class AmountError(InvalidInputError):
    def __init__(self, message: Message, code: str = "invalid_amount") -> None:
        super().__init__(code, message, fields={"amount": message})


class UnreadableAmountError(AmountError):
    """What was typed is no amount, or could be two; the code says what is wrong with it."""

    def __init__(self, error: AmountTextError, symbol: str, decimals: int) -> None:
        message = _unreadable(error, symbol, decimals)
        super().__init__(message, f"amount_{error.problem.replace('-', '_')}")


def _unreadable(error: AmountTextError, symbol: str, decimals: int) -> str:
    match error.problem:
        case "empty":
            return gettext("Enter an amount.")
        case "unclear":
            readings = [_grouped(reading) for reading in error.readings]
            if len(readings) == 1:
                return gettext("Did you mean %(reading)s? Write decimals after a point.") % {
                    "reading": readings[0]
                }
            return gettext("Did you mean %(first)s or %(second)s? Write decimals after a point.") % {
                "first": readings[0],
                "second": readings[1],
            }
        case "too-many-decimals":
            if decimals == 0:
                return gettext("%(symbol)s has no decimal places. Enter a whole number.") % {"symbol": symbol}
            return ngettext(
                "%(symbol)s has at most %(count)d decimal place.",
                "%(symbol)s has at most %(count)d decimal places.",
                decimals,
            ) % {"symbol": symbol, "count": decimals}
        case "too-large":
            return str(TOO_LARGE)
        case "too-long":
            return gettext("This amount is too long. Enter at most %(count)d characters.") % {
                "count": MAX_LENGTH
            }
    return gettext("Enter a number with the digits 0 to 9, such as 0.25 or 1,250.5, without a sign.")


def _grouped(reading: str) -> str:
    whole, point, fraction = reading.partition(".")
    return f"{int(whole):,}{point}{fraction}"


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


class TooManyOpenError(ConflictError):
    """More pledges than anybody watches at once; those that nothing is heard of close by themselves."""

    def __init__(self) -> None:
        super().__init__(
            "too_many_open_pledges",
            _(
                "Too many contributions of yours are under way. Wait until some are confirmed. Those that "
                "you did not send close by themselves within a week."
            ),
        )
