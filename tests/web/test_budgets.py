"""How much a page makes a phone fetch, compressed."""

import json
from typing import Any

import pytest

from benchmarks.page_weight import MANIFEST, SITE, WALLET, compressed

FIRST_SCRIPT_BYTES = 30_000
FIRST_STYLE_BYTES = 25_000
WALLET_BYTES = 60_000


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    entries: dict[str, Any] = json.loads(MANIFEST.read_text())
    return entries


def test_the_first_load_is_small(manifest: dict[str, Any]) -> None:
    assert 0 < compressed(manifest, SITE, "script", set()) <= FIRST_SCRIPT_BYTES
    assert 0 < compressed(manifest, SITE, "style", set()) <= FIRST_STYLE_BYTES


def test_wallet_code_is_small_and_waits_for_its_page(manifest: dict[str, Any]) -> None:
    assert WALLET in manifest[SITE]["dynamicImports"]
    assert compressed(manifest, WALLET, "script", {SITE}) <= WALLET_BYTES


def test_the_demo_wallet_is_a_file_of_its_own(manifest: dict[str, Any]) -> None:
    script = (MANIFEST.parent / manifest[SITE]["file"]).read_text()
    assert "demo-wallet" not in script
    assert manifest["django_project/frontend/demo-wallet/main.ts"]["isEntry"]
