"""Reads the process's environment for `settings`, with one clear sentence for each thing that is wrong."""

import ipaddress
import json
import os
import re
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from django_project.core.mail_addresses import is_mail_address

MODES = ("development", "demo", "test", "production")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
CACHE_SCHEMES = ("redis", "rediss", "unix")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps")
LONGEST_TIME = timedelta(days=3650)
# More than the largest unit that is in use, and what a database's number of that many digits can hold.
MOST_DECIMALS = 36

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_DIGITS = re.compile(r"[0-9]{1,18}")
_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER_LIKE = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# A node is asked by HTTP, and announces its heads by websocket.
_NODE_SCHEMES = {"http", "https", "ws", "wss"}


def raw(name: str) -> str:
    """The variable's value, empty when it is not set.

    Quotes around the whole of it are taken off: shells and systemd do so, `docker run --env-file` does not.
    """
    value = os.environ.get(name, "").strip()
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if is_quoted else value


def text(name: str, default: str | None = None) -> str:
    """The variable's value; raises ImproperlyConfigured when it is missing and has no default."""
    value = raw(name) or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set: .env.example says what belongs there")
    return value


def choice(name: str, among: Collection[str], default: str | None = None) -> str:
    value = text(name, default)
    if value not in among:
        raise ImproperlyConfigured(f"{name} is {value!r}: write one of {', '.join(among)}")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    value = (raw(name) or str(default)).lower()
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}: write true or false")
    return value in _TRUE


def number(name: str, default: int | None, least: int, most: int) -> int:
    """A whole number within bounds."""
    value = text(name, None if default is None else str(default))
    if not (_WHOLE_NUMBER.fullmatch(value) and least <= int(value) <= most):
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number from {least} to {most}")
    return int(value)


def seconds(name: str, default: timedelta) -> timedelta:
    most = int(LONGEST_TIME.total_seconds())
    return timedelta(seconds=number(name, int(default.total_seconds()), 1, most))


class SessionLimits(NamedTuple):
    """After how long unused, and after how long altogether, a session is over."""

    idle: timedelta
    absolute: timedelta


def session_limits(prefix: str, *, idle: timedelta, absolute: timedelta) -> SessionLimits:
    """`<prefix>_IDLE_SECONDS` and `<prefix>_LIFETIME_SECONDS`."""
    limits = SessionLimits(
        seconds(f"{prefix}_IDLE_SECONDS", idle), seconds(f"{prefix}_LIFETIME_SECONDS", absolute)
    )
    if limits.idle > limits.absolute:
        raise ImproperlyConfigured(f"{prefix}_IDLE_SECONDS has to be at most {prefix}_LIFETIME_SECONDS")
    return limits


def items(name: str) -> list[str]:
    """A list written with commas."""
    return [item.strip() for item in raw(name).split(",") if item.strip()]


def entries(name: str) -> list[str]:
    """A list written with semicolons, of what may have commas in it."""
    return [entry.strip() for entry in raw(name).split(";") if entry.strip()]


def path(name: str, default: Path) -> Path:
    return optional_path(name) or default.resolve()


def optional_path(name: str) -> Path | None:
    """None when the variable is empty."""
    value = raw(name)
    if "\0" in value:
        raise ImproperlyConfigured(f"{name} has a NUL in it: write a path")
    return Path(value).resolve() if value else None


def mode() -> str:
    """What the process is part of: nobody gets the conveniences of one by leaving it out."""
    if not raw("CHAINFUND_MODE"):
        raise ImproperlyConfigured(
            f"CHAINFUND_MODE is not set: write one of {', '.join(MODES)} into the environment. `make demo` "
            "and `make test` set it by themselves; .env.example has what a site of your own needs"
        )
    return choice("CHAINFUND_MODE", MODES)


def end_of_day(name: str) -> datetime | None:
    """The end (UTC) of a day written 2027-06-30; None when the variable is empty."""
    value = raw(name)
    if not value:
        return None
    try:
        day = date.fromisoformat(value) if len(value) == len("2027-06-30") else None
    except ValueError:
        day = None
    if day is None:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a day such as 2027-06-30")
    return datetime.combine(day, time.max.replace(microsecond=0), UTC)


def contacts(name: str) -> list[str]:
    """Ways to reach somebody, written with commas: mail addresses, or https:, mailto: or tel: URIs."""
    found = [f"mailto:{item}" if is_mail_address(item) else item for item in items(name)]
    for item in found:
        scheme, _, rest = item.partition(":")
        is_known = rest.startswith("//") if scheme == "https" else scheme in ("mailto", "tel") and rest
        if not is_known or not item.isascii() or not item.isprintable() or " " in item:
            raise ImproperlyConfigured(
                f"{name} has {item!r}: write mail addresses, or URIs with https://, mailto: or tel:"
            )
    return found


def sender(name: str, default: str) -> str:
    """The From of letters: an address, or `Name <address>`."""
    value = text(name, default)
    _name, address = parseaddr(value)
    if value != default and not (value.isprintable() and is_mail_address(address)):
        raise ImproperlyConfigured(f"{name} is {value!r}: write `Name <name@host>` or an address alone")
    return value


def mail_host(name: str) -> str:
    value = raw(name)
    if value and not is_host(value):
        raise ImproperlyConfigured(f"{name} is {value!r}: write the server's name alone, without a port")
    return value


def is_host(host: str) -> bool:
    """Whether it is a host as URLs have them, without a port: a name in lower case or an address."""
    if host.startswith("["):
        host = host.removeprefix("[").removesuffix("]") if host.endswith("]") else ""
    elif _HOST_NAME.fullmatch(host) and not _NUMBER_LIKE.fullmatch(host):
        return len(host) < 254
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def origin(name: str, default: str | None) -> str:
    """A site's own origin, such as https://chainfund.example, as browsers write it.

    Raises:
        ImproperlyConfigured: it is anything else; says what has to go.
    """
    value = text(name, default)
    parts, port = _split(name, value)
    wrong = ""
    if "@" in parts.netloc:
        wrong = "has a user's name in it"
    elif parts.path not in ("", "/") or "?" in value or "#" in value or ";" in value:
        wrong = "has more than a scheme and a host: the site cannot live below a path"
    elif parts.hostname is None or not is_host(_host_of(parts)):
        wrong = "names no host: write it in lower case, and in ASCII (xn--…)"
    elif port == 0 or parts.netloc.endswith(":"):
        wrong = "has no port after its colon"
    elif port == _DEFAULT_PORTS[parts.scheme]:
        wrong = f"names the port that {parts.scheme} has anyway: browsers leave :{port} out"
    if wrong:
        raise ImproperlyConfigured(f"{name} is {value!r}: it {wrong}. Write https://chainfund.example")
    return value.rstrip("/")


def _split(name: str, value: str) -> tuple[SplitResult, int | None]:
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise ImproperlyConfigured(f"{name} is {value!r}: it has characters that no address has")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}: it is no address of a site") from None
    if parts.scheme not in _DEFAULT_PORTS or not value.startswith(f"{parts.scheme}://"):
        raise ImproperlyConfigured(f"{name} is {value!r}: it has to begin with https:// or http://")
    return parts, port


def _host_of(parts: SplitResult) -> str:
    """The host as it is written, with an IPv6 address's brackets."""
    host = parts.netloc.rpartition("@")[2]
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


def hosts(name: str) -> list[str]:
    """Names and addresses that a site answers to; `*` stands for all, `.example.org` for all below one."""
    found = items(name)
    for host in found:
        if host != "*" and not is_host(host.removeprefix(".")):
            raise ImproperlyConfigured(
                f"{name} has {host!r}: write hosts alone, such as chainfund.example, without scheme, port or "
                "path, in lower case and ASCII (xn--…), an IPv6 address in brackets"
            )
    return found


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


def server(name: str, schemes: Collection[str], default: str | None) -> str:
    """The URL of one Redis, or of a broker; a password in it is not told when it is wrong."""
    value = text(name, default)
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in schemes and bool(parts.hostname or parts.path) and parts.port != 0
    except ValueError:
        is_whole = False
    is_redis = value.startswith(("redis://", "rediss://"))
    if not is_whole or (is_redis and parts.path.strip("/") and not _DIGITS.fullmatch(parts.path[1:])):
        raise ImproperlyConfigured(
            f"{name} cannot be read: write a URL such as redis://user:password@host:6379/0 "
            f"({', '.join(schemes)}), without a comma"
        )
    return value


def demo_accounts() -> list[dict[str, str]]:
    """CHAINFUND_DEMO_ACCOUNTS, a JSON list of {"address": "0x…", "label": "…"}."""
    try:
        entries = json.loads(raw("CHAINFUND_DEMO_ACCOUNTS") or "[]")
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
    for entry in raw(name).split(";"):
        if not entry.strip():
            continue
        chain_id, _, told = entry.strip().partition("=")
        symbol, _, decimals = told.strip().rpartition("/")
        is_told = _DIGITS.fullmatch(chain_id.strip()) and _DIGITS.fullmatch(decimals)
        if not (
            is_told and 0 < len(symbol) <= 16 and symbol.isprintable() and int(decimals) <= MOST_DECIMALS
        ):
            raise ImproperlyConfigured(
                f"{name} cannot be read: write `56=BNB/18`, the symbol and how many decimals it has, several "
                "chains with semicolons"
            )
        currencies[int(chain_id)] = Currency(symbol, int(decimals))
    return currencies


def rpc_urls(name: str = "CHAINFUND_RPC_URLS") -> dict[int, list[str]]:
    """A variable written `chain id=url url;chain id=url`, as {chain id: [url, …]}; URLs are not told."""
    chains: dict[int, list[str]] = {}
    for entry in raw(name).split(";"):
        if not entry.strip():
            continue
        chain_id, _, urls = entry.partition("=")
        if not _DIGITS.fullmatch(chain_id.strip()) or not urls.split() or not all(map(_is_url, urls.split())):
            raise ImproperlyConfigured(
                f"{name} cannot be read: write `31337=http://127.0.0.1:8545`, several URLs of a "
                "chain with spaces between them, several chains with semicolons"
            )
        chains.setdefault(int(chain_id), []).extend(urls.split())
    return chains


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in _NODE_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
