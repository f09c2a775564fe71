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


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32000, "header not found"),
        (-32000, "unknown block"),
        (-32001, "block 0x1 could not be found"),
        (-32000, "missing trie node ab"),
        # Clients hold a log query to their own head (execution-apis#875), a state to what they keep.
        (-32602, "block range extends beyond current head block: requested 50162452, head 50162449"),
        (-32000, "block 50162452 is beyond the latest block 50162448 of this node, retry later"),
        (-32000, "invalid block range params"),
        (-32602, "Block with such an ID doesn't exist yet"),
        (-32000, "cannot query unfinalized data"),
        (-32000, "historical state 4a3b1c" + 58 * "0" + " is not available"),
        (-32000, "historical state not available in path scheme yet"),
        (-32000, "required historical state unavailable (reexec=128)"),
        (-32000, "World state unavailable"),
        (-32602, "BlockOutOfRangeError: block height is 3220 but requested was 3204"),
    ],
)
def test_an_unknown_block_passes_and_nobody_is_slowed_down(code: int, words: str) -> None:
    told = refused(code, words)
    assert told.is_unknown_block
    assert not told.is_lasting
    for call in (WIDE, NARROW, OTHER):
        assert not told.asks_for_patience(call)


@pytest.mark.parametrize(
    "words",
    [
        "block range is too large, only the latest 1000 blocks are served",
        "eth_getLogs beyond the latest 128 blocks requires an archive node",
        "state pruning is on: this call is not supported",
    ],
)
def test_what_a_node_does_not_serve_is_no_unknown_block(words: str) -> None:
    assert not refused(-32000, words).is_unknown_block


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32007, "50/second request limit reached - reduce calls per second or upgrade your account"),
        (-32005, "You've exceeded the RPS limit available on the current plan."),
        (-32012, "credits limited to 6000/sec"),
        (15, "Too many request, slow down please"),
        (-32003, "daily request limit reached - upgrade your account to unlock higher limits"),
        (-32000, "cu limit exceeded; The current available CUs are not enough, upgrade your plan"),
        (-32029, "Too Many Requests, apply for a key or contact us to receive a higher rate limit"),
        (-32000, "call rate limit exhausted, retry in 10s"),
        (429, "free tier exceeded"),
        ("-32005", "usage limit of your plan"),
    ],
)
def test_overload_is_told_from_the_plan_that_would_lift_it(code: int | str, words: str) -> None:
    """In a batch, where such a refusal comes without an HTTP status of its own."""
    error = {"error": {"code": code, "message": words}}
    answers = read_reply(200, reply(error, {"result": 5}), [WIDE, OTHER])
    for call in (WIDE, NARROW, OTHER):
        assert answers.refused[0].asks_for_patience(call)


def test_a_call_that_timed_out_is_asked_again_whatever_is_sold_with_it() -> None:
    told = refused(30, "Request timeout on the free tier, please upgrade your tier to the paid one", 408)
    assert not told.asks_for_patience(WIDE)
    assert told.asks_for_patience(NARROW)
    assert told.asks_for_patience(OTHER)


def test_of_one_block_words_about_blocks_are_of_no_size() -> None:
    told = refused(-32000, "rate limit exceeded for eth_getLogs, try fewer blocks")
    assert not told.asks_for_patience(WIDE)
    assert told.asks_for_patience(NARROW)


def test_spans_are_read_where_they_are_named() -> None:
    assert refused(-32005, "Try this block range: [0x0, 0xff]").span == 256
    assert refused(-32600, "requests with up to a 500 block range").span == 500
    assert refused(-32602, "limited to 2,000 blocks").span == 2_000
    assert refused(-32602, "exceed maximum block range: 5000").span == 5_000
    assert refused(-32602, "max results 20000, retry with the range 6000000-6000509").span == 510
    assert refused(-32602, "eth_getLogs requests with up to a 2K block range").span == 2_000
    assert refused(-32000, "block range too large (2000), maximum allowed is 1000 blocks").span == 1_000
    assert refused(-32000, "requested too many blocks from 0 to 9999, maximum is set to 2048").span == 2_048
    assert refused(-32000, "the block range limit is 50, sorry").span == 50
    assert refused(-32005, "retry with the range 509-500").span is None
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


@pytest.mark.parametrize("ids", [[None], [0], [1, 1], [None, None], [0, 1]])
def test_a_batch_is_refused_whatever_the_ids_of_its_refusals_are(ids: list[int | None]) -> None:
    """In a list of one with the first call's id, as geth does; with the same id each, or with none."""
    error = {"code": -32600, "message": "batch too large"}
    content = json.dumps([{"id": each, "error": error} for each in ids]).encode()
    with pytest.raises(BatchRefusedError) as caught:
        read_reply(200, content, [OTHER, OTHER])
    assert caught.value.refused.words == "batch too large"
    assert not caught.value.refused.is_overload


@pytest.mark.parametrize(
    "words", ["batch request limit exceeded: 100 > 20", "Batch size too large for the rate"]
)
def test_a_batch_over_its_limit_is_no_overload(words: str) -> None:
    assert not refused(-32004, words).is_overload


def test_refusals_in_a_list_keep_their_http_status() -> None:
    errors = [{"id": index, "error": {"code": 1, "message": f"no {index}"}} for index in range(2)]
    answers = read_reply(429, json.dumps(errors).encode(), [OTHER, OTHER])
    assert all(each.is_overload for each in answers.refused.values())


@pytest.mark.parametrize(
    ("code", "words", "is_of_company"),
    [
        (-32003, "response too large", True),
        (-32008, "Response is too big", True),
        (-32601, "the response is too big for this plan", False),
        (-32000, "block 7 not found", False),
        (3, "execution reverted: too large", False),
        (-32000, "no", False),
    ],
)
def test_a_call_may_be_refused_for_its_company(code: int, words: str, is_of_company: bool) -> None:
    assert refused(code, words).may_be_of_company(OTHER) is is_of_company
    assert not refused(code, words).may_be_of_company(WIDE)
