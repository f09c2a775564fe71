"""Lists that grow at their front: what comes in while somebody reads on doubles nothing and loses nothing."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from django_project.campaigns.selectors import details
from django_project.community import selectors as community
from django_project.community.models import SupporterMessage
from django_project.notifications import selectors as notifications
from django_project.notifications.models import Kind, Notification
from tests.factories import address, backer_user
from tests.support.markup import flat
from tests.web.conftest import Shop, signed_in

# Rows to begin with, on pages of so many.
ROWS, SIZE = 7, 3


class Listed:
    """One list: its address, what makes a row, and how a page's rows are told apart."""

    def __init__(self, url: str, client: Client, add: Callable[[int], object], row: str) -> None:
        self.url, self.client, self.add, self.row = url, client, add, row
        for number in range(ROWS):
            add(number)

    def page(self, query: str) -> tuple[list[str], str]:
        """The rows of a page, and where the older ones are."""
        answer = self.client.get(f"{self.url}{query}")
        assert answer.status_code == 200
        text = flat(answer.content.decode())
        older = re.search(r'rel="next" href="(\?before=[^"#]+)(?:#[^"]*)?"', text)
        return re.findall(self.row, text), older[1] if older else ""


def messages(shop: Shop) -> Listed:
    def write(number: int) -> None:
        author = backer_user(1000 + number, f"Backer {number}")
        # Two at a time are of one moment.
        at = timezone.now() - timedelta(days=9) + timedelta(hours=number // 2)
        SupporterMessage.objects.create(
            listing=shop.honey, author=author, text=f"Message {number}.", written_at=at
        )

    return Listed(f"/campaigns/{shop.honey.slug}/messages/", Client(), write, r"Message (\d+)\.")


def events(shop: Shop) -> Listed:
    campaign = shop.launched(shop.honey)

    def happen(number: int) -> None:
        shop.world.contribute(campaign, backer=address(300 + number))

    row = r'data-label="No\." class="num">(\d+)<'
    return Listed(f"/campaigns/{shop.honey.slug}/contract/", Client(), happen, row)


def updates(shop: Shop) -> Listed:
    campaign = shop.launched(shop.honey)

    def post(number: int) -> None:
        shop.world.post_update(campaign, f"Report {number}.")

    return Listed(f"/campaigns/{shop.honey.slug}/updates/", Client(), post, r">Report (\d+)\.</h3>")


def notices(shop: Shop) -> Listed:
    user = backer_user(77)

    def tell(number: int) -> None:
        campaign = shop.world.campaign(title=f"Campaign {number}")
        listing = shop.world.listing(campaign)
        Notification.objects.create(
            user=user,
            kind=Kind.UPDATE_POSTED,
            chain_id=listing.chain_id,
            address=listing.address,
            cause=f"update {number}",
        )

    return Listed("/me/notifications/", signed_in(user), tell, r">Campaign (\d+)</a>")


@pytest.fixture(params=[messages, events, updates, notices])
def listed(request: pytest.FixtureRequest, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Listed:
    monkeypatch.setattr(community, "COMMENTS_SHOWN", SIZE)
    monkeypatch.setattr(community, "UPDATES_SHOWN", SIZE)
    monkeypatch.setattr(details, "EVENTS_SHOWN", SIZE)
    monkeypatch.setattr(notifications, "SHOWN", SIZE)
    made: Listed = request.param(shop)
    return made


def test_reading_on_shows_each_row_once_whatever_comes_in(listed: Listed) -> None:
    found, older = listed.page("")
    assert len(found) == SIZE
    while older:
        listed.add(100 + len(found))
        rows, older = listed.page(older)
        assert rows
        found += rows
    numbers = [int(number) for number in found]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) >= ROWS
    assert not any(number >= 100 for number in numbers[SIZE:])


@pytest.mark.parametrize(
    "query", ["?before=", "?before=x", "?before=-1", "?before=1-", "?before=" + 40 * "9"]
)
def test_what_is_no_place_in_a_list_is_its_beginning(query: str, listed: Listed) -> None:
    assert listed.page(query) == listed.page("")


def test_behind_the_last_row_is_no_page(listed: Listed) -> None:
    answer = listed.client.get(f"{listed.url}?before={'1' if 'contract' in listed.url else '1-1'}")
    assert answer.status_code == 404
    assert f'href="{listed.url}"' in answer.content.decode()
