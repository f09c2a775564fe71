"""A small platform of two tastes, and the recommender's command: for tests that train on real rows."""

import json
import random
import uuid
from io import StringIO
from typing import Any

import polars as pl
from django.core.management import call_command
from django.utils import timezone

from django_project.discovery.models import BehaviourEvent, Visitor
from django_project.discovery.selectors import LiveModel, live_model
from django_project.ledger.models import CampaignLaunched
from tasks.recommending.tables import provenance, tables
from tests.factories import World, address

TASTES = {
    "food": "Bees, honey, hives and wild flowers on the roof of the old tram depot",
    "technology": "A mechanical keyboard with open firmware, quiet switches and printed keycaps",
}
BACKERS = 40


def campaigns_of_two_tastes(world: World, each: int = 10) -> list[CampaignLaunched]:
    """Even numbers are food, odd ones technology."""
    made = []
    for number in range(2 * each):
        category = ("food", "technology")[number % 2]
        made.append(
            world.campaign(
                category=category, title=f"{category} {number}", story=f"{TASTES[category]} {number}"
            )
        )
    for campaign in made:
        world.listing(campaign)
    return made


def backers_with_tastes(world: World, campaigns: list[CampaignLaunched], backers: int = BACKERS) -> None:
    """Backer n backs five campaigns of one taste, even ones food; then everything becomes final."""
    dice = random.Random(1)
    for number in range(backers):
        for campaign in dice.sample(campaigns[number % 2 :: 2], 5):
            world.contribute(campaign, backer=address(number))
    world.mine(20)


def view(
    campaign: CampaignLaunched, visitor: Visitor, wallet: bytes | None = None, seconds: int = 90
) -> None:
    BehaviourEvent.objects.create(
        visitor=visitor,
        wallet_address=wallet,
        client_event_id=uuid.uuid4(),
        kind=BehaviourEvent.Kind.VIEW,
        chain_id=campaign.chain_id,
        campaign_address=campaign.address,
        dwell_seconds=seconds,
        occurred_at=timezone.now(),
    )


def visitor(*, consents: bool = True) -> Visitor:
    return Visitor.objects.create(consented_at=timezone.now() if consents else None)


def key_of(number: int) -> str:
    return "0x" + address(number).hex()


def item_of(campaign: CampaignLaunched) -> str:
    return f"{campaign.chain_id}:0x{bytes(campaign.address).hex()}"


def snapshot_events() -> pl.DataFrame:
    return tables(provenance()).events


def refresh(*arguments: str) -> dict[str, Any]:
    """Snapshot, train a `twotower`, ask the gates and publish; what the command tells."""
    result: dict[str, Any] = json.loads(command("refresh", "--models", "twotower", "--json", *arguments))
    return result


def shown() -> LiveModel:
    """The model whose lists the site shows."""
    live = live_model()
    assert live is not None
    return live


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("recommend", *arguments, stdout=out)
    return out.getvalue()
