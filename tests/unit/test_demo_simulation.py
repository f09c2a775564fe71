"""The demo's invented history: the same each time, possible on the chain, and with tastes to learn."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from demo.accounts import account_count, assign
from demo.catalogue import Catalogue, Fate, Language, Mode, load_catalogue
from demo.networks import AWAY, HOME, home_of, parts
from demo.seeding import SLOT_SECONDS, expected_totals
from demo.simulation import HORIZON, Scale, Scenario, simulate
from demo.simulation.events import Cancel, Contribute, Launch, PostUpdate, Refund, TakeBack, View, Withdraw
from demo.simulation.milestones import Course
from demo.simulation.scenario import choose_campaigns
from demo.wallet_accounts import offered_accounts

DAY = 24 * 3600


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def scenario(catalogue: Catalogue) -> Scenario:
    return simulate(catalogue)


def contributions(scenario: Scenario) -> list[Contribute]:
    return [action for action in scenario.actions if isinstance(action, Contribute)]


def test_the_same_seed_gives_the_same_history(catalogue: Catalogue) -> None:
    scale = Scale(campaigns=12, backers=30)
    assert simulate(catalogue, scale, seed=3) == simulate(catalogue, scale, seed=3)
    assert simulate(catalogue, scale, seed=3) != simulate(catalogue, scale, seed=4)


def test_the_demo_is_as_large_as_promised(scenario: Scenario) -> None:
    assert len(scenario.campaigns) == 60
    assert scenario.backers == 400
    assert 5_500 <= len(contributions(scenario)) <= 6_500
    assert 18_000 <= len(scenario.views) <= 22_000
    assert len({action.backer for action in contributions(scenario)}) == 400


def test_a_smaller_scale_keeps_every_fate_and_both_languages(catalogue: Catalogue) -> None:
    chosen = choose_campaigns(catalogue, 10)
    assert {campaign.fate for campaign in chosen} == set(Fate)
    assert {campaign.language for campaign in chosen} == set(Language)
    with pytest.raises(ValueError, match="has 60 campaigns, not 61"):
        choose_campaigns(catalogue, 61)
    with pytest.raises(ValueError, match="at least one campaign and one backer"):
        Scale(campaigns=0)


def test_everything_happens_while_the_contract_allows_it(scenario: Scenario) -> None:
    launches = {action.campaign: action for action in scenario.actions if isinstance(action, Launch)}
    cancelled_at = {action.campaign: action.at for action in scenario.actions if isinstance(action, Cancel)}
    assert len(launches) == len(scenario.campaigns)
    assert all(0 < launch.deadline - launch.at <= 90 * DAY for launch in launches.values())
    for action in scenario.actions:
        assert 0 < action.at < HORIZON
        launch = launches[action.campaign]
        closes = min(launch.deadline, cancelled_at.get(action.campaign, HORIZON))
        # A block stands at the end of its slot.
        on_chain_at = action.at + SLOT_SECONDS
        match action:
            case Contribute():
                assert launch.at < action.at
                assert on_chain_at < closes
            case TakeBack():
                assert on_chain_at < closes - DAY
            case Refund():
                assert action.at >= closes + 3600
            case Withdraw():
                assert action.at >= launch.deadline + 3600
            case PostUpdate():
                assert action.at > launch.at


def test_amounts_pay_for_their_rewards_and_rewards_run_out(scenario: Scenario) -> None:
    sold: Counter[tuple[int, int]] = Counter()
    for action in contributions(scenario):
        assert action.amount > 0
        if action.tier:
            reward = scenario.campaigns[action.campaign].rewards[action.tier - 1]
            assert action.amount >= reward.price
            sold[action.campaign, action.tier] += 1
    for (campaign, tier), count in sold.items():
        supply = scenario.campaigns[campaign].rewards[tier - 1].supply
        assert supply == 0 or count <= supply


def test_each_campaign_ends_as_its_fate_says(scenario: Scenario) -> None:
    home, away = parts(scenario)
    everywhere = {**expected_totals(away), **expected_totals(home)}
    totals_in_order = [everywhere[position] for position in range(len(scenario.campaigns))]
    courses = zip(scenario.campaigns, scenario.courses, totals_in_order, strict=True)
    for campaign, course, totals in courses:
        if campaign.fate is Fate.FAILED:
            assert campaign.mode is Mode.ALL_OR_NOTHING
            assert 0 < totals.raised < campaign.goal
            assert 0 < totals.refunded < totals.raised
        elif campaign.fate is Fate.SUCCEEDED:
            assert totals.raised >= campaign.goal
            assert totals.refunded == 0 or course in {Course.REFUSED, Course.MISSED}
        elif campaign.fate is Fate.CANCELLED:
            assert totals.refunded > 0
        elif campaign.fate is Fate.JUST_LAUNCHED:
            assert totals.raised < campaign.goal / 10


def test_refunds_are_what_was_given(scenario: Scenario) -> None:
    given: Counter[tuple[int, int]] = Counter()
    for action in contributions(scenario):
        given[action.backer, action.campaign] += action.amount
    refunds = [action for action in scenario.actions if isinstance(action, Refund | TakeBack)]
    assert any(isinstance(action, TakeBack) for action in refunds)
    assert len({(refund.backer, refund.campaign) for refund in refunds}) == len(refunds)
    for refund in refunds:
        pledge = given[refund.backer, refund.campaign]
        course = scenario.courses[refund.campaign]
        if course is Course.REFUSED:
            assert 0 < refund.amount <= pledge // 2 + 1
        else:
            assert refund.amount == pledge


def test_milestones_take_every_course(scenario: Scenario) -> None:
    assert {course for course in scenario.courses if course is not None} == set(Course)


def test_milestones_lie_ahead_in_both_modes_and_languages(scenario: Scenario) -> None:
    ahead = [
        campaign
        for campaign, course in zip(scenario.campaigns, scenario.courses, strict=True)
        if course is Course.AHEAD
    ]
    assert {campaign.fate for campaign in ahead} == {Fate.OPEN}
    assert {(campaign.mode, campaign.language) for campaign in ahead} == {
        (Mode.ALL_OR_NOTHING, Language.ENGLISH),
        (Mode.KEEP_WHAT_YOU_RAISE, Language.CHINESE),
    }


def test_people_are_uneven_and_fill_carts(scenario: Scenario) -> None:
    counts = sorted(Counter(action.backer for action in contributions(scenario)).values())
    busiest_tenth = sum(counts[-40:])
    assert counts[0] >= 2
    assert busiest_tenth > 0.18 * sum(counts)
    times: dict[int, list[int]] = defaultdict(list)
    for action in contributions(scenario):
        times[action.backer].append(action.at)
    gaps = [later - earlier for of_one in times.values() for earlier, later in pairwise(of_one)]
    assert sum(gap < 60 for gap in gaps) > 0.5 * len(gaps)


def test_chinese_readers_mostly_but_not_only_back_chinese_stories(scenario: Scenario) -> None:
    languages = [
        scenario.campaigns[action.campaign].language
        for action in contributions(scenario)
        if scenario.readers[action.backer].languages == {Language.CHINESE}
    ]
    assert 0.7 < languages.count(Language.CHINESE) / len(languages) < 0.95


def test_tastes_stand_out_from_popularity(scenario: Scenario) -> None:
    """People back the categories of their interests far more often than all people do together."""
    backed = contributions(scenario)
    of_all = Counter(scenario.campaigns[action.campaign].category.slug for action in backed)
    share_of_own = expected = 0.0
    for action in backed:
        interests = scenario.readers[action.backer].interests
        own = {scenario.campaigns[interest].category.slug for interest in interests}
        share_of_own += scenario.campaigns[action.campaign].category.slug in own
        expected += sum(of_all[slug] for slug in own) / len(backed)
    assert share_of_own > 1.25 * expected


def test_views_precede_contributions_and_linger_on_what_is_backed(scenario: Scenario) -> None:
    first_view: dict[tuple[int, int], View] = {}
    for view in scenario.views:
        assert 0 < view.at < HORIZON
        assert 3 <= view.dwell_seconds <= 720
        first_view.setdefault((view.reader, view.campaign), view)
    backed = {(action.backer, action.campaign) for action in contributions(scenario)}
    assert all(
        first_view[action.backer, action.campaign].at < action.at for action in contributions(scenario)
    )
    dwells: dict[bool, list[int]] = {True: [], False: []}
    for view in scenario.views:
        dwells[(view.reader, view.campaign) in backed].append(view.dwell_seconds)
    assert sum(dwells[True]) / len(dwells[True]) > 1.5 * sum(dwells[False]) / len(dwells[False])


def test_some_visitors_stay_anonymous(scenario: Scenario) -> None:
    anonymous = [view for view in scenario.views if view.reader >= scenario.backers]
    assert len({view.reader for view in anonymous}) > 50
    assert 0 < len(anonymous) < 0.1 * len(scenario.views)


def test_the_demo_wallet_offers_newcomers_and_people_with_a_past(scenario: Scenario) -> None:
    accounts = [f"0x{number:040x}" for number in range(account_count(scenario))]
    cast = assign(scenario, accounts)
    offers = offered_accounts(scenario, cast)
    labels = [offer["label"] for offer in offers]
    assert len({offer["address"] for offer in offers}) == len(offers)
    assert labels[0] == "New backer"
    assert any(label.startswith("中文读者") for label in labels)
    assert any(label.startswith("Creator: ") for label in labels)
    assert "Backer with a refund to claim" in labels
    busy = {cast.backers[action.backer] for action in contributions(scenario)}
    assert not busy & set(cast.newcomers)
    with pytest.raises(ValueError, match="the scenario needs"):
        assign(scenario, accounts[:-1])


def test_each_chain_plays_its_own_part_and_one_campaign_is_on_both(scenario: Scenario) -> None:
    home, away = parts(scenario)
    assert (home.network, away.network) == (HOME, AWAY)
    [twin] = set(home.campaigns) & set(away.campaigns)
    assert set(home.campaigns) | set(away.campaigns) == set(range(len(scenario.campaigns)))
    assert {each.campaign for each in home.actions} == set(home.campaigns)
    assert {each.campaign for each in away.actions} == set(away.campaigns)
    # Everything happens once, and a part of the twin a second time.
    again = [each for each in away.actions if each.campaign == twin]
    assert sorted([*home.actions, *away.actions], key=repr) == sorted([*scenario.actions, *again], key=repr)
    assert [type(each) for each in again[:2]] == [Launch, Contribute]
    of_twin = [each for each in contributions(scenario) if each.campaign == twin]
    assert 0 < len(again) - 1 < len(of_twin) / 2
    for part in (home, away):
        assert [each.at for each in part.actions] == sorted(each.at for each in part.actions)


def test_the_second_chain_has_open_campaigns_in_both_languages_and_money_to_take_back(
    scenario: Scenario,
) -> None:
    _, away = parts(scenario)
    stories = [scenario.campaigns[position] for position in away.campaigns]
    assert {each.language for each in stories if each.fate is Fate.OPEN} == set(Language)
    assert [each.fate for each in stories].count(Fate.FAILED) == 1
    assert len(stories) < len(scenario.campaigns) / 3
    homes = home_of(scenario)
    assert {position for position, network in enumerate(homes) if network is AWAY} < set(away.campaigns)


def test_a_scenario_of_one_campaign_has_a_second_chain_too(catalogue: Catalogue) -> None:
    home, away = parts(simulate(catalogue, Scale(campaigns=1, backers=2)))
    assert len(home.campaigns) + len(away.campaigns) == 1
