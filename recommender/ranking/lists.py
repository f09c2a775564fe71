"""Exact lists from a run and its snapshot; the same run and snapshot give the same bytes."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch

from recommender.data.dataset import Bools, Dataset, Floats, Ints
from recommender.device import exact_arithmetic
from recommender.errors import ConfigError
from recommender.evaluation.metrics import score_blocks, top_k
from recommender.files import sha256_hex
from recommender.models.base import Recommender, context_of
from recommender.models.history import History
from recommender.models.popularity import RecentPopularity, RecentPopularityConfig
from recommender.progress import Progress, silent
from recommender.ranking.reasons import Facts, gather_facts, reasons_for
from recommender.text.cache import TextVectors

ANYBODY = ""
"""The user id of the list for those we know nothing about."""
VISITOR_PREFIX = "visitor:"
"""Of the ids of people without a wallet: they teach the model, but nobody can ask for their list."""

RANKINGS = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int32()),
        ("score", pa.float32()),
        ("reason", pa.string()),
        ("reason_item_id", pa.string()),
    ]
)
SIMILAR = pa.schema(
    [
        ("item_id", pa.string()),
        ("similar_item_id", pa.string()),
        ("rank", pa.int32()),
        ("score", pa.float32()),
    ]
)
AUDIENCES = pa.schema(
    [("item_id", pa.string()), ("user_id", pa.string()), ("rank", pa.int32()), ("score", pa.float32())]
)


@dataclass(frozen=True)
class Ranker:
    """A bound model beside the data it ranks."""

    model: Recommender
    dataset: Dataset
    vectors: TextVectors | None
    """Of the items' texts, where the model has no vectors of its own."""

    def item_vectors(self) -> Floats | None:
        """(items, dims): the model's own, else the centred text vectors."""
        own = self.model.item_vectors()
        if own is not None:
            return np.asarray(own.numpy(), np.float64)
        if self.vectors is None:
            return None
        centred: Floats = self.vectors.pooled.astype(np.float64)
        centred -= centred.mean(0)
        return centred

    def facts(self) -> Facts:
        return gather_facts(self.dataset, self.item_vectors())


def rank_all(ranker: Ranker, k: int, progress: Progress = silent) -> pa.Table:
    """The `k` best open items of every user but visitors, and of ANYBODY: a table like RANKINGS.

    A user's own campaigns and what they backed are left out. Users come in order of their ids, ANYBODY first;
    equal scores in order of item ids.
    """
    dataset, model = ranker.dataset, ranker.model
    open_items = np.flatnonzero(dataset.items.is_open)
    columns: dict[str, list[object]] = {name: [] for name in RANKINGS.names}
    with exact_arithmetic():
        facts = ranker.facts()
        _add_anybody(columns, dataset, facts, open_items, k)
        users = np.flatnonzero(_can_ask(dataset))
        seen = _backed_or_own(dataset)
        for block, scores in score_blocks(model, users, open_items, seen) if len(open_items) else ():
            values, places = top_k(scores, k)
            for row, user in enumerate(users[block].tolist()):
                kept = torch.isfinite(values[row])
                items = open_items[places[row][kept].numpy()]
                _add(
                    columns,
                    dataset,
                    facts,
                    user,
                    items,
                    values[row][kept].numpy(),
                    is_personal=model.is_personal,
                )
            progress("ranking", block.stop / len(users))
    return pa.table(columns, schema=RANKINGS)


def similar_items(ranker: Ranker, k: int) -> pa.Table:
    """The `k` open items most like each item, by cosine: a table like SIMILAR."""
    dataset = ranker.dataset
    columns: dict[str, list[object]] = {name: [] for name in SIMILAR.names}
    open_items = np.flatnonzero(dataset.items.is_open)
    with exact_arithmetic():
        likeness = torch.from_numpy(ranker.facts().likeness)
        likeness.fill_diagonal_(-torch.inf)
        values, places = (
            top_k(likeness[:, open_items], k) if len(open_items) else (likeness[:, :0], likeness[:, :0])
        )
        for item, name in enumerate(dataset.item_ids.names):
            kept = torch.isfinite(values[item])
            for rank, (place, value) in enumerate(
                zip(places[item][kept].tolist(), values[item][kept].tolist(), strict=True), 1
            ):
                _append(columns, name, dataset.item_ids.names[int(open_items[int(place)])], rank, value)
    return pa.table(columns, schema=SIMILAR)


def audiences(ranker: Ranker, k: int, item_id: str | None = None) -> pa.Table:
    """The `k` users most likely to care for each open item, or for one; empty if the model cannot say.

    Its publisher and those who backed it already are left out.

    Raises:
        ConfigError: there is no such item.
    """
    dataset = ranker.dataset
    columns: dict[str, list[object]] = {name: [] for name in AUDIENCES.names}
    items = (
        np.flatnonzero(dataset.items.is_open)
        if item_id is None
        else np.array([item_number(dataset, item_id)])
    )
    with exact_arithmetic():
        seen = _backed_or_own(dataset).matrix.T.tocsr()
        for part in np.array_split(items, max(len(items) // 256, 1)):
            scores = ranker.model.audience_scores(torch.from_numpy(part)) if len(part) else None
            if scores is None:
                break
            hidden = torch.from_numpy(seen[part].toarray()) > 0
            hidden |= ~torch.from_numpy(_can_ask(dataset))
            values, users = top_k(scores.masked_fill(hidden, -torch.inf), k)
            for row, item in enumerate(part.tolist()):
                kept = torch.isfinite(values[row])
                for rank, (user, value) in enumerate(
                    zip(users[row][kept].tolist(), values[row][kept].tolist(), strict=True), 1
                ):
                    _append(columns, dataset.item_ids.names[item], dataset.users.names[user], rank, value)
    return pa.table(columns, schema=AUDIENCES)


def item_number(dataset: Dataset, item_id: str) -> int:
    """Raises ConfigError for an item that is not in the snapshot."""
    number = dataset.item_ids.find(item_id)
    if number is None:
        raise ConfigError(f"no item {item_id!r} in this snapshot: take a snapshot that has it")
    return number


def digest(table: pa.Table) -> str:
    """SHA-256 of the table's rows: of its Arrow stream in one piece."""
    sink = pa.BufferOutputStream()
    whole = table.combine_chunks()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    return sha256_hex(sink.getvalue().to_pybytes())


def _can_ask(dataset: Dataset) -> Bools:
    """Which users are somebody we can show or name."""
    return np.array(
        [bool(name) and not name.startswith(VISITOR_PREFIX) for name in dataset.users.names], np.bool_
    )


def _backed_or_own(dataset: Dataset) -> History:
    """What each user is not shown: backed items and their own."""
    backed = dataset.pairs.backed
    publishers = [dataset.publishers.names[number] for number in dataset.items.publisher]
    owners = np.array([(name and dataset.users.find(name)) or 0 for name in publishers], np.int64)
    own = np.flatnonzero(owners)
    user, item = np.concatenate([backed.user, owners[own]]), np.concatenate([backed.item, own])
    return History(user, item, np.ones(len(user)), (len(dataset.users), len(dataset.item_ids)))


def _add_anybody(
    columns: dict[str, list[object]], dataset: Dataset, facts: Facts, open_items: Ints, k: int
) -> None:
    """What was backed most lately, for those we know nothing about."""
    context = context_of(dataset, None)
    model = RecentPopularity(RecentPopularityConfig(), context.sizes)
    model.fit(context)
    scores = model.score(torch.zeros(1, dtype=torch.int64), torch.from_numpy(open_items)).float()
    values, places = top_k(scores, k)
    items = open_items[places[0].numpy()]
    _add(columns, dataset, facts, 0, items, values[0].numpy(), is_personal=False)


def _add(
    columns: dict[str, list[object]],
    dataset: Dataset,
    facts: Facts,
    user: int,
    items: Ints,
    scores: np.ndarray,
    *,
    is_personal: bool,
) -> None:
    reasons = reasons_for(facts, user, items, is_personal=is_personal)
    names = dataset.item_ids.names
    columns["user_id"].extend([dataset.users.names[user]] * len(items))
    columns["item_id"].extend(names[item] for item in items)
    columns["rank"].extend(range(1, len(items) + 1))
    columns["score"].extend(scores.tolist())
    columns["reason"].extend(reason.kind for reason in reasons)
    columns["reason_item_id"].extend(names[reason.item] if reason.item >= 0 else None for reason in reasons)


def _append(columns: dict[str, list[object]], *values: object) -> None:
    for column, value in zip(columns.values(), values, strict=True):
        column.append(value)
