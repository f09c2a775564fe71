"""What a model may know of people: what they agreed to, no names, nothing of who asked to be forgotten."""

import polars as pl
import pytest
from django.utils import timezone

from django_project.core.models import AuditEntry
from django_project.discovery.models import AudienceMember, BehaviourEvent, Erasure, Ranking
from django_project.discovery.selectors import recommended_for
from django_project.discovery.services import erasure_hash, withdraw_consent
from django_project.notifications.models import Mailbox
from django_project.privacy import services as privacy
from recommender.registry.runs import load_model, load_vocabularies, open_run
from tasks.recommending import steps, versions
from tests.factories import World, address, backer_user
from tests.tastes import (
    BACKERS,
    backers_with_tastes,
    campaigns_of_two_tastes,
    command,
    key_of,
    refresh,
    view,
    visitor,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("recommender_directory")]

GONE = 3


def strings_in(snapshot: str) -> str:
    """All that a snapshot's files say, in one text."""
    folder = versions.root() / "snapshots" / snapshot
    cells = [frame.write_csv() for frame in map(pl.read_parquet, sorted(folder.glob("*.parquet")))]
    assert len(cells) >= 3
    return "\n".join([*cells, (folder / "manifest.json").read_text()])


def test_no_snapshot_holds_a_name_an_address_or_an_ip(world: World) -> None:
    campaigns = campaigns_of_two_tastes(world, 2)
    user = backer_user(1, display_name="Zoë Planted")
    Mailbox.objects.create(user=user, address="zoe@planted.example")
    browser = visitor()
    browser.user = user
    browser.save()
    world.contribute(campaigns[0], backer=address(1))
    view(campaigns[0], browser, address(1))
    view(campaigns[1], visitor())
    BehaviourEvent.objects.create(
        visitor=browser,
        client_event_id="00000000-0000-4000-8000-000000000001",
        kind="impression",
        chain_id=campaigns[0].chain_id,
        campaign_address=campaigns[0].address,
        occurred_at=timezone.now(),
    )
    world.mine(20)
    told = strings_in(steps.take_snapshot())
    assert key_of(1) in told
    for secret in ("Zoë", "zoe@planted.example", "@", "127.0.0.1", user.username, str(user.public_id)):
        assert secret not in told, secret


class TestErasure:
    @pytest.fixture
    def live(self, world: World) -> str:
        """A model that knows everybody, live."""
        self.campaigns = campaigns_of_two_tastes(world)
        backers_with_tastes(world, self.campaigns)
        self.user = backer_user(GONE)
        self.browser = visitor()
        self.browser.user = self.user
        self.browser.save()
        view(self.campaigns[0], self.browser)
        return str(refresh()["live"])

    def test_the_next_model_does_not_know_them_even_when_it_begins_from_one_that_did(
        self, live: str, world: World
    ) -> None:
        before = open_run(versions.root() / live)
        known = load_vocabularies(before)["users"].names
        theirs = load_model(before).state_dict()["user_id.weight"][known.index(key_of(GONE))]
        assert f"visitor:{self.browser.public_id}" in known

        privacy.forget(self.user)
        assert not Ranking.objects.filter(user_key=key_of(GONE)).exists()
        assert not AudienceMember.objects.filter(user_key=key_of(GONE)).exists()
        hashes = set(Erasure.objects.values_list("user_hash", flat=True))
        assert hashes == {erasure_hash(key_of(GONE)), erasure_hash(f"visitor:{self.browser.public_id}")}
        assert not AuditEntry.objects.filter(subject__icontains=key_of(GONE)).exists()
        # Until then they are shown what anybody is.
        assert recommended_for(key_of(GONE), 3)

        decision = steps.decide([live])
        assert f"{live}: it knows 2 who asked to be forgotten, so it is refused." in decision.sentence
        assert not decision.placements

        result = refresh("--if-new", "--warm")
        told = strings_in(result["snapshot"])
        assert key_of(GONE) not in told
        assert str(self.browser.public_id) not in told
        assert key_of(GONE + 1) in told
        now = open_run(versions.root() / result["live"])
        assert (now.manifest.warm_from, now.id != live) == (live, True)
        users = load_vocabularies(now)["users"].names
        assert set(known) - set(users) == {key_of(GONE), f"visitor:{self.browser.public_id}"}
        rows = load_model(now).state_dict()["user_id.weight"]
        assert not (rows == theirs).all(-1).any()
        assert any("it knows all users and campaigns that" in sentence for sentence in result["sentences"])
        assert Ranking.objects.filter(version__run_id=now.id, user_key=key_of(GONE + 1)).exists()
        assert not Ranking.objects.filter(version__run_id=now.id, user_key=key_of(GONE)).exists()

    def test_a_creator_who_asks_is_no_longer_named_beside_their_campaigns(self, world: World) -> None:
        campaign = world.campaign(creator=address(900))
        world.listing(campaign)
        world.mine(20)
        assert key_of(900) in strings_in(steps.take_snapshot())
        command("erase", key_of(900))
        assert key_of(900) not in strings_in(steps.take_snapshot())


def test_who_takes_consent_back_need_not_be_known_any_more(world: World) -> None:
    campaigns = campaigns_of_two_tastes(world)
    backers_with_tastes(world, campaigns)
    browser = visitor()
    view(campaigns[0], browser)
    first = refresh()["live"]
    withdraw_consent(browser.public_id)
    second = refresh("--if-new")
    assert second["live"] != first
    assert str(browser.public_id) not in strings_in(second["snapshot"])
    known = load_vocabularies(open_run(versions.root() / second["live"]))["users"].names
    assert {name for name in known if name} == {key_of(number) for number in range(BACKERS)}
