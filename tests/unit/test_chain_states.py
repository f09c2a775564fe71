"""Halting, following and suspecting a chain: each by itself, whatever the others are at."""

from datetime import timedelta

import pytest
from django.utils import timezone

from django_project.accounts.models import User
from django_project.core.models import AuditEntry
from django_project.ledger import services
from django_project.ledger.errors import UnknownChainError
from django_project.ledger.models import Chain, Cursor, SuspectRange
from tests.factories import CHAIN_ID, World

pytestmark = pytest.mark.django_db

OTHER = CHAIN_ID + 1
SECOND = timedelta(seconds=1)
IDENTITY = Chain.Halt.IDENTITY


@pytest.fixture(autouse=True)
def _chains() -> None:
    for chain in (CHAIN_ID, OTHER):
        World(chain)


def lease(until: timedelta | None) -> None:
    """Let a worker hold both chains' leases so much longer."""
    end = None if until is None else timezone.now() + until
    Cursor.objects.update(lease_until=end, lease_owner="somebody" if until else "")


def states() -> dict[int, str]:
    return dict(Chain.objects.values_list("chain_id", "state"))


def test_a_halt_is_of_one_chain_and_says_where_its_cure_is() -> None:
    services.halt(CHAIN_ID, IDENTITY, "another genesis")
    assert states() == {CHAIN_ID: "halted", OTHER: "ok"}
    halted = Chain.objects.get(pk=CHAIN_ID)
    assert (halted.halt_code, halted.halt_reason) == (
        "identity",
        "another genesis (docs/indexer.md#identity)",
    )
    services.halt(OTHER, IDENTITY, "too")
    services.resume(CHAIN_ID)
    assert states() == {CHAIN_ID: "ok", OTHER: "halted"}
    resumed = Chain.objects.get(pk=CHAIN_ID)
    assert (resumed.halt_code, resumed.halt_reason) == ("", "")


# A lease lasts 6 s; one of more than twice that is a wrong clock's.
@pytest.mark.parametrize(
    ("until", "is_followed"),
    [(None, False), (-SECOND, False), (11 * SECOND, True), (17 * SECOND, False)],
)
def test_what_a_worker_follows_is_halted_by_nobody_else(
    until: timedelta | None, *, is_followed: bool
) -> None:
    lease(until)
    services.halt_unless_followed(CHAIN_ID, IDENTITY, "a wrong node")
    assert states() == {CHAIN_ID: "ok" if is_followed else "halted", OTHER: "ok"}
    services.record_problem(CHAIN_ID, "no node answers")
    assert Cursor.objects.get(pk=CHAIN_ID).problem == ("" if is_followed else "no node answers")
    assert Cursor.objects.get(pk=OTHER).problem == ""


def test_since_when_there_is_a_problem_stays_as_it_was() -> None:
    before = timezone.now()
    services.record_problem(CHAIN_ID, "no node answers")
    since = Cursor.objects.get(pk=CHAIN_ID).problem_since
    assert since is not None
    assert before - SECOND < since < before + 60 * SECOND
    services.record_problem(CHAIN_ID, "still none")
    cursor = Cursor.objects.get(pk=CHAIN_ID)
    assert (cursor.problem, cursor.problem_since) == ("still none", since)


def test_an_audit_is_of_one_chain() -> None:
    services.record_audit(CHAIN_ID)
    assert list(Cursor.objects.exclude(audited_at=None).values_list("pk", flat=True)) == [CHAIN_ID]


def test_a_retired_chain_turns_its_worker_away_and_no_other() -> None:
    lease(5 * SECOND)
    operator = User.objects.create_superuser("operator")
    services.retire(CHAIN_ID, reason="the network closes", actor=operator)
    services.retire(CHAIN_ID, reason="said twice", actor=operator)
    services.halt(CHAIN_ID, IDENTITY, "another chain")
    assert states() == {CHAIN_ID: "retired", OTHER: "ok"}
    gone, other = Cursor.objects.order_by("pk")
    assert (gone.fence, gone.lease_until, gone.lease_owner) == (1, None, "")
    assert (other.fence, other.lease_owner) == (0, "somebody")
    services.resume(CHAIN_ID)
    services.reinstate(OTHER, reason="it never was retired", actor=operator)
    assert states() == {CHAIN_ID: "retired", OTHER: "ok"}
    services.reinstate(CHAIN_ID, reason="it goes on", actor=operator)
    assert states() == {CHAIN_ID: "ok", OTHER: "ok"}
    trail = AuditEntry.objects.order_by("pk").values_list("action", "subject", "actor__username", "details")
    assert list(trail) == [
        ("ledger.chain.retired", str(CHAIN_ID), "operator", {"reason": "the network closes"}),
        ("ledger.chain.reinstated", str(CHAIN_ID), "operator", {"reason": "it goes on"}),
    ]


def test_a_halted_chain_that_is_retired_is_not_halted_any_more() -> None:
    services.halt(CHAIN_ID, IDENTITY, "another genesis")
    services.retire(CHAIN_ID, reason="the network closes")
    chain = Chain.objects.get(pk=CHAIN_ID)
    assert (chain.state, chain.halt_code, chain.halt_reason) == ("retired", "", "")


def test_a_chain_that_is_not_indexed_is_named_with_the_cure() -> None:
    for act in (services.retire, services.reinstate):
        with pytest.raises(
            UnknownChainError,
            match=r"^chain 5 is not indexed: add deployments/5\.json, run `manage\.py indexer",
        ):
            act(5, reason="never was")
    with pytest.raises(UnknownChainError, match=r"^chain 5 is not indexed"):
        services.forget_chain(5)


def test_blocks_are_suspect_once_for_each_reason_and_again_once_that_is_resolved() -> None:
    first = services.suspect(CHAIN_ID, 3, 9, "a gap")
    assert services.suspect(CHAIN_ID, 3, 9, "a gap") == first
    others = [
        services.suspect(OTHER, 3, 9, "a gap"),
        services.suspect(CHAIN_ID, 4, 9, "a gap"),
        services.suspect(CHAIN_ID, 3, 8, "a gap"),
        services.suspect(CHAIN_ID, 3, 9, "a count"),
    ]
    SuspectRange.objects.filter(pk=first.pk).update(resolved_at=timezone.now())
    again = services.suspect(CHAIN_ID, 3, 9, "a gap")
    assert len({each.pk for each in (first, *others, again)}) == SuspectRange.objects.count() == 6
