"""Token buckets in Redis: a burst of `capacity`, refilled evenly over `period`.

A bucket is two numbers under one key, changed by one script, so that any number of web processes share it.
"""

import ipaddress
import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import redis
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_project.core.errors import TooManyRequestsError

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_SECONDS = 0.5
# Providers hand out a /64 to one customer: single IPv6 addresses cost nothing.
IPV6_PREFIX = 64

_TAKE = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local capacity, period, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(bucket[1]) or capacity
tokens = math.min(capacity, tokens + (now - (tonumber(bucket[2]) or now)) * capacity / period)
local wait = 0
if tokens >= cost then tokens = tokens - cost else wait = (cost - tokens) * period / capacity end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(period) + 1)
return tostring(wait)
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """`capacity` requests at once, as many again in each `period`."""

    scope: str
    capacity: int
    period: timedelta


READ = Limit("read", 600, timedelta(minutes=1))
CHALLENGE = Limit("challenge", 20, timedelta(minutes=5))
SIGN_IN = Limit("sign-in", 20, timedelta(minutes=5))
CONSENT = Limit("consent", 20, timedelta(minutes=5))
BEACON = Limit("beacon", 60, timedelta(minutes=1))
BEACON_ADDRESS = Limit("beacon-address", 300, timedelta(minutes=1))
MAIL = Limit("mail", 5, timedelta(hours=1))
PICTURE = Limit("picture", 60, timedelta(minutes=1))
DOWNLOAD = Limit("download", 20, timedelta(minutes=5))
MESSAGE = Limit("message", 10, timedelta(hours=1))
REPORT = Limit("report", 5, timedelta(hours=1))
PLEDGE = Limit("pledge", 30, timedelta(minutes=10))
PLEDGE_REPORT = Limit("pledge-report", 120, timedelta(minutes=10))


def require(limit: Limit, subject: str) -> None:
    """Take one token of the subject's bucket.

    Raises:
        TooManyRequestsError: the bucket is empty; says in how many seconds it has a token again.
    """
    wait = take(limit, subject)
    if wait > 0:
        raise TooManyRequestsError(_("Too many requests. Wait a moment and try again."), int(wait) + 1)


def take(limit: Limit, subject: str) -> float:
    """Take one token; 0 when there was one, else the seconds until there is.

    Without Redis the request passes: limits protect the site from crowds, and what protects accounts
    (single-use 128-bit nonces, signatures) does not depend on them.
    """
    capacity = limit.capacity * settings.RATE_LIMIT_SCALE
    try:
        wait = _script()(
            keys=[f"rate:{limit.scope}:{subject}"], args=[capacity, limit.period.total_seconds(), 1]
        )
    except redis.RedisError as error:
        logger.warning("Rate limits are off, Redis does not answer: %s", error)
        return 0.0
    return float(wait)


def asker(request: HttpRequest) -> str:
    """Who asks, as a bucket's subject: the account that is signed in, else the visitor's address."""
    user = request.user
    return f"user:{user.pk}" if user.is_authenticated else client_address(request)


def client_address(request: HttpRequest) -> str:
    """Where a request comes from, as a bucket's subject: the address that our outermost own proxy saw.

    Each proxy appends the peer it saw to X-Forwarded-For, so with `PROXY_DEPTH` own proxies the entry that
    many from the right is the last one a stranger could not write. Without proxies the header is ignored.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if settings.PROXY_DEPTH:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if len(hops) >= settings.PROXY_DEPTH:
            peer = hops[-settings.PROXY_DEPTH]
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


@lru_cache(maxsize=1)
def _script() -> "redis.commands.core.Script":
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
    )
    return client.register_script(_TAKE)
