"""The demo operator's codes are those of every authenticator app."""

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from demo.codes import code, keep_key
from devtools.servers import PROJECT_ROOT

KEY = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # RFC 6238, appendix B, SHA-1: the last six of its eight digits.
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_follow_the_standard(moment: int, expected: str) -> None:
    assert code(KEY, moment) == expected


def test_a_code_lasts_thirty_seconds() -> None:
    assert code(KEY, 30) == code(KEY, 59.9) != code(KEY, 60)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "operator-key"
    key = keep_key(file)
    assert keep_key(file) == key
    assert len(base64.b32decode(key)) == 20
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keep_key(tmp_path / "another") != key


def say_code(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo.codes"],
        env={"CHAINFUND_DEMO_DIR": str(directory), "PATH": ""},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_a_code_or_that_there_is_no_demo(tmp_path: Path) -> None:
    none = say_code(tmp_path)
    assert (none.returncode, none.stdout) == (1, "")
    assert "start one with make demo" in none.stderr
    keep_key(tmp_path / "operator-key")
    said = say_code(tmp_path)
    assert (said.returncode, len(said.stdout.strip())) == (0, 6)
