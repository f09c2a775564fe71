"""What machines ask the site."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from django_project.ledger.models import Chain, Cursor
from django_project.ops.checks import security_contact
from tests.factories import World

pytestmark = pytest.mark.django_db


def test_alive_without_anything() -> None:
    reply = Client().get("/livez")
    assert (reply.status_code, reply.content) == (200, b"ok\n")
    assert "no-cache" in reply["Cache-Control"]


def test_ready_when_every_part_is_well() -> None:
    World()
    reply = Client().get("/readyz")
    assert reply.status_code == 200
    assert reply.json() == {
        "ready": True,
        "checks": {"database": "ok", "migrations": "ok", "redis": "ok", "index of chain 31337": "ok"},
    }


def test_a_halted_chain_is_not_ready() -> None:
    World()
    Chain.objects.update(state=Chain.State.HALTED, halt_reason="another genesis")
    reply = Client().get("/readyz")
    assert reply.status_code == 503
    assert reply.json()["checks"]["index of chain 31337"] == "halted: another genesis"


def test_a_late_index_is_not_ready() -> None:
    World()
    Cursor.objects.update(updated_at=timezone.now() - timedelta(minutes=10))
    reply = Client().get("/readyz")
    assert reply.status_code == 503
    assert "120 s are allowed" in reply.json()["checks"]["index of chain 31337"]


def test_no_redis_is_not_ready() -> None:
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        reply = Client().get("/readyz")
    assert (reply.status_code, reply.json()["checks"]["redis"]) == (503, "does not answer: ConnectionError")


def test_metrics_are_for_this_machine_or_the_token() -> None:
    local, stranger = Client(), Client(REMOTE_ADDR="203.0.113.9")
    assert b"django_http_requests_total" in local.get("/metrics").content
    assert stranger.get("/metrics").status_code == 404
    with override_settings(METRICS_TOKEN="s3cret"):
        assert local.get("/metrics").status_code == 404
        assert local.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
        assert stranger.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    with override_settings(IS_PRODUCTION=True):
        assert local.get("/metrics").status_code == 404


def test_waiting_migrations_are_not_ready() -> None:
    from django.db.migrations.recorder import MigrationRecorder

    from django_project.ops import health

    health._require_migrated.cache_clear()
    MigrationRecorder.Migration.objects.filter(app="campaigns", name="0002_trigram").delete()
    reply = Client().get("/readyz")
    assert (reply.status_code, reply.json()["checks"]["migrations"]) == (
        503,
        "1 to apply: run `manage.py migrate`",
    )


def test_no_database_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from django_project.ops import health

    def refuse() -> None:
        raise OperationalError("connection refused by postgres://user:secret@host")

    monkeypatch.setattr(health, "_ask_database", refuse)
    reply = Client().get("/readyz")
    assert (reply.status_code, reply.json()["checks"]) == (
        503,
        {"database": "does not answer: OperationalError"},
    )


def test_strangers_hear_whether_and_not_why() -> None:
    World()
    Chain.objects.update(state=Chain.State.HALTED, halt_reason="another genesis")
    stranger = Client(REMOTE_ADDR="203.0.113.9")
    assert stranger.get("/readyz").json() == {"ready": False}
    with override_settings(IS_PRODUCTION=True):
        assert Client().get("/readyz").json() == {"ready": False}
    with override_settings(METRICS_TOKEN="s3cret"):
        assert Client().get("/readyz").json() == {"ready": False}
        told = stranger.get("/readyz", headers={"Authorization": "Bearer s3cret"}).json()
    assert told["checks"]["index of chain 31337"] == "halted: another genesis"


CONTACTS = ["mailto:security@chainfund.example", "https://chainfund.example/report"]
EXPIRES = datetime(2027, 6, 30, 23, 59, 59, tzinfo=UTC)


def test_researchers_learn_whom_to_write_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: EXPIRES - timedelta(seconds=1))
    with override_settings(SECURITY_CONTACTS=CONTACTS, SECURITY_EXPIRES=EXPIRES):
        reply = Client(headers={"host": "evil.example"}).get("/.well-known/security.txt")
    assert reply["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.content.decode().splitlines() == [
        "Contact: mailto:security@chainfund.example",
        "Contact: https://chainfund.example/report",
        "Expires: 2027-06-30T23:59:59Z",
        "Preferred-Languages: en, zh",
        "Canonical: http://127.0.0.1:8000/.well-known/security.txt",
    ]


@pytest.mark.parametrize(
    ("contacts", "expires", "days", "warning"),
    [
        ([], None, 0, ""),
        (CONTACTS, None, 0, "go together"),
        ([], EXPIRES, 30, "go together"),
        (CONTACTS, EXPIRES, 0, "has passed"),
        (CONTACTS, EXPIRES, 367, "more than a year ahead"),
        (CONTACTS, EXPIRES, 366, ""),
    ],
)
def test_a_promise_that_does_not_hold_is_told_before_it_is_handed_out(
    contacts: list[str], expires: datetime | None, days: int, warning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: EXPIRES - timedelta(days=days))
    with override_settings(SECURITY_CONTACTS=contacts, SECURITY_EXPIRES=expires):
        told = [str(message.msg) for message in security_contact()]
        reply = Client().get("/.well-known/security.txt")
    assert [warning in message for message in told] == ([True] if warning else [])
    assert (reply.status_code == 200) == (bool(contacts) and expires is not None and days > 0)
