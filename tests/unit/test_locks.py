"""The lock files name each package with its hashes, and no index that they would come from."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(path.name for path in (ROOT / "requirements").glob("*.lock"))


@pytest.mark.parametrize("name", LOCKS)
def test_each_package_goes_with_its_hashes(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) > 10
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


def test_each_npm_package_goes_with_its_hash() -> None:
    """Those of other platforms may lack it: an index that serves one platform cannot tell it."""
    text = (ROOT / "package-lock.json").read_text()
    packages = {path: entry for path, entry in json.loads(text)["packages"].items() if path}
    unhashed = {
        path: entry for path, entry in packages.items() if "sha512-" not in entry.get("integrity", "")
    }
    assert len(packages) - len(unhashed) > 100
    assert [
        path for path, entry in unhashed.items() if not (entry.get("optional") and _is_foreign(entry))
    ] == []
    assert '"resolved"' not in text


def _is_foreign(entry: dict[str, list[str]]) -> bool:
    return entry.get("os") != ["linux"] or entry.get("cpu") != ["x64"] or entry.get("libc") == ["musl"]
