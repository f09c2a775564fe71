"""Whoever can write to Redis runs no code and changes no page; nor do its users mix."""

import pickle
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kombu
import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.redis import RedisSerializer
from django.test import Client, override_settings
from kombu.exceptions import ContentDisallowed

from django_project.core import jobs, rate_limits
from django_project.core.cache import OneClientRedisCache, seal, unseal
from django_project.core.shapes import RAW, Labelled, Shape, slot
from tasks.celery import app
from tests.factories import backer_user
from tests.web.conftest import Shop, signed_in

DOCS = Path(__file__).resolve().parents[2] / "docs" / "security.md"


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "exploded"


@pytest.fixture
def bomb(mark: Path) -> bytes:
    """It explodes where it is unpickled."""
    loaded = pickle.dumps(Bomb(mark))
    RedisSerializer().loads(loaded)
    assert mark.exists()
    mark.unlink()
    return loaded


@pytest.fixture
def server(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def kept(server: Any, pattern: str) -> list[bytes]:
    return sorted(server.scan_iter(pattern))


PAGES = ("/", "/explore/", "/explore/?q=honey", "/sitemap.xml", "/sitemap-pages.xml", "/card-en.png")


@pytest.mark.django_db
def test_a_page_is_served_whatever_lies_in_the_cache(server: Any, bomb: bytes, mark: Path) -> None:
    Shop()

    def texts() -> list[bytes]:
        served = [Client().get(page) for page in PAGES]
        assert {answer.status_code for answer in served} == {200}
        return [re.sub(rb'(csrfmiddlewaretoken" value=")\w+', rb"\1", answer.content) for answer in served]

    before = texts()
    keys = kept(server, ":1:*")
    assert len(keys) > 8
    sealed = dict(zip(keys, server.mget(keys), strict=True))
    # The generation's own name is among them: with another one, nothing else would be asked for.
    own = [key for key in keys if b"generation" not in key or key.count(b":") > 4]
    for written in (bomb, b"", b"7", b'"text"', b"j{}", bytes(40), sealed[keys[0]], sealed[keys[-1]]):
        for targets in (own, keys):
            for key in targets:
                server.set(key, written, ex=60)
            assert texts() == before
            assert not mark.exists()
    for key in keys:
        server.delete(key)
        server.rpush(key, "a list")
    assert Client().get("/").status_code == 200


@pytest.mark.django_db
def test_no_session_is_kept_in_it(server: Any) -> None:
    before = set(server.keys())
    client = signed_in(backer_user(1))
    assert client.get("/me/").status_code == 200
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    added = set(server.keys()) - before
    assert not [name for name in added if key.encode() in name or b"session" in name]


def test_a_value_is_good_under_its_own_key_and_secret_alone() -> None:
    sealed = seal("a", {"name": "Ines", "n": [1, 2.5, None, True], "蜂": 10**40})
    assert unseal("a", sealed) == {"name": "Ines", "n": [1, 2.5, None, True], "蜂": 10**40}
    assert unseal("b", seal("b", b"\x00\xff")) == b"\x00\xff"
    with pytest.raises(ValueError):  # noqa: PT011  # the class is the module's own
        unseal("b", sealed)
    with override_settings(SECRET_KEY="another"), pytest.raises(ValueError):  # noqa: PT011
        unseal("a", sealed)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(ValueError):  # noqa: PT011
            unseal("a", bytes(changed))


def test_the_cache_keeps_its_times() -> None:
    cache.set("kept", "a", 60)
    assert cache.get("kept") == "a"
    assert not cache.add("kept", "b", 60)
    assert cache.add("new", "b", 60)
    cache.set("kept", "c", 0)
    assert cache.get("kept", "gone") == "gone"
    cache.set_many({"x": 1, "y": None}, 60)
    assert cache.get_many(["x", "y", "z"]) == {"x": 1, "y": None}
    with pytest.raises(NotImplementedError):
        cache.incr("x")
    with pytest.raises(TypeError):
        cache.set("set", {1, 2}, 60)


def test_what_a_shape_does_not_fit_is_missing() -> None:
    shape = Shape[dict[int, float]](dict[int, float])
    assert shape.load(shape.dump({1: 0.5})) == {1: 0.5}
    for other in (None, 7, "text", b"", b"[]", b'{"a": 1}', b"\xff"):
        assert shape.load(other) is None
    mine, yours = Labelled(RAW, "mine"), Labelled(RAW, "yours")
    assert mine.load(mine.dump(b"page")) == b"page"
    assert yours.load(mine.dump(b"page")) is None
    assert {slot(str(number), 4) for number in range(100)} == {"0", "1", "2", "3"}


def test_a_task_brings_no_code_along(bomb: bytes, mark: Path, redis_url: str) -> None:
    """As the workers read their queues: a pickled message is refused before it is read."""
    refused: list[BaseException] = []
    with kombu.Connection(redis_url) as connection:
        queue = kombu.Queue("bombs")
        producer = connection.Producer()
        producer.publish(
            bomb,
            routing_key="bombs",
            content_type="application/x-python-serialize",
            content_encoding="binary",
        )
        producer.publish({"task": "x"}, routing_key="bombs", serializer="json")
        taken: list[object] = []

        def take(body: object, message: kombu.Message) -> None:
            taken.append(body)
            message.ack()

        def refuse(message: kombu.Message, error: BaseException) -> None:
            refused.append(error)
            message.ack()

        consumer = app.amqp.TaskConsumer(
            connection.channel(),
            queues=[queue],
            callbacks=[take],
            on_decode_error=refuse,
        )
        with consumer:
            while not (refused and taken):
                connection.drain_events(timeout=60)
    assert [type(error) for error in refused] == [ContentDisallowed]
    assert taken == [{"task": "x"}]
    assert not mark.exists()
    assert app.conf.accept_content == app.conf.result_accept_content == ["json"]
    assert jobs._producer().conf.task_serializer == "json"


@pytest.fixture
def users(server: Any) -> Iterator[dict[str, str]]:
    """The users as docs/security.md has an operator make them: {name: URL of the test's Redis}."""
    commands = re.findall(r"^ACL SETUSER (\w+) (.*)$", DOCS.read_text(), re.MULTILINE)
    for name, rules in commands:
        server.execute_command("ACL", "SETUSER", name, *rules.replace("PASSWORD", "s3cret").split())
    parts = urlsplit(settings.REDIS_URL)
    yield {name: parts._replace(netloc=f"{name}:s3cret@{parts.netloc}").geturl() for name, _ in commands}
    for name, _ in commands:
        server.execute_command("ACL", "DELUSER", name)


def store(url: str) -> OneClientRedisCache:
    return OneClientRedisCache([url], {})  # type: ignore[arg-type]


def test_each_user_of_redis_reaches_its_own_keys(users: dict[str, str]) -> None:
    assert set(users) == {"cache", "broker"}
    own = store(users["cache"])
    own.set("a", [1], 60)
    assert own.add("b", 2, 60)
    assert own.touch("a", 30)
    assert own.get_many(["a", "b"]) == {"a": [1], "b": 2}
    own.delete_many(["a", "b"])
    with redis.Redis.from_url(users["cache"]) as client:
        for queue in ("x:1:a", "default", "unacked"):
            with pytest.raises(redis.ResponseError, match="permission"):
                client.lpush(queue, "task")
        with pytest.raises(redis.ResponseError, match="permission"):
            client.flushdb()
    rate_limits._script.cache_clear()
    with override_settings(REDIS_URL=users["cache"]):
        limit = rate_limits.Limit("acl", 1, timedelta(hours=1))
        assert [rate_limits.take(limit, rate_limits.Subject("account", "1")) > 0 for _ in range(2)] == [
            False,
            True,
        ]
    rate_limits._script.cache_clear()
    with redis.Redis.from_url(users["cache"]) as client:
        assert client.ping()


def test_the_brokers_user_can_carry_tasks_and_nothing_else(users: dict[str, str]) -> None:
    with kombu.Connection(users["broker"]) as connection:
        queue = connection.SimpleQueue("default")
        # Other tests' requests have queued tasks that nobody takes.
        queue.clear()
        queue.put({"task": "x"}, serializer="json")
        message = queue.get(timeout=60)
        assert message.payload == {"task": "x"}
        message.ack()
        queue.close()
    with pytest.raises(redis.ResponseError, match="permission"):
        store(users["broker"]).set("a", 1, 60)
