"""The sentences about a milestone, rendered from its `MilestoneView` in the language of the request."""

from django.utils.formats import date_format, localize
from django.utils.translation import gettext as _

from django_project.community.milestones import LatePayment, MilestoneState, MilestoneView, Objections

DATE_AND_TIME = "Y-m-d H:i"


def outlook(milestone: MilestoneView, *, is_raising: bool) -> str:
    """What a milestone's state means for its backers; `is_raising` while the campaign is open."""
    match milestone.state:
        case MilestoneState.UPCOMING if is_raising:
            return _("Starts once funding has ended successfully.")
        case MilestoneState.UPCOMING:
            return _("Starts once the milestone before it is paid.")
        case MilestoneState.AWAITED:
            return _(
                "The creator has not submitted evidence yet. If none comes in time, payouts stop and backers "
                "can claim what is left."
            )
        case MilestoneState.REVIEW:
            return _review(milestone)
        case MilestoneState.PAYABLE:
            return _(
                "The objection period is over and too few objected. The creator can collect this part within "
                "180 days of its end."
            )
        case MilestoneState.PAID:
            return _("Paid to the creator, less the platform fee.")
        case _:
            return _unpaid(milestone.state)


def _review(milestone: MilestoneView) -> str:
    objections, evidence = milestone.objections, milestone.evidence
    end = date_format(evidence.window_end, "DATETIME_FORMAT") if evidence else ""
    if objections is not None and objections.is_above_limit:
        words = _(
            "Backers can object or withdraw objections until %(end)s UTC. As it stands, payouts stop then "
            "and backers can claim what is left."
        )
    else:
        words = _(
            "Backers can object or withdraw objections until %(end)s UTC. As it stands, the creator can "
            "collect this part afterwards."
        )
    return words % {"end": end}


def _unpaid(state: str) -> str:
    """Why a milestone is not going to be paid."""
    match state:
        case MilestoneState.MISSED:
            return _(
                "No evidence was submitted in time. Payouts have stopped, and backers can claim what is left."
            )
        case MilestoneState.REFUSED:
            return _("Backers refused it. Payouts have stopped, and backers can claim what is left.")
        case MilestoneState.UNCLAIMED:
            return _(
                "The creator did not collect it within 180 days. Payouts have stopped, and backers can claim "
                "what is left."
            )
        case MilestoneState.STOPPED:
            return _("The creator has stopped the payouts. Backers can claim what is left.")
        case MilestoneState.EMPTY:
            return _("Nothing was raised, so there is nothing to pay and no evidence can be submitted.")
        case _:
            return _("This part will not be paid. Backers can claim it.")


def late_payment(late: LatePayment, symbol: str) -> str:
    """What a late payment leads to where the contract does not move the next date."""
    if late.is_certain:
        words = _(
            "The evidence for milestone %(number)s was due before %(date)s UTC, and this contract does not "
            "move that date. Once this part is paid, payouts stop, and the %(amount)s %(symbol)s of later "
            "milestones are left for backers to claim."
        )
    else:
        words = _(
            "This contract does not move later dates. Unless this part is paid and the evidence for "
            "milestone %(number)s is shown before %(date)s UTC, payouts stop, and the %(amount)s %(symbol)s "
            "of later milestones are left for backers to claim."
        )
    return words % {
        "number": localize(late.next_milestone_id),
        "date": date_format(late.next_due, DATE_AND_TIME),
        "amount": late.later_text,
        "symbol": symbol,
    }


def objections(found: Objections, symbol: str) -> str:
    """How much of the money objects, beside how much may."""
    if found.is_above_limit:
        words = _("Objections: %(total)s %(symbol)s, above the limit of %(limit)s %(symbol)s")
    else:
        words = _("Objections: %(total)s %(symbol)s, %(percent)s%% of the limit of %(limit)s %(symbol)s")
    return words % {
        "total": found.total_text,
        "limit": found.limit_text,
        "symbol": symbol,
        "percent": found.percent_text,
    }
