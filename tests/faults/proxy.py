"""A JSON-RPC proxy that lies the way nodes and providers do, from a seed so that a run can be repeated.

By hand: `python -m tests.faults.proxy --target http://127.0.0.1:8545 --seed 7 --chance 0.2`.
"""

import argparse
import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Json = Any
Lie = Callable[["Liar", list[Json], list[Json]], None]

TIMEOUT_SECONDS = 30
DELAY_SECONDS = 0.05
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
        log = liar.random.choice(logs)
        log["data"] = log["data"][:66]


def _wrong_header_hash(_liar: Liar, calls: list[Json], replies: list[Json]) -> None:
    for reply in _results(calls, replies, "eth_getBlockByNumber")[-1:]:
        # Not the genesis block: a node that is wrong about that is on another chain, and rightly left out.
        if int(reply["result"]["number"], 16) > 0:
            reply["result"]["hash"] = WRONG_HASH


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
    "lost-reply": _lost_reply,
    "null-block": _null_block,
    "omit-all-logs": _omit_all_logs,
    "omit-logs": _omit_logs,
    "range-limit": _range_limit,
    "removed-log": _removed_log,
    "shuffle-logs": _shuffle_logs,
    "truncate-logs": _truncate_logs,
    "wrong-header-hash": _wrong_header_hash,
    "wrong-log-hash": _wrong_log_hash,
}


class Proxy:
    """Stands between the indexer and `target`; what it does beyond `liar` is set by its attributes.

    Attributes:
        lag: blocks by which the node seems to be behind.
        refuse_with: an HTTP status that is answered to everything; None to answer.
        storm: how many of the next requests are answered by 429, 503, rubbish or late.
    """

    def __init__(self, target: str, liar: Liar, port: int = 0) -> None:
        self._target = urlsplit(target)
        self.liar = liar
        self.lag = 0
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
                status, content = proxy.answer(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, body: bytes) -> tuple[int, bytes]:
        calls = json.loads(body)
        with self._lock:
            self.requests += 1
            self.calls.update(call["method"] for call in calls)
            stormy, self.storm = self.storm > 0, max(0, self.storm - 1)
        if self.refuse_with is not None:
            return self.refuse_with, b"refused"
        if stormy:
            return self._storm()
        return 200, json.dumps(self.liar.tamper(calls, self._honest(calls))).encode()

    def _storm(self) -> tuple[int, bytes]:
        kind = self.liar.random.choice([429, 503, 200, 0])
        if kind == 0:
            time.sleep(DELAY_SECONDS)
            return 504, b""
        return kind, b"{this is no JSON"

    def _honest(self, calls: list[Json]) -> list[Json]:
        head = (
            int(self._forward([_call("eth_blockNumber")])[0]["result"], 16) - self.lag if self.lag else None
        )
        replies = self._forward([_lagging(call, head) for call in calls])
        if head is not None:
            for call, reply in zip(calls, replies, strict=True):
                _hide_above(head, call, reply)
        return replies

    def _forward(self, calls: list[Json]) -> list[Json]:
        connection = http.client.HTTPConnection(
            self._target.hostname or "", self._target.port, timeout=TIMEOUT_SECONDS
        )
        try:
            connection.request("POST", "/", json.dumps(calls), {"Content-Type": "application/json"})
            replies = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        order = {call["id"]: position for position, call in enumerate(calls)}
        return sorted(replies, key=lambda reply: order[reply["id"]])


def _call(method: str, *params: object) -> Json:
    return {"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)}


def _lagging(call: Json, head: int | None) -> Json:
    if head is not None and call["method"] == "eth_getBlockByNumber" and call["params"][0] == "latest":
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
    parser.add_argument("--lag", type=int, default=0)
    options = parser.parse_args()
    proxy = Proxy(options.target, Liar(options.seed, options.chance, options.lies), options.port)
    proxy.lag = options.lag
    print(f"lying about {options.target} on {proxy.url}; Ctrl-C ends it", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        proxy.close()
        print(f"told: {dict(proxy.liar.told)}")


if __name__ == "__main__":
    main()
