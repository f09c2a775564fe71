"""A wrong environment is answered with one sentence and a non-zero exit, before anything starts."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_project import environment

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / ".env.example"

KEY = "kC9fT2mXw7RzQ4vLbN8sHd5jYpG3aUe6VtB1cMnZxKqWfJr0Po"
EARLIER_KEY = "pW3xN8cQz6JmR2vTk9LsBf4hYdG7aUe5XtM1bCnZqKwVrHj0Fo"
PRODUCTION = {
    "CHAINFUND_MODE": "production",
    "SECRET_KEY": KEY,
    "CHAINFUND_SITE_URL": "https://chainfund.example",
    "CHAINFUND_ALLOWED_HOSTS": "chainfund.example",
    "CHAINFUND_PROXY_DEPTH": "1",
    "DATABASE_URL": "postgresql:///nowhere",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/2",
}

Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """The settings module, run once more in an environment of production's and `more` variables."""

    def load(**more: str) -> dict[str, Any]:
        for name in list(os.environ):
            if name.startswith(("CHAINFUND_", "SECRET_", "REDIS_", "CELERY_", "DATABASE_")):
                monkeypatch.delenv(name)
        for name, value in {**PRODUCTION, **more}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "django_project" / "settings.py"))

    return load


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


@pytest.mark.parametrize("value", [None, "", "  "])
def test_nothing_starts_without_a_mode(value: str | None) -> None:
    variables = {name: text for name, text in PRODUCTION.items() if name != "CHAINFUND_MODE"}
    result = manage(["check"], variables if value is None else {**variables, "CHAINFUND_MODE": value})
    assert result.returncode == 1
    assert result.stderr.startswith(
        "Configuration: CHAINFUND_MODE is not set: write one of development, demo"
    )
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("missing", [name for name in PRODUCTION if name != "CHAINFUND_MODE"])
def test_production_names_the_missing_variable(missing: str, load: Load) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{missing} is not set"):
        load(**{missing: ""})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CHAINFUND_DEBUG", "true", "CHAINFUND_DEBUG is true in production"),
        ("CHAINFUND_DEBUG", "maybe", "write true or false"),
        ("CHAINFUND_LOG_LEVEL", "loud", "write one of DEBUG, INFO"),
        ("CHAINFUND_MODE", "prod", "write one of development, demo, test, production"),
        ("CHAINFUND_MODE", "Production", "write one of development, demo, test, production"),
        ("DATABASE_URL", "sqlite:///x.db", "has to be a PostgreSQL URI"),
        ("DATABASE_URL", "postgresql://host/name?colour=red", "DATABASE_URL cannot be read"),
        ("CHAINFUND_RPC_URLS", "http://127.0.0.1:8545", "CHAINFUND_RPC_URLS cannot be read"),
        ("CHAINFUND_RPC_URLS", "１=http://127.0.0.1:8545", "CHAINFUND_RPC_URLS cannot be read"),
        ("CHAINFUND_RPC_URLS", "1=file:///etc/passwd", "CHAINFUND_RPC_URLS cannot be read"),
        ("CHAINFUND_RPC_URLS", "1=https://", "CHAINFUND_RPC_URLS cannot be read"),
        ("CHAINFUND_CHAIN_CURRENCIES", "56=BNB/99999", "CHAINFUND_CHAIN_CURRENCIES cannot be read"),
        ("CHAINFUND_PROXY_DEPTH", "two", "from 0 to 10"),
        ("CHAINFUND_PROXY_DEPTH", "-1", "from 0 to 10"),
        ("CHAINFUND_PROXY_DEPTH", "11", "from 0 to 10"),
        ("CHAINFUND_PROXY_DEPTH", "１", "from 0 to 10"),
        ("CHAINFUND_PROXY_DEPTH", "1_0", "from 0 to 10"),
        ("CHAINFUND_PROXY_DEPTH", "1.0", "from 0 to 10"),
        ("CHAINFUND_PROXY_DEPTH", "9" * 5000, "from 0 to 10"),
        ("CHAINFUND_RATE_LIMIT_SCALE", "0", "from 1 to 100"),
        ("CHAINFUND_RATE_LIMIT_SCALE", "-1", "from 1 to 100"),
        ("CHAINFUND_RATE_LIMIT_SCALE", "NaN", "from 1 to 100"),
        ("CHAINFUND_RATE_LIMIT_SCALE", "inf", "from 1 to 100"),
        ("CHAINFUND_RATE_LIMIT_SCALE", "1e9", "from 1 to 100"),
        ("CHAINFUND_RATE_LIMIT_SCALE", "101", "from 1 to 100"),
        ("CHAINFUND_SMTP_PORT", "0", "from 1 to 65535"),
        ("CHAINFUND_SMTP_PORT", "65536", "from 1 to 65535"),
        ("CHAINFUND_SMTP_HOST", "smtp://mail.example", "without a port"),
        ("CHAINFUND_SMTP_HOST", "mail.example:25", "without a port"),
        ("CHAINFUND_SMTP_HOST", "mail.example", "CHAINFUND_MAIL_FROM is not set"),
        ("CHAINFUND_SMTP_USER", "us", "CHAINFUND_SMTP_PASSWORD is not set"),
        ("CHAINFUND_SMTP_PASSWORD", "s3cret", "CHAINFUND_SMTP_USER is not set"),
        ("CHAINFUND_MAIL_FROM", "ChainFund", "or an address alone"),
        ("CHAINFUND_MAIL_FROM", "Us <us@localhost>", "or an address alone"),
        ("CHAINFUND_MAIL_FROM", "Us <us@a.example>\nBcc: b@a.example", "or an address alone"),
        ("CHAINFUND_INDEXER_LEASE_SECONDS", "0", "from 1 to"),
        ("CHAINFUND_REFRESH_SECONDS", "-5", "from 1 to"),
        ("CHAINFUND_BEACON_MAX_AGE_SECONDS", "999999999999", "from 1 to"),
        ("CHAINFUND_BACKFILL_RANGES", "-1", "from 0 to 1000"),
        ("CHAINFUND_LOCAL_FINALITY_DEPTH", "-1", "from 0 to 10000"),
        ("CHAINFUND_SECURITY_EXPIRES", "31.12.2027", "write a day such as 2027-06-30"),
        ("CHAINFUND_SECURITY_EXPIRES", "2027-02-30", "write a day such as 2027-06-30"),
        ("CHAINFUND_SECURITY_CONTACTS", "call us", "write mail addresses, or URIs"),
        ("CHAINFUND_SECURITY_CONTACTS", "http://a.example", "write mail addresses, or URIs"),
        ("CHAINFUND_SECURITY_CONTACTS", "javascript:alert(1)", "write mail addresses, or URIs"),
        ("CHAINFUND_METRICS_TOKEN", "x", "CHAINFUND_METRICS_TOKEN is too short"),
        ("CHAINFUND_METRICS_TOKEN", "abcd" * 8, "CHAINFUND_METRICS_TOKEN is too easy to guess"),
    ],
)
def test_a_wrong_value_is_explained(name: str, value: str, said: str, load: Load) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        load(**{name: value})
    assert name in str(refusal.value) or said.startswith("CHAINFUND")
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("short", "is too short"),
        (KEY[:49], "is too short"),
        ("changeme" * 7, "is a placeholder"),
        ("change_me_" * 6, "is a placeholder"),
        ("not-a-secret-" * 5, "is a placeholder"),
        ("django-insecure-" + KEY, "is a placeholder"),
        ("PassWord1" * 7, "is a placeholder"),
        (KEY + "-chainfund", "is a placeholder"),
        ("a" * 64, "is too easy to guess"),
        ("ab" * 32, "is too easy to guess"),
        ("hunter2-" * 8, "is too easy to guess"),
        ("0123456789abcdefghij" * 3, "is too easy to guess"),
        ("abcdefghijklmnopqrstuvwxyz0123456789zyxwvutsrqponmlkjihg", "is too easy to guess"),
        ("qwertyuiopasdfghjklzxcvbnm1234567890qwertyuiopasdfghjkl", "is too easy to guess"),
        ("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffff", "is too easy to guess"),
        ("Tr0ub4dor&3" * 5, "is too easy to guess"),
        ("11235813213455891442333776109871597258441816765109461", "is too easy to guess"),
        ("the quick brown fox jumps over the lazy dog and sleeps", "has no digits and looks like words"),
    ],
)
def test_keys_that_can_be_guessed_are_refused_and_not_told(key: str, said: str, load: Load) -> None:
    for more in ({"SECRET_KEY": key}, {"SECRET_KEY_FALLBACKS": f"{EARLIER_KEY},{key}"}):
        with pytest.raises(ImproperlyConfigured) as refusal:
            load(**more)
        (name,) = more
        assert str(refusal.value).startswith(f"{name} {said}")
        assert "token_urlsafe" in str(refusal.value)
        assert len(key) < 10 or key not in str(refusal.value)


def test_earlier_keys_stay_good(load: Load) -> None:
    loaded = load(SECRET_KEY_FALLBACKS=f"{EARLIER_KEY}, {EARLIER_KEY[::-1]}")
    assert loaded["SECRET_KEY_FALLBACKS"] == [EARLIER_KEY, EARLIER_KEY[::-1]]
    with pytest.raises(ImproperlyConfigured, match="has SECRET_KEY itself"):
        load(SECRET_KEY_FALLBACKS=KEY)


@pytest.mark.parametrize(
    "key",
    [
        "5f0c1b8a7e2d94c36a1f58e07b92d4c3e6a80f17b5c29d4e8f3a6b10c7d2e594",
        "8301946572904813756209481736520984136720598341672095",
        "gT-0_x3KQmZ9aV7bR5nW1cY8dL2fJ6hP4sU-kE_oXiBqMwCzDyA",
        "!k3@9z^v&2m(5x)7q#b-4w_8r=1t+6n$0p%h*c!d@f^g&j(l)s#",
    ],
)
def test_random_keys_pass(key: str, load: Load) -> None:
    assert load(SECRET_KEY=key)["SECRET_KEY"] == key


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://chainfund.example", "has to begin with https://"),
        ("ftp://chainfund.example", "has to begin with https:// or http://"),
        ("chainfund.example", "has to begin with https:// or http://"),
        ("HTTPS://chainfund.example", "has to begin with https:// or http://"),
        ("https:chainfund.example", "has to begin with https:// or http://"),
        ("https:///", "names no host"),
        ("https://chainfund.example/app", "has more than a scheme and a host"),
        ("https://chainfund.example//", "has more than a scheme and a host"),
        ("https://chainfund.example?a=1", "has more than a scheme and a host"),
        ("https://chainfund.example/#top", "has more than a scheme and a host"),
        ("https://me:pw@chainfund.example", "has a user's name in it"),
        ("https://chainfund.example@evil.example", "has a user's name in it"),
        ("https://chainfund.example:443", "browsers leave :443 out"),
        ("https://chainfund.example:", "has no port after its colon"),
        ("https://chainfund.example:0", "has no port after its colon"),
        ("https://chainfund.example:99999", "is no address of a site"),
        ("https://chainfund.example:x", "is no address of a site"),
        ("https://ChainFund.example", "names no host"),
        ("https://chainfund.example.", "names no host"),
        ("https://.example", "names no host"),
        ("https://-a.example", "names no host"),
        ("https://a_b.example", "names no host"),
        ("https://2130706433", "names no host"),
        ("https://0x7f.1", "names no host"),
        ("https://[::1", "is no address of a site"),
        ("https://*.example", "names no host"),
        ("https://众筹.example", "characters that no address has"),
        ("https://chain fund.example", "characters that no address has"),
        ("https://chainfund.example\\@evil.example", "characters that no address has"),
    ],
)
def test_a_sites_address_is_an_origin_and_nothing_else(url: str, said: str, load: Load) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        load(CHAINFUND_SITE_URL=url)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith("CHAINFUND_SITE_URL")


@pytest.mark.parametrize(
    ("url", "hosts", "origin"),
    [
        ("https://chainfund.example/", "chainfund.example", "https://chainfund.example"),
        ("https://a.example:8443", "b.example, a.example", "https://a.example:8443"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]", "https://[2001:db8::1]:8443"),
        ("https://203.0.113.9", "203.0.113.9", "https://203.0.113.9"),
        ("https://xn--1lq90i.example", "xn--1lq90i.example", "https://xn--1lq90i.example"),
    ],
)
def test_origins_with_their_hosts(url: str, hosts: str, origin: str, load: Load) -> None:
    loaded = load(CHAINFUND_SITE_URL=url, CHAINFUND_ALLOWED_HOSTS=hosts)
    assert (loaded["SITE_URL"], loaded["CSRF_TRUSTED_ORIGINS"]) == (origin, [origin])


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ("*", "has a wildcard"),
        ("chainfund.example,*", "has a wildcard"),
        (".chainfund.example", "has a wildcard"),
        ("*.chainfund.example", "write hosts alone"),
        ("https://chainfund.example", "write hosts alone"),
        ("chainfund.example:443", "write hosts alone"),
        ("chainfund.example/", "write hosts alone"),
        ("chainfund.example other.example", "write hosts alone"),
        ("ChainFund.example", "write hosts alone"),
        ("2001:db8::1 ]", "write hosts alone"),
        ("众筹.example", "write hosts alone"),
        (".", "write hosts alone"),
        ("other.example", "lacks chainfund.example"),
    ],
)
def test_hosts_are_hosts(hosts: str, said: str, load: Load) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        load(CHAINFUND_ALLOWED_HOSTS=hosts)
    assert said in str(refusal.value)
    assert str(refusal.value).startswith("CHAINFUND_ALLOWED_HOSTS")


@pytest.mark.parametrize(
    ("cache", "broker"),
    [
        ("redis://a/0", "redis://a/0"),
        ("redis://a/0", "redis://a"),
        ("redis://a/0", "redis://a:6379/0"),
        ("redis://a/1", "rediss://a/1?ssl_cert_reqs=none"),
        ("redis://localhost/0", "redis://127.0.0.1/00"),
        ("redis://u:x@a/0", "redis://u:y@a/0"),
        ("unix:///r.sock", "redis+socket:///r.sock?virtual_host=0"),
    ],
)
def test_cache_and_broker_are_kept_apart(cache: str, broker: str, load: Load) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^CELERY_BROKER_URL is the Redis database of REDIS_URL"):
        load(REDIS_URL=cache, CELERY_BROKER_URL=broker)


@pytest.mark.parametrize(
    ("cache", "broker"),
    [
        ("redis://a/0", "redis://a/2"),
        ("redis://cache:x@a/0", "redis://broker:z@a/0"),
        ("redis://a/0", "amqp://user:pw@c//"),
        ("unix:///r.sock", "redis+socket:///r.sock?virtual_host=2"),
    ],
)
def test_each_may_have_a_database_a_user_or_a_server_of_its_own(cache: str, broker: str, load: Load) -> None:
    loaded = load(REDIS_URL=cache, CELERY_BROKER_URL=broker)
    assert loaded["CACHES"]["default"]["LOCATION"] == [cache]
    assert loaded["CELERY_BROKER_URL"] == broker


def test_sessions_have_limits_that_can_be_met(load: Load) -> None:
    hour = (timedelta(minutes=10), timedelta(hours=1))
    times = {"CHAINFUND_SESSION_IDLE_SECONDS": "600", "CHAINFUND_SESSION_LIFETIME_SECONDS": "3600"}
    assert load(**times)["SESSION_LIMITS"]["wallet"] == hour
    assert load(**times)["SESSION_LIMITS"]["staff"] == (timedelta(minutes=30), timedelta(hours=12))
    for idle in ("0", "-1", "3601"):
        with pytest.raises(ImproperlyConfigured, match="CHAINFUND_SESSION_IDLE_SECONDS"):
            load(**times | {"CHAINFUND_SESSION_IDLE_SECONDS": idle})
    assert load(**times | {"CHAINFUND_SESSION_IDLE_SECONDS": "3600"})


@pytest.mark.parametrize(
    "url", ["http://a/0", "redis://", "a:6379", "redis://a/zero", "redis://a:port/0", "redis://a/0;redis://b"]
)
def test_a_redis_that_cannot_be_named_is_not_told(url: str, load: Load) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^REDIS_URL cannot be read") as refusal:
        load(REDIS_URL=url.replace("//", "//me:s3cret@"))
    assert "s3cret" not in str(refusal.value)


def test_a_mail_servers_password_is_not_sent_for_everybody_to_read(load: Load) -> None:
    account = {
        "CHAINFUND_SMTP_HOST": "mail.example",
        "CHAINFUND_SMTP_USER": "us",
        "CHAINFUND_SMTP_PASSWORD": "s3cret",
        "CHAINFUND_MAIL_FROM": "ChainFund <no-reply@chainfund.example>",
    }
    assert load(**account)["EMAIL_USE_TLS"]
    with pytest.raises(ImproperlyConfigured, match="CHAINFUND_SMTP_TLS is false"):
        load(**account, CHAINFUND_SMTP_TLS="false")
    assert not load(**account | {"CHAINFUND_SMTP_HOST": "127.0.0.1"}, CHAINFUND_SMTP_TLS="no")[
        "EMAIL_USE_TLS"
    ]


def test_quotes_that_nobody_took_off_are_taken_off(load: Load) -> None:
    loaded = load(CHAINFUND_SITE_URL="'https://chainfund.example'", CHAINFUND_DEBUG='"false"')
    assert (loaded["SITE_URL"], loaded["DEBUG"]) == ("https://chainfund.example", False)


def test_other_modes_start_with_a_mode_and_a_database_alone(load: Load) -> None:
    for mode in ("development", "demo", "test"):
        loaded = load(
            **dict.fromkeys(PRODUCTION, "") | {"CHAINFUND_MODE": mode, "DATABASE_URL": "postgresql:///x"}
        )
        assert loaded["DEBUG"] == (mode == "development")
        assert loaded["CELERY_BROKER_URL"] == loaded["REDIS_URL"]


def test_production_settings_pass_the_deployment_check() -> None:
    result = manage(["check", "--deploy", "--fail-level", "WARNING"], PRODUCTION)
    assert result.returncode == 0, result.stderr


def test_rpc_urls_of_several_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINFUND_RPC_URLS", "1=https://a wss://b; 31337=http://127.0.0.1:8545 ;")
    assert environment.rpc_urls() == {1: ["https://a", "wss://b"], 31337: ["http://127.0.0.1:8545"]}


def test_settings_of_models_have_semicolons_between_them(load: Load) -> None:
    assert load()["RECOMMENDER_SETTINGS"] == []
    value = "'pfcr.shared=/srv/a, b/shared; pfcr.words=8;'"
    assert load(CHAINFUND_RECOMMENDER_SETTINGS=value)["RECOMMENDER_SETTINGS"] == [
        "pfcr.shared=/srv/a, b/shared",
        "pfcr.words=8",
    ]


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
    package = ROOT / "django_project"
    names = ("settings.py", "environment.py", "production.py")
    source = "".join((package / name).read_text() for name in names)
    variables = set(re.findall(r'"((?:CHAINFUND|DATABASE|REDIS|CELERY_BROKER|SECRET)_[A-Z_]+)"', source))
    assert "CHAINFUND_RPC_URLS" in variables
    # Of sessions' limits the settings name what two variables have in common.
    for prefix in ("CHAINFUND_SESSION", "CHAINFUND_STAFF_SESSION"):
        variables.remove(prefix)
        variables |= {f"{prefix}_IDLE_SECONDS", f"{prefix}_LIFETIME_SECONDS"}
    assert {name for name in variables if f"\n{name}=" not in EXAMPLE.read_text()} == set()


def sourced(shell: str, file: Path) -> dict[str, str]:
    """What a shell puts into the environment of a process that it starts."""
    script = f"set -eu; set -a; . {shlex.quote(str(file))}; set +a; env -0"
    done = subprocess.run(
        [shell, "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


def read_as_env_file(file: Path) -> dict[str, str]:
    """As systemd and Compose read it: a line a variable, quotes around a value taken off."""
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    pairs = dict(line.split("=", 1) for line in lines)
    return {name: value[1:-1] if value[:1] == "'" == value[-1:] else value for name, value in pairs.items()}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_example_says_the_same_to_a_shell_and_as_a_file(shell: str) -> None:
    as_file = read_as_env_file(EXAMPLE)
    assert as_file["CHAINFUND_MAIL_FROM"] == "ChainFund <no-reply@chainfund.example>"
    assert as_file["CHAINFUND_RPC_URLS"].count(" ") == 1
    in_shell = sourced(shell, EXAMPLE)
    assert {name: in_shell[name] for name in as_file} == as_file


def test_the_example_is_a_site_once_its_secret_is_filled_in(load: Load) -> None:
    loaded = load(**sourced("sh", EXAMPLE) | {"SECRET_KEY": KEY})
    assert loaded["DEFAULT_FROM_EMAIL"] == "ChainFund <no-reply@chainfund.example>"
    assert loaded["RPC_URLS"] == {11155111: ["https://rpc.example/key", "https://other.example/key"]}
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not set"):
        load(**sourced("sh", EXAMPLE))
