"""URLs of nodes, which may carry providers' keys: how they are asked, and what of them may be shown."""

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit


def endpoint_name(url: str) -> str:
    """Host and port: what may be shown."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or url


def is_websocket(url: str) -> bool:
    return urlsplit(url).scheme in {"ws", "wss"}


def request_address(url: str) -> str:
    """The URL as it is asked: a name and password in it go into the headers."""
    return urlsplit(url)._replace(netloc=endpoint_name(url)).geturl()


def request_headers(url: str) -> Mapping[str, str]:
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json"}
    if parts.username:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(credentials.encode()).decode()}"
    return headers
