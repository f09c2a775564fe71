"""Token buckets in Redis: a burst of `capacity`, refilled evenly over `period`.

A bucket is two numbers under one key, changed by one script, so that any number of web processes share it. A
request may take from several buckets at once, its account's and its network's: from all or from none.
"""

import ipaddress
import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

import redis
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from django_project.core import refusals
from django_project.core.client_networks import client_address
from django_project.core.errors import TooManyRequestsError

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_SECONDS = 0.5
# Of IPv6, prefixes and how often a limit's capacity each holds. A provider's customer has a /64 at least, in
# which single addresses cost nothing. Homes and offices are given a /56 or a /48, which cost little more; but
# where hosting providers divide these, neighbours share them, so they hold some shares instead of one.
IPV6_SHARES = ((64, 1), (56, 4), (48, 16))
# Accounts cost nothing either, so those that come from one network share a multiple of what one may do:
# enough for a household or an office behind one address.
ACCOUNTS_OF_A_NETWORK = 4
# Mail providers for whom dots in the part before the @ mean nothing.
DOTLESS_MAIL_HOSTS = {"gmail.com", "googlemail.com"}

_TAKE = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local period = tonumber(ARGV[1])
local left, wait, emptiest = {}, 0, 0
for i, key in ipairs(KEYS) do
  local capacity = tonumber(ARGV[i + 1])
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = tonumber(bucket[1]) or capacity
  left[i] = math.min(capacity, tokens + (now - (tonumber(bucket[2]) or now)) * capacity / period)
  local missing = (1 - left[i]) * period / capacity
  if missing > wait then wait, emptiest = missing, i end
end
for i, key in ipairs(KEYS) do
  local tokens = left[i]
  if wait == 0 then tokens = tokens - 1 end
  redis.call('HSET', key, 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
  redis.call('EXPIRE', key, math.ceil(period) + 1)
end
return {tostring(wait), emptiest}
"""


class Subject(NamedTuple):
    """Whose bucket it is, by kind and key, and how many times the limit's capacity it holds."""

    kind: str
    key: str
    shares: int = 1


@dataclass(frozen=True, slots=True)
class Limit:
    """`capacity` requests at once, as many again in each `period`."""

    scope: str
    capacity: int
    period: timedelta
    # Of guesses at a secret: nobody passes while Redis does not answer.
    is_strict: bool = False


READ = Limit("read", 600, timedelta(minutes=1))
CHALLENGE = Limit("challenge", 20, timedelta(minutes=5))
SIGN_IN = Limit("sign-in", 20, timedelta(minutes=5))
CONSENT = Limit("consent", 20, timedelta(minutes=5))
BEACON = Limit("beacon", 60, timedelta(minutes=1))
BEACON_ADDRESS = Limit("beacon-address", 300, timedelta(minutes=1))
MAIL = Limit("mail", 5, timedelta(hours=1))
# Letters to an address whose owner has not said yes, whoever asks for them.
MAIL_TO_STRANGER = Limit("mail-to-stranger", 3, timedelta(days=1))
PICTURE = Limit("picture", 60, timedelta(minutes=1))
DOWNLOAD = Limit("download", 20, timedelta(minutes=5))
MESSAGE = Limit("message", 10, timedelta(hours=1))
REPORT = Limit("report", 5, timedelta(hours=1))
# A draft saves itself while somebody types, a second after each pause.
DRAFT = Limit("draft", 120, timedelta(minutes=1))
PLEDGE = Limit("pledge", 30, timedelta(minutes=10))
PLEDGE_REPORT = Limit("pledge-report", 120, timedelta(minutes=10))
# Staff: a name's passwords, an account's codes, and whatever comes from one network.
STAFF_PASSWORD = Limit("staff-password", 10, timedelta(minutes=15), is_strict=True)
SECOND_FACTOR = Limit("second-factor", 5, timedelta(minutes=15), is_strict=True)
STAFF_NETWORK = Limit("staff-network", 30, timedelta(minutes=15), is_strict=True)


def require(limit: Limit, *subjects: Subject) -> None:
    """Take one token of each subject's bucket.

    Raises:
        TooManyRequestsError: one is empty, and none was taken from; says in how many seconds to come again.
    """
    wait = take(limit, *subjects)
    if wait > 0:
        raise TooManyRequestsError(_("Too many requests. Wait a moment and try again."), int(wait) + 1)


def take(limit: Limit, *subjects: Subject) -> float:
    """Take one token of each subject's bucket; 0 when all had one, else the seconds until they have.

    Without Redis the request passes, unless the limit is strict: most protect the site from crowds, and what
    protects wallets' accounts (single-use 128-bit nonces, signatures) does not depend on them.
    """
    capacity = limit.capacity * settings.RATE_LIMIT_SCALE
    try:
        told, emptiest = _script()(
            keys=[f"rate:{limit.scope}:{subject.kind}:{subject.key}" for subject in subjects],
            args=[limit.period.total_seconds(), *(capacity * subject.shares for subject in subjects)],
        )
    except redis.RedisError as error:
        logger.warning("Rate limits are off, Redis does not answer: %s", error)
        return limit.period.total_seconds() if limit.is_strict else 0.0
    wait = float(told)
    if wait > 0:
        subject = subjects[int(emptiest) - 1]
        who = refusals.pseudonym(f"{subject.kind}:{subject.key}")
        refusals.log("rate_limit.refused", limit=limit.scope, kind=subject.kind, who=who)
    return wait


def asker(request: HttpRequest) -> tuple[Subject, ...]:
    """Who asks: the account that is signed in and its networks' accounts, else the visitor's networks."""
    user = request.user
    if not user.is_authenticated:
        return visitor(request)
    networks = (
        Subject("accounts", network.key, ACCOUNTS_OF_A_NETWORK * network.shares)
        for network in visitor(request)
    )
    return Subject("account", str(user.pk)), *networks


def visitor(request: HttpRequest) -> tuple[Subject, ...]:
    """The networks that a request comes from, the smallest first."""
    address = client_address(request)
    if address is None:
        return (Subject("network", "unknown"),)
    if isinstance(address, ipaddress.IPv4Address):
        return (Subject("network", str(address)),)
    return tuple(
        Subject("network", str(ipaddress.IPv6Network((address, prefix), strict=False)), shares)
        for prefix, shares in IPV6_SHARES
    )


def recipient(address: str) -> Subject:
    """Who reads a mail address, in whichever of its usual spellings it is written; kept as a digest."""
    name, _at, host = address.strip().casefold().rpartition("@")
    name = name.partition("+")[0]
    if host in DOTLESS_MAIL_HOSTS:
        name = name.replace(".", "")
    return Subject("recipient", salted_hmac("chainfund.recipient", f"{name}@{host}").hexdigest())


@lru_cache(maxsize=1)
def _script() -> "redis.commands.core.Script":
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
    )
    return client.register_script(_TAKE)
