"""Exact lists from a run and its snapshot; the same run and snapshot give the same bytes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from recommender.data.context import context_of
from recommender.data.dataset import Bools, Dataset, Floats, Ints
from recommender.data.history import History
from recommender.device import exact_arithmetic
from recommender.errors import ConfigError
from recommender.evaluation.metrics import CELLS_PER_BLOCK, score_blocks, top_k
from recommender.evaluation.scorer import device_of
from recommender.files import sha256_hex
from recommender.interface import Recommender
from recommender.models.popularity import RecentPopularity, RecentPopularityConfig
from recommender.progress import Progress, silent
from recommender.ranking.reasons import KINDS, Facts, choose_reasons, gather_facts
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
    """A bound model beside the data it ranks. What all lists need is gathered when the first is asked for."""

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

    @cached_property
    def facts(self) -> Facts:
        with exact_arithmetic():
            return gather_facts(self.dataset, self.item_vectors())

    @cached_property
    def open_items(self) -> Ints:
        return np.flatnonzero(self.dataset.items.is_open)

    @cached_property
    def can_ask(self) -> Bools:
        """Which users are somebody we can show or name."""
        names = self.dataset.users.names
        return np.array([bool(name) and not name.startswith(VISITOR_PREFIX) for name in names], np.bool_)

    @cached_property
    def hidden(self) -> History:
        """What each user is not shown: backed items and their own."""
        dataset = self.dataset
        backed = dataset.pairs.backed
        publishers = [dataset.publishers.names[number] for number in dataset.items.publisher]
        owners = np.array([(name and dataset.users.find(name)) or 0 for name in publishers], np.int64)
        own = np.flatnonzero(owners)
        user, item = np.concatenate([backed.user, owners[own]]), np.concatenate([backed.item, own])
        return History(user, item, np.ones(len(user)), (len(dataset.users), len(dataset.item_ids)))

    @cached_property
    def user_names(self) -> pa.Array:
        return pa.array(self.dataset.users.names, pa.string())

    @cached_property
    def item_names(self) -> pa.Array:
        return pa.array(self.dataset.item_ids.names, pa.string())


class _Lists(NamedTuple):
    """Lists under each other: the owner of each row, what stands there, and where; by number."""

    owner: Ints
    entry: Ints
    rank: Ints
    score: NDArray[np.float32]

    @classmethod
    def of(cls, owners: Ints, entries: Ints, scores: torch.Tensor, k: int) -> "_Lists":
        """The `k` best finite scores of each owner, (owners, entries)."""
        values, places = top_k(scores, k)
        kept = torch.isfinite(values)
        row, rank = kept.nonzero(as_tuple=True)
        return cls(
            owners[row.numpy()], entries[places[kept].numpy()], rank.numpy() + 1, values[kept].float().numpy()
        )

    @classmethod
    def joined(cls, parts: Sequence["_Lists"]) -> "_Lists":
        empty = np.empty(0, np.int64)
        none = cls(empty, empty, empty, np.empty(0, np.float32))
        return cls(*map(np.concatenate, zip(none, *parts, strict=True)))


def rank_all(ranker: Ranker, k: int, progress: Progress = silent) -> pa.Table:
    """The `k` best open items of every user but visitors, and of ANYBODY: a table like RANKINGS.

    A user's own campaigns and what they backed are left out. Users come in order of their ids, ANYBODY first;
    equal scores in order of item ids. Blocks of users are ranked side by side on torch's CPU threads, each
    block by one of them, so that their number does not change a byte.
    """
    users = np.flatnonzero(ranker.can_ask)
    parts = [_of_anybody(ranker, k)]
    for part in _side_by_side(
        ranker, users, len(ranker.open_items), lambda block: _of_users(ranker, block, k)
    ):
        parts.append(part)
        progress("ranking", (len(parts) - 1) / _blocks(len(users), len(ranker.open_items)))
    return _rankings(ranker, parts)


def rank_user(ranker: Ranker, user_id: str, k: int) -> pa.Table:
    """One user's list, or for somebody we know nothing about that of ANYBODY: a table like RANKINGS."""
    user = ranker.dataset.users.find(user_id) or 0
    if not ranker.can_ask[user]:
        return _rankings(ranker, [_of_anybody(ranker, k)])
    with exact_arithmetic():
        return _rankings(ranker, [_of_users(ranker, np.array([user]), k)])


def similar_items(ranker: Ranker, k: int) -> pa.Table:
    """The `k` open items most like each item, by cosine: a table like SIMILAR."""
    open_items = ranker.open_items

    def alike(block: Ints) -> _Lists:
        likeness = torch.from_numpy(ranker.facts.likeness(block, open_items))
        itself = torch.from_numpy(block[:, None] == open_items)
        return _Lists.of(block, open_items, likeness.masked_fill(itself, -torch.inf), k)

    items = np.arange(len(ranker.dataset.item_ids)) if len(open_items) else open_items
    parts = list(_side_by_side(ranker, items, len(open_items), alike))
    return _table(_Lists.joined(parts), SIMILAR, ranker.item_names, ranker.item_names)


def audiences(ranker: Ranker, k: int, item_id: str | None = None) -> pa.Table:
    """The `k` users most likely to care for each open item, or for one; empty if the model cannot say.

    Its publisher and those who backed it already are left out.

    Raises:
        ConfigError: there is no such item.
    """
    items = ranker.open_items if item_id is None else np.array([item_number(ranker.dataset, item_id)])
    users = np.arange(len(ranker.dataset.users))
    known = ranker.hidden.matrix.T.tocsr()

    def interested(block: Ints) -> _Lists:
        scores = ranker.model.audience_scores(torch.from_numpy(block))
        if scores is None:
            return _Lists.joined([])
        hidden = torch.from_numpy(known[block].toarray()) > 0
        hidden |= ~torch.from_numpy(ranker.can_ask)
        return _Lists.of(block, users, scores.masked_fill(hidden, -torch.inf), k)

    parts = list(_side_by_side(ranker, items, len(users), interested))
    return _table(_Lists.joined(parts), AUDIENCES, ranker.item_names, ranker.user_names)


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


def _side_by_side(
    ranker: Ranker, rows: Ints, columns: int, make: Callable[[Ints], _Lists]
) -> Iterator[_Lists]:
    """The lists of each block of rows, in order, made on as many threads as torch has for the CPU.

    What stands in a block depends on the sizes alone and each is computed by one thread: the number of
    threads does not change a bit.
    """
    # Gathered before the threads begin, which would each gather them.
    _ = ranker.facts, ranker.hidden, ranker.open_items, ranker.can_ask
    threads = torch.get_num_threads() if device_of(ranker.model).type == "cpu" else 1

    def in_thread(block: Ints) -> _Lists:
        with torch.inference_mode():
            return make(block)

    with exact_arithmetic(), ThreadPoolExecutor(threads) as pool:
        yield from pool.map(in_thread, np.array_split(rows, _blocks(len(rows), columns)))


def _blocks(rows: int, columns: int) -> int:
    """How many blocks of about CELLS_PER_BLOCK scores there are."""
    return max(1, rows * columns // CELLS_PER_BLOCK)


def _of_users(ranker: Ranker, users: Ints, k: int) -> _Lists:
    if not len(ranker.open_items):
        return _Lists.joined([])
    blocks = score_blocks(ranker.model, users, ranker.open_items, ranker.hidden)
    return _Lists.joined([_Lists.of(users[block], ranker.open_items, scores, k) for block, scores in blocks])


def _of_anybody(ranker: Ranker, k: int) -> _Lists:
    """What was backed most lately, for those we know nothing about."""
    context = context_of(ranker.dataset, None)
    model = RecentPopularity(RecentPopularityConfig(), context.sizes)
    model.fit(context)
    scores = model.score(torch.zeros(1, dtype=torch.int64), torch.from_numpy(ranker.open_items))
    return _Lists.of(np.zeros(1, np.int64), ranker.open_items, scores.float(), k)


def _rankings(ranker: Ranker, parts: Sequence[_Lists]) -> pa.Table:
    """The lists with their reasons. ANYBODY's are those of no person."""
    reasons = []
    for part in parts:
        is_personal = ranker.model.is_personal and bool(part.owner.any())
        reasons.append(choose_reasons(ranker.facts, part.owner, part.entry, is_personal=is_personal))
    kinds, named = map(np.concatenate, zip(*reasons, strict=True))
    past = ranker.item_names.take(pa.array(named, mask=named < 0))
    kind_names = pa.array(KINDS, pa.string()).take(pa.array(kinds))
    lists = _Lists.joined(parts)
    return _table(lists, RANKINGS, ranker.user_names, ranker.item_names, kind_names, past)


def _table(
    lists: _Lists, schema: pa.Schema, owners: pa.Array, entries: pa.Array, *more: pa.Array
) -> pa.Table:
    columns = [
        owners.take(pa.array(lists.owner)),
        entries.take(pa.array(lists.entry)),
        pa.array(lists.rank.astype(np.int32)),
        pa.array(lists.score),
    ]
    return pa.table([*columns, *more], schema=schema)
