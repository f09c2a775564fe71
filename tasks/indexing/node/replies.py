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

# Of pace and quota outright, whatever plan is recommended in the same breath.
_PACE = re.compile(
    r"too many (\w+ )?requests?\b|\brate\b|rate.?limit|throttl|concurren|per (second|minute|hour|day)"
    r"|/\s?(s|sec|second|min|minute)\b|slow down|request (limit|count)|requests? .{0,20}exceeded"
    r"|\b(capacity|quota|credits?|rps|cups?|cus?|rus|compute units?)\b|usage limit|limit reached"
    r"|(hourly|daily|monthly) .{0,20}limit",
    re.IGNORECASE,
)
_BUSY = re.compile(r"busy|overload|try again|retry|temporarily|unavailable", re.IGNORECASE)
_TIMED_OUT = re.compile(r"time[d-]?[ -]?out|deadline exceeded|took too long", re.IGNORECASE)
_SIZE = re.compile(
    r"\b(block )?ranges?\b|\bblocks?\b|\bresults?\b|\blogs?\b|\bresponse|\brows?\b|\bbatch|too (large|big)",
    re.IGNORECASE,
)
_LASTS = re.compile(
    r"not (supported|available|allowed|enabled|whitelisted|found: method)|unsupported|unavailable on|disabled"
    r"|does not exist|archive|pruned|permission|forbidden|unauthori[sz]ed",
    re.IGNORECASE,
)
_PLAN = re.compile(r"plan|upgrade", re.IGNORECASE)
# A block that it does not have, or whose state it does not keep; a head that it has not come to.
_UNKNOWN_BLOCK = re.compile(
    r"(block|header|hash|resource|state).{0,20}not (be )?found|unknown block|BlockNotFound|missing trie"
    r"|\bstate\b.{0,80}(not available|unavailable|not found)|BlockOutOfRange"
    r"|block.{0,40}(does not|doesn't) exist|unfinalized|invalid block range"
    r"|(beyond|above|after|past|ahead of|exceeds|greater than|higher than) ((the|current|latest|chain) )*"
    r"(head|tip|latest)\b(?! [0-9])",
    re.IGNORECASE,
)
_REVERT = re.compile(
    r"revert|out of gas|gas required exceeds|invalid (opcode|jump)|stack (under|over)flow|vm execution"
    r"|bad instruction|EVM error",
    re.IGNORECASE,
)
_SUGGESTED_RANGE = re.compile(r"\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]", re.IGNORECASE)
_SUGGESTED_NUMBERS = re.compile(r"\brange:? \[?([0-9]+)\s?(?:-|to|,)\s?([0-9]+)\b", re.IGNORECASE)
_NAMED_SPAN = re.compile(
    r"(?:up to|limit(?:ed to| is| of|:)|max(?:imum)?(?: of| is)?)[^0-9]{0,30}([0-9][0-9_,]*)\s?(k\b)?",
    re.IGNORECASE,
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
        return self._is_outright or (self._speaks_of_overload and not self.is_about_size)

    @property
    def _is_outright(self) -> bool:
        """By HTTP status or code alone."""
        return self.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE} or (
            self.code == HTTPStatus.TOO_MANY_REQUESTS
        )

    @property
    def _speaks_of_overload(self) -> bool:
        if self.is_unknown_block or _LASTS.search(self.words):
            return False
        if _PACE.search(self.words) or _TIMED_OUT.search(self.words):
            return True
        return bool(_BUSY.search(self.words)) and not _PLAN.search(self.words)

    @property
    def is_about_size(self) -> bool:
        return bool(_SIZE.search(self.words))

    @property
    def is_lasting(self) -> bool:
        """Whether asking again soon is idle."""
        if self.is_unknown_block:
            return False
        is_of_http = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return self.code in _LASTING_CODES or is_of_http or self._says_that_it_lasts

    @property
    def _says_that_it_lasts(self) -> bool:
        return bool(_LASTS.search(self.words) or _PLAN.search(self.words))

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
        """Whether to ask the same later; a wide log query that took too long is asked for in smaller parts.

        Of what cannot be made smaller, words about sizes do not speak.
        """
        if call.blocks > 1:
            return self.is_overload and not self.is_about_size and not _TIMED_OUT.search(self.words)
        is_limit = self.code == _LIMIT_EXCEEDED and not (self.is_unknown_block or self._says_that_it_lasts)
        return self._is_outright or self._speaks_of_overload or is_limit

    def may_be_of_company(self, call: Call) -> bool:
        """Whether a call may have been refused for those it came with, as answers too large together are."""
        is_its_own = self.is_lasting or self.is_unknown_block or self.is_revert
        return call.blocks <= 1 and self.is_about_size and not is_its_own

    @property
    def span(self) -> int | None:
        """The number of blocks that it asks for, if it names one."""
        for suggested, base in ((_SUGGESTED_RANGE, 16), (_SUGGESTED_NUMBERS, 10)):
            bounds = suggested.search(self.words)
            if bounds is not None:
                span = int(bounds[2], base) - int(bounds[1], base) + 1
                return span if span > 0 else None
        named = _NAMED_SPAN.search(self.words)
        if named is not None and "block" in self.words.lower():
            return int(re.sub(r"[_,]", "", named[1])) * (1_000 if named[2] else 1) or None
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
    refused = _refusal_of_all(reply, status) if len(calls) > 1 else None
    if refused is not None and not (refused.is_unknown_block or refused.is_revert):
        raise BatchRefusedError(refused)
    return _by_call(reply, calls, status)


def _refusal_of_all(reply: list[Any], status: int) -> Refused | None:
    """What all of the answers say alike, if they refuse: nothing tells then whose fault it is.

    Some servers answer a batch that is too large with one refusal in a list, or with ids that are none.
    """
    if not reply or not all(isinstance(item, dict) and item.get("error") is not None for item in reply):
        return None
    refusals = {_refused(item["error"], status) for item in reply}
    return refusals.pop() if len(refusals) == 1 else None


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
    if isinstance(code, str) and code.removeprefix("-").isdecimal():
        code = int(code)
    words = str(error.get("message") or error.get("error") or error)[:LONGEST_WORDS]
    return Refused(words, code if isinstance(code, int) else None, status)


def _by_call(reply: list[Any], calls: Sequence[Call], status: int) -> Answers:
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
            answers.refused[position] = _refused(item.get("error"), status)
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
