"""The one place where the site itself asks a node: single calls, bounded in time and size.

Only endpoints that the operator named are asked (`settings.RPC_URLS`), and nothing of a request reaches a
URL. The indexer has its own client, which is patient; here somebody waits for a page.
"""

import logging
import re
import time
from functools import cache
from http import HTTPStatus
from typing import Any

import certifi
import orjson
import urllib3
from django.conf import settings
from urllib3.exceptions import HTTPError

from django_project.core.endpoints import endpoint_name, is_websocket, request_address, request_headers

logger = logging.getLogger(__name__)

# To connect and to answer, of one endpoint.
REQUEST_TIMEOUT_SECONDS = 3.0
# A contract's code, the largest thing that is asked for, is 24,576 bytes on most chains: twice that in hex.
REPLY_BYTES_LIMIT = 256 * 1024

# What nodes call a call that ended badly; everything else that goes wrong is the node's own trouble.
_REVERTED_CODE = 3
_ENDED_BADLY = re.compile(r"revert|out ?of ?gas|vm execution error", re.IGNORECASE)


class NoAnswerError(Exception):
    """No endpoint of the chain gave an answer in time; the message says why, without keys."""


class CallFailedError(Exception):
    """The node ran the call, which reverted or ran out of gas."""


class _EndpointError(Exception):
    """This endpoint gave no answer; the next one may."""


def call(chain_id: int, method: str, *params: object, until: float) -> str:
    """What the first endpoint that answers says; each is asked once, and none after `until`.

    `until` is in seconds of the monotonic clock.

    Raises:
        CallFailedError: it ran to a bad end, and would on any other node.
        NoAnswerError: none answered.
    """
    problems = []
    for url in settings.RPC_URLS.get(chain_id, []):
        seconds = min(REQUEST_TIMEOUT_SECONDS, until - time.monotonic())
        if is_websocket(url) or seconds <= 0:
            continue
        try:
            return _ask(url, method, params, seconds)
        except _EndpointError as error:
            problems.append(f"{endpoint_name(url)}: {error}")
    told = "; ".join(problems) or "there was none to ask, or no time left"
    raise NoAnswerError(
        f"no endpoint of chain {chain_id} answers {method} ({told}): check CHAINFUND_RPC_URLS"
    )


@cache
def _client() -> urllib3.PoolManager:
    return urllib3.PoolManager(retries=False, ca_certs=certifi.where())


def _ask(url: str, method: str, params: tuple[object, ...], seconds: float) -> str:
    try:
        response = _client().request(
            "POST",
            request_address(url),
            body=orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
            headers=request_headers(url),
            timeout=urllib3.Timeout(total=seconds),
            redirect=False,
            preload_content=False,
        )
        content = response.read(REPLY_BYTES_LIMIT + 1)
    except HTTPError as error:
        raise _EndpointError(type(error).__name__) from error
    if len(content) > REPLY_BYTES_LIMIT:
        response.close()
        raise _EndpointError("the reply is too long")
    response.release_conn()
    if response.status != HTTPStatus.OK:
        raise _EndpointError(f"HTTP {response.status}")
    try:
        reply = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise _EndpointError("the reply is no JSON") from error
    return _result(reply)


def _result(reply: Any) -> str:
    if not isinstance(reply, dict):
        raise _EndpointError("the reply is no JSON-RPC")
    error = reply.get("error")
    if isinstance(error, dict):
        message = str(error.get("message"))
        if error.get("code") == _REVERTED_CODE or _ENDED_BADLY.search(message):
            raise CallFailedError(message)
        raise _EndpointError(message)
    if not isinstance(reply.get("result"), str):
        raise _EndpointError("the reply has neither a result nor an error")
    return str(reply["result"])
