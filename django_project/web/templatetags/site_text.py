"""How money, addresses, states and pictures are written on pages."""

from functools import lru_cache
from typing import NamedTuple

from django import template
from django.template import Context
from django.template.defaultfilters import date as format_date
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext

from django_project.accounts.models import Session
from django_project.campaigns import closing_words, refund_words
from django_project.campaigns.selectors import CampaignCard, CampaignDetail, RefundTerms, Reward
from django_project.community import milestone_words
from django_project.community.milestones import MilestoneView
from django_project.core.addresses import parse_address
from django_project.core.characters import isolated
from django_project.core.money import format_units
from django_project.discovery.selectors import Recommendation
from django_project.ledger.selectors import Status
from django_project.web.context import Notice, Site
from django_project.web.durations import ago, span, time_left, wait
from django_project.web.fiat import approximation
from django_project.web.icons import ICONS
from django_project.web.labels import (
    CLOSING,
    CLOSING_ICONS,
    MILESTONE,
    MILESTONE_ICONS,
    MODEL,
    PLEDGE,
    RETURNED,
    SAVED,
    STATUS,
    STATUS_ICONS,
)
from django_project.web.markdown import render_markdown

register = template.Library()
register.filter(isolated)
for duration_filter in (ago, span, time_left, wait):
    register.filter(duration_filter)


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, extra: str = "") -> SafeString:
    """An icon that says nothing to a screen reader: words always stand beside it."""
    return format_html(
        '<svg class="icon {}" width="20" height="20" viewBox="0 0 24 24" aria-hidden="true">{}</svg>',
        extra,
        mark_safe(ICONS.get(name, ICONS["tag"])),  # noqa: S308  # our own constants
    )


@register.simple_tag(takes_context=True)
def is_play_money(context: Context) -> bool:
    """Whether no coin on this page has a value: it shows the money of its view's `chain_ids`."""
    site: Site = context["site"]
    return site.is_play_money(context.get("chain_ids") or ())


@register.simple_tag(takes_context=True)
def notices(context: Context) -> list[Notice]:
    """What is to be said of the chains whose money this page shows."""
    site: Site = context["site"]
    return site.notices(context.get("chain_ids") or ())


@register.filter
def markdown(text: str) -> SafeString:
    return mark_safe(render_markdown(text))  # noqa: S308  # cleaned by nh3


@register.filter
def with_code(text: str) -> SafeString:
    """What stands between backticks is set as code; the rest is plain text."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in parts)
    )


@register.simple_tag
def money(card: CampaignCard, amount: int) -> str:
    """The exact amount in a campaign's currency, such as "1.25 tUSD"; a dash while that is not known."""
    return f"{card.amount_text(amount)}\N{NO-BREAK SPACE}{card.token_symbol}".rstrip()


@register.simple_tag
def in_fiat(campaign: CampaignDetail, amount: int) -> str:
    """What an amount comes to in ordinary money, with the rate's date; empty without a rate."""
    card = campaign.card
    if card.token is None:
        return ""
    found = approximation(card.chain_id, parse_address(campaign.token), amount, card.token.decimals)
    if found is None:
        return ""
    words = (
        gettext("%(value)s %(currency)s (rate of %(date)s)")
        if found.value.startswith("<")
        else gettext("about %(value)s %(currency)s (rate of %(date)s)")
    )
    return words % {
        "value": found.value,
        "currency": found.currency,
        "date": format_date(found.date, "DATE_FORMAT"),
    }


@register.simple_tag
def profile_link(address: str, name: str) -> SafeString:
    """A name that leads to its wallet's public page."""
    return format_html(
        '<a class="text-link" dir="auto" href="{}">{}</a>', reverse("web:profile", args=[address]), name
    )


@register.filter
def short_address(text: str) -> SafeString:
    return _shortened(text, f"{text[:6]}…{text[-4:]}")


@register.filter
def short_hash(text: str) -> SafeString:
    return _shortened(text, f"{text[:10]}…{text[-6:]}")


def _shortened(whole: str, short: str) -> SafeString:
    """An element that frontend/elements/whole-copy.ts copies as what its title says."""
    return format_html('<span class="hash" title="{}">{}</span>', whole, short)


# A hash of 66 characters is six such pieces.
PIECE_LENGTH = 11


@register.filter
def in_pieces(text: str) -> SafeString:
    """A whole hash that breaks, where it must, after a piece: no line is left with a character or two."""
    pieces = ((text[start : start + PIECE_LENGTH],) for start in range(0, len(text), PIECE_LENGTH))
    return format_html_join(mark_safe("<wbr>"), "{}", pieces)


@register.simple_tag
def cover_url(card: CampaignCard) -> str:
    return reverse("web:cover", args=[card.category.slug, card.address.lower()])


@register.simple_tag
def picture_url(card: CampaignCard) -> str:
    """The picture of a shared link; a new state is a new address, for services that never ask twice."""
    return f"{reverse('web:campaign-picture', args=[card.slug])}?v={card.raised}-{card.backers}-{card.status}"


@register.simple_tag
def status_word(status: str) -> str:
    return str(STATUS[status])


@register.simple_tag
def status_icon(status: str) -> SafeString:
    return icon(STATUS_ICONS[status])


@register.simple_tag
def closing_chip(card: CampaignCard) -> str | SafeString:
    """Why an open campaign takes no contributions; empty where it does, and of one that is over."""
    if not card.is_open or card.accepts_contributions:
        return ""
    return format_html(
        '<span class="chip state-{}">{} {}</span>',
        card.closed_by,
        icon(CLOSING_ICONS[card.closed_by]),
        CLOSING[card.closed_by],
    )


@register.simple_tag
def on_network(card: CampaignCard | None) -> str | SafeString:
    """The network that a campaign's money is on, where the site has several; and that it is play money."""
    if card is None or not card.network_label:
        return ""
    words = gettext("Test network, no value") if card.is_play_among_real else ""
    return format_html(
        '<span class="network">{} <span class="sr-only">{}</span> {}</span>{}',
        icon("globe"),
        gettext("Network:"),
        card.network_label,
        format_html(' <span class="chip">{} {}</span>', icon("info"), words) if words else "",
    )


@register.simple_tag
def refund_rule(terms: RefundTerms) -> str:
    return refund_words.rule(terms)


@register.simple_tag
def why_closed(campaign: CampaignDetail) -> str:
    return closing_words.why_closed(campaign)


@register.simple_tag
def return_word(kind: str) -> str:
    return str(RETURNED[kind])


@register.simple_tag
def pledge_word(state: str) -> str:
    return str(PLEDGE[state])


@register.simple_tag
def milestone_word(state: str) -> str:
    return str(MILESTONE[state])


@register.simple_tag
def milestone_icon(state: str) -> SafeString:
    return icon(MILESTONE_ICONS[state])


@register.simple_tag
def milestone_outlook(milestone: MilestoneView, card: CampaignCard) -> str:
    return milestone_words.outlook(milestone, is_raising=card.is_open)


@register.simple_tag
def late_payment(milestone: MilestoneView, card: CampaignCard) -> str:
    """What the payment of this milestone being late leads to; empty where it leads to nothing."""
    late = milestone.late_payment
    return milestone_words.late_payment(late, card.token_symbol) if late else ""


@register.simple_tag
def objections(milestone: MilestoneView, card: CampaignCard) -> str:
    """How much of the money objects; empty before there is evidence to object to."""
    found = milestone.objections
    return milestone_words.objections(found, card.token_symbol) if found else ""


@register.simple_tag
def model_word(name: str) -> str:
    return str(MODEL.get(name, name))


@register.simple_tag
def saved_word(what: str) -> str:
    return str(SAVED[what])


# Cards that each process keeps: about 3 kB each.
CARDS_KEPT = 4096

REASON_ICONS = {
    "similar_to": "compass",
    "category": "tag",
    "trending": "flame",
    "new": "spark",
    "popular": "users",
    "viewed": "compass",
    "answers": "sliders",
    "exploration": "dice",
}


def reason(recommendation: Recommendation) -> str:
    """Why this campaign stands in this slot, in a sentence."""
    match recommendation.reason:
        case "similar_to":
            past = recommendation.reason_card
            return gettext("Because you backed “%(title)s”") % {"title": isolated(past.title) if past else ""}
        case "category":
            return gettext("You often back %(category)s") % {"category": recommendation.card.category.name}
        case "trending":
            return gettext("Gaining backers this week")
        case "new":
            return gettext("Launched this week")
        case "viewed":
            return gettext("Like what you looked at today")
        case "answers":
            return gettext("From your answers")
        case "exploration":
            return gettext("Something different, chosen by lot")
        case _:
            return gettext("Backed by many")


class ShownAs(NamedTuple):
    """What a recommended card says of its slot."""

    slot: int
    propensity: float
    model_version: str
    icon: SafeString
    reason: str


@register.simple_tag
def campaign_card(
    card: CampaignCard, recommendation: Recommendation | None = None, loading: str = "lazy"
) -> SafeString:
    """A card of a list, in the language of the request."""
    shown_as = recommendation and ShownAs(
        recommendation.slot,
        recommendation.propensity,
        recommendation.model_version,
        icon(REASON_ICONS[recommendation.reason]),
        reason(recommendation),
    )
    return _card(card, shown_as, loading, time_left(card.deadline, card.now), get_language())


@lru_cache(maxsize=CARDS_KEPT)
def _card(
    card: CampaignCard,
    shown_as: ShownAs | None,
    loading: str,
    left: str,
    language: str | None,  # noqa: ARG001  # part of what is told apart
) -> SafeString:
    """Kept by all that it depends on, so that what is kept is never out of date."""
    context = {"card": card, "shown_as": shown_as, "loading": loading, "time_left": left}
    return render_to_string("web/partials/campaign_card.html", context)


@register.filter
def unlocalised(number: float) -> str:
    """A number as machines read it, whatever the reader's language."""
    return repr(number)


@register.filter
def bps_percent(basis_points: int) -> str:
    """Basis points as a percentage: 250 -> "2.5%"."""
    return f"{format_units(basis_points, 2)}%"


# Of campaigns that do not, or no longer, go on with what they raised.
STOPPED = frozenset({Status.FAILED, Status.CANCELLED, Status.WIND_DOWN, Status.EXPIRED})


@register.simple_tag
def progress_class(status: str, percent: int) -> str:
    """How the bar of what was raised is filled."""
    if status in STOPPED:
        return "fill-ended"
    return "fill-over" if percent >= 100 else "fill"


@register.filter
def reward_title(reward: Reward) -> str:
    """What the campaign's text calls it, or else its number."""
    return reward.title or gettext("Reward %(number)s") % {"number": localize(reward.tier_id)}


@register.filter
def device(session: Session) -> str:
    """On what somebody signed in, as far as it is known."""
    if session.browser and session.system:
        return gettext("%(browser)s on %(system)s") % {"browser": session.browser, "system": session.system}
    return session.browser or session.system or gettext("Unknown browser")


@register.filter
def capped(percent: int, limit: int) -> int:
    return max(0, min(int(percent), limit))


@register.simple_tag
def plain_amount(amount: int, decimals: int) -> str:
    """An exact amount as machines read it, without grouping or unit."""
    return format_units(amount, decimals)
