"""The sentences about a campaign that takes no contributions, in the language of the request."""

from django.utils.translation import gettext as _

from django_project.campaigns import refund_words
from django_project.campaigns.selectors import CampaignDetail
from django_project.core.characters import isolated


def why_closed(campaign: CampaignDetail) -> str:
    """Why it takes none now, or what became of it; empty while it does."""
    match campaign.card.closed_by:
        case "retired":
            return _(
                "We no longer follow the network %(network)s: amounts are as we last saw them, and nothing "
                "can be contributed here. What the contract owes you can still be claimed with your wallet."
            ) % {"network": campaign.card.network}
        case "unknown-currency":
            return _("The currency of this campaign is not known here, so nothing can be contributed.")
        case "paused":
            return _(
                "Contributions are paused. What was given stays in the contract, and the deadline is "
                "unchanged."
            )
        case "full":
            return _("This campaign has reached its limit.")
        case "ended":
            return _outcome(campaign)
        case "":
            return ""


def _outcome(campaign: CampaignDetail) -> str:
    outcome = refund_words.outcome(campaign.refund_terms)
    if not campaign.cancel_reason:
        return outcome
    reason = _("Reason given: %(reason)s") % {"reason": isolated(campaign.cancel_reason)}
    return f"{outcome} {reason}"
