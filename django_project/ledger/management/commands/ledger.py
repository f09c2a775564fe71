"""`manage.py ledger check`: every invariant about money, as queries over the index."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_project.ledger.invariants import CHECKS, violations


class Command(BaseCommand):
    help = "Check the money in the index against itself; `indexer verify` compares it with the chain."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        check = actions.add_parser("check", help="every invariant about money; exit status 1 when one fails")
        check.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        found = violations()
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "checked": len(CHECKS),
                        "violations": [
                            {"invariant": each.invariant, "campaigns": each.campaigns} for each in found
                        ],
                    }
                )
            )
        else:
            broken = {each.invariant: each.campaigns for each in found}
            for invariant in CHECKS:
                campaigns = broken.get(invariant)
                self.stdout.write(f"{'FAILS' if campaigns else 'holds'}  {invariant}")
                for campaign in campaigns or ():
                    self.stdout.write(f"       {campaign}")
        if found:
            raise CommandError(
                f"{len(found)} of {len(CHECKS)} invariants do not hold: run `manage.py indexer verify` to "
                "see whether the index or the chain is at fault"
            )
