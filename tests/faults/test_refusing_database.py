"""PostgreSQL refuses in all its classes: what passes is waited out, what contradicts halts; both say why."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction
from django.db.models.functions import Now

from devtools.servers import Anvil
from django_project.core.copying import copy_rows
from django_project.ledger.models import Chain, Cursor, RawLog
from django_project.ledger.selectors import STALLED, index_health
from tasks.indexing import tasks as indexing
from tasks.indexing.errors import ChainHaltedError
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating import standstill
from tasks.indexing.operating.database import CONTRADICTIONS, in_words
from tasks.indexing.operating.registry import read_registry
from tasks.indexing.operating.runner import Runner
from tasks.indexing.pipeline.copying import LOG_COLUMNS
from tasks.indexing.tasks import follow_chain
from tests.faults.histories import busy
from tests.support.contracts import Suite, deploy_suite, mine
from tests.support.indexing import fresh_picture, index_once, picture

pytestmark = pytest.mark.django_db(transaction=True)

REFUSING = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not do it' USING ERRCODE = '{}'; END
$$;
CREATE TRIGGER refuse BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION refuse()
"""

# A state of each class that passes, and a word of what to do.
PASSING = {
    "08006": "start PostgreSQL",
    "25006": "read-only",
    "40001": "tried again",
    "40P01": "tried again",
    "42501": "grant",
    "42P01": "manage.py migrate",
    "53100": "make room",
    "53200": "out of memory",
    "53300": "max_connections",
    "54000": "see its log",
    "55P03": "pg_locks",
    "57014": "statement_timeout",
    "57P03": "stopping or starting",
    "58030": "its disk",
    "P0001": "see its log",
    "XX002": "REINDEX",
}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    directory = tmp_path_factory.mktemp("history")
    node = Anvil(directory)
    suite = deploy_suite(node, directory / "deployments")
    busy(suite)
    mine(suite, 20)
    busy(suite)
    yield suite
    node.stop()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(standstill, "FIRST_PAUSE_SECONDS", 0.02)
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
def refuse() -> Iterator[Callable[..., None]]:
    """Has PostgreSQL refuse every row of a table; what is given up at the end of the test."""
    tables = []

    def begin(state: str, table: str = "ledger_rawlog") -> None:
        tables.append(table)
        with connection.cursor() as cursor:
            cursor.execute(REFUSING.format(state, table))

    yield begin
    heal(*tables)


def heal(*tables: str) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP TRIGGER IF EXISTS refuse ON {table}")


def follow(suite: Suite, **options: Any) -> None:
    with Pool([suite.url]) as pool:
        Runner(read_registry(suite.registry), pool, until_block=suite.web3.eth.block_number, **options).run()


@pytest.mark.parametrize("state", ["40P01", "42501", "53100", "P0001", "XX002"])
def test_what_passes_is_waited_out_and_told(history: Suite, refuse: Callable[..., None], state: str) -> None:
    refuse(state)
    told: list[str] = []

    def wait(_seconds: float) -> None:
        told.append(Cursor.objects.get().problem)
        heal("ledger_rawlog")

    follow(history, wait=wait)
    assert PASSING[state] in told[0]
    cursor = Cursor.objects.get()
    assert (cursor.problem, cursor.problem_since) == ("", None)
    assert cursor.next_block == history.web3.eth.block_number + 1


@pytest.mark.parametrize("state", sorted(PASSING))
def test_every_class_comes_with_what_to_do(state: str, refuse: Callable[..., None]) -> None:
    """As Django tells of it: what the server says inside of a COPY too."""
    refuse(state)
    row = (1, 1, bytes(32), bytes(32), bytes(20), b"", b"", 31337)
    with pytest.raises(Error) as caught, transaction.atomic():
        copy_rows(RawLog, LOG_COLUMNS, [row])
    assert PASSING[state] in in_words(caught.value)
    assert not isinstance(caught.value, CONTRADICTIONS)


@pytest.mark.parametrize("table", ["ledger_contribution", "ledger_block", "ledger_outbox"])
def test_whichever_table_refuses_the_rows_end_right(
    history: Suite, refuse: Callable[..., None], table: str
) -> None:
    index_once(history, until_block=20)
    refuse("53100", table)
    follow(history, wait=lambda _: heal(table))
    assert picture(history.chain_id) == fresh_picture(history)


@pytest.mark.parametrize("is_cold", [True, False])
def test_a_row_that_is_there_already_halts(history: Suite, *, is_cold: bool) -> None:
    head = history.web3.eth.block_number
    index_once(history, until_block=head - (25 if is_cold else 1))
    next_block = Cursor.objects.get().next_block
    log = history.web3.eth.get_logs({"fromBlock": next_block, "toBlock": "latest"})[0]
    RawLog.objects.create(
        chain_id=history.chain_id,
        block_number=log["blockNumber"],
        log_index=log["logIndex"],
        block_hash=bytes(log["blockHash"]),
        tx_hash=bytes(log["transactionHash"]),
        address=bytes.fromhex(log["address"][2:]),
        topics=b"".join(map(bytes, log["topics"])),
        data=bytes(log["data"]),
    )
    with pytest.raises(ChainHaltedError, match="indexer rewind"):
        follow(history)
    chain = Chain.objects.get()
    assert (chain.state, chain.halt_code) == (Chain.State.HALTED, Chain.Halt.CONTRADICTION)
    assert next_block <= Cursor.objects.get().next_block <= log["blockNumber"]


def test_a_value_that_no_table_takes_halts(history: Suite, refuse: Callable[..., None]) -> None:
    refuse("22003")
    with pytest.raises(ChainHaltedError, match="update this program"):
        follow(history)
    assert Chain.objects.get().halt_code == Chain.Halt.UNSTORABLE


class EndsOnce:
    """In the place of what a worker's processes share: they are told to end once something holds."""

    def __init__(self, holds: Callable[[], bool]) -> None:
        self._holds = holds

    @property
    def value(self) -> bool:
        return self._holds()


def test_no_traceback_reaches_an_operator(
    history: Suite,
    refuse: Callable[..., None],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither of the command nor of the task; after a minute the chain is said to be stalled."""
    settings.RPC_URLS = {history.chain_id: [history.url]}
    settings.DEPLOYMENTS_DIR = history.registry.parent
    refuse("53100")
    with pytest.raises(CommandError, match="make room"):
        call_command("indexer", "run", "--once", stdout=StringIO())
    monkeypatch.setattr(indexing, "_worker_is_stopping", EndsOnce(lambda: "make room" in caplog.text))
    with caplog.at_level(logging.WARNING, logger="tasks"):
        follow_chain(history.chain_id)
    assert "make room" in caplog.text
    assert "Traceback" not in caplog.text
    assert index_health()[0].state == Chain.State.OK
    Cursor.objects.update(problem_since=Now() - timedelta(seconds=61))
    health = index_health()[0]
    assert health.state == STALLED
    assert health.problem_seconds >= 61
    told = StringIO()
    call_command("indexer", "status", stdout=told)
    assert "stalled: the database refuses (could not do it): its disk is full" in told.getvalue()


def test_a_lease_of_the_far_future_is_nobodys(history: Suite) -> None:
    index_once(history)
    Cursor.objects.update(lease_until=Now() + timedelta(hours=1), lease_owner="a clock gone wrong")
    index_once(history)
    assert Cursor.objects.get().lease_owner == ""


def test_the_registry_names_a_block_after_the_factorys_own(history: Suite, tmp_path: Path) -> None:
    text = history.registry.read_text()
    blocks = {entry.deploy_block for entry in read_registry(history.registry).of_kind("factory")}
    late = tmp_path / "late.json"
    late.write_text(text.replace(f'"deployBlock": {min(blocks)}', f'"deployBlock": {min(blocks) + 20}'))
    with Pool([history.url]) as pool:
        told = Cursor.objects.filter(problem__contains="`deployBlock` in the deployments file")
        Runner(read_registry(late), pool, run_for=timedelta(minutes=5), stop=told.exists).run()
    assert told.exists()
