"""Where a request comes from: the address that our outermost own proxy saw."""

import ipaddress
import logging
import re
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IPv4 written inside IPv6, with the bits that follow it: NAT64 (RFC 6052), its stateless cousin (RFC 7915),
# 6to4 (RFC 3056) and IPv4-mapped addresses. Whoever has one IPv4 address may have many of these.
_IPV4_INSIDE = (
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
_IPV4_BITS = 32
# `address:port` and `[address]:port`, as some proxies append them, and quotes around either (RFC 7239).
_WITH_PORT = re.compile(r'"?(?:\[([^\[\]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5})"?')


def client_address(request: HttpRequest) -> Address | None:
    """The address that our outermost own proxy saw; None when it is not told or is no address.

    Each proxy appends the peer it saw to X-Forwarded-For, so with `PROXY_DEPTH` own proxies the entry that
    many from the right is the last one a stranger could not write. Without proxies the header is ignored.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if settings.PROXY_DEPTH:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(hops) >= settings.PROXY_DEPTH:
            peer = hops[-settings.PROXY_DEPTH]
    address = parse_client_address(peer)
    if address is None:
        _warn_once()
    return address


def parse_client_address(text: str) -> Address | None:
    """An address as proxies write it, with or without a port; IPv4 that IPv6 only carries, as IPv4."""
    text = text.strip()
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        # What stands after % is an interface of the machine that wrote it.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return _carried(address) or address
    return address


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.teredo is not None:
        return address.teredo[1]
    for network, following in _IPV4_INSIDE:
        if address in network:
            return ipaddress.IPv4Address(int(address) >> following & (2**_IPV4_BITS - 1))
    return None


@lru_cache(maxsize=1)
def _warn_once() -> None:
    logger.warning(
        "A request came without a client's address: all such requests share their limits. "
        "See CHAINFUND_PROXY_DEPTH and what your proxies write into X-Forwarded-For."
    )
