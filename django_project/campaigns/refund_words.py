"""The sentences about what a backer can get back, rendered from `RefundTerms` in the language of the request.

Whatever tells of refunds, be it a page, a statement, a mail or the API, has its words from here.
"""

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from django_project.campaigns.selectors.refund_terms import Due, Firm, Reason, RefundTerms, Way


def rule(terms: RefundTerms) -> str:
    """The campaign's rule in a sentence, whatever has become of it."""
    if terms.is_all_or_nothing:
        return _("All or nothing: if the goal is missed, every backer can claim a full refund.")
    if terms.has_milestones:
        return _(
            "Keep what you raise: the creator is paid even below the goal. You can claim a refund only if it "
            "is cancelled before the first payout, or if payouts stop."
        )
    return _(
        "Keep what you raise: the creator is paid even below the goal. You can claim a refund only if it is "
        "cancelled before the payout, or stays unclaimed for 180 days."
    )


def outcome(terms: RefundTerms) -> str:
    """What became of a campaign that takes no contributions any more; empty while it is open."""
    if terms.due is not Due.NOTHING:
        return " ".join(part for part in (because(terms), _what_is_left(terms)) if part)
    match terms.status:
        case "open":
            return ""
        case "completed":
            return _("Funding has ended, and the creator has been paid.")
        case _ if not terms.raised:
            return _("Funding has ended, and nothing was raised.")
        case "releasing":
            return _(
                "Funding has ended. The creator is paid milestone by milestone, and backers can object to "
                "the evidence."
            )
        case _:
            return _("Funding has ended. The creator can withdraw the money.")


def prospect(terms: RefundTerms, amount: int = 0) -> list[str]:
    """When somebody who contributes `amount` to an open campaign can get it back, a sentence each."""
    return [*_ahead(terms, amount), _by_choice(terms, amount)]


def terms_now(terms: RefundTerms) -> list[str]:
    """What holds for those who have contributed: when they can get it back, or why they can claim it."""
    if terms.due is not Due.NOTHING:
        return [because(terms), _what_can_be_claimed(terms)]
    if terms.status == "open":
        return prospect(terms)
    return _ahead(terms, 0) or [_("The creator has been paid. Nothing can be refunded any more.")]


def _ahead(terms: RefundTerms, amount: int) -> list[str]:
    """What can still open refunds."""
    if Way.GOAL_MISSED in terms.ways and terms.raised + amount < terms.goal:
        first = _(
            "If the goal is not reached by %(deadline)s UTC, or the campaign is cancelled before its first "
            "payout, you can claim a full refund. If funded, the contract pays the creator on its terms."
        ) % {"deadline": date_format(terms.deadline, "DATETIME_FORMAT")}
        if terms.has_milestones:
            return [first, _("If payouts by milestone stop, you can claim your share of what is left.")]
        return [first, _("If the creator withdraws nothing for 180 days, you can claim a full refund too.")]
    only = _only_if(terms)
    if not only:
        return []
    if not terms.is_all_or_nothing:
        return [only, _("The creator is paid even below the goal.")]
    return [only]


def _only_if(terms: RefundTerms) -> str:
    match Way.CANCELLED in terms.ways, Way.PAYOUTS_STOPPED in terms.ways:
        case True, True:
            return _(
                "You can claim a refund only if the campaign is cancelled before its first payout, or if "
                "payouts stop: then your share of what is left."
            )
        case False, True:
            return _("You can claim a refund only if payouts stop: your share of what is left.")
        case True, False:
            return _(
                "You can claim a refund only if the campaign is cancelled before the payout, or the creator "
                "withdraws nothing for 180 days."
            )
        case _:
            return ""


def _by_choice(terms: RefundTerms, amount: int) -> str:
    match terms.firm_with(amount):
        case Firm.KEEPS_WHAT_IT_RAISES:
            return _("You cannot take it back by choice.")
        case Firm.GOAL_REACHED if amount and not terms.is_goal_reached:
            return _("This contribution reaches the goal, so you cannot take it back by choice.")
        case Firm.GOAL_REACHED:
            return _("The goal is reached, so you cannot take it back by choice.")
        case Firm.LAST_DAY:
            return _("Less than 24 hours are left, so you cannot take it back by choice.")
        case _:
            return _(
                "Until the goal is reached, you can take it back under “My contributions”, up to 24 hours "
                "before the deadline."
            )


def because(terms: RefundTerms) -> str:
    """Why refunds are open."""
    match terms.reason:
        case Reason.GOAL_MISSED:
            return _("The goal was missed.")
        case Reason.CANCELLED:
            return _("The campaign was cancelled.")
        case Reason.UNCLAIMED:
            return _("The creator collected nothing for 180 days.")
        case Reason.EVIDENCE_MISSED:
            return _("Payouts have stopped: no evidence was submitted in time.")
        case Reason.MILESTONE_REFUSED:
            return _("Payouts have stopped: backers refused a milestone.")
        case Reason.MILESTONE_UNCLAIMED:
            return _("Payouts have stopped: the creator did not collect a milestone within 180 days.")
        case Reason.STOPPED_BY_CREATOR:
            return _("The creator has stopped the payouts.")
        case _:
            return ""


def _what_is_left(terms: RefundTerms) -> str:
    if not terms.raised:
        return _("Nothing was raised.")
    if not terms.left:
        return _("Backers have claimed everything.")
    if terms.due is Due.SHARE:
        return _("Every backer can claim a share of what is left under “My contributions”.")
    return _("Every backer can claim a full refund under “My contributions”.")


def _what_can_be_claimed(terms: RefundTerms) -> str:
    if terms.due is Due.SHARE:
        return _("You can claim your share of what was not paid out. There is no deadline.")
    return _("You can claim a full refund. There is no deadline.")
