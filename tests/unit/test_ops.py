"""What machines ask the site."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from django_project.ledger.models import Chain, Cursor
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
