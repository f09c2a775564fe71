"""Gates that look into a run's files: its weights, its vocabulary, the snapshot it was made from."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from recommender.data.snapshot import open_snapshot
from recommender.errors import RecommenderError
from recommender.registry.metric_gates import Gate, passes, refuses
from recommender.registry.runs import RunInfo, load_model, load_vocabularies

NAMED = 3
"""Missing names a sentence gives as examples."""


@dataclass(frozen=True)
class ErasedUsers:
    """Users whom the live run may know and a new one need not, by `erasure_hash`."""

    erased: frozenset[str] = frozenset()
    """Asked to be forgotten: a new run must not know them."""
    excused: frozenset[str] = frozenset()
    """May have nothing left to learn from: refunded, or their consent is gone."""


def artifact_gates(run: RunInfo, live: RunInfo | None, erased_users: ErasedUsers) -> Iterator[Gate]:
    yield _weights_are_finite(run)
    yield _snapshot_is_sound(run)
    yield _vocabulary_holds(run, live, erased_users)


def erasure_hash(user_id: str) -> str:
    """What is kept of somebody who is not to be kept."""
    return hashlib.sha256(user_id.encode()).hexdigest()


def _weights_are_finite(run: RunInfo) -> Gate:
    try:
        state = load_model(run).state_dict()
    except RecommenderError as error:
        return refuses(f"{run.id}: its weights cannot be read ({error}), so it is refused.")
    bad = [name for name, tensor in state.items() if tensor.is_floating_point() and _has_nan(tensor)]
    if bad:
        return refuses(f"{run.id}: {bad[0]} has weights that are not a number, so it is refused.")
    return passes(f"{run.id}: all of its weights are numbers.")


def _has_nan(tensor: torch.Tensor) -> bool:
    return bool(torch.isnan(tensor).any())


def _snapshot_is_sound(run: RunInfo) -> Gate:
    wanted = run.manifest.snapshot_hash
    try:
        found = open_snapshot(run.path.parent / run.manifest.snapshot_path).hash
    except RecommenderError as error:
        return refuses(f"{run.id}: its snapshot cannot be verified ({error}), so it is refused.")
    if found != wanted:
        return refuses(
            f"{run.id}: it names snapshot {wanted[:16]} but {found[:16]} lies there, so it is refused.",
        )
    return passes(f"{run.id}: snapshot {wanted[:16]} has the bytes it was trained on.")


def _vocabulary_holds(run: RunInfo, live: RunInfo | None, erased_users: ErasedUsers) -> Gate:
    """Whoever and whatever the live run knows has to be known, but for those who were erased or excused."""
    try:
        now = load_vocabularies(run)
        before = load_vocabularies(live) if live else None
    except RecommenderError as error:
        return refuses(f"{run.id}: vocabularies cannot be compared ({error}), so it is refused.")
    kept = sum(erasure_hash(name) in erased_users.erased for name in now["users"].names)
    if kept:
        return refuses(f"{run.id}: it knows {kept} who asked to be forgotten, so it is refused.")
    if live is None or before is None:
        return passes(f"{run.id}: nothing is live whose users and campaigns it would have to know.")
    known = set(now["users"].names)
    lost = [name for name in before["users"].names if name not in known]
    gone = erased_users.erased | erased_users.excused
    lost = [name for name in lost if erasure_hash(name) not in gone]
    items = set(now["item_ids"].names)
    lost += [name for name in before["item_ids"].names if name not in items]
    if lost:
        some = ", ".join(lost[:NAMED])
        return refuses(
            f"{run.id}: it does not know {len(lost)} that {live.id} knows ({some}), so it is refused."
        )
    return passes(f"{run.id}: it knows all users and campaigns that {live.id} knows.")
