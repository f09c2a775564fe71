"""The order of a demo: from an empty directory to a site that ranks."""

import json
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial

from tasks.demo.cast import BALANCE_ETHER, MNEMONIC, Cast, account_count, assign
from tasks.demo.catalogue import load_catalogue
from tasks.demo.checks import Check, Finding
from tasks.demo.contracts import Deployment
from tasks.demo.errors import DemoError
from tasks.demo.index import Index
from tasks.demo.options import Options
from tasks.demo.rpc import Node
from tasks.demo.seeding import Seeder, campaign_addresses
from tasks.demo.servers import ServerError, free_port
from tasks.demo.simulation import HORIZON, Scenario, simulate
from tasks.demo.stage import CHAIN_ID, HOST, Memory, Stage, project_command
from tasks.demo.steps import Step, Steps
from tasks.demo.visiting import Site, post_views
from tasks.demo.wallet_accounts import offered_accounts

BLOCK_SECONDS = 1
# Views of the whole history are older than what browsers may report elsewhere.
BEACON_MAX_AGE_SECONDS = HORIZON + 24 * 3600
SITE_PROCESSES, SITE_THREADS = 2, 4
WORKER_PROCESSES = 2
OPERATOR_PASSWORD_BYTES = 9


@dataclass
class Play:
    """One run of the demo: its steps in order, and what later steps need of earlier ones."""

    options: Options
    stage: Stage
    steps: Steps
    socket: socket.socket

    def run(self) -> None:
        """Bring everything up; afterwards the site answers and ranks.

        Raises:
            DemoError, ServerError, RpcError, SeedingError, VisitError: see each. A second run does not take
                what is left for whole.
        """
        self._recall()
        self.scenario: Scenario = simulate(load_catalogue(), self.options.scale, self.memory.seed)
        with self.steps.step("Start PostgreSQL, Redis and the chain"):
            self.stage.together(self.stage.start_postgres, self.stage.start_redis, self._start_chain)
        self.node = Node(self.stage.anvil.url)
        self.cast: Cast = assign(self.scenario, self.node.call("eth_accounts"))
        self.stage.environment |= self._site_environment()
        self.stage.together(self._migrate, self._deploy)
        self.deployment = Deployment.read(self.stage.folders.deployments, CHAIN_ID)
        with Index(self.stage.environment["DATABASE_URL"], CHAIN_ID) as self.index:
            if self.memory.is_complete:
                self._resume()
            else:
                self._begin()
            if self.index.live_model() is None:
                self._rank()

    def check(self) -> list[Finding]:
        """Ask chain, database and site whether they agree."""
        with Index(self.stage.environment["DATABASE_URL"], CHAIN_ID) as index:
            return Check(
                node=self.node,
                index=index,
                deployment=self.deployment,
                scenario=self.scenario,
                expects_personal=self.options.scale.teaches_tastes,
                site_url=self.site_url,
                backers=self.cast.backers,
            ).run()

    def create_operator(self) -> str:
        """Make an account for the admin pages; returns its password, another one at each start."""
        password = secrets.token_urlsafe(OPERATOR_PASSWORD_BYTES)
        self.stage.run("operator", [sys.executable, "-m", "tasks.demo.create_operator"], text=password)
        return password

    # --- Beginning anew, or from what is there ----------------------------------------------------------

    def _recall(self) -> None:
        folders = self.stage.folders
        found = None if self.options.reset else folders.recall()
        scale = self.options.scale
        if found is not None and (found.campaigns, found.backers, found.seed) != (
            scale.campaigns,
            scale.backers,
            self.options.seed,
        ):
            raise DemoError(
                f"{folders.root} holds a demo of {found.campaigns} campaigns and {found.backers} backers: "
                "ask for the same, or add --reset to begin anew"
            )
        if found is None:
            folders.clear()
            genesis = int(time.time()) - HORIZON
            found = Memory(scale.campaigns, scale.backers, self.options.seed, genesis, free_port())
        self.memory = found

    def _start_chain(self) -> None:
        arguments = [
            *("--accounts", str(account_count(self.scenario)), "--mnemonic", MNEMONIC),
            *("--balance", str(BALANCE_ETHER), "--timestamp", str(self.memory.genesis)),
        ]
        try:
            self.stage.start_anvil(self.memory.anvil_port, arguments)
        except ServerError as error:
            if not self.memory.is_complete:
                raise
            raise DemoError(f"{error}\nIf its saved state is damaged, begin anew with --reset") from error
        self.memory.anvil_port = self.stage.anvil.port

    def _site_environment(self) -> dict[str, str]:
        folders = self.stage.folders
        return {
            "CHAINFUND_MODE": "demo",
            "CHAINFUND_SITE_URL": self.site_url,
            "CHAINFUND_RPC_URLS": f"{CHAIN_ID}={self.stage.anvil.url}",
            "CHAINFUND_RPC_URL": self.stage.anvil.url,
            "CHAINFUND_TREASURY": self.cast.treasury,
            "CHAINFUND_DEPLOYMENTS_DIR": str(folders.deployments),
            "CHAINFUND_RECOMMENDER_DIR": str(folders.runs),
            "CHAINFUND_BEACON_MAX_AGE_SECONDS": str(BEACON_MAX_AGE_SECONDS),
            "CHAINFUND_DEMO_ACCOUNTS": json.dumps(
                offered_accounts(self.scenario, self.cast), ensure_ascii=False
            ),
        }

    @property
    def site_url(self) -> str:
        return f"http://{HOST}:{self.socket.getsockname()[1]}"

    # --- Steps ------------------------------------------------------------------------------------------

    def _migrate(self) -> None:
        with self.steps.step("Create the tables"):
            self.stage.run(
                "migrate", [sys.executable, *project_command("manage.py", "migrate", "--no-input")]
            )

    def _deploy(self) -> None:
        if (self.stage.folders.deployments / f"{CHAIN_ID}.json").exists():
            return
        with self.steps.step("Deploy the contracts with Brownie"):
            self.stage.run("deploy", project_command("tools/brownie", "run", "deploy", "--network", "anvil"))

    def _begin(self) -> None:
        self.addresses = campaign_addresses(
            self.node, self.deployment, self.scenario, self.cast, self.memory.genesis
        )
        self.stage.together(self._store_texts, self._open_site)
        # Before there is anything to index: they start up while the node is busy.
        self._start_workers()
        seed_title = "Play 120 days of transactions on the chain"
        with self.steps.step(seed_title, total=len(self.scenario.actions)) as step:
            self.stage.together(partial(self._seed, step))
        self._start_clock()
        self._catch_up()
        with self.steps.step("Post page views to the site", total=len(self.scenario.views)) as step:
            self.stage.together(partial(self._visit, step))
        self.memory.is_complete = True
        self.stage.folders.remember(self.memory)

    def _resume(self) -> None:
        self.addresses = launched_addresses(self.index, CHAIN_ID)
        if not self._index_is_of_this_chain():
            with self.steps.step("Forget an index that is ahead of the chain's saved state"):
                self.stage.run(
                    "reset-chain",
                    [
                        sys.executable,
                        *project_command("manage.py", "indexer", "reset-chain", "--chain", str(CHAIN_ID)),
                    ],
                )
        self._start_clock()
        self._open_site()
        self._start_workers()
        self._catch_up()

    def _index_is_of_this_chain(self) -> bool:
        """Whether the node has the block that the index ends with; after a crash it may have lost it."""
        cursor = self.index.cursor()
        if cursor.head_hash is None:
            return True
        block = self.node.call("eth_getBlockByNumber", hex(cursor.indexed), False)  # noqa: FBT003  JSON-RPC
        return block is not None and block["hash"] == "0x" + cursor.head_hash.hex()

    def _store_texts(self) -> None:
        with self.steps.step("Keep the campaigns' texts"):
            slugs = [campaign.slug for campaign in self.scenario.campaigns]
            request = {"chain_id": CHAIN_ID, "addresses": dict(zip(slugs, self.addresses, strict=True))}
            self.stage.run(
                "texts", [sys.executable, "-m", "tasks.demo.store_texts"], text=json.dumps(request)
            )

    def _seed(self, step: Step) -> None:
        Seeder(
            node=self.node,
            deployment=self.deployment,
            scenario=self.scenario,
            cast=self.cast,
            genesis=self.memory.genesis,
            addresses=self.addresses,
            progress=step.reach,
        ).play()
        step.note = f"{len(self.scenario.actions):,} acts"

    def _start_clock(self) -> None:
        """Let the chain's time be ours from here on, with a block each second."""
        self.node.call("evm_setAutomine", False)  # noqa: FBT003  JSON-RPC
        newest = int(self.node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)  # noqa: FBT003
        self.node.call("evm_mine", hex(max(int(time.time()), newest + 1)))
        self.node.call("evm_setIntervalMining", BLOCK_SECONDS)

    def _open_site(self) -> None:
        with self.steps.step("Open the site"):
            site = self.stage.start(
                "site",
                "gunicorn",
                *("django_project.wsgi:application", "--bind", f"fd://{self.socket.fileno()}", "--preload"),
                "--no-control-socket",
                *("--workers", str(SITE_PROCESSES), "--threads", str(SITE_THREADS), "--keep-alive", "30"),
                listens_on=self.socket,
            )
            site.wait_until(self._site_answers)

    def _site_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.site_url}/livez", timeout=5) as response:  # noqa: S310  our own
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _start_workers(self) -> None:
        celery = ("-A", "tasks.celery")
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        # Tasks are safe to run twice, so SIGQUIT may end workers without waiting for the ones in hand.
        self.stage.start(
            "worker",
            "celery",
            *(*celery, "worker", "--queues", "indexing,default,notifications", "--hostname", "worker@demo"),
            *("--concurrency", str(WORKER_PROCESSES), *quiet),
            stop_signal=signal.SIGQUIT,
        )
        self.stage.start(
            "trainer",
            "celery",
            *(*celery, "worker", "--queues", "gpu", "--hostname", "trainer@demo", "--pool", "solo", *quiet),
            stop_signal=signal.SIGQUIT,
        )
        schedule = str(self.stage.folders.root / "beat-schedule")
        self.stage.start("beat", "celery", *celery, "beat", "--schedule", schedule, "--pidfile", "")

    def _catch_up(self) -> None:
        head = int(self.node.call("eth_blockNumber"), 16)
        with self.steps.step("Index the chain", total=head) as step:
            self.index.wait(
                "the index",
                lambda: self.index.cursor().indexed,
                head,
                self.stage.require_alive,
                self._worker_log,
                step.reach,
            )
            self.index.wait(
                "the list of campaigns",
                self.index.listed,
                len(self.scenario.campaigns),
                self.stage.require_alive,
                self._worker_log,
                lambda _: None,
            )
            step.note = f"{head:,} blocks"

    def _worker_log(self) -> str:
        worker = self.stage.servers["worker"]
        return f"the end of {worker.log}:\n{worker.tail()}"

    def _visit(self, step: Step) -> None:
        site = Site(
            url=self.site_url,
            node_url=self.stage.anvil.url,
            chain_id=CHAIN_ID,
            backers=self.cast.backers,
            campaigns=self.addresses,
            genesis=self.memory.genesis,
        )
        post_views(site, self.scenario, step.reach)
        step.note = f"{len(self.scenario.views):,} views"

    def _rank(self) -> None:
        with self.steps.step("Train, promote and rank") as step:
            self.stage.run(
                "recommend",
                [sys.executable, *project_command("manage.py", "recommend", "refresh")],
                watch=step.tell,
            )
            step.note = f"{self.index.live_model()} is live"


def launched_addresses(index: Index, chain_id: int) -> list[str]:
    """Addresses of the launched campaigns, in the order of their launch."""
    rows = index.rows(
        "SELECT address FROM ledger_campaignlaunched WHERE chain_id = %s ORDER BY block_number, log_index",
        chain_id,
    )
    return ["0x" + bytes(address).hex() for (address,) in rows]
