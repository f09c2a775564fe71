"""What a campaign that takes no contributions says of it, for each reason that there is."""

from types import SimpleNamespace
from typing import cast, get_args

import pytest

from django_project.campaigns import closing_words, refund_words
from django_project.campaigns.selectors import CampaignDetail, RefundTerms
from django_project.campaigns.selectors.listings import Closing


def closed(closed_by: str, cancel_reason: str = "") -> str:
    campaign = SimpleNamespace(
        card=SimpleNamespace(closed_by=closed_by, network="Sepolia"),
        refund_terms=cast("RefundTerms", "terms"),
        cancel_reason=cancel_reason,
    )
    return closing_words.why_closed(cast("CampaignDetail", campaign))


@pytest.fixture(autouse=True)
def _outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words about refunds have tests of their own."""
    monkeypatch.setattr(refund_words, "outcome", lambda terms: f"Outcome of {terms}.")


def test_each_reason_has_its_sentence() -> None:
    assert {reason: closed(reason) for reason in get_args(Closing)} == {
        "": "",
        "ended": "Outcome of terms.",
        "retired": (
            "We no longer follow the network Sepolia: amounts are as we last saw them, and nothing can be "
            "contributed here. What the contract owes you can still be claimed with your wallet."
        ),
        "unknown-currency": (
            "The currency of this campaign is not known here, so nothing can be contributed."
        ),
        "paused": (
            "Contributions are paused. What was given stays in the contract, and the deadline is unchanged."
        ),
        "full": "This campaign has reached its limit.",
    }


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("Kiln broke", "Kiln broke"),
        # What is written from the right is held apart, so that it turns nothing around it.
        (
            "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER BET}",
            "\N{FIRST STRONG ISOLATE}\N{HEBREW LETTER SHIN}\N{HEBREW LETTER BET}\N{POP DIRECTIONAL ISOLATE}",
        ),
    ],
)
def test_a_cancellation_gives_its_reason(reason: str, shown: str) -> None:
    assert closed("ended", reason) == f"Outcome of terms. Reason given: {shown}"


@pytest.mark.parametrize("reason", [each for each in get_args(Closing) if each != "ended"])
def test_only_what_has_ended_was_cancelled(reason: str) -> None:
    assert closed(reason, "Kiln broke") == closed(reason)
