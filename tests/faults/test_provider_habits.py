"""Providers' limits, refusals and oddities, each alone: the index ends equal to the truth, and says why."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devtools.servers import Anvil
from django_project.ledger.models import Chain, Cursor, ReorgEvent, RpcEndpoint
from tasks.indexing.errors import IndexerError
from tasks.indexing.node import rpc
from tasks.indexing.node.rpc import Pool
from tasks.indexing.operating import standstill
from tasks.indexing.operating.follow import Commit
from tasks.indexing.operating.registry import read_registry
from tasks.indexing.operating.runner import Runner
from tests.faults.histories import busy
from tests.faults.providers import (
    OF_BATCHES,
    OF_PACE,
    OF_PLANS,
    OF_RANGES,
    OF_TIME,
    PROFILES,
    Habits,
    Provider,
    Refusal,
    is_archive,
    is_by_hash,
    is_finalized,
    is_method,
)
from tests.faults.proxy import Answer, Liar, Proxy
from tests.support.contracts import Suite, deploy_suite, mine
from tests.support.indexing import Picture, fresh_picture, index_through, picture

pytestmark = pytest.mark.django_db(transaction=True)

# Of a run that does not come to what it waits for.
PATIENCE = timedelta(minutes=5)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A chain that nobody changes any more: some hundred blocks below finality, and a busy window."""
    directory = tmp_path_factory.mktemp("history")
    node = Anvil(directory)
    suite = deploy_suite(node, directory / "deployments")
    busy(suite)
    mine(suite, 120)
    busy(suite)
    yield suite
    node.stop()


@pytest.fixture(scope="module")
def truth() -> dict[str, Picture]:
    """The oracle's picture, taken once."""
    return {}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The same retries with shorter pauses."""
    monkeypatch.setattr(rpc, "FIRST_BACKOFF_SECONDS", 0.002)
    monkeypatch.setattr(standstill, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(standstill, "LONGEST_PAUSE_SECONDS", 0.2)
    caplog.set_level(logging.CRITICAL)


def follow(
    suite: Suite,
    *urls: str,
    until: Callable[[], bool] = lambda: False,
    on_commit: Callable[[Commit], None] | None = None,
) -> Pool:
    """Follow, as a worker does, until the chain's head is indexed, or until something else holds."""
    with Pool(urls or (suite.url,)) as pool:
        Runner(
            read_registry(suite.registry),
            pool,
            until_block=suite.web3.eth.block_number,
            run_for=PATIENCE,
            stop=until,
            on_commit=on_commit,
        ).run()
    return pool


def is_told(*words: str) -> bool:
    """Whether the reason that is given for a standstill has all of these."""
    problem = Cursor.objects.values_list("problem", flat=True).first() or ""
    return all(each in problem for each in words)


def require_truth(suite: Suite, truth: dict[str, Picture]) -> None:
    found = picture(suite.chain_id)
    if not truth:
        truth["picture"] = fresh_picture(suite)
    # How far back headers are kept hangs on what a node says is final.
    assert found | {"window": []} == truth["picture"] | {"window": []}
    assert Chain.objects.get().state == Chain.State.OK


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_each_profile_ends_in_the_truth(
    history: Suite, truth: dict[str, Picture], profile: str, tmp_path: Path
) -> None:
    alien = Anvil(tmp_path, chain_id=5) if PROFILES[profile].alien else None
    try:
        if alien is not None:
            alien.request("anvil_mine", hex(history.web3.eth.block_number + 10))
        with Provider(
            history.url, PROFILES[profile], seed=len(profile), alien_url=alien.url if alien else ""
        ) as provider:
            # Who refuses old blocks altogether has a second one beside it that is slower.
            with Provider(history.url, Habits(delay=0.05)) as other:
                others = [other.url] if profile == "no-archive" else []
                follow(history, provider.url, *others)
            habits = PROFILES[profile]
            refuses_nothing = habits.stale or habits.alien or habits.delay or habits.blocks_per_second
            assert provider.refusals > 0 or refuses_nothing
    finally:
        if alien is not None:
            alien.stop()
    require_truth(history, truth)


@pytest.mark.parametrize("most", [1, 3, 60])
@pytest.mark.parametrize("words", OF_BATCHES[:: len(OF_BATCHES) - 1])
def test_batches_of_any_size_in_any_words(
    history: Suite, truth: dict[str, Picture], most: int, words: Refusal
) -> None:
    with Provider(history.url, Habits(batch=most), words=words) as provider:
        pool = follow(history, provider.url)
        assert provider.refusals <= 12
    limit = pool.endpoints[0].abilities.batch
    assert limit.value <= (100 if most == 60 else max(1, 2 * most - 1))
    require_truth(history, truth)


@pytest.mark.parametrize("words", [*OF_RANGES[::2], *OF_TIME])
def test_ranges_in_any_words(history: Suite, truth: dict[str, Picture], words: Refusal) -> None:
    with Provider(history.url, Habits(blocks=9), words=words) as provider:
        pool = follow(history, provider.url)
        # Four ranges are under way when the first is refused.
        assert provider.refusals <= 30
    assert pool.endpoints[0].abilities.range.value <= 18
    require_truth(history, truth)


@pytest.mark.parametrize("words", OF_PACE[:2])
def test_a_pace_counted_by_calls_in_any_words(
    history: Suite, truth: dict[str, Picture], words: Refusal
) -> None:
    with Provider(history.url, Habits(per_second=30), words=words) as provider:
        follow(history, provider.url)
        assert provider.refusals > 0
    require_truth(history, truth)


@pytest.mark.parametrize("words", OF_PLANS[1::2])
def test_what_one_refuses_the_other_is_asked(
    history: Suite, truth: dict[str, Picture], words: Refusal
) -> None:
    """The one that refuses is the quicker one."""
    with (
        Provider(history.url, Habits(rules=[is_archive]), words=words) as quick,
        Provider(history.url, Habits(delay=0.05)) as slow,
    ):
        follow(history, quick.url, slow.url)
        assert quick.refusals <= 20
        assert slow.calls["eth_getLogs"] > 0
    require_truth(history, truth)


@pytest.mark.parametrize("words", OF_PLANS[:1])
@pytest.mark.parametrize(
    "rules",
    [
        [is_method("eth_getBlockReceipts")],
        [is_method("web3_clientVersion")],
        [is_by_hash],
        [lambda call, _head: call["method"] == "eth_call" and "to" not in call["params"][0]],
    ],
    ids=["receipts", "version", "by-hash", "many-in-one"],
)
def test_what_is_optional_is_gone_without(
    history: Suite, truth: dict[str, Picture], rules: list[Any], words: Refusal
) -> None:
    with Saturated(history.url, Habits(rules=rules), words=words) as provider:
        follow(history, provider.url)
        assert 0 < provider.refusals <= 40
    require_truth(history, truth)


class Saturated(Provider):
    """Its blooms rule nothing out, so that receipts are asked for."""

    def respond(self, calls: list[Any]) -> Answer:
        answer = super().respond(calls)
        replies = json.loads(answer.content)
        for reply in replies if isinstance(replies, list) else []:
            if isinstance(reply.get("result"), dict) and "logsBloom" in reply["result"]:
                reply["result"]["logsBloom"] = "0x" + "ff" * 256
        return answer._replace(content=json.dumps(replies).encode())


def test_all_refuse_what_is_needed_and_each_reason_is_told(history: Suite) -> None:
    logs = is_method("eth_getLogs")
    with (
        Provider(history.url, Habits(rules=[logs]), words=Refusal(-32601, "not on this plan")) as one,
        Provider(history.url, Habits(rules=[logs]), words=Refusal(4444, "pruned history")) as two,
    ):
        told = ("not on this plan", "pruned history", "ask the providers for a plan")
        follow(history, one.url, two.url, until=lambda: is_told(*told))
    assert is_told(*told)
    assert Cursor.objects.get().problem_since is not None
    follow(history)
    assert not Cursor.objects.exclude(problem="", problem_since=None).exists()


@pytest.mark.parametrize("words", [Refusal(-39001, "finalized block not found"), *OF_PLANS[:1], None])
def test_no_node_knows_what_is_final(
    history: Suite, truth: dict[str, Picture], words: Refusal | None
) -> None:
    """Refused or null: alone the setting that helps is told; beside one that knows, it is not asked."""
    follow(history)
    Chain.objects.update(finality_depth=None)
    habits = Habits(rules=[is_finalized])
    with Provider(history.url, habits, words=words) if words else NullFinal(history.url, habits) as ignorant:
        follow(history, ignorant.url, until=lambda: is_told("Chain.finality_depth"))
        assert is_told("Chain.finality_depth")
        follow(history, ignorant.url, history.url)
    assert Cursor.objects.get().problem == ""
    require_truth(history, truth)


class NullFinal(Provider):
    """Knows the tag, and of no block that it fits."""

    def respond(self, calls: list[Any]) -> Answer:
        answer = super().respond(calls)
        final = {call["id"] for call in calls if is_finalized(call, 0)}
        replies = [
            {"jsonrpc": "2.0", "id": reply["id"], "result": None} if reply["id"] in final else reply
            for reply in json.loads(answer.content)
        ]
        return answer._replace(content=json.dumps(replies).encode())


class Odd(Proxy):
    """Answers as it is told, in the place of or after the node."""

    def __init__(
        self,
        target: str,
        *,
        instead: Callable[[list[Any]], Answer | None] = lambda _: None,
        after: Callable[[list[Any], list[Any]], None] = lambda _calls, _replies: None,
    ) -> None:
        self._instead, self._after = instead, after
        super().__init__(target, Liar(0, 0.0))

    def respond(self, calls: list[Any]) -> Answer:
        told = self._instead(calls)
        if told is not None:
            return told
        answer = super().respond(calls)
        replies = json.loads(answer.content)
        self._after(calls, replies)
        return answer._replace(content=json.dumps(replies).encode())


def test_a_long_rest_is_not_slept_while_another_answers(history: Suite, truth: dict[str, Picture]) -> None:
    too_many = Answer(429, b"too many", {"Retry-After": "3600"})
    with Odd(history.url, instead=lambda _: too_many) as resting, Proxy(history.url, Liar(0, 0.0)) as other:
        pool = follow(history, resting.url, other.url)
    assert pool.endpoints[0].requests <= 3
    require_truth(history, truth)


def test_the_only_one_rests_and_the_run_can_be_stopped(history: Suite) -> None:
    follow(history)
    too_many = Answer(429, b"too many", {"Retry-After": "3600"})
    with Odd(history.url, instead=lambda _: too_many) as resting, Pool([resting.url]) as pool:
        asked = iter([False, True])
        with pytest.raises(IndexerError, match="asks to wait for 3600 s"):
            Runner(read_registry(history.registry), pool, stop=lambda: next(asked, True)).run()
    assert pool.requests <= 2
    assert "asks to wait for 3600 s" in Cursor.objects.get().problem


def test_logs_that_were_not_asked_for_are_left_out(history: Suite, truth: dict[str, Picture]) -> None:
    def unfiltered(calls: list[Any]) -> None:
        for call in calls:
            if call["method"] == "eth_getLogs":
                call["params"][0].pop("topics")

    with Odd(history.url, instead=unfiltered) as careless:
        follow(history, careless.url)
    require_truth(history, truth)


NONSENSE: dict[str, Any] = {
    "eth_chainId": None,
    "eth_getCode": None,
    "eth_call": 7,
    "eth_getBlockByNumber": [],
    "eth_getLogs": [None],
    "eth_getBlockReceipts": [None],
    "web3_clientVersion": {},
}


@pytest.mark.parametrize("method", sorted(NONSENSE))
def test_nonsense_costs_the_endpoint_and_never_the_run(
    history: Suite, truth: dict[str, Picture], method: str
) -> None:
    def tamper(calls: list[Any], replies: list[Any]) -> None:
        for call, reply in zip(calls, replies, strict=True):
            if call["method"] == method:
                reply["result"] = NONSENSE[method]
            elif isinstance(reply.get("result"), dict) and "logsBloom" in reply["result"]:
                reply["result"]["logsBloom"] = "0x" + "ff" * 256

    with Odd(history.url, after=tamper) as odd, Provider(history.url, Habits(delay=0.03)) as other:
        with suppress(IndexerError):
            follow(history, odd.url, until=lambda: odd.requests > 30)
        follow(history, odd.url, other.url)
    require_truth(history, truth)


def test_what_was_learnt_is_kept_for_the_next_worker(history: Suite, settings: Any) -> None:
    with Provider(history.url, Habits(batch=3, blocks=9), words=Refusal(-1, "no")) as provider:
        settings.RPC_URLS = {history.chain_id: [provider.url]}
        follow(history, provider.url)
        first = provider.refusals
        learnt = RpcEndpoint.objects.get().learnt
        assert (learnt["batch"]["value"], learnt["range"]["words"]) == (3, "no")
        Cursor.objects.all().delete()
        Chain.objects.all().delete()
        with Pool([provider.url]) as pool:
            pool.endpoints[0].abilities.restore(learnt)
            Runner(read_registry(history.registry), pool, once=True).run()
        assert provider.refusals - first < first / 2


def test_an_overload_now_and_then_leaves_ranges_alone(history: Suite, truth: dict[str, Picture]) -> None:
    asked = 0

    def complain(calls: list[Any]) -> Answer | None:
        nonlocal asked
        if not any(call["method"] == "eth_getLogs" and "fromBlock" in call["params"][0] for call in calls):
            return None
        asked += 1
        if asked % 2 == 0:
            return None
        error = {"code": -32005, "message": "too many concurrent requests"}
        return Answer(200, json.dumps([{"id": call["id"], "error": error} for call in calls]).encode())

    with Odd(history.url, instead=complain) as busy_one:
        pool = follow(history, busy_one.url)
    assert not pool.endpoints[0].abilities.range.is_met
    require_truth(history, truth)


def test_index_through_a_lossy_one(history: Suite, truth: dict[str, Picture]) -> None:
    """Answers only the first two of a batch, as some balancers do."""

    def shorten(_calls: list[Any], replies: list[Any]) -> None:
        del replies[2:]

    with Odd(history.url, after=shorten) as lossy:
        index_through(history, lossy.url)
    require_truth(history, truth)


def test_a_reply_that_grows_too_large_is_asked_for_in_parts(
    history: Suite, truth: dict[str, Picture]
) -> None:
    """Answers a batch until its reply is full, and refuses the rest, each call of it."""

    def overflow(_calls: list[Any], replies: list[Any]) -> None:
        for reply in replies[2:]:
            reply.pop("result", None)
            reply["error"] = {"code": -32003, "message": "response too large"}

    with Odd(history.url, after=overflow) as full:
        pool = follow(history, full.url)
    assert pool.endpoints[0].abilities.batch.value < 10
    assert not pool.endpoints[0].abilities.refused
    require_truth(history, truth)


def test_a_backend_that_is_behind_refuses_ranges_and_teaches_nothing(
    history: Suite, truth: dict[str, Picture]
) -> None:
    asked = 0

    def behind(calls: list[Any]) -> Answer | None:
        nonlocal asked
        if not any(call["method"] == "eth_getLogs" for call in calls):
            return None
        asked += 1
        if asked % 3:
            return None
        error = {"code": -32602, "message": "block range extends beyond current head block"}
        return Answer(200, json.dumps([{"id": call["id"], "error": error} for call in calls]).encode())

    with Odd(history.url, instead=behind) as balancer:
        pool = follow(history, balancer.url)
    assert asked > 3
    assert not pool.endpoints[0].abilities.range.is_met
    assert not pool.endpoints[0].abilities.refused
    require_truth(history, truth)


def test_a_chain_of_two_blocks_a_second_is_followed(history: Suite, truth: dict[str, Picture]) -> None:
    """From one head to a later one, none of its blocks twice and none in doubt."""
    commits: list[int] = []
    with Provider(history.url, PROFILES["two-blocks-a-second"]) as rollup:
        follow(history, rollup.url, on_commit=lambda commit: commits.append(commit.block))
    assert commits == sorted(set(commits))
    assert commits[-1] == history.web3.eth.block_number
    assert not ReorgEvent.objects.exists()
    require_truth(history, truth)
