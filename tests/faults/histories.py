"""What happens on the chains that the indexer is tried on."""

from datetime import timedelta

from web3.types import Wei

from tests.support.contracts import Suite, contribute, create_campaign, mine, set_automine


def busy(suite: Suite) -> None:
    """Campaigns that are created, funded and emptied at once, then quiet blocks, then a hot end."""
    campaigns = [create_campaign(suite, tiers=((1, 0),) * index) for index in range(3)]
    for round_number in range(6):
        set_automine(suite, on=False)
        for index, campaign in enumerate(campaigns):
            call = campaign.functions.contribute(0, bytes([round_number]) * 32)
            call.transact({"from": suite.accounts[3 + index], "value": Wei(10 + round_number)})
        set_automine(suite, on=True)
        mine(suite)
    mine(suite, 20)
    contribute(suite, create_campaign(suite), amount=3)
    suite.send(campaigns[0].functions.cancel("no"), suite.accounts[2])
    suite.send(campaigns[0].functions.refund(), suite.accounts[3])


def eventful(suite: Suite) -> None:
    """Seven blocks, fewer than the window has, that write to most of the ledger's tables."""
    milestones = ((5_000, timedelta(days=10)), (5_000, timedelta(days=20)))
    campaign = create_campaign(suite, tiers=((1, 5),), milestones=milestones)
    contribute(suite, campaign, amount=10)
    suite.send(campaign.functions.postUpdate("chainfund:metadata:0x", b"\x02" * 32), suite.accounts[2])
    suite.send(suite.factory.functions.pause(), suite.admin)
    suite.send(suite.factory.functions.unpause(), suite.admin)
    suite.send(campaign.functions.cancel("no"), suite.accounts[2])
    suite.send(campaign.functions.refund(), suite.accounts[3])
