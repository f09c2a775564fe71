"""What HTTP asks of the API: methods, HEAD, conditional requests, CORS, and refusals in JSON everywhere."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve

from django_project.core.addresses import format_address, format_hash
from tests.factories import World, address
from tests.support.browser import Browser, error_code
from tests.support.described import is_as_described, operations

pytestmark = pytest.mark.django_db

# What everybody is told alike; {names} are filled in from the world of the test.
PUBLIC = (
    *("/api/v1/campaigns", "/api/v1/campaigns?limit=1&sort=newest"),
    *("/api/v1/campaigns/{chain_id}/{address}", "/api/v1/campaigns/{chain_id}/{address}/contributions"),
    *("/api/v1/campaigns/{chain_id}/{address}/similar", "/api/v1/rankings", "/api/v1/indexer/status"),
    *("/api/v1/schema", "/metadata/{digest}.json"),
)
OF_A_SESSION = (
    *("/api/v1/session", "/api/v1/account/wallets", "/api/v1/session/challenge"),
    *("/api/v1/consent", "/api/v1/beacon", "/api/v1/pledges"),
    "/api/v1/pledges/00000000-0000-0000-0000-000000000000",
    *(f"/api/v1/pledges/00000000-0000-0000-0000-000000000000/{report}" for report in ("opened", "submitted")),
)
ORIGINS = ("https://elsewhere.example", "null", "http://testserver")
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}


@pytest.fixture
def places() -> dict[str, str]:
    world = World()
    campaign = world.campaign()
    world.contribute(campaign, backer=address(1))
    world.listing(campaign)
    return {
        "chain_id": str(campaign.chain_id),
        "address": format_address(campaign.address),
        "digest": format_hash(campaign.metadata_hash),
    }


def shared(reply: object) -> dict[str, str]:
    """The headers that browsers ask before another site's page may read an answer."""
    return {
        name.lower(): value
        for name, value in reply.headers.items()  # type: ignore[attr-defined]
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize("origin", ORIGINS)
def test_public_reads_are_every_sites(origin: str, places: dict[str, str]) -> None:
    for url in (each.format(**places) for each in PUBLIC):
        for method in ("get", "head"):
            reply = getattr(Client(), method)(url, headers={"Origin": origin})
            assert (reply.status_code, reply["Access-Control-Allow-Origin"]) == (200, "*"), url
            assert "access-control-allow-credentials" not in shared(reply)
            assert reply["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert "ETag" in reply["Access-Control-Expose-Headers"]
        reply = Client().options(url, headers={"Origin": origin, **PREFLIGHT})
        assert (reply.status_code, reply.content) == (204, b"")
        assert shared(reply) == {
            "access-control-allow-origin": "*",
            "access-control-expose-headers": "ETag, Retry-After",
            "access-control-allow-methods": "GET, HEAD, OPTIONS",
            "access-control-allow-headers": "If-None-Match",
            "access-control-max-age": "86400",
        }


@pytest.mark.parametrize("credentials", [{"Cookie": "theme=dark"}, {"Authorization": "Bearer x"}])
def test_with_credentials_they_are_not(credentials: dict[str, str], places: dict[str, str]) -> None:
    for url in (each.format(**places) for each in PUBLIC):
        for method in ("get", "head", "options"):
            reply = getattr(Client(), method)(url, headers={"Origin": ORIGINS[0], **credentials})
            assert not shared(reply), (method, url)
            assert {"cookie", "authorization"} <= set(reply["Vary"].lower().split(", "))


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.usefixtures("places")
def test_what_is_a_sessions_own_never_is(origin: str) -> None:
    for url in OF_A_SESSION:
        for method in ("get", "head", "post", "put", "delete", "options"):
            reply = getattr(Client(), method)(url, headers={"Origin": origin, **PREFLIGHT})
            assert not shared(reply), (method, url)


def test_nothing_that_is_posted_is_shared(places: dict[str, str]) -> None:
    for url in (each.format(**places) for each in PUBLIC):
        for method in ("post", "put", "patch", "delete"):
            assert not shared(getattr(Client(), method)(url, headers={"Origin": ORIGINS[0]}))


def test_every_endpoint_is_one_or_the_other(places: dict[str, str]) -> None:
    for (method, path), _ in operations():
        url = path.format(**places, public_id="00000000-0000-0000-0000-000000000000")
        is_public = bool(vars(resolve(url).func)["cls"].is_public)
        assert (url in {each.format(**places) for each in PUBLIC}) is is_public, path
        assert method == "get" or not is_public


@pytest.mark.parametrize("url", PUBLIC)
def test_head_is_get_without_the_body(url: str, places: dict[str, str]) -> None:
    url = url.format(**places)
    got, told = Client().get(url), Client().head(url)
    assert (told.status_code, told.content) == (200, b"")
    assert dict(told.headers) == dict(got.headers)
    assert int(told["Content-Length"]) == len(got.content)
    assert {"accept-language", "cookie"} <= {each.strip() for each in told["Vary"].lower().split(",")}


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("url", PUBLIC)
def test_what_has_not_changed_costs_no_body(url: str, method: str, places: dict[str, str]) -> None:
    ask = getattr(Client(), method)
    url = url.format(**places)
    tag = ask(url)["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', f'W/"other",W/{tag} , "more"', "*"):
        reply = ask(url, headers={"If-None-Match": known})
        assert (reply.status_code, reply.content, reply["ETag"]) == (304, b"", tag), known
        assert reply["Access-Control-Allow-Origin"] == "*"
    for unknown in ('"other"', tag.strip('"'), f'{tag[:-1]}x"', '""', "garbage"):
        assert ask(url, headers={"If-None-Match": unknown}).status_code == 200, unknown


def test_refusals_have_no_tag_and_are_never_unchanged() -> None:
    reply = Client().get("/api/v1/campaigns?x=1", headers={"If-None-Match": "*"})
    assert (reply.status_code, reply.has_header("ETag")) == (400, False)
    reply = Client().get("/api/v1/session", headers={"If-None-Match": "*"})
    assert (reply.status_code, reply.has_header("ETag"), reply["Cache-Control"]) == (200, False, "no-store")


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
@pytest.mark.parametrize(
    "url",
    [
        *(
            "/api",
            "/api/",
            "/api/v1",
            "/api/v1/",
            "/api/v2/campaigns",
            "/api/v1/nothing",
            "/api//v1/campaigns",
        ),
        *(
            "/api/v1/campaigns/",
            "/api/v1/session/",
            "/api/v1/docs/",
            "/api/v1/campaigns.json",
            "/api/V1/docs",
        ),
        *("/api/v1/campaigns/31337", "/api/v1/campaigns/-1/0x00", "/api/v1/campaigns/x/0x00"),
        *(
            "/api/v1/%0A",
            "/api/v1/%00",
            "/api/v1/%ff",
            "/api/v1/campaigns%0A",
            "/api/v1/%E8%9C%82",
            "/api/%2e%2e/x",
        ),
        "/api/v1/campaigns/" + "9" * 5000 + "/0x00",
    ],
)
def test_what_there_is_not_is_told_in_json(url: str, method: str) -> None:
    reply = getattr(Client(), method)(url)
    assert (reply.status_code, error_code(reply)) == (404, "not_found")
    assert reply["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "name",
    ["0x12", "0x" + "0" * 64, "0x" + "0" * 63 + "g", "0X" + "0" * 64, "%00", "x" * 5000, "%EF%BC%90x"],
)
def test_so_is_a_text_or_a_campaign_that_there_is_not(name: str) -> None:
    for path in ("/metadata/{digest}.json", "/api/v1/campaigns/31337/{digest}"):
        reply = Client().get(path.format(digest=name))
        assert (reply.status_code, error_code(reply)) == (404, "not_found"), path


def test_other_methods_are_refused_with_those_that_there_are(places: dict[str, str]) -> None:
    for url in (*PUBLIC, "/api/v1/docs"):
        for method in ("post", "put", "patch", "delete", "trace"):
            reply = getattr(Client(), method)(url.format(**places))
            assert (reply.status_code, error_code(reply)) == (405, "method_not_allowed")
            assert reply["Allow"] == "GET, HEAD, OPTIONS"
    assert Client().put("/api/v1/session")["Allow"] == "GET, POST, DELETE, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("url", "kinds"),
    [
        (
            "/api/v1/campaigns",
            ("text/html", "application/xml", "image/*", "application/vnd.oai.openapi", "x"),
        ),
        ("/api/v1/docs", ("application/json", "text/plain")),
        ("/api/v1/schema", ("text/html", "application/pdf")),
    ],
)
@pytest.mark.usefixtures("places")
def test_kinds_that_there_are_not_are_refused(url: str, kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        reply = Client().get(url, headers={"Accept": kind})
        assert (reply.status_code, error_code(reply)) == (406, "not_acceptable"), kind
    assert Client().get(url, headers={"Accept": f"{kinds[0]};q=0.9, */*;q=0.1"}).status_code == 200


def test_refusals_are_json_also_where_answers_are_not() -> None:
    for kind in ("application/vnd.oai.openapi", "application/yaml"):
        reply = Client().get("/api/v1/schema?lang=en", headers={"Accept": kind})
        assert (reply.status_code, error_code(reply)) == (400, "invalid_query")
    reply = Client().get("/api/v1/docs?x=1", headers={"Accept": "text/html"})
    assert (reply.status_code, error_code(reply)) == (400, "invalid_query")


@pytest.mark.parametrize(("language", "word"), [("en", "Something went wrong"), ("zh-hans", "这里出了问题")])
def test_what_breaks_is_told_in_json_too(language: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_project.api.v1.campaigns.index_health", lambda: 1 / 0)
    client = Client(raise_request_exception=False)
    reply = client.get("/api/v1/indexer/status", headers={"Accept-Language": language})
    assert (reply.status_code, error_code(reply)) == (500, "server_error")
    assert word in reply.json()["error"]["message"]
    assert reply["Access-Control-Allow-Origin"] == "*"
    assert is_as_described(("get", "/api/v1/indexer/status"), reply)


def test_crowds_are_told_for_how_long_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_project.core.rate_limits.take", lambda *_: 3.0)
    for url in ("/api/v1/campaigns", "/api/v1/schema", "/api/v1/session"):
        reply = Client().get(url)
        assert (reply.status_code, error_code(reply), reply["Retry-After"]) == (429, "too_many_requests", "4")
    assert is_as_described(("get", "/api/v1/session"), reply)


def test_maintenance_is_told_in_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    closed = tmp_path_factory.mktemp("site") / "maintenance"
    closed.write_text("3")
    monkeypatch.setattr(settings, "MAINTENANCE_FILE", closed)
    for url in ("/api/v1/campaigns", "/api", "/metadata/0x12.json"):
        reply = Client().get(url)
        assert (reply.status_code, error_code(reply), reply["Retry-After"]) == (503, "maintenance", "180")
    assert is_as_described(("get", "/metadata/{digest}.json"), reply)


def test_a_host_that_is_not_ours_is_refused_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])
    reply = Client().get("/api/v1/campaigns", headers={"Host": "elsewhere.example"})
    assert (reply.status_code, error_code(reply)) == (400, "bad_request")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "parse_error"),
        (b"\xff", "parse_error"),
        (b'{"granted": NaN}', "parse_error"),
        (b'{"granted": ' + b"9" * 5000 + b"}", "parse_error"),
        (b"[" * 50_000, "parse_error"),
        (b"null", "invalid"),
        (b'{"granted": "true"}', "invalid"),
        (b'{"granted": 1e999}', "invalid"),
        (b'{"granted": true, "\\ud800": 1}', "invalid"),
        (b'{"granted": true, "\\u0000": 1}', "invalid"),
    ],
)
def test_bodies_that_are_none_are_refused(body: bytes, code: str) -> None:
    browser = Browser()
    browser.refresh_csrf()
    reply = browser.client.post(
        "/api/v1/consent", body, content_type="application/json", headers={"X-CSRFToken": browser.csrf_token}
    )
    assert (reply.status_code, error_code(reply)) == (400, code)
    assert is_as_described(("post", "/api/v1/consent"), reply)


@pytest.mark.parametrize("url", ["/feeds/campaigns.atom", "/feeds/categories/food.atom"])
def test_feeds_too_answer_head_with_their_tag(url: str, places: dict[str, str]) -> None:
    assert places
    got, told = Client().get(url), Client().head(url)
    assert dict(told.headers) == dict(got.headers)
    reply = Client().head(url, headers={"If-None-Match": f'"other", W/{got["ETag"]}'})
    assert (reply.status_code, reply.content) == (304, b"")
