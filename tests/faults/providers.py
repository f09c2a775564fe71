"""Providers as they are: habits, and profiles that put some together; words drawn from a seed.

A `Provider` stands where a node would. What it refuses it refuses in words and codes of the field, drawn anew
for each of them, because no two providers agree on any. By hand, in front of a node:
`python -m tests.faults.providers --target http://127.0.0.1:8545 --profile three-a-batch --seed 7`.
"""

import argparse
import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks.indexing.node.abilities import Pace
from tests.faults.proxy import Answer, Json, Liar, Proxy, forward, honest


class Refusal(NamedTuple):
    """An error object, and the HTTP status that it comes with."""

    code: int
    words: str
    status: int = 200

    def item(self, call: Json) -> Json:
        return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": self.code, "message": self.words}}

    def whole(self) -> Answer:
        error = {"code": self.code, "message": self.words}
        return Answer(self.status, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode())


OF_BATCHES = (
    Refusal(-32600, "batch requests are not supported"),
    Refusal(31, "this plan takes at most 3 calls in a batch", 500),
    Refusal(-32000, "batch limit exceeded"),
    Refusal(-32600, "too many calls in one request", 400),
    Refusal(-32099, "bundle of calls is too big", 413),
)
OF_RANGES = (
    Refusal(-32005, "query returned more than 10000 results"),
    Refusal(-32602, "exceed maximum block range: 5000"),
    Refusal(-32000, "the interval is wider than what is served here"),
    Refusal(-32600, "eth_getLogs requests with up to a 500 block range are allowed", 400),
    Refusal(35, "ranges over 10000 blocks are not supported on freetier"),
    Refusal(-32614, "eth_getLogs is limited to a 10,000 range", 413),
)
# Of ranges too, by nodes that give up after a while.
OF_TIME = (
    Refusal(-32000, "query timeout exceeded"),
    Refusal(-32002, "request timed out"),
    Refusal(-32603, "context deadline exceeded", 500),
    Refusal(-32016, "the query took too long"),
)
OF_PACE = (
    Refusal(429, "Your app has exceeded its compute units per second capacity"),
    Refusal(-32005, "too many concurrent requests"),
    Refusal(-32007, "50/second request limit reached - reduce calls per second"),
    Refusal(-32097, "rate limit exceeded, slow down"),
    Refusal(-32005, "project ID request rate exceeded"),
)
OF_PLANS = (
    Refusal(-32601, "the method is not available"),
    Refusal(-32602, "Archive requests require a personal token"),
    Refusal(-32600, "this method requires a paid plan", 403),
    Refusal(4444, "pruned history unavailable"),
    Refusal(-32000, "not on this node"),
    Refusal(-32603, "Internal error"),
)

Rule = Callable[[Json, int], bool]
"""Whether a call is refused, given the head."""


def is_archive(call: Json, head: int, depth: int = 64) -> bool:
    """A log query or a state from further back than a node without an archive keeps."""
    if call["method"] != "eth_getLogs" or "fromBlock" not in call["params"][0]:
        return False
    return int(call["params"][0]["fromBlock"], 16) < head - depth


def is_by_hash(call: Json, _head: int) -> bool:
    """A state at a block's hash (EIP-1898), or the logs of one."""
    if call["method"] == "eth_call":
        return isinstance(call["params"][1], dict)
    return call["method"] == "eth_getLogs" and "blockHash" in call["params"][0]


def is_method(*methods: str) -> Rule:
    return lambda call, _head: call["method"] in methods


def is_finalized(call: Json, _head: int) -> bool:
    return bool(call["params"][:1] == ["finalized"])


def span(call: Json) -> int:
    """How many blocks a log query spans; 0 for anything else."""
    bounds = call["params"][0] if call["method"] == "eth_getLogs" else {}
    if "fromBlock" not in bounds:
        return 0
    return int(bounds["toBlock"], 16) - int(bounds["fromBlock"], 16) + 1


@dataclass(frozen=True)
class Habits:
    """What a provider does; everything is off unless it is set.

    Attributes:
        batch: the most calls that it takes in a request.
        blocks: the most blocks that it takes in a log query.
        page: the most logs that it answers with.
        per_second: calls, those of a batch singly; what is above is refused call by call.
        rules: which calls it refuses, whoever asks.
        stale: the share of requests that a backend answers which is some blocks behind and says null.
        alien: the share of requests that a backend of another chain answers.
        delay: seconds by which every answer is late.
        blocks_per_second: how fast its chain grows, once it is asked, over the last `blocks_to_come` of the
            node's; 0 for all of them at once.
    """

    batch: int | None = None
    blocks: int | None = None
    page: int | None = None
    per_second: float | None = None
    rules: Sequence[Rule] = ()
    stale: float = 0.0
    alien: float = 0.0
    delay: float = 0.0
    blocks_per_second: float = 0.0
    blocks_to_come: int = 5


PROFILES: Mapping[str, Habits] = {
    "three-a-batch": Habits(batch=3),
    "no-batches": Habits(batch=1),
    "no-archive": Habits(rules=[is_archive]),
    "counts-calls": Habits(per_second=40),
    "narrow": Habits(blocks=10),
    "pages-by-size": Habits(page=6),
    "takes-no-hashes": Habits(rules=[is_by_hash]),
    "few-methods": Habits(rules=[is_method("eth_getBlockReceipts", "web3_clientVersion")]),
    "lagging-balancer": Habits(stale=0.15),
    "alien-balancer": Habits(alien=0.05),
    "slow": Habits(delay=0.02),
    "two-blocks-a-second": Habits(blocks_per_second=2.0),
}


@dataclass
class Bucket:
    """Calls that may be made now; it is empty at the first, so that something is refused on any machine."""

    per_second: float
    tokens: float = 0.0
    counted_at: float | None = None

    def take(self) -> bool:
        now = time.monotonic()
        passed = 0.0 if self.counted_at is None else (now - self.counted_at) / Pace.SECOND
        self.tokens = min(self.per_second, self.tokens + passed * self.per_second)
        self.counted_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Provider(Proxy):
    """A provider's node.

    Attributes:
        alien_url: the node of another chain, for those whose balancer has one.
        refusals: how many calls and requests were refused.
    """

    def __init__(
        self,
        target: str,
        habits: Habits,
        seed: int = 0,
        *,
        words: Refusal | None = None,
        port: int = 0,
        alien_url: str = "",
    ) -> None:
        self._chance = random.Random(seed)
        self._habits, self._alien_url = habits, alien_url
        self._bucket = None if habits.per_second is None else Bucket(habits.per_second)
        every: tuple[Sequence[Refusal], ...] = (OF_BATCHES, OF_RANGES, OF_PACE, OF_PLANS)
        self._words = {reasons: words or self._chance.choice(reasons) for reasons in every}
        self.refusals = 0
        self._grows_since: float | None = None
        super().__init__(target, Liar(seed, 0.0), port)

    def respond(self, calls: list[Json]) -> Answer:
        """As the provider would."""
        with self._lock:
            self.requests += 1
            self.calls.update(call["method"] for call in calls)
            is_alien = bool(self._alien_url) and self._chance.random() < self._habits.alien
            behind = self._blocks_to_come() + (3 if self._chance.random() < self._habits.stale else 0)
            refused = {} if self._bucket is None else self._over_pace(calls, self._bucket)
        time.sleep(self._habits.delay)
        if self._habits.batch is not None and len(calls) > self._habits.batch:
            return self._refuse(OF_BATCHES)
        target = self._alien_url if is_alien else self._target
        if self._habits.rules:
            head = int(forward(target, [BLOCK_NUMBER])[0]["result"], 16)
            plan = self._words[OF_PLANS]
            for call in calls:
                if any(rule(call, head) for rule in self._habits.rules):
                    refused.setdefault(call["id"], plan)
        for call in calls:
            if self._habits.blocks is not None and span(call) > self._habits.blocks:
                refused.setdefault(call["id"], self._words[OF_RANGES])
        if len(calls) == len(refused) == 1 and (only := refused[calls[0]["id"]]).status != 200:
            self.refusals += 1
            return only.whole()
        self.refusals += len(refused)
        return self._answer_others(target, calls, refused, behind)

    def _answer_others(
        self, target: str, calls: list[Json], refused: dict[int, Refusal], behind: int
    ) -> Answer:
        others = [call for call in calls if call["id"] not in refused]
        replies = {reply["id"]: reply for reply in honest(target, others, behind)} if others else {}
        for call in others:
            logs = replies[call["id"]].get("result")
            is_page = self._habits.page is not None and span(call) > 1 and isinstance(logs, list)
            if is_page and len(logs) > (self._habits.page or 0):
                refused[call["id"]] = self._words[OF_RANGES]
                self.refusals += 1
        told = [
            refused[call["id"]].item(call) if call["id"] in refused else replies[call["id"]] for call in calls
        ]
        return Answer(200, json.dumps(told).encode())

    def _blocks_to_come(self) -> int:
        """How many of the node's newest blocks are not there yet, as it seems."""
        if not self._habits.blocks_per_second:
            return 0
        now = time.monotonic()
        if self._grows_since is None:
            self._grows_since = now
        seconds = (now - self._grows_since) / Pace.SECOND
        return max(0, self._habits.blocks_to_come - int(seconds * self._habits.blocks_per_second))

    def _over_pace(self, calls: list[Json], bucket: Bucket) -> dict[int, Refusal]:
        return {call["id"]: self._words[OF_PACE] for call in calls if not bucket.take()}

    def _refuse(self, reasons: Sequence[Refusal]) -> Answer:
        self.refusals += 1
        return self._words[reasons].whole()


BLOCK_NUMBER = {"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--profile", choices=sorted(PROFILES), required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alien", default="", metavar="URL", help="a node of another chain, for a balancer")
    options = parser.parse_args()
    profile = PROFILES[options.profile]
    provider = Provider(options.target, profile, options.seed, port=options.port, alien_url=options.alien)
    print(f"{options.profile} in front of {options.target} on {provider.url}; Ctrl-C ends it", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        provider.close()
        print(f"{provider.requests} requests, {provider.refusals} refusals")


if __name__ == "__main__":
    main()
