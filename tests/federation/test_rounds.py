"""Rounds over Flower, each platform with processes of its own, come to what one process comes to."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pytest

from recommender.data.context import context_of
from recommender.federation.client import Client
from recommender.federation.exchange import agreement, draw_network, sequences_of
from recommender.federation.simulator import simulate
from recommender.models.pfcr import PfcrConfig
from recommender.models.shared_weights import SharedWeights, load_shared
from recommender.pipeline import EMBEDDINGS, open_snapshot, snapshot_dataset
from recommender.text.cache import EmbeddingCache

ROOT = Path(__file__).resolve().parents[2]
FLOWER = ROOT / ".venv-federation" / "bin"
PUBLIC = "a public text on {}\n"
SUBJECTS = ("tea", "honey", "maps", "film", "songs", "dice", "books")
PATIENCE_SECONDS = 600
PLATFORMS = {"north": 60, "south": 45, "west": 30}
"""Users of each."""


@dataclass(frozen=True)
class Platform:
    name: str
    root: Path
    memory: Path

    @property
    def snapshot(self) -> Path:
        return next((self.root / "snapshots").iterdir())


@dataclass(frozen=True)
class Servers:
    """Where the coordinator listens, and with which environment its commands run."""

    port: int
    environment: Mapping[str, str]


def recommender(*arguments: object) -> str:
    call = [sys.executable, "-m", "recommender", *map(str, arguments)]
    done = subprocess.run(call, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"nothing listens on {port}: {log.read_text()}")


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> list[Platform]:
    """Three platforms of unequal sizes, each with its own data, snapshot and memory."""
    found = []
    for seed, (name, users) in enumerate(PLATFORMS.items()):
        folder = tmp_path_factory.mktemp(name)
        size = ("--users", users, "--items", 20, "--contributions", 8 * users, "--views", 50, "--seed", seed)
        recommender("synthetic", folder / "data", *size)
        recommender("train", "pop", "--data", folder / "data", "--root", folder / "root")
        found.append(Platform(name, folder / "root", folder / "memory"))
    return found


@pytest.fixture
def shared(tmp_path: Path, platforms: list[Platform]) -> Path:
    public = tmp_path / "public.txt"
    public.write_text("".join(PUBLIC.format(subject) for subject in SUBJECTS))
    network = ("pfcr.dims=16", "pfcr.centroids=6", "pfcr.layers=1", "pfcr.length=8")
    learnt = ("federation.rounds=2", "federation.epsilon=40")
    settings = [part for entry in (*network, *learnt) for part in ("--set", entry)]
    path = tmp_path / "shared"
    recommender("federate", "begin", path, "--public", public, "--root", platforms[0].root, *settings)
    return path


@pytest.fixture
def servers(tmp_path: Path, platforms: list[Platform]) -> Iterator[Servers]:
    """A coordinator's SuperLink and a SuperNode for each platform."""
    environment = {
        **os.environ,
        "PATH": f"{FLOWER}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FLWR_HOME": str(tmp_path / "flower"),
        "FLWR_TELEMETRY_ENABLED": "0",
    }
    port = free_port()
    (tmp_path / "flower").mkdir()
    (tmp_path / "flower" / "config.toml").write_text(
        f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:{port}"\ninsecure = true\n'
    )
    with ExitStack() as stack:

        def start(log: Path, *arguments: object) -> subprocess.Popen[bytes]:
            stream = stack.enter_context(log.open("wb"))
            process = subprocess.Popen(
                list(map(str, arguments)), env=environment, stdout=stream, stderr=stream
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        log = tmp_path / "superlink.log"
        flags = (
            "--insecure",
            "--host",
            "127.0.0.1",
            "--port",
            port,
            "--disable-runtime-dependency-installation",
        )
        wait_for_port(port, start(log, FLOWER / "flower-superlink", *flags), log)
        for platform in platforms:
            config = {
                "python": sys.executable,
                "client": platform.name,
                "memory": platform.memory,
                "snapshot": platform.snapshot,
                "root": platform.root,
            }
            pairs = " ".join(f'{name}="{value}"' for name, value in config.items())
            start(
                tmp_path / f"{platform.name}.log", FLOWER / "flower-supernode", "--insecure",
                "--superlink", f"127.0.0.1:{port}", "--port", free_port(), "--node-config", pairs,
            )  # fmt: skip
        yield Servers(port, environment)


def client_of(platform: Platform, first: SharedWeights) -> Client:
    """The platform as a client in this process, with the secret that it drew."""
    config = agreement(first)
    data = snapshot_dataset(open_snapshot(platform.snapshot))
    vectors = EmbeddingCache(platform.root / EMBEDDINGS, first.encoder).vectors(data.items.texts)
    network = draw_network(PfcrConfig.model_validate(dict(first.settings)), config)
    secret = orjson.loads((platform.memory / "state.json").read_bytes())["secret"]
    codes, sequences = (
        first.codebook.codes(vectors.pooled),
        sequences_of(context_of(data, None), network.length),
    )
    return Client(platform.name, network, codes, sequences, config, secret)


def test_rounds_over_the_network_give_the_weights_of_one_process(
    platforms: list[Platform], shared: Path, servers: Servers
) -> None:
    first = load_shared(shared)
    settings = f'shared="{shared}" python="{sys.executable}" platforms={len(platforms)} patience=300'
    call = [str(FLOWER / "flwr"), "run", "federation", "here", "--stream", "--run-config", settings]
    done = subprocess.run(
        call,
        cwd=ROOT,
        env=servers.environment,
        check=False,
        timeout=PATIENCE_SECONDS,
        capture_output=True,
        text=True,
    )
    last = load_shared(shared)
    assert last.turn == 2, done.stdout + done.stderr
    clients = [client_of(platform, first) for platform in platforms]
    simulate(clients, agreement(first), first.weights)
    assert set(last.weights) == set(first.weights)
    for name, expected in clients[0].shared().items():
        assert not np.allclose(first.weights[name], expected, atol=1e-4)
        assert np.allclose(last.weights[name], expected, rtol=0, atol=1e-6), name
