"""A JSON-RPC proxy that lies the way nodes and providers do, from a seed so that a run can be repeated.

By hand: `python -m tests.faults.proxy --target http://127.0.0.1:8545 --seed 7 --chance 0.2`; see `--help`.
"""

import argparse
import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

Json = Any
Lie = Callable[["Liar", list[Json], list[Json]], None]

TIMEOUT_SECONDS = 30
DELAY_SECONDS = 0.05
# As providers word it.
RATE_LIMITS = (
    "rate limit exceeded",
    "Too Many Requests",
    "daily request count exceeded, request rate limited",
    "50/second request limit reached - reduce calls per second",
)
WRONG_HASH = "0x" + 31 * "00" + "ff"


def _results(calls: list[Json], replies: list[Json], method: str) -> list[Json]:
    wanted = {call["id"] for call in calls if call["method"] == method}
    return [reply for reply in replies if reply["id"] in wanted and reply.get("result")]


def _log_lists(calls: list[Json], replies: list[Json]) -> list[list[Json]]:
    return [reply["result"] for reply in _results(calls, replies, "eth_getLogs")]


class Liar:
    """Tampers with the replies to one batch of calls.

    Args:
        seed: of all choices.
        chance: of a lie in each reply.
        lies: names from `LIES`; None for all.
        limit: how many lies are told before it turns honest; None for no limit.
    """

    def __init__(
        self, seed: int, chance: float, lies: list[str] | None = None, limit: int | None = None
    ) -> None:
        unknown = set(lies or ()) - LIES.keys()
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: choose from {', '.join(LIES)}")
        self.random = random.Random(seed)
        self.chance, self.limit = chance, limit
        self.lies = sorted(lies or LIES)
        self.told: Counter[str] = Counter()
        self._lock = threading.Lock()

    def tamper(self, calls: list[Json], replies: list[Json]) -> list[Json]:
        """Tell one of the lies that fit this reply."""
        with self._lock:
            is_spent = self.limit is not None and self.told.total() >= self.limit
            if is_spent or self.random.random() >= self.chance:
                return replies
            before = json.dumps(replies)
            for name in self.random.sample(self.lies, len(self.lies)):
                LIES[name](self, calls, replies)
                if json.dumps(replies) != before:
                    self.told[name] += 1
                    break
        return replies


def _omit_logs(liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for logs in _log_lists(calls, replies):
        for _ in range(liar.random.randint(1, 3)):
            if logs:
                logs.pop(liar.random.randrange(len(logs)))


def _omit_all_logs(_liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for logs in _log_lists(calls, replies):
        logs.clear()


def _truncate_logs(_liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for logs in _log_lists(calls, replies):
        del logs[len(logs) // 2 :]


def _duplicate_logs(liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for logs in _log_lists(calls, replies):
        logs.append(dict(liar.random.choice(logs)))


def _shuffle_logs(liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for logs in _log_lists(calls, replies):
        liar.random.shuffle(logs)


def _removed_log(liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for logs in _log_lists(calls, replies):
        liar.random.choice(logs)["removed"] = True


def _wrong_log_hash(liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for logs in _log_lists(calls, replies):
        liar.random.choice(logs)["blockHash"] = WRONG_HASH


def _cut_log_data(liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for logs in _log_lists(calls, replies):
        long_enough = [log for log in logs if len(log["data"]) > 66]
        if long_enough:
            log = liar.random.choice(long_enough)
            log["data"] = log["data"][:66]


def _wrong_header_hash(_liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for reply in _results(calls, replies, "eth_getBlockByNumber")[-1:]:
        # Not the genesis block: a node that is wrong about that is on another chain, and rightly left out.
        if int(reply["result"]["number"], 16) > 0:
            reply["result"]["hash"] = WRONG_HASH


def _high_head(liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    """A head that nobody has mined: a number too high, or a child of the true head that looks like one."""
    asked = [call for call in calls if call["params"][:1] == ["latest"]]
    for reply in _results(asked, replies, "eth_getBlockByNumber"):
        head = reply["result"]
        if liar.random.random() < 0.5:
            head["number"] = hex(int(head["number"], 16) + liar.random.randint(1, 3))
        else:
            head["number"] = hex(int(head["number"], 16) + 1)
            head["parentHash"], head["hash"] = head["hash"], WRONG_HASH


def _null_block(_liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for reply in _results(calls, replies, "eth_getBlockByNumber")[-1:]:
        reply["result"] = None


def _lost_reply(_liar: Liar, _calls: list[Json], replies: list[Json]) -> None:
    if replies:
        replies.pop()


def _error_reply(_liar: Liar, _calls: list[Json], replies: list[Json]) -> None:
    for reply in replies[-1:]:
        reply.pop("result", None)
        reply["error"] = {"code": -32603, "message": "internal error"}


def _rate_limit(liar: Liar, _calls: list[Json], replies: list[Json]) -> None:
    message = liar.random.choice(RATE_LIMITS)
    for reply in replies:
        reply.pop("result", None)
        reply["error"] = {"code": -32005, "message": message}


def _range_limit(_liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for call in calls:
        bounds = call["params"][0] if call["method"] == "eth_getLogs" else {}
        if int(bounds.get("toBlock", "0x0"), 16) > int(bounds.get("fromBlock", "0x0"), 16):
            reply = next(each for each in replies if each["id"] == call["id"])
            reply.pop("result", None)
            reply["error"] = {"code": -32005, "message": "query returned more than 10000 results"}


LIES: dict[str, Lie] = {
    "cut-log-data": _cut_log_data,
    "duplicate-logs": _duplicate_logs,
    "error-reply": _error_reply,
    "high-head": _high_head,
    "lost-reply": _lost_reply,
    "null-block": _null_block,
    "omit-all-logs": _omit_all_logs,
    "omit-logs": _omit_logs,
    "range-limit": _range_limit,
    "rate-limit": _rate_limit,
    "removed-log": _removed_log,
    "shuffle-logs": _shuffle_logs,
    "truncate-logs": _truncate_logs,
    "wrong-header-hash": _wrong_header_hash,
    "wrong-log-hash": _wrong_log_hash,
}


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    content: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class RateLimit:
    """What providers do: so many requests a second, as many at once; the rest are told when to come back.

    Nothing is left when the first request comes, so that one at least is refused however fast the machine is.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second, self._tokens = per_second, 0.0
        self._counted_at: float | None = None
        self.refused = 0

    def refuses(self) -> bool:
        now = time.monotonic()
        passed = now - (self._counted_at or now)
        self._tokens = min(self._per_second, self._tokens + passed * self._per_second)
        self._counted_at = now
        if self._tokens < 1:
            self.refused += 1
            return True
        self._tokens -= 1
        return False


class Proxy:
    """Stands between the indexer and `target`; what it does beyond `liar` is set by its attributes.

    Attributes:
        lag: blocks by which the node seems to be behind.
        wobble: blocks by which it seems to be further behind in about every second request.
        delay: seconds up to which each answer is held back, so that answers overtake one another.
        rate_limit: refuses with 429 and `Retry-After` what comes too fast; None to answer all.
        mix: the URL of a second node that answers every second request; None for `target` alone.
        refuse_with: an HTTP status that is answered to everything; None to answer.
        storm: how many of the next requests are answered by 429, 503, rubbish or late.
    """

    def __init__(self, target: str, liar: Liar, port: int = 0, host: str = "127.0.0.1") -> None:
        self._target = target
        self.liar = liar
        self.lag = self.wobble = 0
        self.delay = 0.0
        self.rate_limit: RateLimit | None = None
        self.mix: str | None = None
        self.refuse_with: int | None = None
        self.storm = 0
        self.requests = 0
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = proxy.answer(body)
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer.content)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                # Who asked may leave an answer unread that is larger than they like.
                with suppress(ConnectionError):
                    proxy.send(self.wfile, answer.content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Tests are quiet."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def send(self, stream: BufferedIOBase, content: bytes) -> None:
        """Write the body of an answer."""
        stream.write(content)

    def answer(self, body: bytes) -> Answer:
        """What is sent back; a call that came as no batch gets no batch."""
        posted = json.loads(body)
        if isinstance(posted, list):
            return self.respond(posted)
        answer = self.respond([posted])
        with suppress(ValueError):
            told = json.loads(answer.content)
            if isinstance(told, list) and len(told) == 1:
                return answer._replace(content=json.dumps(told[0]).encode())
        return answer

    def respond(self, calls: list[Json]) -> Answer:
        """What is answered to some calls, as to a batch."""
        with self._lock:
            self.requests += 1
            self.calls.update(call["method"] for call in calls)
            stormy, self.storm = self.storm > 0, max(0, self.storm - 1)
            is_too_fast = self.rate_limit is not None and self.rate_limit.refuses()
            target = self.mix if self.mix is not None and self.requests % 2 else self._target
            behind = self.lag + (self.wobble if self.liar.random.random() < 0.5 else 0)
            pause = self.liar.random.uniform(0, self.delay)
        if self.refuse_with is not None:
            return Answer(self.refuse_with, b"refused")
        if is_too_fast:
            return Answer(429, b"too many requests", {"Retry-After": "1"})
        if stormy:
            return self._storm()
        replies = self.liar.tamper(calls, honest(target, calls, behind))
        time.sleep(pause)
        return Answer(200, json.dumps(replies).encode())

    def _storm(self) -> Answer:
        kind = self.liar.random.choice([429, 503, 200, 0])
        if kind == 0:
            time.sleep(DELAY_SECONDS)
            return Answer(504, b"")
        return Answer(kind, b"{this is no JSON")


def honest(target: str, calls: list[Json], behind: int) -> list[Json]:
    """What a node answers, as if it were some blocks behind."""
    if not behind:
        return forward(target, calls)
    head = int(forward(target, [_call("eth_blockNumber")])[0]["result"], 16) - behind
    replies = forward(target, [_lagging(call, head) for call in calls])
    for call, reply in zip(calls, replies, strict=True):
        _hide_above(head, call, reply)
    return replies


def forward(target: str, calls: list[Json]) -> list[Json]:
    """What the node itself answers, in the order of the calls."""
    parts = urlsplit(target)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/", json.dumps(calls), {"Content-Type": "application/json"})
        replies = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    order = {call["id"]: position for position, call in enumerate(calls)}
    return sorted(replies, key=lambda reply: order[reply["id"]])


def _call(method: str, *params: object) -> Json:
    return {"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)}


def _lagging(call: Json, head: int) -> Json:
    if call["method"] == "eth_getBlockByNumber" and call["params"][0] == "latest":
        return {**call, "params": [hex(head), *call["params"][1:]]}
    return call


def _hide_above(head: int, call: Json, reply: Json) -> None:
    """What a node that has not seen a block yet answers: no block, and no logs of it."""
    result = reply.get("result")
    if call["method"] == "eth_getBlockByNumber" and result and int(result["number"], 16) > head:
        reply["result"] = None
    elif call["method"] == "eth_getLogs" and result:
        reply["result"] = [log for log in result if int(log["blockNumber"], 16) <= head]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chance", type=float, default=0.2, help="of a lie in each reply")
    parser.add_argument("--lies", nargs="*", choices=sorted(LIES))
    parser.add_argument("--lag", type=int, default=0, metavar="BLOCKS", help="seem to be behind")
    parser.add_argument(
        "--wobble", type=int, default=0, metavar="BLOCKS", help="seem further behind at times"
    )
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="at most, of each answer")
    parser.add_argument("--rate-limit", type=float, metavar="N", help="refuse more than N requests a second")
    parser.add_argument("--mix", metavar="URL", help="a second node that answers every second request")
    options = parser.parse_args()
    proxy = Proxy(options.target, Liar(options.seed, options.chance, options.lies), options.port)
    proxy.lag, proxy.wobble, proxy.delay, proxy.mix = options.lag, options.wobble, options.delay, options.mix
    proxy.rate_limit = None if options.rate_limit is None else RateLimit(options.rate_limit)
    print(f"lying about {options.target} on {proxy.url}; Ctrl-C ends it", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        proxy.close()
        print(f"told: {dict(proxy.liar.told)}")


if __name__ == "__main__":
    main()
