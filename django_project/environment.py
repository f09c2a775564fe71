"""Reads the process's environment for `settings`, with one clear sentence for each thing that is wrong."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

MODES = ("development", "demo", "test", "production")

SECRET_KEY_LENGTH, SECRET_KEY_VARIETY = 50, 5

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def text(name: str, default: str | None = None) -> str:
    """The variable's value; raises ImproperlyConfigured when it is missing and has no default."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set: .env.example says what belongs there")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    value = os.environ.get(name, str(default)).strip().lower()
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}: write true or false")
    return value in _TRUE


def number(name: str, default: int) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number") from None


def seconds(name: str, default: timedelta) -> timedelta:
    return timedelta(seconds=number(name, int(default.total_seconds())))


def items(name: str) -> list[str]:
    """A list written with commas."""
    return [item.strip() for item in os.environ.get(name, "").split(",") if item.strip()]


def path(name: str, default: Path) -> Path:
    return Path(os.environ.get(name, "").strip() or default).resolve()


def optional_path(name: str) -> Path | None:
    """None when the variable is empty."""
    value = os.environ.get(name, "").strip()
    return Path(value).resolve() if value else None


def mode() -> str:
    value = text("CHAINFUND_MODE", "development")
    if value not in MODES:
        raise ImproperlyConfigured(f"CHAINFUND_MODE is {value!r}: write one of {', '.join(MODES)}")
    return value


def database() -> dict[str, Any]:
    """Django's database entry from DATABASE_URL: any libpq URI, a Unix socket's included."""
    url = text("DATABASE_URL")
    if not url.startswith(("postgresql://", "postgres://")):
        raise ImproperlyConfigured(
            "DATABASE_URL has to be a PostgreSQL URI, such as postgresql://user@host/name"
        )
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from None
    known = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {
        "ENGINE": "django_prometheus.db.backends.postgresql",
        **{ours: parts.get(theirs) or "" for theirs, ours in known.items()},
        "OPTIONS": {name: value for name, value in parts.items() if name not in known},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "TEST": {"TEMPLATE": "template0"},
    }


def refuse_unsafe(secret_key: str, site_url: str, allowed_hosts: list[str]) -> None:
    """Raise ImproperlyConfigured for values that would work, but not protect anybody."""
    if len(secret_key) < SECRET_KEY_LENGTH or len(set(secret_key)) < SECRET_KEY_VARIETY:
        raise ImproperlyConfigured(
            f"SECRET_KEY is too easy to guess: write {SECRET_KEY_LENGTH} random characters or more"
        )
    if "not-a-secret" in secret_key or secret_key.startswith("django-insecure-"):
        raise ImproperlyConfigured("SECRET_KEY is a published one: write random characters of your own")
    if not site_url.startswith("https://"):
        raise ImproperlyConfigured("CHAINFUND_SITE_URL has to begin with https:// in production")
    if "*" in allowed_hosts:
        raise ImproperlyConfigured(
            "CHAINFUND_ALLOWED_HOSTS is *: name the hosts, or sign-in links can be made to point elsewhere"
        )


def demo_accounts() -> list[dict[str, str]]:
    """CHAINFUND_DEMO_ACCOUNTS, a JSON list of {"address": "0x…", "label": "…"}."""
    try:
        entries = json.loads(os.environ.get("CHAINFUND_DEMO_ACCOUNTS", "") or "[]")
        return [{"address": str(entry["address"]), "label": str(entry["label"])} for entry in entries]
    except (ValueError, TypeError, KeyError):
        raise ImproperlyConfigured(
            'CHAINFUND_DEMO_ACCOUNTS cannot be read: write a JSON list of {"address": "0x…", "label": "…"}'
        ) from None


class Currency(NamedTuple):
    """What a chain is paid in."""

    symbol: str
    decimals: int


def chain_currencies(name: str) -> dict[int, Currency]:
    """A variable written `chain id=symbol/decimals;…`, as {chain id: currency}."""
    currencies: dict[int, Currency] = {}
    for entry in os.environ.get(name, "").split(";"):
        if not entry.strip():
            continue
        chain_id, _, told = entry.strip().partition("=")
        symbol, _, decimals = told.strip().rpartition("/")
        if not (chain_id.strip().isdecimal() and 0 < len(symbol) <= 16 and decimals.isdecimal()):
            raise ImproperlyConfigured(
                f"{name} cannot be read: write `56=BNB/18`, the symbol and how many decimals it has, several "
                "chains with semicolons"
            )
        currencies[int(chain_id)] = Currency(symbol, int(decimals))
    return currencies


def rpc_urls(name: str = "CHAINFUND_RPC_URLS") -> dict[int, list[str]]:
    """A variable written `chain id=url url;chain id=url`, as {chain id: [url, …]}."""
    chains: dict[int, list[str]] = {}
    for entry in os.environ.get(name, "").split(";"):
        if not entry.strip():
            continue
        chain_id, _, urls = entry.partition("=")
        if not chain_id.strip().isdecimal() or not urls.split():
            raise ImproperlyConfigured(
                f"{name} cannot be read: write `31337=http://127.0.0.1:8545`, several URLs of a "
                "chain with spaces between them, several chains with semicolons"
            )
        chains.setdefault(int(chain_id), []).extend(urls.split())
    return chains
