"""The public page of a wallet: what it tells, and what it keeps to itself."""

import html
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from django_project.accounts.models import User, Wallet
from django_project.campaigns.models import Listing
from django_project.core.addresses import format_address
from django_project.ledger.models import Chain
from django_project.privacy import services as privacy
from django_project.web.views import profile
from tests.factories import ETHER, address, backer_user
from tests.support.markup import flat
from tests.web.conftest import Shop, signed_in

MAX_QUERIES = 12
NOT_LISTED = "What an address backed is listed only for people with an account"
NOINDEX = '<meta name="robots" content="noindex">'


def url(wallet: bytes) -> str:
    return f"/people/{format_address(wallet)}/"


def read(wallet: bytes, client: Client | None = None, language: str = "en") -> str:
    answer = (client or Client()).get(url(wallet), headers={"Accept-Language": language})
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def status(wallet: bytes) -> int:
    return Client().get(url(wallet)).status_code


def creator_of(listing: Listing) -> bytes:
    creator: bytes = Shop.launched(listing).creator
    return creator


def titles(text: str, section: str) -> list[str]:
    """The campaigns on the cards of a section, in their order; none where the section is left out."""
    part = re.search(rf'<section[^>]*aria-labelledby="{section}-title">(.*?)</section>', flat(text))
    return re.findall(
        r'<h3[^>]*><a href="/campaigns/[^"]*" class="no-underline">([^<]*)</a>', part[1] if part else ""
    )


@pytest.fixture
def ines(shop: Shop) -> User:  # noqa: ARG001  # asked for by its effect
    """Somebody with a name who backs honey, tea and the bench."""
    user = backer_user(1, "Ines")
    user.bio = "Keeps bees.\nDrinks tea."
    user.save()
    return user


@pytest.mark.usefixtures("ines")
def test_a_person_is_named_with_what_they_say_and_backed() -> None:
    text = read(address(1))
    assert re.search(r"<h1[^>]*>Ines</h1>", text)
    assert "Keeps bees.\nDrinks tea.</p>" in text
    assert f'<copy-button value="{format_address(address(1))}"' in text
    assert titles(text, "backed") == ["半坡春茶", "Honey from eight roofs", "A bench that folds"]
    assert titles(text, "launched") == []
    assert "explorer of" not in text
    assert NOINDEX in text


@pytest.mark.usefixtures("ines")
def test_the_last_to_be_given_to_comes_first(shop: Shop) -> None:
    shop.world.contribute(shop.launched(shop.honey), backer=address(1))
    assert titles(read(address(1)), "backed")[:2] == ["Honey from eight roofs", "半坡春茶"]


def test_a_creator_has_campaigns_and_a_record(shop: Shop) -> None:
    creator = address(70)
    for title in ("First roof", "Second roof"):
        shop.world.listing(shop.world.campaign(creator=creator, title=title))
    shop.world.cancel(Shop.launched(Listing.objects.get(metadata__title="First roof")))
    text = read(creator)
    assert titles(text, "launched") == ["Second roof", "First roof"]
    record = re.findall(r'<li class="chip state-([a-z-]+)">.*?<span class="figures">(\d+)</span>', flat(text))
    assert record == [("open", "1"), ("cancelled", "1")]
    assert format_address(creator) in text
    assert NOINDEX not in text
    assert f'rel="canonical" href="http://127.0.0.1:8000{url(creator)}"' in text
    # The shop window does not watch what somebody does who never came here.
    shop.world.contribute(shop.launched(shop.honey), backer=creator)
    assert titles(read(creator), "backed") == []


def test_a_campaign_that_was_handed_over_is_its_new_creators(shop: Shop) -> None:
    former, heir = creator_of(shop.honey), address(71)
    shop.world.hand_over(shop.launched(shop.honey), heir)
    assert titles(read(heir), "launched") == ["Honey from eight roofs"]
    assert status(former) == 404
    shop.world.hand_over(shop.launched(shop.honey), former)
    assert titles(read(former), "launched") == ["Honey from eight roofs"]
    assert status(heir) == 404


@pytest.mark.usefixtures("ines")
def test_what_moderators_hide_is_on_nobodys_page(shop: Shop) -> None:
    creator = creator_of(shop.honey)
    Listing.objects.filter(pk=shop.honey.pk).update(visibility=Listing.Visibility.HIDDEN)
    assert status(creator) == 404
    text = read(address(1))
    assert titles(text, "backed") == ["半坡春茶", "A bench that folds"]
    assert "2 campaigns</p>" in flat(text)


@pytest.mark.usefixtures("ines")
def test_a_pledge_that_was_taken_back_does_not_count(shop: Shop) -> None:
    honey = shop.launched(shop.honey)
    shop.world.take_pledge_back(honey, backer=address(1))
    assert "Honey from eight roofs" not in titles(read(address(1)), "backed")
    shop.world.contribute(honey, backer=address(1), amount=ETHER)
    assert titles(read(address(1)), "backed")[0] == "Honey from eight roofs"


@pytest.mark.usefixtures("ines")
def test_a_refund_does_not_undo_having_backed(shop: Shop) -> None:
    shop.world.refund(shop.launched(shop.bench), backer=address(1))
    assert "A bench that folds" in titles(read(address(1)), "backed")


def test_anonymous_and_unknown_backers_look_alike(shop: Shop, ines: User) -> None:  # noqa: ARG001
    ines.anonymous_backer = True
    ines.save()
    anonymous, unknown = read(address(1)), read(address(2))
    for text in (anonymous, unknown):
        assert NOT_LISTED in text
        assert titles(text, "backed") == []
        assert NOINDEX in text
    for told in ("Ines", "Keeps bees"):
        assert told not in anonymous
    # But for the address and the token of its forms there is no difference.
    [anonymous, unknown] = [
        re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)
        .replace(format_address(wallet), "ADDRESS")
        .replace(f"{format_address(wallet)[:6]}…{format_address(wallet)[-4:]}", "SHORT")
        for wallet, text in ((address(1), anonymous), (address(2), unknown))
    ]
    assert anonymous == unknown


@pytest.mark.usefixtures("shop")
def test_an_anonymous_account_that_did_nothing_is_there_for_its_owner_alone() -> None:
    user = backer_user(80, "Otto")
    User.objects.filter(pk=user.pk).update(anonymous_backer=True)
    assert status(address(80)) == status(address(81)) == 404
    text = read(address(80), signed_in(user))
    assert "You back anonymously" in text
    assert "Otto" not in text


@pytest.mark.usefixtures("shop")
def test_an_account_that_did_nothing_yet_has_a_page() -> None:
    backer_user(80, "Otto")
    assert "There is nothing to show here yet." in read(address(80))


@pytest.mark.parametrize("change", ["forgotten", "closed", "unlinked"])
def test_without_its_account_only_the_address_is_left(change: str, ines: User) -> None:
    if change == "forgotten":
        privacy.forget(ines)
    elif change == "closed":
        User.objects.filter(pk=ines.pk).update(is_active=False)
    else:
        ines.wallets.all().delete()
    text = read(address(1))
    assert "Ines" not in text
    assert "Keeps bees" not in text
    assert titles(text, "backed") == []
    assert NOT_LISTED in text


def test_a_page_leads_to_none_of_the_accounts_other_wallets(shop: Shop, ines: User) -> None:
    other = address(50)
    Wallet.objects.create(user=ines, address=other)
    shop.world.contribute(shop.launched(shop.clock), backer=other)
    shop.world.listing(shop.world.campaign(creator=other, title="Another roof"))
    for client in (Client(), signed_in(backer_user(2, "Omar"))):
        text = read(address(1), client)
        assert format_address(other) not in text
        assert other.hex() not in text.lower()
        assert "A clock for the square" not in text
        assert titles(text, "launched") == []
        assert titles(read(other, client), "backed") == ["A clock for the square"]


@pytest.mark.usefixtures("shop")
def test_every_spelling_of_an_address_leads_to_one_page() -> None:
    canonical = url(address(1))
    swapped = format_address(address(1))[2:].swapcase()
    for spelling in (address(1).hex(), address(1).hex().upper(), swapped):
        answer = Client().get(f"/people/0x{spelling}/")
        assert (answer.status_code, answer["Location"]) == (301, canonical)
    assert Client().get(f"/people/0X{address(1).hex()}/")["Location"] == canonical
    assert status(address(1)) == 200


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "text", ["0x", "0x12", "Ines", "0x" + "g" * 40, "0x" + "a" * 41, "\u202e", "🐝", "-1"]
)
def test_what_is_no_address_is_no_page(text: str) -> None:
    assert Client().get(f"/people/{text}/").status_code == 404


def test_markup_is_shown_as_it_was_typed(ines: User) -> None:
    ines.display_name, ines.bio = (
        '"><script>alert(1)</script>',
        "[x](javascript:alert(1)) <b>**bold**</b> \u202e",
    )
    ines.save()
    text = Client().get(url(address(1))).content.decode()
    assert "<script>alert" not in text
    assert "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</h1>" in text
    assert "[x](javascript:alert(1)) &lt;b&gt;**bold**&lt;/b&gt; \u202e</p>" in text


@pytest.mark.parametrize(("language", "word"), [("en", "Backed"), ("zh-hans", "支持过的项目")])
@pytest.mark.usefixtures("ines")
def test_the_page_speaks_both_languages(language: str, word: str) -> None:
    assert f">{word}</h2>" in read(address(1), language=language)


@pytest.mark.usefixtures("ines")
def test_explorers_are_named_where_a_chain_has_one() -> None:
    Chain.objects.update(explorer_url="https://explorer.example")
    text = read(address(1))
    assert f'href="https://explorer.example/address/{format_address(address(1))}"' in text


@pytest.mark.usefixtures("ines")
def test_a_long_list_says_how_much_of_it_is_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    creator = creator_of(shop.honey)
    shop.world.listing(shop.world.campaign(creator=creator, title="Second roof"))
    monkeypatch.setattr(profile, "CARDS_SHOWN", 1)
    assert "1 of 3 campaigns are shown." in read(address(1))
    text = read(creator)
    assert titles(text, "launched") == ["Second roof"]
    assert "1 of 2 campaigns are shown." in text


def test_names_lead_here(shop: Shop, ines: User) -> None:
    page = f"/campaigns/{shop.honey.slug}/"
    creator = url(creator_of(shop.honey))
    text = Client().get(page).content.decode()
    assert f'by <a class="text-link" dir="auto" href="{creator}">Roof Apiary</a>' in text
    assert "Publishes as Roof Apiary" in Client().get(creator).content.decode()
    contributors = Client().get(f"{page}contributors/").content.decode()
    assert f'href="{url(address(1))}">Ines</a>' in contributors
    assert re.search(rf'href="{url(address(2))}"><span class="hash" title="0x[^"]*">0x', contributors)
    signed_in(ines).post(f"{page}messages/", {"text": "Well done."})
    assert f'href="{url(address(1))}">Ines</a>' in Client().get(f"{page}messages/").content.decode()


def test_the_wall_leads_only_to_the_wallet_that_backs(shop: Shop, ines: User) -> None:
    Wallet.objects.create(user=ines, address=address(50))
    page = f"/campaigns/{shop.honey.slug}/messages/"
    backer = Client()
    backer.force_login(ines)
    backer.post(page, {"text": "Well done."})
    assert url(address(50)) not in Client().get(page).content.decode()
    shop.world.take_pledge_back(shop.launched(shop.honey), backer=address(1))
    text = Client().get(page).content.decode()
    assert ">Ines</strong>" in flat(text)
    assert "/people/" not in text.split('<ul class="space-y-4')[1]
    shop.world.contribute(shop.launched(shop.honey), backer=address(1))
    User.objects.filter(pk=ines.pk).update(anonymous_backer=True)
    text = Client().get(page).content.decode()
    assert "Ines" not in text
    assert "/people/" not in text.split('<ul class="space-y-4')[1]


def test_settings_lead_to_ones_own_page_and_back(ines: User) -> None:
    client = signed_in(ines)
    assert f'href="{url(address(1))}">See your public page' in flat(
        client.get("/me/settings/").content.decode()
    )
    assert 'href="/me/settings/#profile-title"' in read(address(1), client)
    assert "#profile-title" not in read(address(1))


def test_the_page_costs_few_queries(
    shop: Shop, ines: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Wallet.objects.create(user=ines, address=creator_of(shop.clock))
    shop.world.contribute(shop.launched(shop.honey), backer=creator_of(shop.clock))
    client = Client()
    client.force_login(ines)
    for reader in (Client(), client):
        for wallet in (address(1), creator_of(shop.clock), address(2)):
            reader.get(url(wallet))
            with django_assert_max_num_queries(MAX_QUERIES):
                assert reader.get(url(wallet)).status_code == 200
