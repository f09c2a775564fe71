"""Gates that look into a run's files: its weights, its vocabulary, the snapshot it was made from."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from recommender.data.snapshot import open_snapshot
from recommender.errors import RecommenderError
from recommender.registry.gate_results import GateResult
from recommender.registry.runs import RunInfo, load_model, load_vocabularies

NAMED = 3
"""Missing names that are given as examples."""
SHOWN = 16
"""Digits of a hash by which snapshots are called."""


@dataclass(frozen=True)
class ErasedUsers:
    """Users whom the live run may know and a new one need not, by `erasure_hash`."""

    erased: frozenset[str] = frozenset()
    """Asked to be forgotten: a new run must not know them."""
    excused: frozenset[str] = frozenset()
    """May have nothing left to learn from: refunded, or their consent is gone."""


def artifact_gates(run: RunInfo, live: RunInfo | None, erased_users: ErasedUsers) -> Iterator[GateResult]:
    """What the run's own files say of it, gate by gate."""
    yield _weights_are_finite(run)
    yield _snapshot_is_sound(run)
    yield _vocabulary_holds(run, live, erased_users)


def erasure_hash(user_id: str) -> str:
    """What is kept of somebody who is not to be kept."""
    return hashlib.sha256(user_id.encode()).hexdigest()


def _weights_are_finite(run: RunInfo) -> GateResult:
    """No weight of the run is NaN."""
    try:
        state = load_model(run).state_dict()
    except RecommenderError as error:
        return GateResult.of(run.id, "weights_unreadable", error=str(error))
    for name, tensor in state.items():
        if tensor.is_floating_point() and torch.isnan(tensor).any():
            return GateResult.of(run.id, "weights_not_finite", parameter=name)
    return GateResult.of(run.id, "weights_finite")


def _snapshot_is_sound(run: RunInfo) -> GateResult:
    """The snapshot the run names is there, with the bytes it was trained on."""
    wanted = run.manifest.snapshot_hash
    try:
        found = open_snapshot(run.path.parent / run.manifest.snapshot_path).hash
    except RecommenderError as error:
        return GateResult.of(run.id, "snapshot_unverified", error=str(error))
    if found != wanted:
        return GateResult.of(run.id, "snapshot_differs", snapshot=wanted[:SHOWN], found=found[:SHOWN])
    return GateResult.of(run.id, "snapshot_verified", snapshot=wanted[:SHOWN])


def _vocabulary_holds(run: RunInfo, live: RunInfo | None, erased_users: ErasedUsers) -> GateResult:
    """Whoever and whatever the live run knows has to be known, but for those who were erased or excused."""
    try:
        now = load_vocabularies(run)
        before = load_vocabularies(live) if live else None
    except RecommenderError as error:
        return GateResult.of(run.id, "vocabulary_unreadable", error=str(error))
    kept = sum(erasure_hash(name) in erased_users.erased for name in now["users"].names)
    if kept:
        return GateResult.of(run.id, "erased_users_known", count=kept)
    if live is None or before is None:
        return GateResult.of(run.id, "nothing_live_to_know")
    known = set(now["users"].names)
    lost = [name for name in before["users"].names if name not in known]
    gone = erased_users.erased | erased_users.excused
    lost = [name for name in lost if erasure_hash(name) not in gone]
    items = set(now["item_ids"].names)
    lost += [name for name in before["item_ids"].names if name not in items]
    if lost:
        some = ", ".join(lost[:NAMED])
        return GateResult.of(run.id, "vocabulary_lost", count=len(lost), live_run=live.id, examples=some)
    return GateResult.of(run.id, "vocabulary_kept", live_run=live.id)
