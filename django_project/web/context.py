"""What every page's frame needs. Nothing is read until a template asks for it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from django.conf import settings
from django.core.cache import cache
from django.db.models import IntegerField, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import escape_uri_path
from django.utils.translation import gettext as _

from django_project.accounts.models import User
from django_project.campaigns.selectors import CampaignCard
from django_project.core.shapes import Shape
from django_project.discovery import consent
from django_project.ledger.models import Chain
from django_project.ledger.networks import network_name
from django_project.ledger.selectors import ChainHealth, index_health
from django_project.notifications.selectors import unread_account_notices
from django_project.pledges.selectors import refunds_to_claim
from django_project.web.durations import span
from django_project.web.links import absolute

THEME_COOKIE = "theme"
THEMES = ("day", "night")

# The frame's data is the same for everybody, and a few seconds old at most.
HEALTH_KEY = "web:health"
HEALTH_CACHE_SECONDS = 3
CHAINS_KEY = "web:chains"
CHAINS_CACHE_SECONDS = 30


def _chains() -> list[dict[str, Any]]:
    return [
        {
            "id": chain.chain_id,
            "name": chain.called,
            "currency": {"symbol": chain.currency_symbol, "decimals": chain.currency_decimals},
            "explorer_url": chain.explorer_url,
            "rpc_urls": settings.PUBLIC_RPC_URLS.get(chain.chain_id, []),
            "is_test_network": chain.is_test_network,
        }
        for chain in Chain.objects.annotate(called=network_name()).order_by("chain_id")
    ]


def chain_ids_of(cards: Iterable[CampaignCard]) -> set[int]:
    """The chains whose money a page of these cards shows: what its frame has to say goes by them."""
    return {card.chain_id for card in cards}


def theme_of(request: HttpRequest) -> str:
    """What the visitor chose; empty: as the device says."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a page has to say of a chain whose money it shows."""

    kind: Literal["retired", "late", "clock"]
    name: str
    seconds: int

    @property
    def doubts_amounts(self) -> bool:
        """Whether amounts or times may be wrong; of a retired chain they are what they were."""
        return self.kind != "retired"

    @property
    def icon(self) -> str:
        return "clock" if self.doubts_amounts else "lock"

    @property
    def words(self) -> str:
        """In the language of the request."""
        match self.kind:
            case "retired":
                text = _(
                    "We no longer follow %(chain)s: amounts here are as we last saw them. Money in the "
                    "contracts is not affected."
                )
            case "late":
                text = _(
                    "Our copy of %(chain)s is %(span)s old, so amounts here may be out of date. Money in the "
                    "contracts is not affected."
                )
            case "clock":
                text = _(
                    "The clocks of %(chain)s and of this site differ by %(span)s. Deadlines here follow the "
                    "network’s clock, as the contracts do."
                )
        return text % {"chain": self.name, "span": span(self.seconds)}


class Waiting(NamedTuple):
    """How many refunds an account can claim, and how much it has not read of what happened to itself."""

    refunds: int
    account_notices: int


class _CountRows(Subquery):
    """How many rows a query has, inside another."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


class Site:
    """The frame of one page."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def is_demo(self) -> bool:
        return bool(settings.IS_DEMO)

    @property
    def demo_accounts(self) -> list[dict[str, str]] | None:
        """Accounts of the demo wallet; None, and no demo wallet, anywhere but in the demo."""
        return settings.DEMO_ACCOUNTS if settings.IS_DEMO else None

    @property
    def origin(self) -> str:
        return absolute("")

    @property
    def address(self) -> str:
        """The page's own address, without what a query adds to it."""
        return absolute(escape_uri_path(self._request.path))

    @property
    def description(self) -> str:
        """What a page says of itself that has nothing better to say."""
        return _(
            "Crowdfunding whose money lives in public contracts: every contribution, refund and fee can be "
            "checked."
        )

    @property
    def sign_in_url(self) -> str:
        """It leads back to this page, unless that is the sign-in itself or what a mailed link opened."""
        match, sign_in = self._request.resolver_match, reverse("web:sign-in")
        if match and (match.url_name == "sign-in" or match.kwargs.get("token")):
            return sign_in
        return f"{sign_in}?next={quote(self._request.get_full_path())}"

    @property
    def _user(self) -> object:
        """Who asks; None of a request that was refused before anybody looked."""
        return getattr(self._request, "user", None)

    @property
    def deletion_due_at(self) -> datetime | None:
        """When the account of who is signed in is going to be deleted; None while nobody asked for that."""
        user = self._user
        return user.deletion_due_at if isinstance(user, User) else None

    @property
    def theme(self) -> str:
        return theme_of(self._request)

    @property
    def consent(self) -> consent.Answer:
        return consent.answer(self._request)

    @cached_property
    def chains(self) -> list[dict[str, Any]]:
        remembered: list[dict[str, Any]] | None = cache.get(CHAINS_KEY)
        if remembered:
            return remembered
        found = _chains()
        # A site that has just been set up knows no chain for a moment: that is not to be remembered.
        if found:
            cache.set(CHAINS_KEY, found, CHAINS_CACHE_SECONDS)
        return found

    def is_play_money(self, chain_ids: Collection[int] = ()) -> bool:
        """Whether the coins of all these chains, or else of every chain of the site, are a test network's."""
        shown = [chain for chain in self.chains if not chain_ids or chain["id"] in chain_ids]
        return bool(shown) and all(chain["is_test_network"] for chain in shown)

    @cached_property
    def waiting(self) -> Waiting:
        """What waits for who is signed in, asked anew for each page, in one query: never out of date."""
        user = self._user
        if not isinstance(user, User):
            return Waiting(0, 0)
        asked = User.objects.filter(pk=user.pk).values_list(
            _CountRows(refunds_to_claim(user)), _CountRows(unread_account_notices(user))
        )
        return Waiting(*asked.get())

    def notices(self, chain_ids: Collection[int] = ()) -> list[Notice]:
        """Of the chains whose money a page shows, those of which it has to say more than their amounts."""
        if not chain_ids:
            return []
        found = (_notice(each) for each in _health() if each.chain_id in chain_ids)
        # Where all networks stand side by side, each of a retired one's cards says so itself.
        return [each for each in found if each and (each.kind != "retired" or len(chain_ids) == 1)]


_HEALTH = Shape[list[ChainHealth]](list[ChainHealth])


def _health() -> list[ChainHealth]:
    health = _HEALTH.load(cache.get(HEALTH_KEY))
    if health is None:
        health = index_health()
        cache.set(HEALTH_KEY, _HEALTH.dump(health), HEALTH_CACHE_SECONDS)
    return health


def _notice(chain: ChainHealth) -> Notice | None:
    is_late = chain.lag_seconds > settings.INDEXER_LAG_LIMIT.total_seconds()
    if chain.is_retired:
        return Notice("retired", chain.name, 0)
    if is_late or chain.state != Chain.State.OK:
        return Notice("late", chain.name, chain.lag_seconds)
    return Notice("clock", chain.name, abs(chain.clock_offset_seconds)) if chain.is_clock_off else None


def site(request: HttpRequest) -> dict[str, Site]:
    return {"site": Site(request)}
