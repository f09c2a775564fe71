"""Keeps the texts that the chain names by hash: `python -m tasks.demo.store_texts < addresses.json`.

A process of its own, because it loads Django and the demo does not. Standard input is a JSON object: the
chain id and each chosen campaign's address by its slug.
"""

import json
import os
import sys
from dataclasses import asdict

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
    django.setup()

    from django.db import transaction

    from django_project.campaigns import services
    from django_project.core.addresses import parse_address
    from tasks.demo.catalogue import load_catalogue
    from tasks.demo.simulation.milestones import SHARES
    from tasks.demo.texts import campaign_document, evidence_document, update_document

    request = json.load(sys.stdin)
    catalogue = load_catalogue()
    with transaction.atomic():
        services.ensure_categories([asdict(category) for category in catalogue.categories])
        for campaign in catalogue.campaigns:
            address = request["addresses"].get(campaign.slug)
            if address is None:
                continue
            services.store_metadata(campaign_document(campaign))
            for update in campaign.updates:
                services.store_update(update_document(update), request["chain_id"], parse_address(address))
            for number in range(1, len(SHARES) + 1):
                document = evidence_document(campaign, number)
                services.store_update(document, request["chain_id"], parse_address(address))


if __name__ == "__main__":
    main()
