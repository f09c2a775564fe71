"""The form, its review, the status page and what a backer can take back."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from django_project.accounts.models import User, Wallet
from django_project.core.addresses import format_address
from django_project.pledges import services
from django_project.pledges.models import PledgeIntent
from tests.factories import ETHER, address, backer_user, reference
from tests.support.markup import flat
from tests.web.conftest import Shop, signed_in


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": ""}, "Enter an amount."),
        ({"amount": "0"}, "Enter an amount above zero."),
        ({"amount": "-1"}, "with the digits 0 to 9"),
        ({"amount": "1e3"}, "with the digits 0 to 9"),
        ({"amount": "NaN"}, "with the digits 0 to 9"),
        ({"amount": "0x10"}, "with the digits 0 to 9"),
        ({"amount": "١٢"}, "with the digits 0 to 9"),
        ({"amount": "😀"}, "with the digits 0 to 9"),
        ({"amount": "\u202e5.0"}, "with the digits 0 to 9"),
        ({"amount": "0,5"}, "Did you mean 0.5 or 5?"),
        ({"amount": "1.000,50"}, "Did you mean 1,000.5 or 1.0005?"),
        ({"amount": "1,00,000"}, "Did you mean 100,000?"),
        ({"amount": "0.0000000000000000001"}, "ETH has at most 18 decimal places."),
        ({"amount": "9" * 90}, "larger than the network can hold"),
        ({"amount": "9" * 200}, "Enter at most 100 characters"),
        ({"amount": "0.5 TUSD"}, "with the digits 0 to 9"),
        ({"amount": "<b>1</b>"}, "with the digits 0 to 9"),
        ({"amount": "0.001"}, "The smallest contribution to this campaign is 0.01 ETH."),
        ({"amount": "0.05", "tier": "1"}, "This reward asks for at least 0.1 ETH."),
        ({"amount": "1", "tier": "9"}, "This campaign has no such reward"),
        ({"amount": "1", "tier": "-1"}, "This campaign has no such reward"),
        ({"amount": "1", "tier": "99999999999"}, "This campaign has no such reward"),
        ({"amount": "1", "tier": "one"}, "This campaign has no such reward"),
    ],
)
def test_bad_input_is_answered_beside_its_field_and_kept(
    typed: dict[str, str], words: str, shop: Shop
) -> None:
    answer = Client().get(f"/campaigns/{shop.honey.slug}/pledge/review/", typed)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert words in text
    field = "tier-error" if "tier" in typed and "reward asks" not in words else "amount-error"
    assert re.search(rf'id="{field}".*?{re.escape(words)}', text, re.DOTALL)
    if typed["amount"] and "<" not in typed["amount"]:
        assert f'value="{typed["amount"]}"' in text


@pytest.mark.parametrize(("typed", "is_taken"), [("3", True), ("3.000000000000000001", False)])
def test_a_pledge_takes_what_is_left_to_the_cap_and_no_more(
    typed: str, *, is_taken: bool, shop: Shop
) -> None:
    campaign = shop.world.campaign(title="Capped", goal=2 * ETHER, cap=5 * ETHER)
    shop.world.contribute(campaign, backer=address(1), amount=2 * ETHER)
    slug = shop.world.listing(campaign).slug
    answer = Client().get(f"/campaigns/{slug}/pledge/review/", {"amount": typed})
    assert answer.status_code == (200 if is_taken else 422)
    assert ("This campaign takes at most 3 ETH more." in answer.content.decode()) is not is_taken


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        *(("0.25", "0.25"), ("1,000", "1,000"), (" 2 ", "2"), ("0.50", "0.5"), (".5", "0.5"), ("5.", "5")),
        *(("1,234.50", "1,234.5"), ("１，２３４．５", "1,234.5"), ("1\u2009234.5 eth", "1,234.5")),
    ],
)
def test_a_good_amount_is_reviewed_exactly(typed: str, shown: str, shop: Shop) -> None:
    text = Client().get(f"/campaigns/{shop.honey.slug}/pledge/review/", {"amount": typed}).content.decode()
    assert f">{shown} ETH<" in flat(text)


def test_a_reward_alone_means_its_price(shop: Shop) -> None:
    text = flat(Client().get(f"/campaigns/{shop.honey.slug}/pledge/review/?tier=1&amount=").content.decode())
    assert ">0.1 ETH<" in text
    assert "One jar" in text


def test_a_taken_reward_cannot_be_chosen(shop: Shop) -> None:
    for backer in (5, 6):
        shop.world.contribute(shop.launched(shop.honey), backer=address(backer), tier_id=2)
    form = flat(Client().get(f"/campaigns/{shop.honey.slug}/pledge/").content.decode())
    assert re.search(r'name="tier" value="2"[^>]*disabled', form)
    review = Client().get(f"/campaigns/{shop.honey.slug}/pledge/review/?tier=2&amount=1")
    assert "This reward is sold out. Choose another, or none." in review.content.decode()


@pytest.mark.parametrize(
    ("typed", "asks"), [("10", False), ("10.000000000000000001", True), ("999999999", True)]
)
def test_more_than_the_goal_is_asked_about(typed: str, *, asks: bool, shop: Shop, backer: Client) -> None:
    text = backer.get(f"/campaigns/{shop.honey.slug}/pledge/review/?amount={typed}").content.decode()
    assert ("is more than the whole goal of 10 ETH" in text) is asks
    assert "<wallet-pledge" in text


def test_the_review_names_fee_and_refund_terms(shop: Shop, backer: Client) -> None:
    text = backer.get(f"/campaigns/{shop.honey.slug}/pledge/review/?amount=2").content.decode()
    assert "0.05 ETH (2.5%)" in text
    assert "you can claim a full refund" in text
    keeps = backer.get(f"/campaigns/{shop.tea.slug}/pledge/review/?amount=2").content.decode()
    assert "You can claim a refund only if the campaign is cancelled before the payout" in keeps


def test_the_review_says_whether_a_contract_signs_for_the_backer(shop: Shop, backer: Client) -> None:
    """Before its first transaction nothing at its address shows it."""
    url = f"/campaigns/{shop.honey.slug}/pledge/review/?amount=2"
    assert "data-by-contract" not in backer.get(url).content.decode()
    Wallet.objects.filter(address=address(1)).update(is_contract=True)
    assert f'data-by-contract="{format_address(address(1))}"' in backer.get(url).content.decode()
    assert "data-by-contract" not in Client().get(url).content.decode()


def test_the_wallet_gets_base_units_whatever_the_language(shop: Shop, backer: Client) -> None:
    url = f"/campaigns/{shop.tea.slug}/pledge/review/?amount=1250.5"
    text = backer.get(url, headers={"Accept-Language": "zh-hans"}).content.decode()
    assert 'data-base-units="1250500000"' in text
    assert 'data-amount="1250.5"' in text
    assert f'data-backer="{format_address(address(1))}"' in text


def test_creators_cannot_back_themselves(shop: Shop) -> None:
    creator = signed_in(backer_user(900_001))
    text = creator.get(f"/campaigns/{shop.honey.slug}/pledge/review/?amount=1").content.decode()
    assert "This is your own campaign" in text
    assert "<wallet-pledge" not in text


@pytest.fixture
def intent(shop: Shop, backer: Client) -> PledgeIntent:  # noqa: ARG001  # the backer has to exist
    owner = User.objects.get(username="backer-1")
    return services.create_intent(owner, shop.honey, ETHER // 4, 0, address(1))


STATES = {
    "created": ("We have not heard from your wallet", True),
    "asked": ("We have not heard from your wallet", True),
    "rejected": ("Your wallet told us that it was rejected", True),
    "submitted": ("Sent, waiting for the network", True),
    "reorged": ("The network replaced its latest blocks", True),
    "failed": ("Payment not confirmed", False),
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_its_words_and_asks_again_while_it_may_change(
    state: str, intent: PledgeIntent, backer: Client
) -> None:
    PledgeIntent.objects.update(state=state)
    text = backer.get(f"/pledges/{intent.public_id}/").content.decode()
    words, asks_again = STATES[state]
    assert words in text
    shown = text.split('id="pledge-state"')[1].split("<noscript>")[0]
    assert "othing was paid" not in shown
    assert ('id="again"' in text) is (state in ("rejected", "failed"))
    assert ("hx-trigger=" in text.split('id="pledge-state"')[1].split(">")[0]) is asks_again


def test_a_pledge_is_followed_from_the_index_to_finality(
    intent: PledgeIntent, backer: Client, shop: Shop
) -> None:
    url = f"/pledges/{intent.public_id}/"
    services.report_submitted(intent, reference(1))
    shop.world.contribute(
        shop.launched(shop.honey), backer=address(1), amount=ETHER // 4, ref=bytes(intent.ref)
    )
    services.reconcile(intent.chain_id)
    text = backer.get(url).content.decode()
    assert "Confirmed: 0.25 ETH" in text
    assert "1 of 8" in text
    shop.world.mine(10)
    services.reconcile(intent.chain_id)
    final = backer.get(url).content.decode()
    assert "Final: 0.25 ETH" in final
    assert "hx-trigger=" not in final.split('id="pledge-state"')[1].split(">")[0]


@pytest.mark.parametrize("way", ["refund", "take back", "due", "neither"])
def test_a_pledge_says_what_became_of_its_money(
    way: str, intent: PledgeIntent, backer: Client, shop: Shop
) -> None:
    launched = shop.launched(shop.honey)
    shop.world.contribute(launched, backer=address(1), amount=ETHER // 4, ref=bytes(intent.ref))
    services.reconcile(intent.chain_id)
    match way:
        case "refund":
            shop.world.cancel(launched)
            shop.world.refund(launched, backer=address(1))
        case "take back":
            shop.world.take_pledge_back(launched, backer=address(1))
        case "due":
            shop.world.cancel(launched)
    # Not final yet: it is on its way as long as it did not go back.
    assert ('id="way-title"' in backer.get("/me/").content.decode()) is (way in ("due", "neither"))
    shop.world.mine(20)
    services.reconcile(intent.chain_id)
    text = backer.get(f"/pledges/{intent.public_id}/").content.decode()
    words = {
        "refund": "Refunded or taken back</strong>",
        "take back": "Refunded or taken back</strong>",
        "due": "You can claim a refund of this contribution",
        "neither": "Final: 0.25 ETH",
    }
    assert [words[way] in text, *(other in text for other in set(words.values()) - {words[way]})] == [
        True,
        False,
        False,
    ]


def test_money_given_anew_after_a_pledge_was_taken_back_is_there(
    intent: PledgeIntent, backer: Client, shop: Shop
) -> None:
    launched = shop.launched(shop.honey)
    shop.world.take_pledge_back(launched, backer=address(1))
    shop.world.contribute(launched, backer=address(1), amount=ETHER // 4, ref=bytes(intent.ref))
    shop.world.mine(20)
    services.reconcile(intent.chain_id)
    assert "Final: 0.25 ETH" in backer.get(f"/pledges/{intent.public_id}/").content.decode()


def test_a_page_that_asks_again_is_left_alone_while_nothing_changed(
    intent: PledgeIntent, backer: Client
) -> None:
    url = f"/pledges/{intent.public_id}/"
    match = re.search(r'hx-get="([^"]+)"', backer.get(url).content.decode())
    assert match
    assert backer.get(match[1], headers={"HX-Request": "true"}).status_code == 204
    services.report_submitted(intent, reference(1))
    assert backer.get(match[1], headers={"HX-Request": "true"}).status_code == 200


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("reverted", "The contract refused the transaction"),
        ("without", "went through without the contribution"),
        ("replaced", "Another transaction of your account took its place"),
        ("dropped", "no longer knows the transaction"),
        ("closed", "The campaign closed before the payment came"),
    ],
)
def test_a_failure_says_why(failure: str, words: str, intent: PledgeIntent, backer: Client) -> None:
    PledgeIntent.objects.update(state="failed", failure=failure)
    text = backer.get(f"/pledges/{intent.public_id}/").content.decode()
    assert words in text
    assert ("before you pay again" in text, 'id="again"' in text) == 2 * (failure != "closed",)


def test_a_contract_wallet_waits_for_its_signers(intent: PledgeIntent, backer: Client) -> None:
    PledgeIntent.objects.update(state="submitted", is_by_contract=True)
    assert (
        "Waiting for your wallet to send it" in backer.get(f"/pledges/{intent.public_id}/").content.decode()
    )


@pytest.mark.parametrize("reported", ["created", "asked", "rejected", "submitted", "failed"])
def test_what_the_ledger_has_is_told_at_once_whatever_was_reported(
    reported: str, intent: PledgeIntent, backer: Client, shop: Shop
) -> None:
    PledgeIntent.objects.update(state=reported)
    shop.world.contribute(
        shop.launched(shop.honey), backer=address(1), amount=ETHER // 4, ref=bytes(intent.ref)
    )
    assert "Confirmed: 0.25 ETH" in backer.get(f"/pledges/{intent.public_id}/").content.decode()


def test_it_says_how_far_was_searched(intent: PledgeIntent, backer: Client, shop: Shop) -> None:
    block = shop.world.mine(3)
    text = backer.get(f"/pledges/{intent.public_id}/").content.decode()
    assert f"We looked for it on the network up to block {block}: it is not there so far." in text


def test_a_page_left_open_after_the_session_ended_offers_the_way_back(
    intent: PledgeIntent, backer: Client
) -> None:
    url = f"/pledges/{intent.public_id}/"
    backer.logout()
    back = f"/sign-in/?next={url}"
    assert backer.get(url)["Location"] == back
    asked_again = backer.get(f"{url}?seen=x", headers={"HX-Request": "true"})
    text = asked_again.content.decode()
    assert asked_again.status_code == 200
    assert (f'href="{back}"' in text, "hx-trigger" in text, str(intent.amount) in text) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("state", "warns"),
    [
        *(("created", True), ("asked", True), ("submitted", True), ("reorged", True)),
        *(("rejected", False), ("failed", False), ("confirmed", False), ("final", False)),
    ],
)
def test_the_review_warns_of_what_may_have_been_paid(
    state: str, *, warns: bool, intent: PledgeIntent, backer: Client, shop: Shop
) -> None:
    PledgeIntent.objects.update(state=state)
    text = backer.get(f"/campaigns/{shop.honey.slug}/pledge/review/?amount=1").content.decode()
    assert (
        "An earlier contribution may have been paid" in text,
        f' data-again="/pledges/{intent.public_id}/"' in text,
    ) == (warns, warns)
    assert (f"/pledges/{intent.public_id}/" in text) is warns
    other = backer.get(f"/campaigns/{shop.tea.slug}/pledge/review/?amount=1").content.decode()
    assert "data-under-way" not in other


def test_a_pledge_is_nobody_elses(intent: PledgeIntent) -> None:
    assert signed_in(backer_user(2)).get(f"/pledges/{intent.public_id}/").status_code == 404


def test_the_backer_sees_what_they_gave_and_what_is_due(backer: Client, shop: Shop) -> None:
    text = backer.get("/me/").content.decode()
    due, given = text.split('id="open-title"')
    assert "A bench that folds" in due
    assert "0.5 ETH" in due
    assert f'data-refund-due="{shop.bench.chain_id}:' in due
    assert "Honey from eight roofs" in given
    assert "1,250.5 TUSD" in given


def test_contributions_are_listed_by_how_their_campaigns_stand(backer: Client, shop: Shop) -> None:
    shop.world.refund(shop.launched(shop.bench), backer=address(1))
    long_ago = timezone.now() - timedelta(days=60)
    kiln = shop.world.campaign(title="A kiln for the yard", goal=ETHER, started=long_ago)
    shop.world.contribute(kiln, backer=address(1), amount=ETHER, at=long_ago)
    shop.world.listing(kiln)
    text = backer.get("/me/").content.decode()
    _, still_open, funded, taken_back = re.split('id="(?:open|funded|taken-back)-title"', text)
    assert "Honey from eight roofs" in still_open
    assert "A kiln for the yard" in funded
    assert "A bench that folds" in taken_back
    assert 'id="over-title"' not in text
    assert "Where there is a button" in still_open
    shop.world.contribute(shop.launched(shop.honey), backer=address(2), amount=10 * ETHER)
    assert "Where there is a button" not in backer.get("/me/").content.decode()


@pytest.mark.parametrize(
    ("state", "is_shown"),
    [
        ("created", False),
        ("asked", True),
        ("submitted", True),
        ("reorged", True),
        ("confirmed", True),
        ("final", False),
    ],
)
def test_what_is_not_settled_can_be_found_again(
    state: str, *, is_shown: bool, intent: PledgeIntent, backer: Client
) -> None:
    PledgeIntent.objects.update(state=state)
    text = backer.get("/me/").content.decode()
    assert ('id="way-title"' in text) is is_shown
    assert (f"/pledges/{intent.public_id}/" in text) is is_shown
    assert f"/pledges/{intent.public_id}/" not in signed_in(backer_user(2)).get("/me/").content.decode()


def test_what_was_taken_back_is_not_due_any_more(backer: Client, shop: Shop) -> None:
    shop.world.refund(shop.launched(shop.bench), backer=address(1))
    text = backer.get("/me/").content.decode()
    assert "data-refund-due" not in text
    assert "Refunded: 0.5 ETH" in text


@pytest.mark.usefixtures("shop")
def test_a_newcomer_is_shown_where_to_begin() -> None:
    assert "You have not contributed" in signed_in(backer_user(50)).get("/me/").content.decode()
