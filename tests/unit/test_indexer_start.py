"""What a process that indexes loads: its start is a good part of a short backfill, and of its memory."""

import subprocess
import sys

from devtools.servers import PROJECT_ROOT

# Of pages and sign-ins, of the broker, and of what is drawn on a terminal.
IDLE = {"celery", "fido2", "kombu", "PIL", "redis", "regex", "rich", "rest_framework.views", "structlog"}


def test_the_indexer_loads_nothing_of_the_site() -> None:
    program = (
        "import sys, django; django.setup(); import tasks.management.commands.indexer; "
        f"print(*sorted({IDLE!r} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_ROOT, check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == []
