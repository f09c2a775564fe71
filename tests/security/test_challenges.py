"""Texts to sign: until when each can be answered, in whose browser, and when a contract's is given again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_project.accounts import challenges, contract_wallets
from django_project.accounts.challenges import Answer, Request
from django_project.accounts.errors import ChallengeError
from django_project.accounts.models import Challenge, Wallet
from django_project.accounts.purposes import Purpose
from tests.factories import CHAIN_ID, World, address, backer_user
from tests.support.browser import sign, wallet

pytestmark = pytest.mark.django_db

KEY, OTHER_KEY = "ab" * 16, "cd" * 16
ALICE = wallet(1)
MOMENT = timedelta(microseconds=1)
ELSEWHERE = 10


@pytest.fixture(autouse=True)
def _world() -> None:
    World()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """When everything happens, until a test says otherwise."""
    now = timezone.now().replace(microsecond=5)
    monkeypatch.setattr(timezone, "now", lambda: now)
    return now


def asked(browser: str = KEY, who: str = ALICE.address, chain_id: int = CHAIN_ID) -> Challenge:
    return challenges.issue(Request(browser, bytes.fromhex(who[2:]), chain_id))


def answer(challenge: Challenge) -> Answer:
    return Answer(challenge.nonce, bytes.fromhex(sign(ALICE, challenge.message)[2:]))


@pytest.mark.parametrize(("late", "is_good"), [(-MOMENT, True), (timedelta(0), False)])
def test_a_text_is_good_until_its_very_end(
    late: timedelta, *, is_good: bool, now: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = asked()
    assert challenge.expires_at == now.replace(microsecond=0) + settings.SIGN_IN_CHALLENGE_LIFETIME
    monkeypatch.setattr(timezone, "now", lambda: challenge.expires_at + late)
    if is_good:
        assert challenges.prove(KEY, answer(challenge), Purpose.SIGN_IN).address == challenge.address
    else:
        with pytest.raises(ChallengeError):
            challenges.prove(KEY, answer(challenge), Purpose.SIGN_IN)


def test_an_answer_spends_its_own_text_alone() -> None:
    first, second, third = asked(), asked(), asked(OTHER_KEY)
    challenges.prove(KEY, answer(second), Purpose.SIGN_IN)
    assert set(Challenge.objects.filter(consumed_at=None)) == {first, third}
    with pytest.raises(ChallengeError):
        challenges.prove(KEY, answer(third), Purpose.SIGN_IN)
    challenges.prove(KEY, answer(first), Purpose.SIGN_IN)


def test_what_a_contract_confirmed_is_proof_of_that_very_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its code accepts is asked elsewhere: here it does."""
    monkeypatch.setattr(contract_wallets, "require_acceptance", lambda *_: None)
    first, second = asked(who=wallet(2).address), asked(who=wallet(3).address)
    proof = challenges.prove(KEY, Answer(second.nonce, b""), Purpose.SIGN_IN)
    assert (proof.address, proof.contract_chain_id) == (second.address, CHAIN_ID)
    assert Challenge.objects.get(consumed_at=None) == first


def test_a_contracts_text_is_given_again_to_the_same_signer_in_the_same_browser(
    now: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(ELSEWHERE)
    monkeypatch.setattr(contract_wallets, "is_contract", lambda *_: True)
    first = asked()
    assert first.expires_at == now.replace(microsecond=0) + settings.SIGN_IN_CONTRACT_CHALLENGE_LIFETIME
    assert asked() == first
    others = [asked(OTHER_KEY), asked(who=wallet(2).address), asked(chain_id=ELSEWHERE)]
    assert len({first, *others}) == 4
    # Not one that ends within half a day: its signers would be late.
    half = now.replace(microsecond=0) + settings.SIGN_IN_CONTRACT_CHALLENGE_LIFETIME / 2
    Challenge.objects.filter(pk=first.pk).update(expires_at=half)
    second = asked()
    assert second != first
    Challenge.objects.filter(pk=second.pk).update(expires_at=half + MOMENT)
    assert asked() == second
    Challenge.objects.filter(pk=first.pk).update(expires_at=half + 2 * MOMENT)
    assert asked() == first


def test_texts_are_forgotten_after_their_end_and_with_their_wallets() -> None:
    alice, bob = backer_user(1), backer_user(2)
    Wallet.objects.create(user=alice, address=address(3))
    texts = [asked(who=f"0x{address(number).hex()}") for number in (1, 2, 3)]
    end = max(each.expires_at for each in texts)
    Challenge.objects.update(expires_at=end)
    assert challenges.forget_old(end) == 0
    challenges.forget_wallets_of(alice)
    assert Challenge.objects.get() == texts[1]
    challenges.forget_wallets_of(alice)
    assert challenges.forget_old(end + MOMENT) == 1
    challenges.forget_wallets_of(bob)
