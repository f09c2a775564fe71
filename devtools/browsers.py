"""The browser that tests and measurements drive."""

import os
from pathlib import Path

# Chromium's shell without a screen needs half of a whole Chromium's processor time.
INSTALLED = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")


def chromium() -> str:
    """The browser's path: what CHAINFUND_CHROMIUM names, else what Debian's packages installed."""
    found = (path for path in INSTALLED if Path(path).exists())
    return os.environ.get("CHAINFUND_CHROMIUM") or next(found, INSTALLED[0])
