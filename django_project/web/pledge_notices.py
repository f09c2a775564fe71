"""What the page of a pledge says about it: a headline and a few sentences for each thing that can be true."""

from dataclasses import dataclass
from typing import Literal

from django.utils.formats import localize
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_project.pledges.following import PledgeStatus
from django_project.pledges.models import PledgeIntent

State = PledgeIntent.State
Failure = PledgeIntent.Failure

FAILURES: dict[str, Promise] = {
    Failure.REVERTED: gettext_lazy(
        "The contract refused the transaction: it is in a block, but paid nothing to the campaign. A network "
        "fee was charged."
    ),
    Failure.WITHOUT: gettext_lazy(
        "The transaction went through without the contribution, for example because your wallet's own "
        "execution failed. A network fee may have been charged."
    ),
    Failure.REPLACED: gettext_lazy(
        "Another transaction of your account took its place: it was cancelled or replaced in your wallet."
    ),
    Failure.EXPIRED: gettext_lazy(
        "We heard of no payment for this contribution. If you sent one, it is confirmed here as soon as it "
        "is in a block."
    ),
    Failure.CLOSED: gettext_lazy(
        "The campaign closed before the payment came. Its contract takes no more contributions."
    ),
    Failure.DROPPED: gettext_lazy(
        "The network no longer knows the transaction. A network fee may have been charged."
    ),
}


@dataclass(frozen=True, slots=True)
class PledgeNotice:
    """How a pledge stands, in words; without an `icon` it shows that something is being waited for.

    `tells_search` where the reader may wonder whether it was looked for at all.
    """

    tone: Literal["", "good", "warn", "bad"]
    icon: str
    headline: str
    paragraphs: tuple[str, ...]
    tells_search: bool = False


def notice(pledge: PledgeStatus) -> PledgeNotice:
    """What went back to its backer comes first, whatever state the payment was in before."""
    match pledge.sequel, pledge.state:
        case "taken-back", _state:
            return PledgeNotice(
                "",
                "refund",
                _("Refunded or taken back"),
                (_("The contract paid out all you could claim. “My contributions” shows how much."),),
            )
        case "due", _state:
            return PledgeNotice(
                "warn",
                "refund",
                _("You can claim a refund of this contribution"),
                (_("“My contributions” shows how much it is and has the button. There is no deadline."),),
            )
        case _, State.CONFIRMED:
            return _confirmed(pledge)
        case _, State.FINAL:
            return _final(pledge)
        case _, State.FAILED:
            return _failed(pledge)
        case _:
            return _unsettled(pledge)


def _confirmed(pledge: PledgeStatus) -> PledgeNotice:
    headline = _("Confirmed: %(amount)s %(symbol)s") % _amount(pledge)
    words = _(
        "In block %(block)s, seen in the contract itself. Final after %(needed)s blocks: %(done)s of "
        "%(needed)s."
    ) % {
        "block": localize(pledge.block_number),
        "done": localize(pledge.confirmations),
        "needed": localize(pledge.confirmations_needed),
    }
    return PledgeNotice("good", "check-circle", headline, (words,))


def _final(pledge: PledgeStatus) -> PledgeNotice:
    headline = _("Final: %(amount)s %(symbol)s") % _amount(pledge)
    thanks = _("The network can no longer undo this payment. Thank you.")
    if pledge.card is None or not pledge.card.is_open:
        return PledgeNotice("good", "check-circle", headline, (thanks,))
    what_comes_next = _(
        "What comes next: the campaign runs until its deadline. Share it, so that it reaches its goal; its "
        "creator's updates are on its page."
    )
    return PledgeNotice("good", "check-circle", headline, (thanks, what_comes_next))


def _amount(pledge: PledgeStatus) -> dict[str, str]:
    return {"amount": pledge.confirmed_amount_text, "symbol": pledge.token_symbol}


def _failed(pledge: PledgeStatus) -> PledgeNotice:
    words = str(FAILURES[pledge.failure or Failure.DROPPED])
    if pledge.failure != Failure.CLOSED:
        words = " ".join((words, _("Check your wallet's activity before you pay again.")))
    return PledgeNotice("bad", "alert", _("Payment not confirmed"), (words,))


def _unsettled(pledge: PledgeStatus) -> PledgeNotice:
    match pledge.state:
        case State.SUBMITTED if pledge.is_by_contract:
            headline = _("Waiting for your wallet to send it")
            words = _(
                "Your wallet may need its other signers, or sends several payments together. Nothing is to "
                "be done here: this page changes by itself, also days later. Do not pay again."
            )
            return PledgeNotice("", "", headline, (words,), tells_search=True)
        case State.SUBMITTED:
            headline = _("Sent, waiting for the network")
            words = _(
                "Your wallet sent the contribution. This page changes by itself as soon as it is in a block; "
                "you may also close it and come back."
            )
            return PledgeNotice("", "", headline, (words,), tells_search=True)
        case State.REORGED:
            headline = _("The network replaced its latest blocks; checking again")
            words = _(
                "Your contribution was in one of them. It usually comes back within a minute and this page "
                "will say so. Do not send it again yet."
            )
            return PledgeNotice("warn", "clock", headline, (words,))
        case State.REJECTED:
            headline = _("Your wallet told us that it was rejected")
            words = _(
                "If your wallet's activity shows a payment all the same, wait: this page changes by itself. "
                "Otherwise you can start again."
            )
            return PledgeNotice("warn", "cross-circle", headline, (words,), tells_search=True)
        case _:
            headline = _("We have not heard from your wallet")
            words = _(
                "If it still shows a request, answer it there. Otherwise check its activity before you pay "
                "again: the contribution may have been sent."
            )
            return PledgeNotice("warn", "wallet", headline, (words,), tells_search=True)
