"""The operator's second factor in the demo: `python -m demo.codes` says the code of this moment.

Codes are those of every authenticator app (RFC 6238): six digits, another every 30 seconds, each good once.
"""

import base64
import hashlib
import hmac
import secrets
import struct
import sys
import time
from pathlib import Path

from demo.options import directory
from demo.processes import OPERATOR_KEY

STEP_SECONDS = 30
DIGITS = 6
KEY_BYTES = 20


def keep_key(file: Path) -> str:
    """The demo's key, made when there is none: an app that knows it stays good from start to start."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(base64.b32encode(secrets.token_bytes(KEY_BYTES)).decode())
    return file.read_text()


def code(key: str, moment: float) -> str:
    """What an app that knows the key shows at a moment (seconds since 1970)."""
    counter = struct.pack(">Q", int(moment) // STEP_SECONDS)
    digest = hmac.new(base64.b32decode(key), counter, hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def main() -> int:
    file = directory() / OPERATOR_KEY
    if not file.exists():
        print(f"error: {file.parent} holds no demo: start one with make demo", file=sys.stderr)
        return 1
    print(code(file.read_text(), time.time()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
