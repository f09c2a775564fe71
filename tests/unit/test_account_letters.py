"""What the letters about an account itself say of each thing that can happen to it."""

from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from django_project.accounts.acts import Act
from django_project.accounts.models import User
from django_project.notifications.account_notices import words
from django_project.notifications.models import AccountNotice

WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
DUE = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
KEPT = "Your ChainFund account is kept. Its deletion was called off."


def told(act: str, due: datetime | None = DUE) -> str:
    return words(AccountNotice(user=User(deletion_due_at=due), act=act, subject=WALLET))


def test_each_act_has_its_sentence() -> None:
    assert {act: told(act) for act in Act} == {
        Act.WALLET_ADDED: (
            f"The wallet {WALLET} was added to your ChainFund account. It can open and change the account."
        ),
        Act.WALLET_REMOVED: (
            f"The wallet {WALLET} was removed from your ChainFund account. It can no longer open it."
        ),
        Act.EMAIL_CHANGED: (
            "The email address of your ChainFund account was changed. You get no more email here."
        ),
        Act.DATA_EXPORTED: "The data of your ChainFund account was exported.",
        Act.DELETION_ASKED: (
            "The deletion of your ChainFund account was asked for. It is going to be deleted on "
            "2026-03-04 05:06 UTC."
        ),
        Act.DELETION_CALLED_OFF: KEPT,
    }


@pytest.mark.parametrize("act", Act)
def test_only_the_letter_of_a_deletion_depends_on_whether_it_is_still_under_way(act: Act) -> None:
    assert (told(act) == told(act, None)) is (act != Act.DELETION_ASKED)
    assert told(Act.DELETION_ASKED, None) == KEPT


def test_a_letter_speaks_its_reader_s_language() -> None:
    with override("zh-hans"):
        assert WALLET in told(Act.WALLET_ADDED)
        assert "ChainFund account" not in told(Act.WALLET_ADDED)
