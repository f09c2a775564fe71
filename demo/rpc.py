"""JSON-RPC to the demo's own node: batches over one connection that stays open."""

import http.client
import json
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60

Call = tuple[str, Sequence[object]]


class RpcError(RuntimeError):
    """The node refused a call, or did not answer; the message has its own words."""


class Node:
    """Calls to one node. The calls of a batch may be carried out in any order."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self._connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=TIMEOUT_SECONDS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def call(self, method: str, *parameters: object) -> Any:
        return self.batch([(method, parameters)])[0]

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results in the order of the calls.

        Raises:
            RpcError: a call was refused, with the first refusal's words.
        """
        if not calls:
            return []
        body = json.dumps(
            [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": list(parameters)}
                for number, (method, parameters) in enumerate(calls)
            ]
        )
        try:
            self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
            replies = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise RpcError(f"the node at {self.url} did not answer {calls[0][0]}: {error}") from error
        by_id = {reply["id"]: reply for reply in replies}
        for number, (method, _) in enumerate(calls):
            if "error" in by_id[number]:
                raise RpcError(f"the node refused {method}: {by_id[number]['error'].get('message')}")
        return [by_id[number]["result"] for number in range(len(calls))]
