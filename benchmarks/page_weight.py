"""Compressed bytes of what a page fetches, read from the built front end's manifest."""

import gzip
import json
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).resolve().parents[1] / "django_project" / "frontend" / "dist" / "manifest.json"
SITE = "django_project/frontend/site.ts"
WALLET = "django_project/frontend/wallet/elements.ts"


def compressed(manifest: dict[str, Any], entry: str, kind: str, seen: set[str]) -> int:
    """Bytes of an entry's own file ("script") or styles ("style") and of those it imports at once."""
    if entry in seen:
        return 0
    seen.add(entry)
    chunk = manifest[entry]
    files = [chunk["file"]] if kind == "script" else chunk.get("css", [])
    own = sum(len(gzip.compress((MANIFEST.parent / name).read_bytes())) for name in files)
    return own + sum(compressed(manifest, each, kind, seen) for each in chunk.get("imports", []))


def kilobytes() -> dict[str, float]:
    """First load and wallet chunk in kB (1000 bytes), as `web.json` names them."""
    manifest = json.loads(MANIFEST.read_text())
    return {
        "js_kb": round(compressed(manifest, SITE, "script", set()) / 1000, 1),
        "css_kb": round(compressed(manifest, SITE, "style", set()) / 1000, 1),
        "wallet_kb": round(compressed(manifest, WALLET, "script", {SITE}) / 1000, 1),
    }
