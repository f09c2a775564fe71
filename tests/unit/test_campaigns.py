"""Campaigns as pages read them."""

from datetime import datetime, timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from django_project.campaigns import selectors, services
from django_project.campaigns.errors import InvalidDocumentError
from django_project.campaigns.models import Listing, Metadata
from django_project.catalog import selectors as catalog
from django_project.catalog.selectors import ExploreFilters, explore
from django_project.community import moderation
from django_project.community import selectors as community
from django_project.community.models import CampaignUpdate
from django_project.core.addresses import keccak
from django_project.core.errors import InvalidInputError
from django_project.ledger.models import CampaignLaunched
from tests.factories import ETHER, TOKEN, World, address, backer_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def titles(result: catalog.ExploreResult) -> list[str]:
    return [card.title for card in result.cards]


def test_a_card_tells_exact_money(world: World, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    campaign = world.campaign(title="Bread", goal=3 * ETHER)
    world.contribute(campaign, backer=address(1), amount=ETHER + 1)
    world.contribute(campaign, backer=address(1), amount=ETHER)
    world.listing(campaign)
    with django_assert_num_queries(1):
        [card] = selectors.cards(selectors.visible())
    assert (card.raised, card.goal, card.percent) == (2 * ETHER + 1, 3 * ETHER, 66)
    assert card.raised_text == "2.000000000000000001"
    assert (card.backers, card.contributions, card.status) == (1, 2, "open")
    assert (card.token_symbol, card.token_decimals) == ("ETH", 18)


def test_a_token_campaign_has_the_tokens_unit(world: World) -> None:
    campaign = world.campaign(token=TOKEN, goal=5_000_000)
    world.contribute(campaign, backer=address(1), amount=1_250_000)
    world.listing(campaign)
    [card] = selectors.cards(selectors.visible())
    assert (card.raised_text, card.token_symbol) == ("1.25", "TUSD")


def test_status_follows_the_contract(world: World) -> None:
    failed = world.campaign(title="failed", started=ago(40))
    kept = world.campaign(title="kept", started=ago(40), all_or_nothing=False)
    reached = world.campaign(title="reached", started=ago(40), goal=ETHER)
    paid = world.campaign(title="paid", started=ago(40), goal=ETHER)
    stopped = world.campaign(title="stopped")
    world.campaign(title="running")
    for campaign in (failed, kept, reached, paid):
        world.contribute(campaign, backer=address(1), amount=ETHER)
    world.withdraw(paid)
    world.cancel(stopped)
    world.listing(failed)
    status = {card.title: card.status for card in selectors.cards(selectors.visible())}
    assert status == {
        "failed": "failed",
        "kept": "succeeded",
        "reached": "succeeded",
        "paid": "completed",
        "stopped": "cancelled",
        "running": "open",
    }


def test_explore(world: World, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    bread = world.campaign(title="Bread ovens for the valley", category="food", goal=2 * ETHER)
    game = world.campaign(title="A game of ferries", category="games", started=ago(3))
    world.campaign(
        title="屋顶上的蜂箱", category="food", language="zh-hans", token=TOKEN, goal=100, started=ago(2)
    )
    world.contribute(bread, backer=address(1), amount=ETHER)
    world.contribute(game, backer=address(1))
    world.contribute(game, backer=address(2))
    world.listing(bread)
    with django_assert_max_num_queries(7):
        result = explore(ExploreFilters(category=("food",)))
    assert result.total == 2
    assert {o.value: o.count for o in result.facets["category"]} == {"technology": 0, "food": 2, "games": 1}
    assert {o.value: o.count for o in result.facets["language"]} == {"en": 1, "zh-hans": 1}
    assert {o.value: o.count for o in result.facets["funded"] if o.count} == {"0": 1, "50": 1}
    assert {o.value: o.count for o in result.facets["token"]} == {"ETH": 1, "TUSD": 1}
    assert titles(explore(ExploreFilters(token=("TUSD",)))) == ["屋顶上的蜂箱"]
    assert titles(explore(ExploreFilters(funded=("50",)))) == ["Bread ovens for the valley"]
    assert titles(explore(ExploreFilters(sort="backed")))[0] == "A game of ferries"
    assert titles(explore(ExploreFilters(sort="funded")))[0] == "Bread ovens for the valley"
    assert titles(explore(ExploreFilters(sort="newest")))[-1] == "A game of ferries"
    assert titles(explore(ExploreFilters(sort="ending")))[0] == "A game of ferries"
    assert titles(explore(ExploreFilters(sort="trending")))[0] == "A game of ferries"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("oven", ["Bread ovens for the valley"]),
        ("蜂箱", ["屋顶上的蜂箱"]),
        ("屋顶", ["屋顶上的蜂箱"]),
        ("蜂箱 honey", []),
        ("ferry keepers -oven", ["A game of ferries"]),
        ("'; DROP TABLE --", []),
        ("&|!():*", []),
    ],
)
def test_search_in_both_languages(world: World, query: str, found: list[str]) -> None:
    world.campaign(title="Bread ovens for the valley", story="flour and fire")
    world.campaign(title="A game of ferries", story="keepers of fog")
    world.listing(
        world.campaign(
            title="屋顶上的蜂箱", story="我们在屋顶养蜂。", language="zh-hans", tagline="城市里的蜂蜜"
        )
    )
    result = explore(ExploreFilters(query=query))
    assert titles(result) == found
    assert not result.is_misspelt


def test_a_typing_error_still_finds(world: World) -> None:
    world.campaign(title="A lantern for every landing")
    world.listing(world.campaign(title="Bread ovens"))
    result = explore(ExploreFilters(query="lantren"))
    assert titles(result) == ["A lantern for every landing"]
    assert result.is_misspelt


def test_pages_and_random_order_hold_still(world: World) -> None:
    for _ in range(30):
        campaign = world.campaign()
    world.listing(campaign)
    shuffled = ExploreFilters(sort="random", seed=7)
    first, second = explore(shuffled, 1), explore(shuffled, 2)
    assert (first.total, first.pages, len(first.cards), len(second.cards)) == (30, 2, 24, 6)
    assert len({card.slug for card in (*first.cards, *second.cards)}) == 30
    assert (
        titles(explore(shuffled)) == titles(first) != titles(explore(ExploreFilters(sort="random", seed=8)))
    )
    assert (explore(shuffled, 3).cards, explore(shuffled, 3).is_past_end, second.is_past_end) == (
        (),
        True,
        False,
    )


def test_filters_survive_the_url_and_drop_nonsense() -> None:
    data = QueryDict(
        "q=%00bees&category=food&category=food&status=open&status=nonsense&sort=newest&seed=-3&page=x"
    )
    filters = ExploreFilters.from_query(data)
    assert filters == ExploreFilters(query="bees", category=("food",), status=("open",), sort="newest")
    assert ExploreFilters.from_query(QueryDict(filters.to_query())) == filters
    assert filters.toggled("status", "open").status == ()
    assert filters.toggled("language", "en").to_query(page=2).endswith("language=en&sort=newest&page=2")


def test_detail(world: World, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    campaign = world.campaign(
        tiers=[(ETHER, 2), (2 * ETHER, 0)],
        rewards=[{"tier": 1, "title": "A jar", "description": "Small"}],
    )
    world.contribute(campaign, backer=address(1), tier_id=1)
    world.contribute(campaign, backer=address(2), tier_id=1)
    backer_user(1, "Alice")
    world.post_update(campaign)
    listing = world.listing(campaign)
    with django_assert_max_num_queries(4):
        detail = selectors.campaign_detail(listing.slug)
    assert [(r.title, r.claimed, r.left, r.is_sold_out) for r in detail.rewards] == [
        ("A jar", 2, 0, True),
        ("", 0, None, False),
    ]
    assert detail.is_metadata_verified
    assert (detail.updates, detail.events, detail.fee_percent_text) == (1, 5, "2.5")
    listing = selectors.listing_by_slug(listing.slug)
    with django_assert_max_num_queries(3):
        people = selectors.contributors(listing)
    assert [(row.name, row.reward) for row in people.rows] == [("", "A jar"), ("Alice", "A jar")]
    [update] = community.updates(listing).rows
    assert update.is_text_known
    assert update.body == "All is **well**."
    assert [event.name for event in selectors.events(listing).rows] == [
        "UpdatePosted",
        "Contributed",
        "Contributed",
        "TierAdded",
        "TierAdded",
    ]


def test_an_anonymous_backer_has_no_name(world: World) -> None:
    campaign = world.campaign()
    world.contribute(campaign, backer=address(1))
    alice = backer_user(1, "Alice")
    alice.anonymous_backer = True
    alice.save()
    [row] = selectors.contributors(selectors.listing_by_slug(world.listing(campaign).slug)).rows
    assert row.name == ""


def test_what_moderators_hide_is_gone_and_audited(
    world: World, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    from django_project.core.models import AuditEntry

    staff = backer_user(9)
    listing = world.listing(world.campaign())
    moderation.hide(listing, actor=staff, reason="stolen pictures")
    with pytest.raises(Listing.DoesNotExist):
        selectors.campaign_detail(listing.slug)
    assert titles(explore(ExploreFilters())) == []
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.details["reason"]) == (
        "campaigns.listing.hidden",
        staff,
        "stolen pictures",
    )
    with django_capture_on_commit_callbacks(execute=True):
        moderation.restore(listing, actor=staff, reason="they were the creator's")
        moderation.unrank(listing, actor=staff, reason="bought backers")
    assert len(explore(ExploreFilters()).cards) == 1
    assert catalog.just_launched(5) == []


def test_a_launch_taken_back_disappears_and_returns_to_its_url(world: World) -> None:
    campaign = world.campaign()
    listing = world.listing(campaign)
    campaign.totals.delete()
    campaign.delete()
    assert explore(ExploreFilters()).total == 0
    assert Listing.objects.filter(pk=listing.pk).exists()


def test_listings_wait_for_their_text_and_are_made_once(world: World) -> None:
    world.campaign(is_text_known=False, title="later")
    campaign = world.campaign()
    assert services.sync_listings(world.chain.chain_id) == 1
    assert services.sync_listings(world.chain.chain_id) == 0
    assert Listing.objects.get().address == campaign.address


def twin_of(world: World, campaign: CampaignLaunched) -> CampaignLaunched:
    """The same campaign of the same creator on the world's chain, which gives it the same address."""
    twin = world.campaign(title="Two of a kind")
    CampaignLaunched.objects.filter(pk=twin.pk).update(address=campaign.address)
    twin.refresh_from_db()
    return twin


def test_the_same_address_and_title_on_several_chains_are_all_listed(world: World) -> None:
    others = [World(chain_id) for chain_id in (31338, 5, 10)]
    first = world.campaign(title="Two of a kind")
    twins = [first, *(twin_of(other, first) for other in others)]
    slugs = [each.listing(twin).slug for each, twin in zip([world, *others], twins, strict=True)]
    prefix = first.address.hex()[:8]
    assert slugs[0] == f"two-of-a-kind-{prefix}"
    assert slugs[1:] == [f"two-of-a-kind-{prefix}-{chain_id}" for chain_id in (31338, 5, 10)]
    for other, twin, slug in zip([world, *others], twins, slugs, strict=True):
        assert selectors.listing_by_slug(slug).launched == twin
        assert services.sync_listings(other.chain.chain_id) == 0
        assert not selectors.unlisted(other.chain.chain_id).exists()
    assert [card.network for card in selectors.cards(selectors.visible().order_by("pk"))] == [
        "Test chain (31337)",
        "Test chain (31338)",
        "Test chain (5)",
        "Test chain (10)",
    ]


def test_addresses_of_one_beginning_and_slugs_made_up_to_be_taken_are_listed(world: World) -> None:
    """Eight characters of an address can be chosen, and a title can end as another's slug does."""
    chain_id = world.chain.chain_id
    mine, rival, third = (world.campaign(title=title) for title in ("Honey", "Honey", "Honey"))
    for each, last in ((mine, "01"), (rival, "02"), (third, "03")):
        CampaignLaunched.objects.filter(pk=each.pk).update(address=bytes.fromhex("ab" * 19 + last))
    assert services.sync_listings(chain_id) == 3
    slugs = list(Listing.objects.order_by("pk").values_list("slug", flat=True))
    assert {"honey-abababab", f"honey-abababab-{chain_id}"} < set(slugs)
    assert len(set(slugs)) == 3
    assert all(len(slug) <= 120 for slug in slugs)


@pytest.mark.parametrize("title", ["蜂蜜" * 60, "x" * 120, "!!!", "a" * 79 + " bc"])
def test_slugs_of_any_title_have_room_for_what_tells_them_apart(world: World, title: str) -> None:
    for chain_id in (10**18, 10**18 + 1):
        other = World(chain_id)
        first = world.campaign(title=title)
        world.listing(first)
        twin = other.campaign(title=title)
        CampaignLaunched.objects.filter(pk=twin.pk).update(address=first.address)
        twin.refresh_from_db()
        assert len(other.listing(twin).slug) <= 120


def test_old_addresses_of_pages_stay(world: World) -> None:
    listing = world.listing(world.campaign())
    Listing.objects.filter(pk=listing.pk).update(slug="as-it-was-before")
    assert services.sync_listings(world.chain.chain_id) == 0
    assert selectors.listing_by_slug("as-it-was-before").pk == listing.pk


def test_metadata_is_kept_once_under_its_hash(world: World) -> None:
    first, second = world.metadata(), world.metadata()
    assert first.pk == second.pk == keccak(bytes(first.document))
    assert Metadata.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"title": 7}, "title"),
        ({"story": "nul \x00"}, "story"),
        ({"story": "x" * 60_001}, "story"),
        ({"language": "fr"}, "language"),
        ({"category": "weapons"}, "category"),
        ({"rewards": [{"tier": 0, "title": "x"}]}, "rewards.0.tier"),
        ({"rewards": [{"tier": 1, "title": "x"}, {"tier": 1, "title": "y"}]}, "rewards"),
        ({"surprise": 1}, "surprise"),
        ({"schema": 2}, "schema"),
        ({"publisher": None}, "publisher"),
    ],
)
def test_a_wrong_document_is_refused_by_field(world: World, change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidDocumentError) as refusal:
        world.metadata(**change)
    assert list(refusal.value.fields) == [field]


def test_home_rows(world: World) -> None:
    almost = world.campaign(title="almost", goal=2 * ETHER)
    begun = world.campaign(title="begun")
    world.campaign(title="untouched", started=ago(2))
    world.contribute(almost, backer=address(1), amount=2 * ETHER - 1)
    world.contribute(begun, backer=address(1))
    world.listing(almost)
    assert [card.title for card in catalog.shop_rows(5).nearly_funded] == ["almost", "begun"]
    assert catalog.just_launched(5)[-1].title == "untouched"
    counts = {label.slug: n for label, n in catalog.categories_with_counts()}
    assert counts == {"technology": 0, "food": 3, "games": 0}
    with translation.override("zh-hans"):
        assert catalog.categories_with_counts()[1][0].name == "饮食"


def test_a_wrong_update_is_refused_by_field(world: World) -> None:
    with pytest.raises(InvalidDocumentError) as refusal:
        world.post_update(world.campaign(), title="")
    assert list(refusal.value.fields) == ["title"]


def test_an_update_whose_text_is_unknown_still_counts(world: World) -> None:
    campaign = world.campaign()
    world.post_update(campaign)
    CampaignUpdate.objects.all().delete()
    [update] = community.updates(world.listing(campaign)).rows
    assert (update.is_text_known, update.title) == (False, "")


def test_keys_of_no_campaign_cost_no_query(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    listing = world.listing(world.campaign())
    with django_assert_num_queries(0):
        assert selectors.cards_by_key([]) == {}
    key = (listing.chain_id, listing.address)
    with django_assert_num_queries(1):
        assert list(selectors.cards_by_key([key, (1, address(5)), (1, listing.address)])) == [key]


def test_staff_picks_are_open_ones(world: World) -> None:
    staff = backer_user(9)
    for campaign in (world.campaign(title="good"), world.campaign(title="over", started=ago(40))):
        moderation.pick(world.listing(campaign), actor=staff, reason="lovely")
    frozen = world.listing(world.campaign(title="frozen"))
    moderation.pick(frozen, actor=staff, reason="lovely")
    moderation.unrank(frozen, actor=staff, reason="reports")
    world.listing(world.campaign(title="other"))
    assert [card.title for card in catalog.shop_rows(5).staff_picks] == ["good"]


def test_a_decision_without_a_reason_is_refused(world: World) -> None:
    with pytest.raises(InvalidInputError):
        moderation.hide(world.listing(world.campaign()), actor=backer_user(9), reason=" ")
