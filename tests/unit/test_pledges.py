"""The life of a pledge: what may be pledged, what browsers report, and what the ledger makes of it."""

from contextlib import nullcontext
from datetime import timedelta
from itertools import permutations

import pytest
from django.utils import timezone

from django_project.accounts.models import User
from django_project.campaigns.selectors import campaign_detail
from django_project.core.errors import UserError
from django_project.ledger.models import CampaignLaunched, CampaignTotals, Contribution, Cursor
from django_project.ledger.selectors import TokenInfo
from django_project.pledges import services, terms
from django_project.pledges.errors import UnknownCurrencyError
from django_project.pledges.models import PledgeIntent
from tests.factories import CHAIN_ID, ETHER, TOKEN, World, address, backer_user, reference
from tests.support.pledging import ALICE, BOB, fulfil, pledge, state

pytestmark = pytest.mark.django_db
State = PledgeIntent.State


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice() -> User:
    return backer_user(ALICE)


def test_the_whole_way(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    assert state(intent) == State.CREATED
    assert services.reconcile(world.chain.chain_id) == 0
    services.report_submitted(intent, reference(5))
    assert state(intent) == State.SUBMITTED
    row = fulfil(world, campaign, intent, amount=2 * ETHER)
    assert services.reconcile(world.chain.chain_id) == 1
    assert state(intent) == State.CONFIRMED
    assert (intent.tx_hash, intent.block_number, intent.confirmed_amount) == (
        row.tx_hash,
        row.block_number,
        2 * ETHER,
    )
    assert services.reconcile(world.chain.chain_id) == 0
    world.mine(8)
    assert services.reconcile(world.chain.chain_id) == 1
    assert state(intent) == State.FINAL


@pytest.mark.parametrize(
    "before", [State.CREATED, State.ASKED, State.REJECTED, State.SUBMITTED, State.FAILED, State.REORGED]
)
def test_the_chain_overrules_every_report(world: World, alice: User, before: State) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    PledgeIntent.objects.update(state=before)
    fulfil(world, campaign, intent)
    services.reconcile(world.chain.chain_id)
    assert state(intent) == State.CONFIRMED


def test_a_copied_reference_fulfils_nothing(world: World, alice: User) -> None:
    campaign, other = world.campaign(), world.campaign()
    intent = pledge(world, alice, campaign)
    world.contribute(campaign, backer=address(BOB), ref=intent.ref)
    world.contribute(other, backer=address(ALICE), ref=intent.ref)
    world.contribute(campaign, backer=address(ALICE), ref=reference(77))
    world.contribute(campaign, backer=address(ALICE))
    assert services.reconcile(world.chain.chain_id) == 0
    assert state(intent) == State.CREATED


def test_another_chain_fulfils_nothing(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    elsewhere = World(chain_id=11155111)
    twin = elsewhere.campaign()
    CampaignLaunched.objects.filter(pk=twin.pk).update(address=campaign.address)
    elsewhere.contribute(twin, backer=address(ALICE), ref=intent.ref)
    services.reconcile(11155111)
    services.reconcile(world.chain.chain_id)
    assert state(intent) == State.CREATED


def test_the_first_of_two_contributions_fulfils_and_the_second_steps_in(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    first = fulfil(world, campaign, intent)
    second = fulfil(world, campaign, intent, amount=3)
    services.reconcile(world.chain.chain_id)
    assert state(intent) == State.CONFIRMED
    assert intent.block_number == first.block_number
    first.delete()
    services.reconcile(world.chain.chain_id)
    assert state(intent) == State.CONFIRMED
    assert (intent.block_number, intent.confirmed_amount) == (second.block_number, 3)


def test_a_reorganisation_takes_it_back_and_confirms_it_again(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    lost = fulfil(world, campaign, intent)
    services.reconcile(world.chain.chain_id)
    world.take_back(lost)
    assert services.reconcile(world.chain.chain_id) == 1
    assert state(intent) == State.REORGED
    assert (intent.block_number, intent.confirmed_amount) == (None, None)
    again = fulfil(world, campaign, intent)
    services.reconcile(world.chain.chain_id)
    assert state(intent) == State.CONFIRMED
    assert intent.block_number == again.block_number


@pytest.mark.parametrize("moved", [{"block_number": 90}, {"log_index": 4}, {"tx_hash": reference(8)}])
def test_a_contribution_that_another_block_holds_in_its_stead_is_confirmed_anew(
    moved: dict[str, object], world: World, alice: User
) -> None:
    """The index took one back and read the other before anybody reconciled."""
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    row = fulfil(world, campaign, intent, amount=7)
    services.reconcile(CHAIN_ID)
    Contribution.objects.filter(pk=row.pk).update(**moved, amount=6)
    assert services.reconcile(CHAIN_ID) == 2
    assert state(intent) == State.CONFIRMED
    place = Contribution.objects.values("block_number", "log_index", "tx_hash").get()
    assert {name: getattr(intent, name) for name in place} == place
    assert intent.confirmed_amount == 6


def test_a_strangers_event_in_the_very_place_does_not_keep_it_confirmed(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    row = fulfil(world, campaign, intent)
    services.reconcile(world.chain.chain_id)
    Contribution.objects.filter(pk=row.pk).update(backer=address(BOB))
    services.reconcile(world.chain.chain_id)
    assert state(intent) == State.REORGED


def test_late_reports_change_nothing_that_the_chain_decided(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent = pledge(world, alice, campaign)
    fulfil(world, campaign, intent)
    services.reconcile(world.chain.chain_id)
    services.report_submitted(intent, reference(5))
    services.report_rejected(intent)
    assert state(intent) == State.CONFIRMED


OPENED, SUBMITTED, REJECTED = "opened", "submitted", "rejected"


def report(intent: PledgeIntent, *reports: str) -> str:
    """The state of a pledge after these reports of it."""
    for each in reports:
        match each:
            case "opened":
                services.report_opened(intent)
            case "submitted":
                services.report_submitted(intent, reference(5))
            case _:
                services.report_rejected(intent)
    return state(intent)


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ((OPENED,), State.ASKED),
        ((OPENED, OPENED), State.ASKED),
        ((OPENED, REJECTED), State.REJECTED),
        ((REJECTED, REJECTED), State.REJECTED),
        # Asked anew, or late: either way nobody knows.
        ((OPENED, REJECTED, OPENED), State.ASKED),
        *((each, State.SUBMITTED) for each in permutations((OPENED, SUBMITTED, REJECTED))),
        ((SUBMITTED, SUBMITTED, OPENED, REJECTED), State.SUBMITTED),
    ],
)
def test_reports_come_in_any_order_and_again(
    reports: tuple[str, ...], expected: str, world: World, alice: User
) -> None:
    assert report(pledge(world, alice, world.campaign()), *reports) == expected


def test_a_replacement_is_reported_as_well(world: World, alice: User) -> None:
    intent = pledge(world, alice, world.campaign())
    PledgeIntent.objects.update(reported_nonce=7, missing_since=timezone.now(), outrun_since=timezone.now())
    services.report_submitted(intent, reference(6))
    intent.refresh_from_db()
    assert intent.reported_tx_hash == reference(6)
    assert (intent.reported_nonce, intent.missing_since, intent.outrun_since) == (None, None, None)


def test_a_hash_that_failed_is_no_news_and_another_one_is(world: World, alice: User) -> None:
    intent = pledge(world, alice, world.campaign())
    services.report_submitted(intent, reference(5))
    intent.refresh_from_db()
    services.give_up(intent, PledgeIntent.Failure.DROPPED)
    assert report(intent, SUBMITTED, OPENED, REJECTED) == State.FAILED
    services.report_submitted(intent, reference(6))
    assert (state(intent), intent.failure) == (State.SUBMITTED, "")


@pytest.mark.parametrize(
    ("before", "is_refused"),
    [
        *((each, True) for each in (State.CREATED, State.ASKED, State.SUBMITTED, State.REORGED)),
        *((each, False) for each in (State.REJECTED, State.FAILED, State.CONFIRMED, State.FINAL)),
    ],
)
def test_a_second_pledge_needs_a_backer_who_knows_of_the_first(
    before: str, *, is_refused: bool, world: World, alice: User
) -> None:
    campaign, other = world.campaign(), world.campaign()
    pledge(world, alice, campaign)
    PledgeIntent.objects.update(state=before)

    def again(to: CampaignLaunched = campaign, *, is_further: bool = False) -> PledgeIntent:
        listing = world.listing(to)
        return services.create_intent(alice, listing, ETHER, 0, address(ALICE), is_further=is_further)

    if is_refused:
        with pytest.raises(UserError) as refusal:
            again()
        assert (refusal.value.code, refusal.value.status) == ("pledge_under_way", 409)
        again(is_further=True)
    else:
        again()
    again(other)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"backer": address(BOB)}, "wrong_account"),
        ({"amount": 0}, "invalid_amount"),
        ({"amount": -1}, "invalid_amount"),
        ({"amount": 2**256}, "invalid_amount"),
        ({"amount": 9}, "invalid_amount"),
        ({"tier_id": 3}, "invalid_reward"),
        ({"tier_id": 1, "amount": ETHER - 1}, "invalid_amount"),
        ({"tier_id": 2, "amount": ETHER}, "invalid_reward"),
    ],
)
def test_what_the_contract_would_refuse(
    world: World, alice: User, change: dict[str, object], expected: str
) -> None:
    campaign = world.campaign(min_contribution=10, tiers=[(ETHER, 0), (5, 1)])
    world.contribute(campaign, backer=address(7), tier_id=2)
    arguments: dict[str, object] = {"amount": ETHER, "tier_id": 0, "backer": address(ALICE), **change}
    with pytest.raises(UserError) as refusal:
        services.create_intent(alice, world.listing(campaign), **arguments)  # type: ignore[arg-type]
    assert refusal.value.code == expected


def test_no_more_is_taken_than_is_left_to_the_cap(world: World, alice: User) -> None:
    campaign = world.campaign(goal=ETHER, cap=2 * ETHER, tiers=[(ETHER, 0)])
    world.contribute(campaign, backer=address(7), amount=ETHER + 1)
    for amount, tier_id in ((ETHER, 1), (ETHER, 0)):
        with pytest.raises(UserError, match=r"takes at most 0\.9{18} ETH more"):
            services.create_intent(alice, world.listing(campaign), amount, tier_id, address(ALICE))
    with pytest.raises(UserError, match="asks for at least 1 ETH"):
        services.create_intent(alice, world.listing(campaign), ETHER - 1, 1, address(ALICE))
    pledge(world, alice, campaign, amount=ETHER - 1)
    world.contribute(campaign, backer=address(7), amount=ETHER - 1)
    with pytest.raises(UserError, match="does not take contributions"):
        pledge(world, alice, campaign)


def test_closed_paused_and_own_campaigns(world: World, alice: User) -> None:
    ended = world.campaign(started=timezone.now() - timedelta(days=40))
    cancelled, paused = world.campaign(), world.campaign()
    own = world.campaign(creator=address(ALICE))
    world.cancel(cancelled)
    CampaignTotals.objects.filter(campaign=paused).update(paused=True)
    codes = []
    for campaign in (ended, cancelled, paused, own):
        with pytest.raises(UserError) as refusal:
            pledge(world, alice, campaign)
        codes.append(refusal.value.code)
    assert codes == ["campaign_closed", "campaign_closed", "campaign_paused", "own_campaign"]


def test_references_are_never_repeated_or_zero(world: World, alice: User) -> None:
    campaign = world.campaign()
    refs = {pledge(world, alice, campaign).ref for _ in range(3)}
    assert len(refs) == 3
    assert bytes(32) not in refs


@pytest.mark.parametrize(
    ("amount", "tier_id", "problem"),
    [
        (9, 0, "smallest contribution to this campaign is"),
        (10, 0, ""),
        (29, 1, "asks for at least"),
        (30, 1, ""),
        (0, 0, "above zero"),
        (2**256, 0, "larger than the network can hold"),
    ],
)
def test_terms_hold_to_the_unit(amount: int, tier_id: int, problem: str, world: World) -> None:
    campaign = world.campaign(min_contribution=10, tiers=[(30, 0)])
    detail = campaign_detail(world.listing(campaign).slug)
    reward = terms.chosen_reward(detail, tier_id)
    assert (reward is None) == (tier_id == 0)
    with pytest.raises(UserError, match=problem) if problem else nullcontext():
        terms.require_acceptable(detail, amount, reward)


@pytest.mark.parametrize(("amount", "is_taken"), [(1, True), (2**256 - 1, True), (2**256, False)])
def test_without_terms_any_amount_that_a_contract_can_hold_is_taken(
    amount: int, *, is_taken: bool, world: World
) -> None:
    detail = campaign_detail(world.listing(world.campaign()).slug)
    with nullcontext() if is_taken else pytest.raises(UserError):
        terms.require_acceptable(detail, amount, None)


def test_what_nodes_found_is_kept_of_that_pledge_alone(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent, other = pledge(world, alice, campaign), pledge(world, alice, campaign)
    before = PledgeIntent.objects.filter(pk=other.pk).values().get()
    services.report_submitted(intent, reference(5))
    intent.refresh_from_db()
    now = timezone.now()
    missing, outrun = now - timedelta(minutes=2), now - timedelta(minutes=1)
    intent.is_by_contract, intent.reported_nonce = True, 7
    intent.missing_since, intent.outrun_since = missing, outrun
    services.record_findings(intent, now)
    intent.refresh_from_db()
    assert (intent.looked_at, intent.is_by_contract, intent.reported_nonce) == (now, True, 7)
    assert (intent.missing_since, intent.outrun_since) == (missing, outrun)
    assert PledgeIntent.objects.filter(pk=other.pk).values().get() == before


def test_another_transaction_begins_with_nothing_found(world: World, alice: User) -> None:
    intent = pledge(world, alice, world.campaign())
    services.report_submitted(intent, reference(5))
    stale = PledgeIntent.objects.get()
    stale.reported_nonce, stale.missing_since = 7, timezone.now()
    stale.outrun_since = stale.missing_since
    services.record_findings(stale, timezone.now())
    # The same once more is no news.
    services.report_submitted(intent, reference(5))
    assert PledgeIntent.objects.get().reported_nonce == 7
    services.report_submitted(intent, reference(6))
    row = PledgeIntent.objects.get()
    assert (row.reported_nonce, row.missing_since, row.outrun_since) == (None, None, None)
    # What was found of the former one comes too late; that somebody looked is true all the same.
    later = timezone.now()
    services.record_findings(stale, later)
    row.refresh_from_db()
    assert (row.reported_nonce, row.missing_since, row.looked_at) == (None, None, later)


def test_giving_up_is_about_one_pledge_and_one_transaction(world: World, alice: User) -> None:
    campaign = world.campaign()
    intent, paid, other = (pledge(world, alice, campaign) for _ in range(3))
    services.report_submitted(intent, reference(5))
    intent.refresh_from_db()
    # Another of the account's pledges is in the ledger, which says nothing of this one.
    fulfil(world, campaign, paid)
    assert services.give_up(intent, PledgeIntent.Failure.DROPPED).state == State.FAILED
    assert PledgeIntent.objects.get(pk=intent.pk).failure == PledgeIntent.Failure.DROPPED
    assert services.give_up(paid, PledgeIntent.Failure.DROPPED).state == State.CREATED
    assert state(other) == State.CREATED
    stale = PledgeIntent.objects.get(pk=other.pk)
    services.report_submitted(other, reference(6))
    assert services.give_up(stale, PledgeIntent.Failure.EXPIRED).state == State.SUBMITTED


def test_all_that_changed_is_counted_and_dated(world: World, alice: User) -> None:
    """One is taken back, one confirmed, two become final."""
    campaign = world.campaign()
    lost, new, *old = (pledge(world, alice, campaign) for _ in range(4))
    for each in old:
        fulfil(world, campaign, each)
    gone = fulfil(world, campaign, lost)
    assert services.reconcile(world.chain.chain_id) == 3
    world.mine(20)
    Cursor.objects.update(finalized_block=gone.block_number - 1)
    world.take_back(gone)
    fulfil(world, campaign, new)
    long_ago = timezone.now() - timedelta(days=1)
    PledgeIntent.objects.update(updated_at=long_ago)
    assert services.reconcile(world.chain.chain_id) == 4
    assert [state(each) for each in (lost, new, *old)] == [State.REORGED, State.CONFIRMED, *[State.FINAL] * 2]
    assert all(each.updated_at > long_ago for each in PledgeIntent.objects.all())
    lost.refresh_from_db()
    assert (lost.block_number, lost.log_index, lost.confirmed_amount) == (None, None, None)


def test_no_amount_is_read_in_a_currency_that_nobody_knows(world: World) -> None:
    token = world.add_unknown_token(address(77))
    known, unknown = world.campaign(token=TOKEN), world.campaign(token=token.address)
    told, untold = (campaign_detail(world.listing(each).slug).card for each in (known, unknown))
    assert terms.currency_of(told) == TokenInfo("TUSD", 6)
    with pytest.raises(UnknownCurrencyError):
        terms.currency_of(untold)
