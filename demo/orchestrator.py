"""The order of a demo: from an empty directory to a site that ranks."""

import json
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from demo.accounts import BALANCE_ETHER, MNEMONIC, Accounts, account_count, assign
from demo.catalogue import Token, load_catalogue
from demo.checks import Check, Finding
from demo.codes import keep_key
from demo.contracts import Deployment
from demo.errors import DemoError
from demo.index import Index
from demo.networks import HOME, NETWORKS, Network, Part, home_of, parts
from demo.options import Options
from demo.processes import HOST, Memory, Processes, project_command
from demo.rpc import Node
from demo.seeding import Seeder, campaign_addresses
from demo.simulation import HORIZON, Scenario, simulate
from demo.steps import Step, Steps
from demo.visiting import Site, post_views
from demo.wallet_accounts import offered_accounts
from devtools.servers import PROJECT_ROOT, ServerError, free_port

BLOCK_SECONDS = 1
# Views of the whole history are older than what browsers may report elsewhere.
BEACON_MAX_AGE_SECONDS = HORIZON + 24 * 3600
GUNICORN = PROJECT_ROOT / "deploy" / "gunicorn.conf.py"
SITE_PROCESSES, SITE_THREADS = 2, 4
WORKER_PROCESSES = 1
CELERY = ("-A", "tasks.celery")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
OPERATOR_PASSWORD_BYTES = 12


@dataclass
class Orchestrator:
    """One run of the demo: its steps in order, and what later steps need of earlier ones."""

    options: Options
    processes: Processes
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
        self.parts = parts(self.scenario)
        with self.steps.step("Start PostgreSQL, Redis and the chains"):
            self.processes.together(
                self.processes.start_postgres, self.processes.start_redis, *self._chain_starts()
            )
        self.nodes = {key: Node(anvil.url) for key, anvil in self.processes.anvils.items()}
        self.accounts: Accounts = assign(self.scenario, self.nodes[HOME.chain_id].call("eth_accounts"))
        self.processes.environment |= self._site_environment()
        self.processes.together(self._prepare_database, self._deploy)
        with Index(self.processes.environment["DATABASE_URL"]) as self.index:
            if self.memory.is_complete:
                self._resume()
            else:
                self._begin()
            if self.index.live_model() is None:
                self._rank()
        self._start_trainer()

    def check(self) -> list[Finding]:
        """Ask chains, database and site whether they agree."""
        with Index(self.processes.environment["DATABASE_URL"]) as index:
            return Check(
                nodes=self.nodes,
                index=index,
                deployments={key: self._deployment(key) for key in self.nodes},
                scenario=self.scenario,
                parts=self.parts,
                expects_personal=self.options.scale.teaches_tastes,
                site_url=self.site_url,
                backers=self.accounts.backers,
            ).run()

    def create_operator(self) -> tuple[str, str]:
        """Make an account for the admin pages; returns its password, new at each start, and its key."""
        password = secrets.token_urlsafe(OPERATOR_PASSWORD_BYTES)
        key = keep_key(self.processes.folders.operator_key)
        command = [sys.executable, "-m", "demo.create_operator"]
        self.processes.run("operator", command, text=f"{password}\n{key}")
        return password, key

    # --- Beginning anew, or from what is there ----------------------------------------------------------

    def _recall(self) -> None:
        folders = self.processes.folders
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
            ports = {str(network.chain_id): free_port() for network in NETWORKS}
            found = Memory(scale.campaigns, scale.backers, self.options.seed, genesis, ports)
        self.memory = found

    def _chain_starts(self) -> list[Callable[[], None]]:
        return [partial(self._start_chain, network) for network in NETWORKS]

    def _start_chain(self, network: Network) -> None:
        arguments = [
            *("--accounts", str(account_count(self.scenario)), "--mnemonic", MNEMONIC),
            *("--balance", str(BALANCE_ETHER), "--timestamp", str(self.memory.genesis)),
        ]
        ports, key = self.memory.anvil_ports, str(network.chain_id)
        try:
            self.processes.start_anvil(network, ports[key], arguments)
        except ServerError as error:
            if not self.memory.is_complete:
                raise
            raise DemoError(f"{error}\nIf its saved state is damaged, begin anew with --reset") from error
        ports[key] = self.processes.anvils[network.chain_id].port

    def _deployment(self, chain_id: int) -> Deployment:
        return Deployment.read(self.processes.folders.deployments, chain_id)

    def _site_environment(self) -> dict[str, str]:
        folders = self.processes.folders
        return {
            "CHAINFUND_MODE": "demo",
            "CHAINFUND_SITE_URL": self.site_url,
            "CHAINFUND_RPC_URLS": ";".join(f"{key}={node.url}" for key, node in self.nodes.items()),
            "CHAINFUND_TREASURY": self.accounts.treasury,
            "CHAINFUND_DEPLOYMENTS_DIR": str(folders.deployments),
            "CHAINFUND_RECOMMENDER_DIR": str(folders.runs),
            "CHAINFUND_BEACON_MAX_AGE_SECONDS": str(BEACON_MAX_AGE_SECONDS),
            "CHAINFUND_DEMO_ACCOUNTS": json.dumps(
                offered_accounts(self.scenario, self.accounts), ensure_ascii=False
            ),
        }

    @property
    def site_url(self) -> str:
        return f"http://{HOST}:{self.socket.getsockname()[1]}"

    # --- Steps ------------------------------------------------------------------------------------------

    def _prepare_database(self) -> None:
        self._migrate()
        if not self.memory.is_complete:
            with self.steps.step("Read the campaigns' texts"):
                slugs = json.dumps([campaign.slug for campaign in self.scenario.campaigns])
                self.processes.run("encode", [sys.executable, "-m", "demo.encode_texts"], text=slugs)

    def _migrate(self) -> None:
        with self.steps.step("Create the tables"):
            self.processes.run(
                "migrate", [sys.executable, *project_command("manage.py", "migrate", "--no-input")]
            )

    def _deploy(self) -> None:
        folder = self.processes.folders.deployments
        missing = [network for network in NETWORKS if not (folder / f"{network.chain_id}.json").exists()]
        if missing:
            with self.steps.step("Compile the contracts"):
                self.processes.run("contracts", project_command("tools/setup.sh", "contracts"))
        # One after the other: Brownie keeps a file of its own about all deployments.
        for network in missing:
            with self.steps.step(f"Deploy the contracts on {network.title} with Brownie"):
                self.processes.run(
                    f"deploy-{network.chain_id}",
                    project_command("tools/brownie", "run", "deploy", "--network", "anvil"),
                    env={"CHAINFUND_RPC_URL": self.nodes[network.chain_id].url},
                )

    def _begin(self) -> None:
        # The same on both chains: equal terms of one creator, from factories at one address.
        self.addresses = campaign_addresses(
            self.nodes[HOME.chain_id],
            self._deployment(HOME.chain_id),
            self.scenario,
            self.accounts,
            self.memory.genesis,
        )
        self.processes.together(self._store_texts, self._open_site)
        # Before there is anything to index: they start up while the nodes are busy.
        self._start_workers()
        self.processes.together(*(partial(self._seed, part) for part in self.parts))
        self._start_clocks()
        self._catch_up()
        with self.steps.step("Post page views to the site", total=len(self.scenario.views)) as step:
            self.processes.together(partial(self._visit, step))
        self.memory.is_complete = True
        self.processes.folders.remember(self.memory)

    def _resume(self) -> None:
        for network in NETWORKS:
            if not self._index_is_of_this_chain(network.chain_id):
                self._forget_index(network)
        self._start_clocks()
        self._open_site()
        self._start_workers()
        self._catch_up()

    def _forget_index(self, network: Network) -> None:
        with self.steps.step(f"Forget an index that is ahead of what {network.title} saved"):
            command = project_command("manage.py", "indexer", "reset-chain", "--chain", str(network.chain_id))
            self.processes.run(f"reset-chain-{network.chain_id}", [sys.executable, *command])

    def _index_is_of_this_chain(self, chain_id: int) -> bool:
        """Whether the node has the block that the index ends with; after a crash it may have lost it."""
        cursor = self.index.cursor(chain_id)
        if cursor.head_hash is None:
            return True
        block = self.nodes[chain_id].call("eth_getBlockByNumber", hex(cursor.indexed), False)  # noqa: FBT003  JSON-RPC
        return block is not None and block["hash"] == "0x" + cursor.head_hash.hex()

    def _store_texts(self) -> None:
        with self.steps.step("Keep updates and evidence"):
            request = [
                {
                    "chain": {
                        "chain_id": part.network.chain_id,
                        "name": part.network.name,
                        "currency_symbol": part.network.currency,
                        "currency_decimals": Token.NATIVE.decimals,
                        "finality_depth": part.network.finality_depth,
                        "is_test_network": True,
                    },
                    "addresses": {
                        self.scenario.campaigns[position].slug: self.addresses[position]
                        for position in part.campaigns
                    },
                }
                for part in self.parts
            ]
            self.processes.run("texts", [sys.executable, "-m", "demo.store_texts"], text=json.dumps(request))

    def _seed(self, part: Part) -> None:
        network = part.network
        title = f"Play 120 days of transactions on {network.title}"
        with self.steps.step(title, total=len(part.actions)) as step:
            Seeder(
                node=self.nodes[network.chain_id],
                deployment=self._deployment(network.chain_id),
                scenario=self.scenario,
                part=part,
                accounts=self.accounts,
                genesis=self.memory.genesis,
                addresses=self.addresses,
                progress=step.reach,
            ).play()
            step.note = f"{len(part.actions):,} acts"

    def _start_clocks(self) -> None:
        """Let the chains' time be ours from here on, with a block every second or two."""
        for network in NETWORKS:
            node = self.nodes[network.chain_id]
            node.call("evm_setAutomine", False)  # noqa: FBT003  JSON-RPC
            newest = int(node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)  # noqa: FBT003
            node.call("evm_mine", hex(max(int(time.time()), newest + 1)))
            node.call("evm_setIntervalMining", network.block_seconds)

    def _open_site(self) -> None:
        with self.steps.step("Open the site"):
            site = self.processes.start(
                "site",
                "gunicorn",
                *("--config", str(GUNICORN), "--bind", f"fd://{self.socket.fileno()}"),
                *("--workers", str(SITE_PROCESSES), "--threads", str(SITE_THREADS)),
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
        self._start_worker("indexer", "--queues", "indexing", "--concurrency", str(len(NETWORKS)))
        queues = "default,notifications"
        self._start_worker("worker", "--queues", queues, "--concurrency", str(WORKER_PROCESSES))
        schedule = str(self.processes.folders.root / "beat-schedule")
        self.processes.start("beat", "celery", *CELERY, "beat", "--schedule", schedule, "--pidfile", "")

    def _start_worker(self, name: str, *arguments: str) -> None:
        # Tasks are safe to run twice, so SIGQUIT may end workers without waiting for the ones in hand.
        self.processes.start(
            name,
            "celery",
            *(*CELERY, "worker", "--hostname", f"{name}@demo", *QUIET, *arguments),
            stop_signal=signal.SIGQUIT,
        )

    def _start_trainer(self) -> None:
        """Last: nobody asks for it before, and loading PyTorch would slow down those who are at work."""
        self._start_worker("trainer", "--queues", "gpu", "--pool", "solo")

    def _catch_up(self) -> None:
        heads = {key: int(node.call("eth_blockNumber"), 16) for key, node in self.nodes.items()}
        with self.steps.step("Index the chains", total=sum(heads.values())) as step:
            self._wait(
                "the index",
                lambda: sum(min(self.index.cursor(key).indexed, head) for key, head in heads.items()),
                sum(heads.values()),
                "indexer",
                step.reach,
            )
            self._wait(
                "the list of campaigns",
                lambda: sum(self.index.listed(part.network.chain_id) for part in self.parts),
                sum(len(part.campaigns) for part in self.parts),
                "worker",
                lambda _: None,
            )
            step.note = f"{sum(heads.values()):,} blocks"

    def _wait(
        self,
        what: str,
        measure: Callable[[], int],
        target: int,
        worker: str,
        progress: Callable[[int], None],
    ) -> None:
        def explain() -> str:
            server = self.processes.servers[worker]
            return f"the end of {server.log}:\n{server.tail()}"

        self.index.wait(what, measure, target, self.processes.require_alive, explain, progress)

    def _visit(self, step: Step) -> None:
        site = Site(
            url=self.site_url,
            node_url=self.nodes[HOME.chain_id].url,
            chain_id=HOME.chain_id,
            backers=self.accounts.backers,
            campaigns=[
                f"{network.chain_id}:{address}"
                for network, address in zip(home_of(self.scenario), self.addresses, strict=True)
            ],
            genesis=self.memory.genesis,
        )
        post_views(site, self.scenario, step.reach)
        step.note = f"{len(self.scenario.views):,} views"

    def _rank(self) -> None:
        with self.steps.step("Train, promote and rank") as step:
            self.processes.run(
                "recommend",
                [sys.executable, *project_command("manage.py", "recommend", "refresh")],
                watch=step.tell,
            )
            step.note = f"{self.index.live_model()} is live"
