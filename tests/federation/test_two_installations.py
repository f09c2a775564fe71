"""Two installations, each with its own chain and database, learn together by the documented commands."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pytest
from psycopg import sql
from safetensors import safe_open
from safetensors.numpy import load_file
from web3 import Web3

from demo.catalogue import Campaign, Language, load_catalogue
from devtools.servers import PROJECT_ROOT
from recommender.data.snapshot import load_snapshot
from recommender.federation.exchange import load_update
from recommender.models.shared_weights import SharedWeights, load_shared
from recommender.pipeline import open_run, open_snapshot
from tests.e2e.stack import fresh_database
from tests.federation.parties import Installation, Party

SECTION = "#### Two platforms, step by step"
EACH = 12
BACKERS = {"north": 44, "south": 40}
ROUNDS = 2
# anvil's own, and another: nobody has an account on both chains.
MNEMONICS = {
    "north": "test test test test test test test test test test test junk",
    "south": "legal winner thank year wave sausage worth useful legal winner thank yellow",
}
LANGUAGES = {"north": Language.ENGLISH, "south": Language.CHINESE}
CHAINS = {"north": 31337, "south": 31338}
SHORTEST_WORDS = 12
"""Characters from which a line of a text is somebody's."""


def documented(words: str) -> str:
    """The one command of the section that begins so, its continued lines put together."""
    text = (PROJECT_ROOT / "docs" / "recommender.md").read_text("utf-8")
    section = text.partition(f"\n{SECTION}\n")[2].partition("\n#")[0].replace("\\\n", "")
    (found,) = re.findall(rf"^ {{4,}}({re.escape(words)}.*)$", section, re.MULTILINE)
    return re.sub(r" {2,}", " ", found)


@dataclass(frozen=True)
class Federation:
    """What is left when all commands were run."""

    coordinator: Party
    platforms: list[Installation]
    snapshots: dict[str, str]
    said: dict[str, str]
    """What answering the first round printed, by platform."""
    refusals: dict[str, str]
    """What answering it once more printed, by platform."""
    states: list[SharedWeights]
    """After each round, what was drawn at first."""
    tried: dict[str, str]
    """The run that `python -m recommender train` made, by platform."""
    served: dict[str, str]
    """The run that `manage.py recommend train` made, by platform."""

    def update(self, platform: str, turn: int) -> Path:
        return self.coordinator.folder / f"{platform}-{turn}.update"

    @property
    def north(self) -> Installation:
        return self.platforms[0]

    @property
    def south(self) -> Installation:
        return self.platforms[1]


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[list[Installation]]:
    folder = tmp_path_factory.mktemp("platforms")
    with ExitStack() as stack:
        found = []
        for number, name in enumerate(CHAINS, start=2):
            platform = Installation(
                name,
                folder / name,
                chain_id=CHAINS[name],
                mnemonic=MNEMONICS[name],
                language=LANGUAGES[name],
                texts=texts_of(LANGUAGES[name])[:EACH],
                backers=BACKERS[name],
                database_url=fresh_database(os.environ["DATABASE_URL"], name),
                redis_url=redis_url.replace("/0", f"/{number}"),
            )
            stack.callback(platform.close)
            platform.open()
            found.append(platform)
        yield found


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory, platforms: list[Installation]) -> Federation:
    """Every step of the section, in its order."""
    coordinator = Party("coordinator", tmp_path_factory.mktemp("coordinator") / "folder")
    begin_lines = [line for text in public_texts() for line in lines_of(text)]
    (coordinator.folder / "texts.txt").write_text("\n".join(begin_lines), "utf-8")
    coordinator.run(documented("python -m recommender federate begin"))
    take = documented("manage.py recommend snapshot")
    snapshots = {each.name: each.run(take).strip() for each in platforms}
    states = [load_shared(coordinator.folder / "shared")]
    said: dict[str, str] = {}
    refusals: dict[str, str] = {}
    for turn in range(1, ROUNDS + 1):
        for platform in platforms:
            shutil.copy(coordinator.folder / "shared", platform.folder / "shared")
            answer = documented("python -m recommender federate round").replace("north", platform.name)
            answer = answer.replace("SNAPSHOT", snapshots[platform.name])
            printed = platform.run(answer)
            said.setdefault(platform.name, printed)
            sent = platform.folder / f"{platform.name}.update"
            shutil.copy(sent, coordinator.folder)
            shutil.copy(sent, coordinator.folder / f"{platform.name}-{turn}.update")
            if turn == 1:
                again, before = platform.attempt(answer), sent.read_bytes()
                assert (again.returncode, sent.read_bytes()) == (1, before)
                refusals[platform.name] = again.stderr
        coordinator.run(documented("python -m recommender federate close"))
        states.append(load_shared(coordinator.folder / "shared"))
    tried, served = {}, {}
    for platform in platforms:
        shutil.copy(coordinator.folder / "shared", platform.folder / "shared")
        tried[platform.name] = try_out(platform, snapshots[platform.name])
        served[platform.name] = put_live(platform, snapshots[platform.name])
    return Federation(coordinator, platforms, snapshots, said, refusals, states, tried, served)


def try_out(platform: Installation, snapshot: str) -> str:
    """Train a prompt on the shared weights by the recommender's own command; the run's id."""
    line = documented("python -m recommender train").replace("SNAPSHOT", snapshot)
    return found_run(platform.run(line))


def put_live(platform: Installation, snapshot: str) -> str:
    """Train by the site's command, with the setting in the environment, and show the lists; the run's id."""
    name, _, value = documented("CHAINFUND_RECOMMENDER_SETTINGS=").partition("=")
    shutil.copy(platform.folder / "memory" / "own.safetensors", platform.folder)
    platform.environment[name] = value.replace("/srv/chainfund", str(platform.folder)).strip("'")
    run = found_run(platform.run(documented("manage.py recommend train").replace("SNAPSHOT", snapshot)))
    platform.run(documented("manage.py recommend promote").replace("RUN", run))
    return run


def found_run(printed: str) -> str:
    (found,) = set(re.findall(r"\bpfcr-[\w-]+", printed))
    return str(found)


def texts_of(language: Language) -> list[Campaign]:
    return [text for text in load_catalogue().campaigns if text.language is language]


def public_texts() -> list[Campaign]:
    """Those that neither platform has."""
    return [text for language in LANGUAGES.values() for text in texts_of(language)[EACH : 2 * EACH]]


def lines_of(text: Campaign) -> list[str]:
    lines = [text.title, text.tagline, *text.story.splitlines()]
    return [line.strip() for line in lines if len(line.strip()) >= SHORTEST_WORDS]


def secrets_of(platform: Installation, snapshot: str) -> dict[str, list[bytes]]:
    """Each thing that must not leave the platform, by its name, in the ways in which it may be written."""
    tables = load_snapshot(open_snapshot(platform.folder / "runs" / "snapshots" / snapshot))
    ids = {*tables.events["user_id"], *tables.items["publisher_id"]}
    ids |= {item.partition(":")[2] for item in tables.items["item_id"]}
    assert ids <= {each.lower() for each in platform.addresses}
    found = {each: [bytes.fromhex(each[2:]), each[2:].encode()] for each in ids}
    for each, forms in found.items():
        forms.append(Web3.to_checksum_address(each)[2:].encode())
    lines = {line for text in platform.texts for line in lines_of(text)}
    return found | {line: [line.encode(), line.encode("utf-16-le")] for line in lines}


def leaks(secrets: dict[str, list[bytes]], content: bytes) -> set[str]:
    return {name for name, forms in secrets.items() if any(form in content for form in forms)}


def test_the_platforms_have_nothing_in_common(federation: Federation) -> None:
    assert not {*federation.north.addresses} & {*federation.south.addresses}
    for platform in federation.platforms:
        counted = sql.SQL("SELECT count(*), count(DISTINCT backer) FROM ledger_contribution")
        assert platform.rows(counted) == [(5 * platform.backers, platform.backers)]


def test_what_travels_names_nobody_and_nothing_of_the_sender(federation: Federation) -> None:
    last = (federation.coordinator.folder / "shared").read_bytes()
    for platform in federation.platforms:
        secrets = secrets_of(platform, federation.snapshots[platform.name])
        assert len(secrets) > platform.backers + EACH
        everything = b"\0".join(form for forms in secrets.values() for form in forms)
        assert leaks(secrets, everything) == set(secrets)
        assert leaks(secrets, last) == set()
        for turn in range(1, ROUNDS + 1):
            sent = federation.update(platform.name, turn)
            assert leaks(secrets, sent.read_bytes()) == set()
            with safe_open(sent, "numpy") as file:
                assert set(file.keys()) == set(federation.states[0].weights)
                assert {name: orjson.loads(value) for name, value in file.metadata().items()} == {
                    "update": {"client": platform.name, "turn": turn, "persons": platform.backers}
                }


def test_each_round_ends_with_the_average_by_persons(federation: Federation) -> None:
    for turn in range(1, ROUNDS + 1):
        updates = [load_update(federation.update(each.name, turn)) for each in federation.platforms]
        persons = np.array([update.persons for update in updates], np.float64)
        assert persons.tolist() == [44, 40]
        before, after = federation.states[turn - 1], federation.states[turn]
        assert after.turn == turn
        for name, weights in after.weights.items():
            both = np.stack([update.weights[name] for update in updates]).astype(np.float64)
            assert np.allclose(weights, np.tensordot(persons / persons.sum(), both, 1), rtol=0, atol=1e-6)
            assert not np.array_equal(weights, before.weights[name])


def test_a_round_is_answered_once_and_the_promise_is_told(federation: Federation) -> None:
    for platform in federation.platforms:
        assert f"round 1 of 20, learnt from {platform.backers} persons" in federation.said[platform.name]
        assert "over all rounds: ε 1, δ 0.0001" in federation.said[platform.name]
        refusal = federation.refusals[platform.name]
        assert "answers each of 20 rounds once, and has answered 1" in " ".join(refusal.split())


def test_both_platforms_run_the_same_shared_weights(federation: Federation) -> None:
    last = federation.states[-1]
    for platform in federation.platforms:
        runs = platform.folder / "runs"
        tried = load_file(runs / federation.tried[platform.name] / "model.safetensors")
        live = load_file(runs / federation.served[platform.name] / "model.safetensors")
        for name, weights in last.weights.items():
            assert np.array_equal(tried[f"network.{name}"], weights), name
            assert not np.array_equal(live[f"network.{name}"], weights), name
        settings = open_run(runs / federation.served[platform.name]).config.settings
        assert (settings["shared"], settings["words"]) == (str(platform.folder / "shared"), 8)


def test_each_serves_lists_of_its_own_campaigns_by_the_federated_model(federation: Federation) -> None:
    for platform in federation.platforms:
        run = federation.served[platform.name]
        versions = sql.SQL("SELECT run_id FROM discovery_modelversion WHERE model = 'pfcr'")
        assert platform.rows(versions) == [(run,)]
        own = {each.address.lower() for each in platform.campaigns}
        listed = platform.rows(
            sql.SQL("SELECT user_key, chain_id, '0x' || encode(address, 'hex') FROM discovery_ranking")
        )
        assert {chain for _, chain, _ in listed} == {platform.chain_id}
        assert {address for _, _, address in listed} == own
        backers = {each.lower() for each in platform.wallets[-platform.backers :]}
        assert {user for user, _, _ in listed} == backers | {""}
        answer = platform.get("/api/v1/rankings")
        assert (answer["model"]["run_id"], answer["model"]["model"]) == (run, "pfcr")
        shown = [each["campaign"] for each in answer["results"]]
        assert {each["address"].lower() for each in shown} <= own
        assert {each["chain_id"] for each in shown} == {platform.chain_id}
        assert {each["title"] for each in shown} <= {text.title for text in platform.texts}


def test_neither_database_has_a_row_of_the_other_chain(federation: Federation) -> None:
    tables = sql.SQL("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for platform, other in ((federation.north, federation.south), (federation.south, federation.north)):
        own = [each.address for each in platform.campaigns]
        found = {"own": 0, "theirs": 0}
        for (table,) in platform.rows(tables):
            for whose, addresses in (("own", own), ("theirs", other.addresses)):
                pattern = "|".join(address[2:].lower() for address in addresses)
                query = sql.SQL("SELECT count(*) FROM {} AS row WHERE row::text ~* {}")
                ((count,),) = platform.rows(query.format(sql.Identifier(table), sql.Literal(pattern)))
                found[whose] += count
        assert found["own"] > len(own)
        assert found["theirs"] == 0
        chains = sql.SQL("SELECT DISTINCT chain_id FROM ledger_chain")
        assert platform.rows(chains) == [(platform.chain_id,)]
