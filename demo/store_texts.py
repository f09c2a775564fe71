"""Keeps updates and evidence that the chains name by hash: `python -m demo.store_texts < networks.json`.

It also writes down what the chains are called, their currencies and finality, as operators do of chains that
nobody knows. A process of its own, because it loads Django and the demo does not. Standard input is a JSON
list of chains: the columns of each one's row, and the address of each campaign on it by its slug.
"""

import json
import os
import sys

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
    django.setup()

    from django.db import transaction

    from demo.catalogue import load_catalogue
    from demo.simulation.milestones import SHARES
    from demo.texts import evidence_document, update_document
    from django_project.community.services import store_update
    from django_project.core.addresses import parse_address
    from django_project.ledger.models import Chain

    catalogue = load_catalogue()
    by_slug = {campaign.slug: campaign for campaign in catalogue.campaigns}
    with transaction.atomic():
        for network in json.load(sys.stdin):
            chain, _ = Chain.objects.update_or_create(
                chain_id=network["chain"].pop("chain_id"), defaults=network["chain"]
            )
            for slug, address in network["addresses"].items():
                campaign = by_slug[slug]
                documents = [
                    *(update_document(update) for update in campaign.updates),
                    *(evidence_document(campaign, number) for number in range(1, len(SHARES) + 1)),
                ]
                for document in documents:
                    store_update(document, chain.chain_id, parse_address(address))


if __name__ == "__main__":
    main()
