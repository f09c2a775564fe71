"""Taking blocks back: to the block, of one chain, with the totals of just the campaigns that it touched."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from django_project.core.addresses import format_address
from django_project.ledger import models, services
from django_project.ledger.errors import RollbackRefusedError
from django_project.ledger.models import CampaignLaunched, CampaignTotals, Contract, RawLog, Token
from tests.factories import CHAIN_ID, World, address, reference

pytestmark = pytest.mark.django_db

OTHER = CHAIN_ID + 1
KEPT, LOST = bytes.fromhex("6e" * 20), bytes.fromhex("60" * 20)


def log(world: World, block: int, emitter: bytes) -> None:
    RawLog.objects.create(
        chain=world.chain,
        block_number=block,
        log_index=0,
        block_hash=reference(block),
        tx_hash=reference(block),
        address=emitter,
        topics=b"",
        data=b"",
    )


class History:
    """Two campaigns up to a block, the first of which goes on above it, where a third is launched."""

    def __init__(self, chain_id: int) -> None:
        world = self.world = World(chain_id)
        self.touched, self.quiet = world.campaign(), world.campaign()
        world.contribute(self.touched, backer=address(1), amount=7)
        world.contribute(self.quiet, backer=address(1), amount=5)
        self.block = world.block
        world.contribute(self.touched, backer=address(2), amount=11)
        self.gone = world.campaign()
        world.contribute(self.gone, backer=address(1), amount=13)
        for block, emitter in (
            (self.block, self.quiet.address),
            (self.block + 1, self.touched.address),
            (self.block + 3, self.gone.address),
        ):
            log(world, block, emitter)
        for block in (self.block, self.block + 1):
            models.Block.objects.create(
                chain=world.chain,
                number=block,
                hash=reference(block),
                parent_hash=reference(block - 1),
                timestamp=timezone.now(),
            )
        chain = world.chain
        for number, created in enumerate((None, self.block, self.block + 1)):
            kind, at = Contract.Kind.CAMPAIGN, bytes([number]) * 20
            Contract.objects.create(chain=chain, address=at, kind=kind, start_block=9, created_block=created)
        for at, read in ((KEPT, self.block), (LOST, self.block + 1)):
            world.add_token(at, "SYM", 6)
            Token.objects.filter(chain=chain, address=at).update(read_block=read)
        self.solved = timezone.now() - timedelta(days=1)
        for first, solved in ((self.block, None), (self.block + 1, None), (self.block + 2, self.solved)):
            models.SuspectRange.objects.create(
                chain=chain, from_block=first, to_block=first + 9, reason="a gap", resolved_at=solved
            )
        # Wrong, so that what is computed again is told from what is not.
        CampaignTotals.objects.filter(campaign__chain=chain).update(raised=999)
        world.cursor.head_hash = reference(900)
        world.cursor.finalized_block = self.block + 1
        world.cursor.save()

    def raised(self) -> dict[int, int]:
        rows = CampaignTotals.objects.filter(campaign__chain=self.world.chain)
        return {pk: int(raised) for pk, raised in rows.values_list("campaign_id", "raised")}

    def rows(self) -> dict[str, list[dict[str, object]]]:
        """All that is kept of the chain."""
        chain = self.world.chain.pk
        found: dict[str, list[dict[str, object]]] = {}
        for model in apps.get_app_config("ledger").get_models():
            path = "campaign__chain_id" if model is CampaignTotals else "chain_id"
            rows = model._default_manager.filter(**{path: chain}).order_by("pk").values()
            found[model.__name__] = [dict(row) for row in rows]
        return found


@pytest.fixture
def history() -> History:
    return History(CHAIN_ID)


@pytest.fixture
def other() -> History:
    """The same blocks of another chain, with the same addresses."""
    return History(OTHER)


def test_what_is_above_a_block_goes_and_nothing_else(history: History, other: History) -> None:
    untouched, head = other.rows(), history.world.block
    told = services.roll_back(history.world.cursor, history.block, reference(901))
    addresses = sorted(format_address(each.address) for each in (history.touched, history.gone))
    assert (told.depth, told.logs_removed, told.campaigns) == (head - history.block, 2, addresses)
    assert history.raised() == {history.touched.pk: 7, history.quiet.pk: 999}
    chain = history.world.chain
    launched = CampaignLaunched.objects.filter(chain=chain)
    assert set(launched.values_list("pk", flat=True)) == {history.touched.pk, history.quiet.pk}
    assert list(RawLog.objects.filter(chain=chain).values_list("block_number", flat=True)) == [history.block]
    assert list(models.Block.objects.filter(chain=chain).values_list("number", flat=True)) == [history.block]
    campaigns = Contract.objects.filter(chain=chain, kind=Contract.Kind.CAMPAIGN).order_by("address")
    assert list(campaigns.values_list("created_block", flat=True)) == [None, history.block]
    read = dict(Token.objects.filter(chain=chain).values_list("address", "read_block"))
    assert (read[KEPT], read[LOST]) == (history.block, None)
    open_ones = models.SuspectRange.objects.filter(chain=chain).order_by("from_block")
    still, resolved, before = open_ones.values_list("resolved_at", flat=True)
    assert still is None
    assert resolved is not None
    assert timezone.now() - timedelta(minutes=1) < resolved <= timezone.now()
    assert before == history.solved
    cursor = models.Cursor.objects.get(chain=chain)
    assert (cursor.next_block, cursor.head_hash) == (history.block + 1, reference(901))
    assert cursor.finalized_block == history.block
    assert other.rows() == untouched


def test_what_is_final_stays_final_and_the_head_may_be_rolled_back_to(history: History) -> None:
    cursor, head = history.world.cursor, history.world.block
    refusal = f"block {head + 1} is above the index, which ends at {head}"
    with pytest.raises(RollbackRefusedError, match=refusal):
        services.roll_back(cursor, head + 1, reference(902))
    assert services.roll_back(cursor, head, reference(902)).depth == 0
    cursor.refresh_from_db()
    assert (cursor.next_block, cursor.finalized_block) == (head + 1, history.block + 1)


@pytest.mark.parametrize("known", [True, False])
def test_a_reorganisation_is_recorded_and_told(history: History, other: History, *, known: bool) -> None:
    cursor, head = history.world.cursor, history.world.block
    if not known:
        cursor.head_hash = None
    event = services.record_reorg(cursor, history.block, reference(903))
    assert (event.chain_id, event.ancestor_block, event.depth) == (
        CHAIN_ID,
        history.block,
        head - history.block,
    )
    assert (event.logs_removed, event.old_head_hash) == (2, reference(900) if known else bytes(32))
    addresses = sorted(format_address(each.address) for each in (history.touched, history.gone))
    payload = {"ancestor_block": history.block, "campaigns": addresses}
    told = models.Outbox.objects.values_list("chain_id", "topic", "payload")
    assert list(told) == [(CHAIN_ID, "chain_reorganised", payload)]
    assert other.raised().keys() == {other.touched.pk, other.quiet.pk, other.gone.pk}


def test_one_chain_is_forgotten_and_the_other_is_not(history: History, other: History) -> None:
    for each in (history, other):
        chain = each.world.chain
        models.Outbox.objects.create(chain=chain, topic="money")
        models.RpcEndpoint.objects.create(chain=chain, name="near", url="http://node.example")
        models.FetchedRange.objects.create(chain=chain, from_block=1, to_block=2)
        models.ReorgEvent.objects.create(
            chain=chain, ancestor_block=1, depth=1, old_head_hash=bytes(32), logs_removed=0
        )
        services.halt(chain.pk, models.Chain.Halt.DEEP_REORG, "it changed")
    untouched = history.rows()
    assert services.forget_chain(OTHER) == 3
    assert {name for name, rows in other.rows().items() if rows} == {"Chain"}
    chain = models.Chain.objects.get(pk=OTHER)
    assert (chain.genesis_hash, chain.state, chain.halt_code, chain.halt_reason) == (None, "ok", "", "")
    assert history.rows() == untouched
