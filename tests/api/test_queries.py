"""Every endpoint against every parameter. An endpoint or a parameter without its row fails: add it."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_project.api.endpoint import Endpoint
from django_project.api.query import open_cursor, seal_cursor
from django_project.catalog.selectors import FACET_VALUES, SORTS
from django_project.core.addresses import format_address, format_hash
from django_project.core.errors import InvalidInputError
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from django_project.studio.models import Draft
from tests.factories import ETHER, World, address, backer_user
from tests.permissions.test_urls import urls
from tests.support.described import is_as_described

pytestmark = pytest.mark.django_db

CAMPAIGN = "/api/v1/campaigns/{chain_id}/{address}"
PLEDGE = "/api/v1/pledges/{public_id}"
# Values that no number, no choice and no cursor has.
NONSENSE = (
    *("", " ", "opne", "%00", "%00open", "%ff", "%zz", "open%", "null", "undefined", "[]", "{}", "*"),
    *("-1", "+1", "1.0", "1e3", "0x1", "1,2", "%201", "1%0a", "%EF%BC%91", "%D9%A1", "NaN", "true"),
)
COUNTED = ("0", "-0", "101", "1" * 30, "9" * 5000)
WORDS = ("OPEN", "Open", "open ", "open,failed", "%EF%BD%8F%EF%BD%90%EF%BD%85%EF%BD%8E", "x" * 5000)

# {endpoint: (path as described, {parameter: (values that it has, values that it has not)})}.
TABLE: dict[str, tuple[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]]] = {
    "api:campaigns": (
        "/api/v1/campaigns",
        {
            "q": (
                ("", "bread", "蜂蜜", "x" * 200, "%27%22%3C", " "),
                ("%00", "a%00", "%ff", "%zz", "x" * 201),
            ),
            "category": (("food", "games"), (*NONSENSE, "Food", "foods", "tehcnology")),
            "status": (FACET_VALUES["status"], (*NONSENSE, *WORDS, "ended")),
            "ending": (FACET_VALUES["ending"], (*NONSENSE, "2", "01")),
            "language": (("en", "zh-hans"), (*NONSENSE, "zh", "EN", "zh-Hans", "fr")),
            "funded": (FACET_VALUES["funded"], (*NONSENSE, "10", "100%25")),
            "goal": (FACET_VALUES["goal"], (*NONSENSE, "5", "9" * 5000)),
            "token": (("ETH",), (*NONSENSE, "eth", "GONE")),
            "network": (("31337",), (*NONSENSE, "031337", "1", "9" * 5000)),
            "sort": (SORTS, (*NONSENSE, "raised", "Best", "-newest", "best;drop")),
            "seed": (("0", "7", "999999999"), (*NONSENSE, "1000000000", "9" * 5000)),
            "page": (("1", "01"), (*NONSENSE, "0")),
            "limit": (("1", "100"), (*NONSENSE, *COUNTED)),
        },
    ),
    "api:campaign": (CAMPAIGN, {}),
    "api:contributions": (
        f"{CAMPAIGN}/contributions",
        # What it has is another one for each list, see below.
        {
            "before": ((), (*NONSENSE, "abc", "3", "0", "x" * 5000)),
            "limit": (("1", "100"), (*NONSENSE, *COUNTED)),
        },
    ),
    "api:similar": (f"{CAMPAIGN}/similar", {"limit": (("1", "12"), (*NONSENSE, "0", "13"))}),
    "api:rankings": (
        "/api/v1/rankings",
        {
            "category": (("food", "games"), (*NONSENSE, "Food", "foods")),
            "language": (("en", "zh-hans"), (*NONSENSE, "zh", "EN", "fr")),
            "limit": (("1", "24"), (*NONSENSE, "0", "25")),
        },
    ),
    "api:indexer-status": ("/api/v1/indexer/status", {}),
    "api:session": ("/api/v1/session", {}),
    "api:pledge": (PLEDGE, {}),
    "api:draft": ("/api/v1/drafts/{public_id}", {}),
    "api:schema": ("/api/v1/schema", {}),
    "api:docs": ("/api/v1/docs", {}),
    "metadata": ("/metadata/{digest}.json", {}),
    # These take only what is posted; they refuse a query with it.
    "api:wallets": ("/api/v1/account/wallets", {}),
    "api:wallet-removal": ("/api/v1/account/wallets/removal", {}),
    "api:email": ("/api/v1/account/email", {}),
    "api:deletion": ("/api/v1/account/deletion", {}),
    "api:challenge": ("/api/v1/session/challenge", {}),
    "api:consent": ("/api/v1/consent", {}),
    "api:beacon": ("/api/v1/beacon", {}),
    "api:pledges": ("/api/v1/pledges", {}),
    "api:pledge-opened": (f"{PLEDGE}/opened", {}),
    "api:pledge-submitted": (f"{PLEDGE}/submitted", {}),
    "api:pledge-rejected": (f"{PLEDGE}/rejected", {}),
}
POSTED = tuple(TABLE)[-11:]
# Pages and documents of other kinds, which are not described.
OWN_KINDS = ("api:schema", "api:docs")
UNKNOWN = (
    "SORT",
    "Sort",
    "sort[]",
    "sort[0]",
    "page_size",
    "offset",
    "format",
    "lang",
    "_",
    "callback",
    "%00",
)


@pytest.fixture
def places(world: World) -> dict[str, str]:
    campaign = world.campaign(title="Bread", category="food")
    world.campaign(title="Dice", category="games", language="zh-hans")
    for number in range(3):
        world.contribute(campaign, backer=address(number), amount=ETHER // 10)
    listing = world.listing(campaign)
    backer = backer_user(9)
    intent = services.create_intent(backer, listing, ETHER // 10, 0, address(9))
    # One id leads to either: each has its own address.
    Draft.objects.create(public_id=intent.public_id, owner=backer)
    return {
        "chain_id": str(campaign.chain_id),
        "address": format_address(campaign.address),
        "digest": format_hash(campaign.metadata_hash),
        "public_id": str(intent.public_id),
    }


@pytest.fixture
def client(places: dict[str, str]) -> Client:
    """Of the backer whose pledge it is."""
    client = Client()
    user = PledgeIntent.objects.get(public_id=places["public_id"]).user
    assert user is not None
    client.force_login(user)
    return client


def endpoints(resolver: URLResolver | None = None) -> Iterator[tuple[str, type[Endpoint]]]:
    """(name, view) of whatever is no page."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from endpoints(entry)
        elif (view := getattr(entry.callback, "cls", None)) is not None:
            yield str(entry.name), view


def test_no_endpoint_and_no_parameter_is_unlisted() -> None:
    known = {name.removeprefix("api:"): set(rows) for name, (_, rows) in TABLE.items()}
    found = {name: set(view.parameters) for name, view in endpoints() if name != "api-nothing"}
    assert found == known


def test_nothing_below_the_api_is_anything_but_an_endpoint() -> None:
    views = dict(endpoints())
    named = {name.removeprefix("api:") for _, name in urls(get_resolver()) if name.startswith("api")}
    assert named <= views.keys()
    assert all(issubclass(view, Endpoint) for view in views.values())


def test_what_a_parameter_has_is_answered(client: Client, places: dict[str, str]) -> None:
    for path, rows in TABLE.values():
        for parameter, (values, _) in rows.items():
            for value in values:
                reply = client.get(f"{path.format(**places)}?{parameter}={value}")
                assert reply.status_code == 200, (path, parameter, value, reply.content)
                assert is_as_described(("get", path), reply)


def test_what_it_has_not_is_refused_with_what_is_allowed(client: Client, places: dict[str, str]) -> None:
    for path, rows in TABLE.values():
        for parameter, (_, values) in rows.items():
            for value in values:
                reply = client.get(f"{path.format(**places)}?{parameter}={value}")
                assert reply.status_code == 400, (path, parameter, value, reply.content)
                assert is_as_described(("get", path), reply)
                error = reply.json()["error"]
                assert error["code"] == "invalid_query"
                is_garbled = any(each in value for each in ("%00", "%ff", "%zz")) or value.endswith("%")
                assert list(error.get("fields", {})) == ([] if is_garbled else [parameter])


def test_the_refusal_names_all_values_or_the_bounds(client: Client) -> None:
    told = client.get("/api/v1/campaigns?sort=raised&category=tehcnology&limit=101&nme=1").json()["error"]
    assert told["allowed"]["sort"] == list(SORTS)
    assert {"food", "games"} <= set(told["allowed"]["category"])
    assert "limit" in told["allowed"]["nme"]
    assert told["fields"]["sort"].endswith(f"Allowed: {', '.join(SORTS)}.")
    assert told["fields"]["limit"] == "This has to be a whole number from 1 to 100."
    chinese = client.get("/api/v1/campaigns?limit=0", headers={"Accept-Language": "zh-hans"})
    assert chinese.json()["error"]["fields"]["limit"] == "必须是 1 到 100 之间的整数。"


@pytest.mark.parametrize("endpoint", TABLE)
def test_other_names_are_refused(endpoint: str, client: Client, places: dict[str, str]) -> None:
    path, rows = TABLE[endpoint]
    call = client.post if endpoint in POSTED else client.get
    for name in {*UNKNOWN, "sort", "page", "limit", "before"} - rows.keys():
        reply = call(
            f"{path.format(**places)}?{name}=1",
            headers={"Accept": "*/*", "Origin": "http://testserver"},
            content_type="application/json",
        )
        assert (reply.status_code, reply["Content-Type"]) == (400, "application/json"), (path, name)
        assert reply.json()["error"]["code"] == "invalid_query"
        assert endpoint in OWN_KINDS or is_as_described(
            ("post" if endpoint in POSTED else "get", path), reply
        )


def test_only_filters_may_be_repeated(client: Client, places: dict[str, str]) -> None:
    for path, rows in TABLE.values():
        for parameter, (values, _) in rows.items():
            if len(values) < 2:
                continue
            twice = f"{parameter}={values[0]}&{parameter}={values[1]}"
            reply = client.get(f"{path.format(**places)}?{twice}")
            is_filter = parameter in ("category", "status", "ending", "language", "funded", "goal")
            assert reply.status_code == (200 if is_filter else 400), (path, parameter)
            assert is_filter or reply.json()["error"]["fields"] == {parameter: "This may be given only once."}


def test_too_many_parameters_are_refused_in_json(client: Client) -> None:
    reply = client.get("/api/v1/campaigns?" + "&".join("status=open" for _ in range(1001)))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "bad_request")
    reply = client.get("/api/v1/campaigns?" + "&".join(f"n{number}=1" for number in range(900)))
    assert len(reply.json()["error"]["fields"]) == 20


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_is_asked_the_answer_is_one_that_is_described(
    data: st.DataObject, client: Client, places: dict[str, str]
) -> None:
    path, rows = TABLE[data.draw(st.sampled_from([*TABLE][:6]))]
    text = st.text(max_size=30) | st.integers().map(str) | st.sampled_from(NONSENSE)
    name = st.sampled_from([*rows, *UNKNOWN])
    query = urlencode(data.draw(st.lists(st.tuples(name, text), max_size=3)), errors="surrogatepass")
    assert is_as_described(("get", path), client.get(f"{path.format(**places)}?{query}"))


@pytest.mark.parametrize("beyond", ["2", "999", "1" * 19, "9" * 5000])
@pytest.mark.parametrize("query", ["limit=2", "q=zzzzqq", "status=failed", "sort=random&limit=5"])
def test_a_page_past_the_end_says_which_is_the_last(query: str, beyond: str, client: Client) -> None:
    reply = client.get(f"/api/v1/campaigns?{query}&page={beyond}")
    assert reply.status_code == 404
    error = reply.json()["error"]
    assert (error["code"], error["last_page"]) == ("past_the_end", 1)
    assert client.get(f"/api/v1/campaigns?{query}&page=1").status_code == 200


def test_limit_is_how_many_there_are(client: Client, places: dict[str, str]) -> None:
    first = client.get("/api/v1/campaigns?limit=1&sort=newest").json()
    second = client.get("/api/v1/campaigns?limit=1&sort=newest&page=2").json()
    assert (first["pages"], first["total"], len(first["results"])) == (2, 2, 1)
    assert {each["results"][0]["title"] for each in (first, second)} == {"Bread", "Dice"}
    assert client.get("/api/v1/campaigns?limit=1&page=3").json()["error"]["last_page"] == 2
    assert len(client.get("/api/v1/rankings?limit=1").json()["results"]) == 1
    similar = f"{CAMPAIGN}/similar".format(**places)
    assert len(client.get(f"{similar}?limit=1").json()["results"]) <= 1


def test_a_cursor_leads_on_in_its_own_list_alone(
    world: World, client: Client, places: dict[str, str]
) -> None:
    url = f"{CAMPAIGN}/contributions".format(**places)
    first = client.get(url, {"limit": 1}).json()
    rest = client.get(url, {"limit": 2, "before": first["next_before"]}).json()
    assert [row["seq"] for row in first["results"] + rest["results"]] == [3, 2, 1]
    assert rest["next_before"] is None
    other = world.campaign(title="Other")
    world.listing(other)
    for number in range(3):
        world.contribute(other, backer=address(number))
    elsewhere = f"/api/v1/campaigns/{other.chain_id}/{format_address(other.address)}/contributions"
    for url_asked, cursor in (
        (elsewhere, first["next_before"]),
        (url, first["next_before"][:-1]),
        (url, first["next_before"].replace("3.", "2.")),
        (url, first["next_before"].upper()),
        (url, f" {first['next_before']}"),
        (url, seal_cursor("contributions", 3)),
    ):
        reply = client.get(url_asked, {"before": cursor})
        assert (reply.status_code, list(reply.json()["error"]["fields"])) == (400, ["before"]), cursor


def test_a_cursor_is_of_one_list() -> None:
    assert open_cursor("one", "before", seal_cursor("one", 2**40)) == 2**40
    with pytest.raises(InvalidInputError):
        open_cursor("other", "before", seal_cursor("one", 2**40))
