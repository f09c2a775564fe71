"""Rounds between platforms by files: what the coordinator sends, what a client sends, and what it keeps.

    coordinator: begin → shared weights of round 0 → … → close each round with the updates
    client:      answer each round → an update; its secret and own weights stay here

A folder is a client's memory: which rounds it has answered, and what does not travel. It is written before
the update, so that a client that is killed in between has lost a round and told nothing twice.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from recommender.config.model import setting_error
from recommender.data.context import Context, context_of, contributions
from recommender.data.dataset import Dataset
from recommender.data.sequences import Sequences
from recommender.errors import ConfigError, DamagedError, DataError
from recommender.federation.averaging import Update, federated_average
from recommender.federation.client import Client, travelling
from recommender.federation.settings import FederationConfig
from recommender.files import to_json, write_atomic
from recommender.models.pfcr import NETWORK_SETTINGS, PfcrConfig, make_network
from recommender.models.pfcr_network import SequenceNetwork
from recommender.models.shared_weights import SharedWeights
from recommender.text.cache import TextVectors
from recommender.text.codes import Codebook, learn_codebook

_HEADER = "update"
_STATE, _OWN = "state.json", "own.safetensors"


class Memory(BaseModel):
    """What a client has to remember from round to round."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client: str
    secret: int
    answered: int


def begin(
    codebook: Codebook, encoder: str, network: PfcrConfig, federation: FederationConfig
) -> SharedWeights:
    """What the coordinator sends first: the codebook, the settings, and what travels, drawn from the seed."""
    drawn = draw_network(network, federation)
    names = set(travelling(drawn, federation.travels))
    weights = {n: w.detach().numpy().copy() for n, w in drawn.named_parameters() if n in names}
    settings = {name: getattr(network, name) for name in (*NETWORK_SETTINGS, "dropout")}
    return SharedWeights(encoder, settings, codebook, weights, federation.model_dump(mode="json"))


def draw_network(network: PfcrConfig, federation: FederationConfig) -> SequenceNetwork:
    """As it is before the first round, the same for everybody: also what does not travel."""
    torch.manual_seed(federation.seed)
    return make_network(network)


def public_codebook(texts: TextVectors, network: PfcrConfig) -> Codebook:
    """Learnt from texts that anybody may see: no client can show its own."""
    return learn_codebook(texts.pooled, network.groups, network.centroids, network.code_dims, network.seed)


def agreement(shared: SharedWeights) -> FederationConfig:
    """How it is learnt, as the coordinator wrote it.

    Raises:
        DamagedError: it wrote something else.
    """
    try:
        return FederationConfig.model_validate(dict(shared.agreed))
    except ValidationError as error:
        raise DamagedError(str(setting_error("federation", error))) from None


def sequences_of(context: Context, length: int) -> torch.Tensor:
    """(users, length) of what each backed, oldest first, −1 after the last one."""
    everybody = torch.arange(context.sizes.users)
    now = torch.full((context.sizes.users,), torch.inf, dtype=torch.float64)
    found = Sequences.of(contributions(context), context.sizes).before(everybody, now, length)
    return torch.where(found.mask, found.items, -1)


def answer(name: str, shared: SharedWeights, data: Dataset, vectors: TextVectors, folder: Path) -> Update:
    """A client's part of the round after those that `shared` has behind it.

    Args:
        name: the client's; the same in every round.
        shared: what the coordinator sent.
        data: everything that may be learnt from here.
        vectors: of its items' texts, by the encoder that `shared` names.
        folder: this client's memory; made in the first round, never sent anywhere.

    Raises:
        DataError: the round was answered before, or nobody has backed anything. ConfigError: the folder is
            another client's. DamagedError: its files are not what was written.
    """
    config = agreement(shared)
    network = draw_network(PfcrConfig.model_validate(dict(shared.settings)), config)
    memory = _open(folder, name)
    own = load((folder / _OWN).read_bytes()) if (folder / _OWN).exists() else {}
    network.load_state_dict({n: torch.from_numpy(a) for n, a in own.items()}, strict=False)
    client = Client(
        name,
        network,
        shared.codebook.codes(vectors.pooled),
        sequences_of(context_of(data, None), network.length),
        config,
        memory.secret,
        memory.answered,
    )
    update = client.train(shared.weights, shared.turn + 1)
    answered = memory.model_copy(update={"answered": shared.turn + 1})
    write_atomic(folder / _STATE, to_json(answered.model_dump()))
    write_atomic(folder / _OWN, save({n: np.ascontiguousarray(a) for n, a in client.own().items()}))
    return update


def close(shared: SharedWeights, updates: Sequence[Update]) -> SharedWeights:
    """The weights after one round more.

    Raises:
        DataError: an update is of another round, a client is there twice, or nobody sent anything.
    """
    turn = shared.turn + 1
    clients: set[str] = set()
    for update in updates:
        if update.turn != turn:
            raise DataError(
                f"client {update.client} sent an update of round {update.turn}, and this is round {turn}: "
                "leave it out, or ask for that of this round"
            )
        if update.client in clients:
            raise DataError(f"client {update.client} is there twice: a round has one update of each")
        clients.add(update.client)
    return replace(shared, weights=federated_average(updates), turn=turn)


def save_update(path: Path, update: Update) -> None:
    """Write it as one safetensors file, atomically."""
    header = orjson.dumps({"client": update.client, "turn": update.turn, "persons": update.persons}).decode()
    tensors = {name: np.ascontiguousarray(array) for name, array in update.weights.items()}
    write_atomic(path, save(tensors, {_HEADER: header}))


def load_update(path: Path) -> Update:
    """Read what `save_update` wrote.

    Raises:
        ConfigError: there is no such file. DamagedError: it is something else.
    """
    try:
        with safe_open(path, "numpy") as file:
            header = orjson.loads((file.metadata() or {})[_HEADER])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 it is no mapping
        return Update(header["client"], header["turn"], header["persons"], weights)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist: a client writes it with `federate round`") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise DamagedError(f"{path} holds no update: {error}") from None


def _open(folder: Path, name: str) -> Memory:
    """A client's memory, made where there is none."""
    path = folder / _STATE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        memory = Memory(client=name, secret=secrets.randbits(62), answered=0)
        write_atomic(path, to_json(memory.model_dump()))
        return memory
    try:
        memory = Memory.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DamagedError(f"{path} is not what a client wrote: {error.error_count()} errors") from None
    if memory.client != name:
        raise ConfigError(f"{folder} is the memory of client {memory.client}: give {name} one of its own")
    return memory
