"""What production refuses, sentence by sentence: values that would work, but not protect anybody."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

SECRET_KEY_LENGTH, TOKEN_LENGTH = 50, 32
# What nobody can try out. A random letter or digit is worth five to six bits.
LEAST_BITS = 128
MOST_RATE_LIMIT_SCALE = 100

_HOW = "python -c 'import secrets; print(secrets.token_urlsafe(50))' writes one"
_PLACEHOLDERS = re.compile(
    "change.?me|not.?a.?secret|insecure|secret.?key|your.?(?:own|key|secret)|replace.?(?:me|this)|placeholder|"
    "pass.?word|super.?secret|example|chain.?fund|django|lorem.?ipsum",
    re.IGNORECASE,
)
# Whoever runs along a keyboard or an alphabet is followed there.
_ROWS = ("qwertyuiopasdfghjklzxcvbnm", "1234567890", "qwertzuiopasdfghjklyxcvbnm", "!@#$%^&*()_+")
_SHORTEST_FORESEEN = 3


class _Place(NamedTuple):
    """One database of one Redis, as one of its users sees it."""

    server: str
    database: str
    user: str


def guessing_bits(secret: str) -> float:
    """How many bits a secret holds at most: what repeats itself or runs on counts as one character."""
    worth = math.log2(len(set(secret))) if secret else 0.0
    lower, position, bits = secret.lower(), 0, 0.0
    while position < len(lower):
        foreseen = max(_repeated(lower, position), _running(lower, position))
        position += foreseen if foreseen >= _SHORTEST_FORESEEN else 1
        bits += worth
    return bits


def _repeated(text: str, position: int) -> int:
    """How many characters from here on stood in the text before, in the same order."""
    length = 0
    while position + length < len(text) and text.find(text[position : position + length + 1]) < position:
        length += 1
    return length


def _running(text: str, position: int) -> int:
    """How many characters from here on follow each other in an alphabet or on a keyboard, or are the same."""
    longest = 1
    for step in (-1, 0, 1):
        length = 1
        while (
            position + length < len(text)
            and ord(text[position + length]) - ord(text[position + length - 1]) == step
        ):
            length += 1
        longest = max(longest, length)
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        length = 1
        while position + length < len(text) and text[position : position + length + 1] in row:
            length += 1
        longest = max(longest, length)
    return longest


def refuse_guessable(name: str, secret: str, length: int) -> None:
    """Raise ImproperlyConfigured for a secret that can be guessed, without telling it."""
    if len(secret) < length:
        wrong = f"is too short: {length} random characters or more are needed"
    elif _PLACEHOLDERS.search(secret):
        wrong = "is a placeholder or a published one: write random characters of your own"
    elif guessing_bits(secret) < LEAST_BITS:
        wrong = "is too easy to guess: it repeats itself or has too few different characters"
    elif not any(character.isdigit() for character in secret):
        wrong = "has no digits and looks like words: random characters are needed"
    else:
        return
    raise ImproperlyConfigured(f"{name} {wrong}; {_HOW}")


def refuse_keys(secret_key: str, fallbacks: Sequence[str]) -> None:
    """Hold the key and those before it, by which sessions and links of before still pass, to the same."""
    refuse_guessable("SECRET_KEY", secret_key, SECRET_KEY_LENGTH)
    for fallback in fallbacks:
        refuse_guessable("SECRET_KEY_FALLBACKS", fallback, SECRET_KEY_LENGTH)
    if secret_key in fallbacks:
        raise ImproperlyConfigured(
            "SECRET_KEY_FALLBACKS has SECRET_KEY itself: only earlier keys belong there"
        )


def refuse_unsafe_site(site_url: str, allowed_hosts: Sequence[str]) -> None:
    """Hold the site's origin and the hosts that it answers to to each other."""
    if not site_url.startswith("https://"):
        raise ImproperlyConfigured("CHAINFUND_SITE_URL has to begin with https:// in production")
    if not allowed_hosts:
        raise ImproperlyConfigured("CHAINFUND_ALLOWED_HOSTS is not set: name the hosts this site answers to")
    if any(host == "*" or host.startswith(".") for host in allowed_hosts):
        raise ImproperlyConfigured(
            "CHAINFUND_ALLOWED_HOSTS has a wildcard: name the hosts, or whoever gets a name below "
            "them points visitors there"
        )
    host = urlsplit(site_url).netloc.rpartition(":")[0] if _has_port(site_url) else urlsplit(site_url).netloc
    if not validate_host(host, list(allowed_hosts)):
        raise ImproperlyConfigured(
            f"CHAINFUND_ALLOWED_HOSTS lacks {host}, the host of CHAINFUND_SITE_URL: the site would refuse it"
        )


def _has_port(site_url: str) -> bool:
    return urlsplit(site_url).port is not None


def refuse_one_redis_for_all(servers: Mapping[str, str]) -> None:
    """Cache and broker, by the names of their variables, have to be kept apart.

    Each needs a database or a user of its own: whoever may write a task into the broker has workers do it,
    and a cache that is emptied together with it loses tasks.
    """
    seen: dict[_Place, str] = {}
    for name, url in servers.items():
        place = _place(url)
        if place in seen:
            raise ImproperlyConfigured(
                f"{name} is the Redis database of {seen[place]}, for the same user: give each a database or, "
                "better, a user or a server of its own"
            )
        seen[place] = name


def _place(url: str) -> _Place:
    parts = urlsplit(url)
    if parts.scheme in ("unix", "redis+socket"):
        query = parse_qs(parts.query)
        number = query.get("db", query.get("virtual_host", ["0"]))[0]
        return _Place(parts.path, number.strip("/").lstrip("0") or "0", parts.username or "default")
    host = "127.0.0.1" if parts.hostname in ("localhost", "::1") else str(parts.hostname)
    number = parts.path.strip("/") or parse_qs(parts.query).get("db", ["0"])[0]
    family = "amqp" if parts.scheme.startswith("amqp") else "redis"
    port = parts.port or {"amqp": 5672, "redis": 6379}[family]
    return _Place(f"{family}:{host}:{port}", str(number).lstrip("0") or "0", parts.username or "default")


def refuse_readable_mail(host: str, user: str, password: str, *, is_encrypted: bool) -> None:
    """A password is sent to a mail server elsewhere through TLS only."""
    if bool(user) != bool(password):
        missing = "CHAINFUND_SMTP_PASSWORD" if user else "CHAINFUND_SMTP_USER"
        raise ImproperlyConfigured(f"{missing} is not set, but the other of the two is")
    if user and not is_encrypted and host not in ("localhost", "127.0.0.1", "::1"):
        raise ImproperlyConfigured(
            "CHAINFUND_SMTP_TLS is false: the mail server's password would be sent for everybody to read"
        )
