"""What every page's frame needs. Nothing is read until a template asks for it."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path

from django_project.discovery import consent
from django_project.ledger.models import Chain
from django_project.ledger.selectors import ChainHealth, index_health
from django_project.pledges.selectors import refunds_to_claim
from django_project.web.links import absolute

THEME_COOKIE = "theme"
THEMES = ("day", "night")

# The frame's data is the same for everybody, and a few seconds old at most.
HEALTH_CACHE_SECONDS = 3
CHAINS_KEY = "web:chains"
CHAINS_CACHE_SECONDS = 30


def _chains() -> list[dict[str, Any]]:
    return [
        {
            "id": chain.chain_id,
            "name": chain.name,
            "currency": {"symbol": chain.currency_symbol, "decimals": chain.currency_decimals},
            "explorer_url": chain.explorer_url,
            "rpc_urls": settings.PUBLIC_RPC_URLS.get(chain.chain_id, []),
            "is_test_network": chain.is_test_network,
        }
        for chain in Chain.objects.all()
    ]


def theme_of(request: HttpRequest) -> str:
    """What the visitor chose; empty: as the device says."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


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

    @property
    def is_test_network(self) -> bool:
        return any(chain["is_test_network"] for chain in self.chains)

    @cached_property
    def refunds_to_claim(self) -> int:
        """How many refunds wait for who is signed in, asked anew for each page: never out of date."""
        return refunds_to_claim(self._request.user)

    @cached_property
    def late_chains(self) -> list[ChainHealth]:
        """Chains whose index is further behind than the site may pass over in silence."""
        health: list[ChainHealth] | None = cache.get_or_set("web:health", index_health, HEALTH_CACHE_SECONDS)
        limit = settings.INDEXER_LAG_LIMIT.total_seconds()
        return [chain for chain in health or [] if chain.state != "ok" or chain.lag_seconds > limit]


def site(request: HttpRequest) -> dict[str, Site]:
    return {"site": Site(request)}
