"""How it is written the first time: web3.py, one request a block, one Django ORM statement a row.

The same rows and totals as ours, without any check.
`DATABASE_URL=… python -m benchmarks.naive RPC_URL REGISTRY FIRST LAST`.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from web3 import HTTPProvider, Web3


def main(rpc_url: str, registry: Path, first: int, last: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
    django.setup()
    from django.conf import settings
    from django.db import transaction
    from django.db.models import F

    from django_project.core.addresses import parse_address
    from django_project.ledger.models import Block, CampaignLaunched, CampaignTotals, Chain, Contribution

    document = json.loads(registry.read_text())
    abis = {each["name"]: settings.ABIS_DIR / f"{each['abiHash']}.json" for each in document["contracts"]}
    web3 = Web3(HTTPProvider(rpc_url))
    factory = web3.eth.contract(abi=json.loads(abis["CampaignFactory"].read_text()))
    campaign = web3.eth.contract(abi=json.loads(abis["Campaign"].read_text()))
    created, contributed = factory.events.CampaignCreated(), campaign.events.Contributed()
    chain = Chain.objects.create(pk=web3.eth.chain_id, name="naive")

    def launch(log: Any, time: datetime) -> None:
        args = log["args"]
        row = CampaignLaunched.objects.create(
            **_place(chain, log, time),
            seq=args["seq"],
            factory=parse_address(log["address"]),
            address=parse_address(args["campaign"]),
            creator=parse_address(args["creator"]),
            token=parse_address(args["token"]),
            mode=args["mode"],
            goal=args["goal"],
            start=datetime.fromtimestamp(args["start"], UTC),
            deadline=datetime.fromtimestamp(args["deadline"], UTC),
            fee_bps=args["feeBps"],
            min_contribution=args["minContribution"],
            cap=args["cap"],
            metadata_uri=args["metadataURI"],
            metadata_hash=bytes(args["metadataHash"]),
        )
        CampaignTotals.objects.create(campaign=row)

    def contribute(log: Any, time: datetime) -> None:
        args = log["args"]
        row = CampaignLaunched.objects.get(chain=chain, address=parse_address(log["address"]))
        is_new = args["backerTotal"] == args["amount"]
        Contribution.objects.create(
            **_place(chain, log, time),
            seq=args["seq"],
            campaign=row,
            backer=parse_address(args["backer"]),
            payer=parse_address(args["payer"]),
            token=parse_address(args["token"]),
            tier_id=args["tierId"],
            ref=bytes(args["ref"]),
            amount=args["amount"],
            backer_total=args["backerTotal"],
            total_raised=args["totalRaised"],
        )
        CampaignTotals.objects.filter(campaign=row).update(
            raised=args["totalRaised"],
            contributions=F("contributions") + 1,
            backers=F("backers") + int(is_new),
            last_contribution_at=time,
            last_seq=args["seq"],
        )

    handlers = {created.topic: (created, launch), contributed.topic: (contributed, contribute)}
    for number in range(first, last + 1):
        block = web3.eth.get_block(number)
        time = datetime.fromtimestamp(block["timestamp"], UTC)
        logs = web3.eth.get_logs({"fromBlock": number, "toBlock": number, "topics": [list(handlers)]})
        with transaction.atomic():
            Block.objects.create(
                chain=chain,
                number=number,
                hash=bytes(block["hash"]),
                parent_hash=bytes(block["parentHash"]),
                timestamp=time,
            )
            for log in logs:
                event, handle = handlers[Web3.to_hex(log["topics"][0])]
                handle(event.process_log(log), time)


def _place(chain: Any, log: Any, time: datetime) -> dict[str, Any]:
    return {
        "chain": chain,
        "block_number": log["blockNumber"],
        "log_index": log["logIndex"],
        "block_time": time,
        "tx_hash": bytes(log["transactionHash"]),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
