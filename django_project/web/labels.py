"""Names of the things that selectors only know by their codes."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_project.catalog.selectors import categories
from django_project.discovery.answers import Answers

Word = str | Promise

STATUS: dict[str, Word] = {
    "open": _("Open"),
    "succeeded": _("Funded"),
    "ended": _("Funding ended"),
    "failed": _("Not funded"),
    "cancelled": _("Cancelled"),
    "completed": _("Paid out"),
    "releasing": _("Paid by milestones"),
    "wind-down": _("Payouts stopped"),
    "expired": _("Unclaimed"),
}
STATUS_ICONS = {
    "open": "clock",
    "succeeded": "check-circle",
    "ended": "check-circle",
    "failed": "stop",
    "cancelled": "cross-circle",
    "completed": "check-circle",
    "releasing": "check-circle",
    "wind-down": "refund",
    "expired": "refund",
}
# Why an open campaign takes no contributions.
CLOSING: dict[str, Word] = {
    "paused": _("Paused"),
    "full": _("Full"),
    "retired": _("Network retired"),
    "unknown-currency": _("Currency unknown"),
}
CLOSING_ICONS = {"paused": "stop", "full": "check-circle", "retired": "lock", "unknown-currency": "alert"}
# The parts of a campaign's page, in their order there.
CAMPAIGN_TAB: dict[str, Word] = {
    "story": _("Story"),
    "rewards": _("Rewards"),
    "milestones": _("Milestones"),
    "updates": _("Updates"),
    "comments": _("Messages"),
    "contributors": _("Contributions"),
    "contract": _("Contract"),
}
# Where a backer's money is, in the order of the page that lists it.
STATE: dict[str, Word] = {
    "open": _("In open campaigns"),
    "funded": _("In funded campaigns"),
    "over": _("In campaigns that ended otherwise"),
    "taken-back": _("Refunded or taken back"),
}
# What became of a contribution that its backer has back.
RETURNED: dict[str, Word] = {
    "taken_back": _("Taken back"),
    "refunded": _("Refunded"),
}
PLEDGE: dict[str, Word] = {
    "asked": _("We have not heard from your wallet"),
    "submitted": _("Sent, waiting for the network"),
    "reorged": _("The network replaced its latest blocks; checking again"),
    "confirmed": _("In a block, not final yet"),
}
MILESTONE: dict[str, Word] = {
    "upcoming": _("Still to come"),
    "awaited": _("Waiting for evidence"),
    "review": _("Open to objections"),
    "payable": _("Ready to be paid"),
    "paid": _("Paid"),
    "missed": _("Missed"),
    "refused": _("Refused"),
    "unclaimed": _("Unclaimed"),
    "stopped": _("Stopped by the creator"),
    "void": _("Will not be paid"),
    "empty": _("Nothing to pay"),
}
MILESTONE_ICONS = {
    "upcoming": "clock",
    "awaited": "clock",
    "review": "flag",
    "payable": "coins",
    "paid": "check-circle",
    "missed": "stop",
    "refused": "cross-circle",
    "unclaimed": "refund",
    "stopped": "stop",
    "void": "stop",
    "empty": "stop",
}
LANGUAGE: dict[str, Word] = {"en": "English", "zh-hans": "简体中文"}
FUNDED: dict[str, Word] = {
    "0": _("Below 25%"),
    "25": _("25% to 49%"),
    "50": _("50% to 74%"),
    "75": _("75% to 99%"),
    "100": _("Goal reached"),
}
GOAL: dict[str, Word] = {
    "0": _("Up to 1"),
    "1": _("1 to 10"),
    "10": _("10 to 100"),
    "100": _("100 to 1,000"),
    "1000": _("1,000 to 10,000"),
    "10000": _("Above 10,000"),
}
ENDING: dict[str, Word] = {
    "0": _("Up to a day"),
    "1": _("1 to 3 days"),
    "3": _("3 to 7 days"),
    "7": _("1 to 4 weeks"),
    "28": _("More than 4 weeks"),
}
FACET: dict[str, Word] = {
    "category": _("Category"),
    "status": _("Status"),
    "ending": _("Time left"),
    "language": _("Language"),
    "funded": _("Share of goal"),
    "goal": _("Goal in its own currency"),
    "token": _("Currency"),
    "network": _("Network"),
}
SORT_LABEL = _("Order")
# What a parameter of explore's addresses is called.
PARAMETER: dict[str, Word] = {**FACET, "sort": SORT_LABEL, "q": _("Search"), "page": _("Page")}
SORT: dict[str, Word] = {
    "best": _("Best match"),
    "trending": _("Trending"),
    "newest": _("Newest"),
    "ending": _("Ending soon"),
    "backed": _("Most backed"),
    "funded": _("Most funded"),
    "random": _("Random order"),
}
EVENT: dict[str, Word] = {
    "Contributed": _("Contribution"),
    "Refunded": _("Refund"),
    "Withdrawn": _("Withdrawal by the creator"),
    "FeeAccrued": _("Platform fee set aside"),
    "FeeClaimed": _("Platform fee paid out"),
    "Cancelled": _("Cancellation"),
    "UpdatePosted": _("Update posted"),
    "ContributionsPaused": _("Contributions paused or resumed"),
    "TierAdded": _("Reward tier fixed"),
    "PledgeTakenBack": _("Contributions taken back"),
    "MilestoneDefined": _("Milestone fixed"),
    "MilestoneSubmitted": _("Evidence for a milestone"),
    "Objected": _("Objection to a milestone"),
    "ObjectionWithdrawn": _("Objection withdrawn"),
    "MilestoneReleased": _("Milestone paid out"),
    "WindDownStarted": _("Payouts stopped"),
    "CreatorTransferStarted": _("Campaign offered to another account"),
    "CreatorTransferred": _("Campaign handed over"),
    "SurplusSwept": _("Surplus sent to the platform"),
}
NOTIFICATION: dict[str, Word] = {
    "refund_due": _("Refunds to claim"),
    "milestone_review": _("Milestones to review"),
    "update_posted": _("Updates of campaigns you back or saved"),
}
NOTIFICATION_TEXT: dict[str, Word] = {
    "refund_due": _("owes you a refund. You can claim it, with no deadline."),
    "milestone_review": _(
        "submitted evidence for a milestone. You can object until the objection period ends."
    ),
    "update_posted": _("posted an update"),
}
REMINDER_TEXT: dict[str, Word] = {
    "refund_due": _("still owes you a refund. You can claim it, with no deadline."),
    "milestone_review": _("has a milestone to review, with less than a day left to object."),
}
# Of notices whose cause is gone.
SETTLED_TEXT: dict[str, Word] = {
    "refund_due": _("owes you nothing any more: the refund was claimed."),
}
# What happened to an account itself; the wallet it is about follows.
ACCOUNT_TEXT: dict[str, Word] = {
    "wallet_added": _("A wallet was added to your account. It can open and change the account:"),
    "wallet_removed": _("A wallet was removed from your account. It can no longer open it:"),
    "email_changed": _("The email address of your account was changed."),
    "data_exported": _("The data of your account was exported."),
    "deletion_asked": _("The deletion of your account was asked for. You can keep the account until then."),
    "deletion_called_off": _("Your account is kept. Its deletion was called off."),
}
REPORT_REASON: dict[str, Word] = {
    "fraud": _("It is not what it says it is"),
    "stolen": _("It uses somebody else's work or name"),
    "forbidden": _("It is against the law"),
    "harmful": _("It is hateful or dangerous"),
    "other": _("Something else"),
}
SAVED: dict[str, Word] = {
    "profile": _("Your profile is saved."),
    "mail": _("Your email address is saved."),
    "mail-removed": _("Your email address is removed. You get no more email."),
    "mail-asked": _("We sent a link to this address. Open it to confirm; until then nothing else is sent."),
    "notifications": _("Your choice is saved."),
    "wallets": _("The wallet no longer belongs to this account."),
    "wallet-added": _("The wallet now belongs to this account."),
    "session": _("The session is ended."),
    "sessions": _("All other sessions are ended."),
    "deletion-asked": _("Your account is going to be deleted. Until then you can keep it."),
    "deletion-off": _("Your account is kept."),
}
MODEL: dict[str, Word] = {
    "chainfund": _("ChainFund model"),
    "twotower": _("Two-tower model"),
    "hybrid": _("Hybrid model"),
    "pop": _("Most popular"),
    "recent_pop": _("Recently popular"),
    "random": _("Random order"),
}

_FACET_WORDS: dict[str, dict[str, Word]] = {
    "status": {**STATUS, **CLOSING},
    "ending": ENDING,
    "language": LANGUAGE,
    "funded": FUNDED,
    "goal": GOAL,
}


def facet_option(facet: str, value: str, label: str) -> Word:
    """What an option of a facet is called; categories, tokens and networks bring their own names."""
    return _FACET_WORDS.get(facet, {}).get(value, label)


def answered(answers: Answers) -> list[tuple[str, Word]]:
    """(language, name) of what somebody chose; a language is called by its own name, in itself."""
    names = {label.slug: label.name for label in categories()}
    languages = [(code, LANGUAGE[code]) for code in answers.languages]
    return [*(("", names[slug]) for slug in answers.categories), *languages]
