"""What came back of a request, call by call: a result, or what the refusal means.

Words decide as little as possible. Any refusal of a log query over several blocks means that fewer are to be
asked for, any refusal of a batch that it is to be smaller, unless it speaks of overload and of nothing else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from tasks.indexing.errors import BadReplyError
from tasks.indexing.node.abilities import LONGEST_WORDS
from tasks.indexing.node.calls import Call

# JSON-RPC's codes for a call that is none or is not offered, those of EIP-1474 for "not supported" and for
# "limit exceeded", and the one of nodes for a call that has reverted (geth's `rpc/errors.go`).
_LASTING_CODES = {-32600, -32601, -32602, -32004}
_LIMIT_EXCEEDED = -32005
_REVERTED = 3

_OVERLOAD = re.compile(
    r"too many (\w+ )?requests|\brate\b|rate.?limit|throttl|capacity|concurren|quota|credits"
    r"|per (second|minute|hour|day)"
    r"|/\s?(s|sec|second|min|minute)\b|slow down|busy|overload|try again|retry|request limit|request count"
    r"|requests? .{0,20}exceeded|temporarily|unavailable",
    re.IGNORECASE,
)
_TIMED_OUT = re.compile(r"time[d-]?[ -]?out|deadline exceeded|took too long", re.IGNORECASE)
_SIZE = re.compile(
    r"\b(block )?ranges?\b|\bblocks?\b|\bresults?\b|\blogs?\b|\bresponse|\brows?\b|too large", re.IGNORECASE
)
_LASTS = re.compile(
    r"not (supported|available|allowed|enabled|whitelisted|found: method)|unsupported|unavailable on|disabled"
    r"|does not exist|plan|upgrade|archive|pruned|permission|forbidden|unauthori[sz]ed",
    re.IGNORECASE,
)
_UNKNOWN_BLOCK = re.compile(
    r"(block|header|hash|resource|state).{0,20}not (be )?found|unknown block|BlockNotFound|missing trie",
    re.IGNORECASE,
)
_REVERT = re.compile(
    r"revert|out of gas|gas required exceeds|invalid (opcode|jump)|stack (under|over)flow|vm execution"
    r"|bad instruction|EVM error",
    re.IGNORECASE,
)
_SUGGESTED_RANGE = re.compile(r"\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]", re.IGNORECASE)
_NAMED_SPAN = re.compile(
    r"(?:up to|limited to|max(?:imum)?(?: of| is)?)[^0-9]{0,30}([0-9][0-9_,]*)", re.IGNORECASE
)
_PASSING_STATUS = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True)
class Refused:
    """What a node has said instead of an answer."""

    words: str
    code: int | None = None
    status: int = HTTPStatus.OK

    @property
    def is_overload(self) -> bool:
        """Whether it asks for patience, and says nothing of the size of what was asked for."""
        if self.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            return True
        if self.code == HTTPStatus.TOO_MANY_REQUESTS:
            return True
        speaks_of_it = _OVERLOAD.search(self.words) or _TIMED_OUT.search(self.words)
        return bool(speaks_of_it) and not self.is_about_size and not _LASTS.search(self.words)

    @property
    def is_about_size(self) -> bool:
        return bool(_SIZE.search(self.words))

    @property
    def is_lasting(self) -> bool:
        """Whether asking again soon is idle."""
        if self.is_unknown_block:
            return False
        is_of_http = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return self.code in _LASTING_CODES or is_of_http or bool(_LASTS.search(self.words))

    @property
    def is_fault(self) -> bool:
        """Whether the server has failed before it came to what was asked."""
        return self.code is None and self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def is_unknown_block(self) -> bool:
        return bool(_UNKNOWN_BLOCK.search(self.words))

    @property
    def is_revert(self) -> bool:
        """Whether the code that was called has failed, and not the node."""
        return self.code == _REVERTED or bool(_REVERT.search(self.words))

    def asks_for_patience(self, call: Call) -> bool:
        """As `is_overload`; of a wide log query that took too long a smaller one is asked for."""
        if call.blocks > 1:
            return self.is_overload and not self.is_about_size and not _TIMED_OUT.search(self.words)
        return self.is_overload or (self.code == _LIMIT_EXCEEDED and not _LASTS.search(self.words))

    @property
    def span(self) -> int | None:
        """The number of blocks that it asks for, if it names one."""
        bounds = _SUGGESTED_RANGE.search(self.words)
        if bounds is not None:
            span = int(bounds[2], 16) - int(bounds[1], 16) + 1
            return span if span > 0 else None
        named = _NAMED_SPAN.search(self.words)
        if named is not None and "block" in self.words.lower():
            return int(re.sub(r"[_,]", "", named[1])) or None
        return None


@dataclass
class Answers:
    """Of the calls of one request, by position; what was not answered at all is in neither."""

    results: dict[int, Any] = field(default_factory=dict)
    refused: dict[int, Refused] = field(default_factory=dict)


class BatchRefusedError(Exception):
    """The request was refused as a whole: it may have been too large, or one of its calls is not taken."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.words)
        self.refused = refused


class NoAnswerError(Exception):
    """What came is no answer to what was asked."""


def read_reply(status: int, content: bytes, calls: Sequence[Call]) -> Answers:
    """Take an HTTP reply apart.

    Raises:
        BatchRefusedError: there is one refusal for all calls.
        NoAnswerError: it is malformed, or nothing that JSON-RPC knows.
    """
    try:
        reply = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise _without_json(status) from error
    if isinstance(reply, dict) and "result" in reply:
        reply = [reply]
    if isinstance(reply, dict):
        raise BatchRefusedError(_refused(reply.get("error", reply), status))
    if not isinstance(reply, list):
        raise _without_json(status)
    answers = _by_call(reply, calls)
    words = {(each.code, each.words) for each in answers.refused.values()}
    if len(words) == 1 and len(answers.refused) == len(calls) > 1:
        (refused,) = set(answers.refused.values())
        # Of a batch in which every call is refused alike nothing tells whose fault it is.
        if not (refused.is_unknown_block or refused.is_revert):
            raise BatchRefusedError(refused)
    return answers


def _without_json(status: int) -> Exception:
    refused = Refused(f"HTTP {status}", status=status)
    if status < HTTPStatus.BAD_REQUEST:
        is_redirect = status >= HTTPStatus.MULTIPLE_CHOICES
        return NoAnswerError(
            f"HTTP {status}, and redirects are not followed" if is_redirect else "the reply is no JSON-RPC"
        )
    return NoAnswerError(refused.words) if status in _PASSING_STATUS else BatchRefusedError(refused)


def _refused(error: Any, status: int = HTTPStatus.OK) -> Refused:
    if not isinstance(error, dict):
        error = {"message": error if isinstance(error, str) else "neither a result nor an error"}
    code = error.get("code")
    words = str(error.get("message") or error.get("error") or error)[:LONGEST_WORDS]
    return Refused(words, code if isinstance(code, int) else None, status)


def _by_call(reply: list[Any], calls: Sequence[Call]) -> Answers:
    answers = Answers()
    items: dict[int, Any] = {}
    for item in reply:
        position = _position(item.get("id")) if isinstance(item, dict) else None
        if position is None and len(reply) == len(calls) == 1 and isinstance(item, dict):
            position = 0
        if position is None or not 0 <= position < len(calls):
            continue
        if position in items:
            raise NoAnswerError(f"call {position} of {len(calls)} was answered twice")
        items[position] = item
    for position, item in items.items():
        call = calls[position]
        if "result" not in item or item.get("error") is not None:
            answers.refused[position] = _refused(item.get("error"))
            continue
        answers.results[position] = _read(call, item["result"])
        item["result"] = None
    if not items:
        raise NoAnswerError(f"{len(calls)} calls were answered by {len(reply)} replies")
    return answers


def _position(told: Any) -> int | None:
    """The id of a call, which some nodes give back as text."""
    if isinstance(told, str) and told.isdecimal():
        return int(told)
    return told if isinstance(told, int) and not isinstance(told, bool) else None


def _read(call: Call, result: Any) -> Any:
    """Whatever goes wrong in reading is the reply's fault, and costs the endpoint, never the run."""
    try:
        return call.read(result)
    except BadReplyError as error:
        raise NoAnswerError(str(error)) from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise NoAnswerError(f"{call.method} was answered by what it should not be: {error}") from error
