"""What readers of the outbox take: each message of their chain and topics once, and in one transaction."""

from datetime import timedelta

import pytest
from django.utils import timezone

from django_project.ledger.models import Outbox, OutboxReader
from django_project.ledger.outbox import forget_old_news, take_news, unread, unread_counts
from tests.factories import CHAIN_ID, World

pytestmark = pytest.mark.django_db

HERE, THERE = CHAIN_ID, CHAIN_ID + 1
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def _chains() -> None:
    for chain in (HERE, THERE):
        World(chain)


def tell(chain: int, topic: str = "money") -> int:
    return Outbox.objects.create(chain_id=chain, topic=topic).pk


def take(reader: str, chain: int = HERE, topic: str = "money") -> tuple[bool, list[int]]:
    """Whether there was anything, and of which chains the reader was told."""
    acts: list[int] = []
    return take_news(reader, chain, {topic}, acts.append), acts


def positions() -> dict[tuple[str, int], int]:
    rows = OutboxReader.objects.values_list("name", "chain_id", "position")
    return {(name, chain): position for name, chain, position in rows}


def test_each_reader_takes_what_its_chain_told_since_it_last_did() -> None:
    tell(HERE)
    here, there = tell(HERE), tell(THERE)
    assert take("letters") == (True, [HERE])
    assert take("letters") == (False, [])
    assert take("pledges", THERE) == (True, [THERE])
    assert positions() == {("letters", HERE): here, ("pledges", THERE): there}
    assert take("pledges") == (True, [HERE])
    assert take("letters", THERE) == (True, [THERE])
    newest = tell(HERE)
    assert take("letters") == (True, [HERE])
    assert positions()["letters", HERE] == newest
    assert positions()["pledges", HERE] == here


def test_what_is_of_no_concern_is_passed_over_whatever_came_before() -> None:
    tell(HERE)
    take("letters")
    passed = tell(HERE, "texts")
    assert take("letters") == (True, [])
    assert positions() == {("letters", HERE): passed}
    assert take("letters") == (False, [])


def test_an_act_that_fails_is_told_again() -> None:
    first = tell(HERE)
    take("letters")
    tell(HERE)

    def fail(chain: int) -> None:
        raise RuntimeError(f"chain {chain}: not today")

    with pytest.raises(RuntimeError):
        take_news("letters", HERE, {"money"}, fail)
    assert positions() == {("letters", HERE): first}
    assert take("letters") == (True, [HERE])


def test_a_message_waits_for_the_slowest_reader_of_its_chain() -> None:
    told = [tell(HERE), tell(HERE), tell(THERE)]
    assert set(unread().values_list("pk", flat=True)) == set(told)
    assert unread_counts() == {HERE: 2, THERE: 1}
    OutboxReader.objects.create(name="letters", chain_id=HERE, position=told[1])
    OutboxReader.objects.create(name="pledges", chain_id=HERE, position=told[0])
    assert set(unread().values_list("pk", flat=True)) == {told[1], told[2]}
    assert unread_counts() == {HERE: 1, THERE: 1}


def test_messages_go_a_week_after_they_were_told_once_every_reader_has_them() -> None:
    taken, kept, waits, new = (tell(HERE) for _ in range(4))
    for pk, age in (
        (taken, WEEK + timedelta(seconds=1)),
        (kept, WEEK - timedelta(seconds=30)),
        (waits, 9 * WEEK),
    ):
        Outbox.objects.filter(pk=pk).update(created_at=timezone.now() - age)
    OutboxReader.objects.create(name="letters", chain_id=HERE, position=new)
    OutboxReader.objects.create(name="pledges", chain_id=HERE, position=kept)
    assert forget_old_news() == 1
    assert list(Outbox.objects.order_by("pk").values_list("pk", flat=True)) == [kept, waits, new]


def test_the_first_message_of_all_waits_as_well() -> None:
    """Before there is a reader, and with one that has taken nothing."""
    Outbox.objects.create(pk=1, chain_id=HERE, topic="money")
    assert unread_counts() == {HERE: 1}
    OutboxReader.objects.create(name="letters", chain_id=HERE)
    assert unread_counts() == {HERE: 1}
