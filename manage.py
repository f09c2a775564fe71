#!/usr/bin/env python
"""Django's command line for ChainFund."""

import gc
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

# Objects made between two looks of the garbage collector (Python's own: 700, 10, 10). Commands read and
# write rows by the hundred thousand, and hardly any of them is garbage: looking took a seventh of a backfill.
COLLECTOR_THRESHOLDS = (20_000, 20, 100)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration: {error}")


if __name__ == "__main__":
    main()
