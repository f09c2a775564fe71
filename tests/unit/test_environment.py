"""A wrong environment is answered with one sentence and a non-zero exit, before anything starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_project import environment

ROOT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "CHAINFUND_MODE": "production",
    "SECRET_KEY": "0123456789abcdefghij" * 3,
    "CHAINFUND_SITE_URL": "https://chainfund.example",
    "CHAINFUND_ALLOWED_HOSTS": "chainfund.example",
    "DATABASE_URL": "postgresql:///nowhere",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


def manage(arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**inherited, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("missing", [name for name in PRODUCTION if name != "CHAINFUND_MODE"])
def test_production_names_the_missing_variable(missing: str) -> None:
    variables = {name: value for name, value in PRODUCTION.items() if name != missing}
    result = manage(["check"], variables)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert missing in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CHAINFUND_DEBUG", "true", "CHAINFUND_DEBUG is true in production"),
        ("CHAINFUND_DEBUG", "maybe", "write true or false"),
        ("SECRET_KEY", "short", "SECRET_KEY is too easy to guess"),
        ("SECRET_KEY", "not-a-secret-" * 5, "SECRET_KEY is a published one"),
        ("CHAINFUND_SITE_URL", "http://chainfund.example", "has to begin with https://"),
        ("CHAINFUND_ALLOWED_HOSTS", "*", "name the hosts"),
        ("CHAINFUND_MODE", "prod", "write one of development, demo, test, production"),
        ("DATABASE_URL", "sqlite:///x.db", "has to be a PostgreSQL URI"),
        ("DATABASE_URL", "postgresql://host/name?colour=red", "DATABASE_URL cannot be read"),
        ("CHAINFUND_RPC_URLS", "http://127.0.0.1:8545", "CHAINFUND_RPC_URLS cannot be read"),
        ("CHAINFUND_PROXY_DEPTH", "two", "write a whole number"),
    ],
)
def test_a_wrong_value_is_explained(name: str, value: str, said: str) -> None:
    result = manage(["check"], {**PRODUCTION, name: value})
    assert result.returncode == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_production_settings_pass_the_deployment_check() -> None:
    result = manage(["check", "--deploy", "--fail-level", "WARNING"], PRODUCTION)
    assert result.returncode == 0, result.stderr


def test_rpc_urls_of_several_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINFUND_RPC_URLS", "1=https://a https://b; 31337=http://127.0.0.1:8545 ;")
    assert environment.rpc_urls() == {1: ["https://a", "https://b"], 31337: ["http://127.0.0.1:8545"]}


def test_database_urls_may_name_a_unix_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@/fund?host=%2Ftmp%2Fpg&sslmode=disable")
    database = environment.database()
    assert (database["NAME"], database["USER"], database["HOST"]) == ("fund", "me", "/tmp/pg")  # noqa: S108
    assert database["OPTIONS"] == {"sslmode": "disable"}


def test_a_required_text_has_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINFUND_NOTHING", "  ")
    with pytest.raises(ImproperlyConfigured, match="CHAINFUND_NOTHING is not set"):
        environment.text("CHAINFUND_NOTHING")


def test_every_variable_is_documented() -> None:
    documented = (ROOT / ".env.example").read_text()
    package = ROOT / "django_project"
    source = "".join((package / name).read_text() for name in ("settings.py", "environment.py"))
    variables = set(re.findall(r'"((?:CHAINFUND|DATABASE|REDIS|CELERY_BROKER|SECRET)_[A-Z_]+)"', source))
    assert "CHAINFUND_RPC_URLS" in variables
    assert {name for name in variables if f"\n{name}=" not in documented} == set()
