"""Posts the scenario's page views to the site over HTTP, as browsers of backers and visitors would."""

import html
import http.client
import json
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from demo.rpc import Node
from demo.simulation import Scenario
from demo.simulation.events import View

EVENTS_PER_POST = 50
BROWSERS_AT_ONCE = 3
CSRF_COOKIE = "csrftoken"
TAG = re.compile(r"<[^>]+>")
TIMEOUT_SECONDS = 60
# Event ids follow from the scenario, so that a view posted twice counts once.
EVENT_NAMESPACE = uuid.UUID("6f0f3c2e-5a83-4f0e-9b8e-2f6f1f1c9d11")


class VisitError(RuntimeError):
    """The site did not take what a browser sent; the message has its answer."""


class Browser:
    """One browser's cookies and its connection to the site."""

    def __init__(self, site_url: str) -> None:
        parts = urlsplit(site_url)
        self._origin = site_url
        self._connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=TIMEOUT_SECONDS
        )
        self._cookies: dict[str, str] = {}

    def forget(self) -> None:
        """Become somebody else's browser on the same connection. The CSRF cookie tells nobody apart."""
        self._cookies = {name: value for name, value in self._cookies.items() if name == CSRF_COOKIE}

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> bytes:
        return self._request("GET", path, None)

    def text(self, path: str) -> str:
        """What a page says, without its markup."""
        page = html.unescape(TAG.sub(" ", self.get(path).decode()))
        return " ".join(page.split())

    def post(self, path: str, body: object) -> Any:
        answer = self._request("POST", path, json.dumps(body).encode())
        return json.loads(answer) if answer else None

    def greet(self) -> None:
        """Have a CSRF cookie, which every first page sets."""
        if CSRF_COOKIE not in self._cookies:
            self.get("/api/v1/session")

    def sign_in(self, node: Node, address: str, chain_id: int) -> None:
        """Sign in with Ethereum (EIP-4361): the site writes the text, the account signs it."""
        self.greet()
        challenge = self.post("/api/v1/session/challenge", {"address": address, "chain_id": chain_id})
        signature = node.call("personal_sign", "0x" + challenge["message"].encode().hex(), address)
        self.post("/api/v1/session", {"nonce": challenge["nonce"], "signature": signature})

    def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"Accept-Language": "en", "Origin": self._origin, "Sec-Fetch-Site": "same-origin"}
        if body is not None:
            headers |= {
                "Content-Type": "application/json",
                "X-CSRFToken": self._cookies.get(CSRF_COOKIE, ""),
            }
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise VisitError(f"the site did not answer {method} {path}: {error}") from error
        for header in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(header).items():
                self._cookies[name] = morsel.coded_value
        if response.status >= http.client.BAD_REQUEST:
            raise VisitError(f"the site answered {method} {path} with {response.status}: {answer[:300]!r}")
        return answer


@dataclass(frozen=True, slots=True)
class Site:
    """Where the views go, and who the readers are there.

    Attributes:
        backers: the accounts of the scenario's first readers; the others stay anonymous.
        chain_id: where they sign in.
        campaigns: its campaigns as the site names them, `<chain id>:<address>`.
        genesis: the moment its times count from.
    """

    url: str
    node_url: str
    chain_id: int
    backers: Sequence[str]
    campaigns: Sequence[str]
    genesis: int


def post_views(site: Site, scenario: Scenario, progress: Callable[[int], None]) -> None:
    """Let each reader open a browser, consent and report what they looked at.

    Raises:
        VisitError: the site refused something.
    """
    by_reader: dict[int, list[tuple[int, View]]] = defaultdict(list)
    for number, view in enumerate(scenario.views):
        by_reader[view.reader].append((number, view))
    readers = sorted(by_reader)
    reported = _Reported(progress)
    with ThreadPoolExecutor(BROWSERS_AT_ONCE) as pool:
        shares = [readers[start::BROWSERS_AT_ONCE] for start in range(BROWSERS_AT_ONCE)]
        work = [
            pool.submit(_visit_in_turn, site, [(reader, by_reader[reader]) for reader in share], reported)
            for share in shares
        ]
        for share_done in work:
            share_done.result()


class _Reported:
    """Counts over all browsers."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress, self._lock, self._count = progress, Lock(), 0

    def add(self, count: int) -> None:
        with self._lock:
            self._count += count
            self._progress(self._count)


def _visit_in_turn(
    site: Site, readers: Sequence[tuple[int, list[tuple[int, View]]]], reported: _Reported
) -> None:
    browser = Browser(site.url)
    with Node(site.node_url) as node:
        for reader, views in readers:
            browser.forget()
            if reader < len(site.backers):
                browser.sign_in(node, site.backers[reader], site.chain_id)
            else:
                browser.greet()
            browser.post("/api/v1/consent", {"granted": True})
            for start in range(0, len(views), EVENTS_PER_POST):
                batch = views[start : start + EVENTS_PER_POST]
                browser.post("/api/v1/beacon", {"events": [_event(site, *view) for view in batch]})
                reported.add(len(batch))
    browser.close()


def _event(site: Site, number: int, view: View) -> dict[str, object]:
    return {
        "id": str(uuid.uuid5(EVENT_NAMESPACE, str(number))),
        "kind": "view",
        "campaign": site.campaigns[view.campaign],
        "dwell_seconds": view.dwell_seconds,
        "occurred_at": datetime.fromtimestamp(site.genesis + view.at, UTC).isoformat(),
    }
