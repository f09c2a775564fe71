"""A small shop window, and the built front end that its pages point to."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from benchmarks.page_weight import MANIFEST
from django_project.accounts.models import User
from django_project.campaigns.models import Listing
from django_project.core.addresses import format_address
from django_project.ledger.models import CampaignLaunched
from tests.factories import ETHER, TOKEN, World, address, backer_user

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def _front_end() -> None:
    """Build the front end where nobody has: the pages' links come from its manifest."""
    if not MANIFEST.exists():
        subprocess.run(["npm", "run", "build"], cwd=ROOT, check=True, capture_output=True)


class Shop:
    """Campaigns of several kinds: open in two languages and currencies, failed, cancelled, paid out."""

    def __init__(self) -> None:
        world = self.world = World()
        long_ago = timezone.now() - timedelta(days=60)
        self.honey = world.listing(
            world.campaign(
                title="Honey from eight roofs",
                goal=10 * ETHER,
                tiers=((ETHER // 10, 0), (ETHER, 2)),
                min_contribution=ETHER // 100,
                rewards=[{"tier": 1, "title": "One jar", "description": "From your street"}],
            )
        )
        self.tea = world.listing(
            world.campaign(
                title="半坡春茶",
                tagline="四十亩老丛，人工除草",
                story="修好**炒锅**。",
                language="zh-hans",
                category="technology",
                token=TOKEN,
                goal=5_000 * 10**6,
                all_or_nothing=False,
            )
        )
        self.bench = world.listing(
            world.campaign(title="A bench that folds", started=long_ago, category="games")
        )
        self.clock = world.listing(world.campaign(title="A clock for the square", category="games"))
        for backer in (1, 2, 3):
            world.contribute(self.launched(self.honey), backer=address(backer), amount=ETHER * backer + 7)
        world.contribute(self.launched(self.tea), backer=address(1), amount=1_250_500_000)
        world.contribute(self.launched(self.bench), backer=address(1), amount=ETHER // 2, at=long_ago)
        world.contribute(self.launched(self.clock), backer=address(2), amount=ETHER)
        world.cancel(self.launched(self.clock), "The square is closed")
        world.post_update(self.launched(self.honey), "First frames", "They **hum**.")

    @staticmethod
    def launched(listing: Listing) -> CampaignLaunched:
        launched = listing.launched
        assert launched is not None
        return launched


@pytest.fixture
def shop(db: None) -> Shop:  # noqa: ARG001  # asked for by its effect
    return Shop()


def signed_in(user: User) -> Client:
    """A browser in which the account's wallet signed in."""
    client = Client()
    client.force_login(user)
    session = client.session
    session["wallet"] = format_address(user.wallets.get().address)
    session.save()
    return client


@pytest.fixture
def backer(shop: Shop) -> Client:  # noqa: ARG001  # asked for by its effect
    """Somebody with money in three campaigns of the shop."""
    return signed_in(backer_user(1, "Ines"))
