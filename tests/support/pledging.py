"""Alice, and what she pledges in a world of rows."""

from django_project.accounts.models import User
from django_project.ledger.models import CampaignLaunched, Contribution
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tests.factories import ETHER, World, address

# The numbers of their wallets.
ALICE, BOB = 1, 2


def pledge(world: World, user: User, campaign: CampaignLaunched, amount: int = ETHER) -> PledgeIntent:
    """A pledge from Alice's wallet, made beside any others of hers."""
    return services.create_intent(user, world.listing(campaign), amount, 0, address(ALICE), is_further=True)


def fulfil(
    world: World, campaign: CampaignLaunched, intent: PledgeIntent, amount: int = ETHER
) -> Contribution:
    """The contribution that a pledge was for, in a block of its own."""
    return world.contribute(campaign, backer=intent.backer, ref=intent.ref, amount=amount)


def state(intent: PledgeIntent) -> str:
    """What is stored now."""
    intent.refresh_from_db()
    return intent.state
