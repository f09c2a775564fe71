"""What there is under a root, and whether it is sound."""

from dataclasses import dataclass
from pathlib import Path

import torch

from recommender.data.snapshot import MANIFEST as SNAPSHOT_MANIFEST
from recommender.data.snapshot import open_snapshot
from recommender.device import best_device, cpu_has_bfloat16, use_threads
from recommender.errors import RecommenderError
from recommender.models.registry import MODELS
from recommender.registry.pointer import live_run, read_pointer
from recommender.registry.runs import MANIFEST, open_run


@dataclass(frozen=True)
class Finding:
    text: str
    is_sound: bool = True


def diagnose(root: Path) -> list[Finding]:
    """One finding for the machine, the models, each snapshot, each run and the live pointer."""
    narrow = "with" if cpu_has_bfloat16() else "without"
    machine = (
        f"torch {torch.__version__} on {best_device().type}, {use_threads()} CPU threads, {narrow} bfloat16"
    )
    findings = [Finding(machine), Finding(f"models: {', '.join(MODELS)}")]
    snapshots, runs = (root / "snapshots").glob(f"*/{SNAPSHOT_MANIFEST}"), root.glob(f"*/{MANIFEST}")
    findings.extend(_open(path.parent, "snapshot") for path in sorted(snapshots))
    findings.extend(_open(path.parent, "run") for path in sorted(runs))
    return [*findings, _pointer(root)]


def _open(path: Path, kind: str) -> Finding:
    try:
        if kind == "run":
            run = open_run(path)
            return Finding(f"run {run.id} of {run.manifest.trained_at:%Y-%m-%d %H:%M}")
        rows = ", ".join(f"{count:,} {name}" for name, count in open_snapshot(path).manifest.rows.items())
        return Finding(f"snapshot {path.name}: {rows}")
    except RecommenderError as error:
        return Finding(str(error), is_sound=False)


def _pointer(root: Path) -> Finding:
    try:
        if read_pointer(root) is None:
            return Finding("no run is live here")
        run = live_run(root)
        return Finding(f"live: {run.id if run else 'nothing'}")
    except RecommenderError as error:
        return Finding(str(error), is_sound=False)
