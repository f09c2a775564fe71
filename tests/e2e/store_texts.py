"""Stores campaign texts as the creator's wizard would, before their launch: JSON list in, hashes out.

Run as a process of its own (`python -m tests.e2e.store_texts`): the browser tests stay without Django.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
django.setup()

from django_project.campaigns import services  # noqa: E402  # Django has to be set up first


def main() -> None:
    request = json.load(sys.stdin)
    services.ensure_categories(request["categories"])
    json.dump([bytes(services.store_metadata(text).hash).hex() for text in request["texts"]], sys.stdout)


if __name__ == "__main__":
    main()
