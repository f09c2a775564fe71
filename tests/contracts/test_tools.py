"""The wrappers around the compilers' tools."""

import subprocess

from chain import ROOT


def test_forge_says_when_it_failed() -> None:
    """npm's own wrapper ends with status 0 whatever happened."""
    result = subprocess.run([ROOT / "tools" / "forge", "nonsense"], capture_output=True, check=False)
    assert result.returncode != 0
