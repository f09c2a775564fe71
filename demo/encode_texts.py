"""Keeps the campaigns' texts and has the encoder read them: `python -m demo.encode_texts < slugs.json`.

Nothing of it needs a chain: it is done while the contracts are compiled, and the training finds the vectors.
A process of its own, because it loads Django and the demo does not.
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

    from demo.catalogue import load_catalogue
    from demo.texts import campaign_document
    from django_project.campaigns import services
    from recommender.progress import silent
    from tasks.recommending.steps import embed

    catalogue = load_catalogue()
    chosen = set(json.load(sys.stdin))
    with transaction.atomic():
        services.ensure_categories([asdict(category) for category in catalogue.categories])
        for campaign in catalogue.campaigns:
            if campaign.slug in chosen:
                services.store_metadata(campaign_document(campaign))
    embed(silent)


if __name__ == "__main__":
    main()
