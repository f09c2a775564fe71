"""What every answer carries, and what no web process may hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from tests.factories import CHAIN_ID, World
from tests.support.browser import Browser, wallet

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]

POLICY = {
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize(
    "url",
    [
        *("/", "/admin/login/", "/api/v1/session", "/nothing-here/", "/livez"),
        *("/feeds/campaigns.atom", "/sitemap.xml", "/robots.txt"),
    ],
)
def test_headers_of_every_answer(url: str) -> None:
    World()
    reply = Client().get(url)
    assert {part.strip() for part in reply["Content-Security-Policy"].split(";")} == POLICY
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["X-Frame-Options"] == "DENY"
    assert reply["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert reply["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert reply["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in reply["Permissions-Policy"]
    assert "Access-Control-Allow-Origin" not in reply


def test_only_pictures_of_shared_links_may_be_shown_elsewhere() -> None:
    world = World()
    listing = world.listing(world.campaign())
    for url in (f"/campaigns/{listing.slug}/card.png", "/card-en.png"):
        reply = Client().get(url)
        assert reply["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert reply["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in reply


def test_session_and_csrf_cookies_are_guarded() -> None:
    client = Client()
    client.get("/api/v1/session")
    assert client.cookies["csrftoken"]["samesite"] == "Lax"
    browser = Browser()
    browser.sign_in(wallet(1), World().chain.chain_id)
    browser.challenge(wallet(1), CHAIN_ID)
    for name in ("sessionid", "sign-in"):
        assert browser.client.cookies[name]["httponly"]
        assert browser.client.cookies[name]["samesite"] == "Lax"


def test_answers_about_people_are_not_stored() -> None:
    assert Client().get("/api/v1/session")["Cache-Control"] == "no-store"


def web_modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "django_project").rglob("*.py")):
        yield path, ast.parse(path.read_text())


# It asks the nodes that the operator named, and takes no address from anybody else.
ASKING = {Path("django_project/core/node.py")}


def test_only_the_client_of_the_nodes_can_ask_an_address_for_anything() -> None:
    """What strangers name (metadata, pictures, links) is never fetched, so no request can be sent inwards."""
    clients = {"aiohttp", "http.client", "httpx", "requests", "socket", "urllib.request", "urllib3", "web3"}
    asking = set()
    for path, tree in web_modules():
        for node in ast.walk(tree):
            names: set[str] = set()
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            if any(name == client or name.startswith(f"{client}.") for name in names for client in clients):
                asking.add(path.relative_to(ROOT))
    assert asking == ASKING


def test_no_web_module_can_make_or_read_a_private_key() -> None:
    """Signing needs one of these names; the site only ever recovers who signed."""
    forbidden = {"Account", "LocalAccount", "PrivateKey", "from_key", "sign_transaction", "private_key"}
    guilty = []
    for path, tree in web_modules():
        for node in ast.walk(tree):
            names = {getattr(node, "attr", None), getattr(node, "id", None)}
            if isinstance(node, ast.ImportFrom):
                names |= {alias.name for alias in node.names}
            if names & forbidden:
                guilty.append(f"{path.relative_to(ROOT)}: {names & forbidden}")
    assert not guilty
