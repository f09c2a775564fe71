"""What a node's words are taken for: sizes that are too large, overload, lasting refusals, unknown blocks."""

import json
from typing import Any

import pytest

from tasks.indexing.node.calls import Call, chain_id_call, client_call, code_calls, header_call, receipts_call
from tasks.indexing.node.replies import BatchRefusedError, NoAnswerError, Refused, read_reply
from tests.faults.providers import OF_BATCHES, OF_PACE, OF_PLANS, OF_RANGES, OF_TIME, Refusal
from tests.faults.proxy import RATE_LIMITS

WIDE = Call("eth_getLogs", (), lambda result: result, blocks=1_000)
NARROW = WIDE._replace(blocks=1)
OTHER = Call("eth_call", (), lambda result: result)


def refused(code: int, words: str, status: int = 200) -> Refused:
    return Refused(words, code, status)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        *((each.code, each.words) for each in OF_RANGES),
        (-32005, "query returned more than 10000 results, retry with a smaller range"),
        (-32000, "query timeout exceeded: consider reducing your block range"),
        (-32000, "limit exceeded"),
        (-32005, "limit exceeded"),
        (429, "block range too wide"),
        (-32011, "sorry"),
        (-32000, "Block range is too large, upgrade for more requests per second"),
    ],
)
def test_any_refusal_of_a_wide_range_means_a_smaller_one(code: int, words: str) -> None:
    assert not refused(code, words).asks_for_patience(WIDE)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        *((each.code, each.words) for each in OF_PACE),
        *((-32005, words) for words in RATE_LIMITS),
        (-32000, "server is busy"),
        (-32000, "please try again in a moment"),
        (-32016, "You reached the concurrency limit"),
        (-32029, "monthly quota reached"),
    ],
)
def test_words_of_overload_are_no_matter_of_size(code: int, words: str) -> None:
    for call in (WIDE, NARROW, OTHER):
        assert refused(code, words).asks_for_patience(call), words


@pytest.mark.parametrize("refusal", OF_TIME)
def test_what_took_too_long_is_asked_for_in_smaller_parts_where_there_are_any(refusal: Refusal) -> None:
    told = refused(refusal.code, refusal.words)
    assert not told.asks_for_patience(WIDE)
    assert told.asks_for_patience(NARROW)
    assert told.asks_for_patience(OTHER)


def test_the_code_for_limits_means_overload_of_what_cannot_be_smaller() -> None:
    assert refused(-32005, "limit exceeded").asks_for_patience(NARROW)
    assert not refused(-32005, "this needs another plan").asks_for_patience(NARROW)


@pytest.mark.parametrize("refusal", OF_PLANS[:5])
def test_a_plan_is_no_overload(refusal: Any) -> None:
    told = refused(refusal.code, refusal.words, refusal.status)
    assert not told.asks_for_patience(OTHER)
    assert told.is_lasting is (refusal.words != "not on this node")


def test_an_unknown_block_passes() -> None:
    for words in (
        "header not found",
        "unknown block",
        "block 0x1 could not be found",
        "missing trie node ab",
    ):
        assert not refused(-32000, words).is_lasting
        assert refused(-32000, words).is_unknown_block


def test_spans_are_read_where_they_are_named() -> None:
    assert refused(-32005, "Try this block range: [0x0, 0xff]").span == 256
    assert refused(-32600, "requests with up to a 500 block range").span == 500
    assert refused(-32602, "limited to 2,000 blocks").span == 2_000
    assert refused(-32602, "exceed maximum block range: 5000").span == 5_000
    assert refused(-32005, "[0xff, 0x0] is no block range").span is None
    assert refused(-32005, "returned more than 10000 results").span is None


def reply(*items: Any) -> bytes:
    return json.dumps([{"jsonrpc": "2.0", "id": index, **item} for index, item in enumerate(items)]).encode()


def test_a_reply_may_come_with_a_mark_text_ids_extras_or_as_no_list() -> None:
    calls = [chain_id_call(), chain_id_call()]
    good = [{"id": "1", "result": "0x2"}, {"id": 0, "result": "0x1"}, {"id": 99, "result": None}]
    told = b"\xef\xbb\xbf" + json.dumps(good).encode()
    assert read_reply(200, told, calls).results == {0: 1, 1: 2}
    alone = json.dumps({"id": None, "result": "0x7"}).encode()
    assert read_reply(200, alone, calls[:1]).results == {0: 7}


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b""),
        (204, b""),
        (200, b"<html>502</html>"),
        (200, b"null"),
        (200, b"[]"),
        (200, b'[{"id":0,"result":"0x1"},{"id":0,"result":"0x1"}]'),
        (308, b""),
        (503, b"down"),
        (504, b""),
    ],
)
def test_what_is_no_answer(status: int, content: bytes) -> None:
    with pytest.raises(NoAnswerError):
        read_reply(status, content, [chain_id_call(), chain_id_call()])


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (chain_id_call(), None),
        (chain_id_call(), 31337),
        (chain_id_call(), "31337"),
        (chain_id_call(), "0xzz"),
        (chain_id_call(), {}),
        (client_call(), None),
        (code_calls(["0x"])[0], None),
        (code_calls(["0x"])[0], "0x123"),
        (header_call(1), []),
        (header_call(1), {"number": "0x1"}),
        (header_call(1), {"number": hex(2**70), "hash": "0x", "parentHash": "0x", "timestamp": "0x1"}),
        (receipts_call(1), None),
        (receipts_call(1), [None]),
        (receipts_call(1), [{"logs": [None]}]),
        (receipts_call(1), [{"logs": 7}]),
    ],
)
def test_every_reader_turns_nonsense_into_a_bad_reply(call: Call, result: Any) -> None:
    with pytest.raises(NoAnswerError):
        read_reply(200, reply({"result": result}), [call])


def test_null_is_an_answer_where_it_means_that_nothing_is_known() -> None:
    assert read_reply(200, reply({"result": None}), [header_call(1)]).results == {0: None}
    assert read_reply(200, reply({"result": [{"logs": None}, {}]}), [receipts_call(1)]).results == {0: []}


@pytest.mark.parametrize("refusal", OF_BATCHES)
def test_a_refused_batch_is_told_from_refused_calls(refusal: Any) -> None:
    with pytest.raises(BatchRefusedError) as caught:
        read_reply(refusal.status, refusal.whole().content, [OTHER, OTHER])
    assert caught.value.refused.words == refusal.words
    each = {"error": {"code": refusal.code, "message": refusal.words}}
    with pytest.raises(BatchRefusedError):
        read_reply(200, reply(each, each), [OTHER, OTHER])
    answers = read_reply(200, reply(each, {"result": 5}), [OTHER, OTHER])
    assert answers.results == {1: 5}
    assert answers.refused[0].code == refusal.code
