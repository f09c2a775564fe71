"""What amounts come to in ordinary money, where an operator keeps rates."""

import datetime as dt
import html
import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.test import Client, override_settings

from django_project.core.addresses import ZERO_ADDRESS, format_address
from django_project.core.money import UINT256_MAX
from django_project.web.fiat import approximation, current_rates, parse_rates
from tests.factories import CHAIN_ID, ETHER, TOKEN
from tests.web.conftest import Shop

NATIVE, TUSD = f"{CHAIN_ID}:native", f"{CHAIN_ID}:{format_address(TOKEN)}"


def written(path: Path, **changes: object) -> Path:
    rates = {NATIVE: "2950.12", TUSD: "0.999"}
    path.write_text(json.dumps({"currency": "USD", "date": "2026-11-26", "rates": rates} | changes))
    return path


@pytest.mark.parametrize(
    ("token", "amount", "decimals", "value"),
    [
        (ZERO_ADDRESS, ETHER, 18, "2,950"),
        (ZERO_ADDRESS, ETHER // 100, 18, "29.50"),
        (ZERO_ADDRESS, 1, 18, "< 0.01"),
        (ZERO_ADDRESS, 0, 18, "0.00"),
        (TOKEN, 5_005, 6, "< 0.01"),
        (ZERO_ADDRESS, 10**9 * ETHER + 1, 18, "2,950,120,000,000"),
        (TOKEN, 5_006, 6, "0.01"),
        (TOKEN, 100_050_000, 6, "99.95"),
        (TOKEN, UINT256_MAX, 0, f"{UINT256_MAX * 999 // 1000:,}"),
    ],
    ids=[
        "one",
        "small",
        "dust",
        "nothing",
        "below-half-a-cent",
        "a-billion",
        "half-a-cent",
        "below-100",
        "most",
    ],
)
def test_an_amount_is_worth_its_rate(
    token: bytes, amount: int, decimals: int, value: str, tmp_path: Path
) -> None:
    with override_settings(FIAT_RATES_FILE=written(tmp_path / "rates.json")):
        found = approximation(CHAIN_ID, token, amount, decimals)
        assert approximation(CHAIN_ID + 1, token, amount, decimals) is None
    assert found is not None
    assert (found.value, found.currency, found.date) == (value, "USD", dt.date(2026, 11, 26))


def test_pages_show_it_with_its_date_and_the_exact_amount_beside_it(shop: Shop, tmp_path: Path) -> None:
    page = f"/campaigns/{shop.honey.slug}/"
    with override_settings(FIAT_RATES_FILE=written(tmp_path / "rates.json")):
        text = Client().get(page).content.decode()
        chinese = Client().get(page, headers={"Accept-Language": "zh-hans"}).content.decode()
        review = Client().get(f"{page}pledge/review/?amount=0.5").content.decode()
    assert "Raised: about 17,701 USD (rate of 26 Nov 2026)" in text
    assert "6.000000000000000021" in text
    assert "17,701 USD" in chinese
    assert "2026年11月26日" in chinese
    assert "about 1,475 USD" in review
    assert "USD, at the rate" not in Client().get(page).content.decode()


def test_less_than_a_cent_is_not_called_nothing(shop: Shop, tmp_path: Path) -> None:
    page = f"/campaigns/{shop.honey.slug}/pledge/review/?amount=0.01"
    rates = written(tmp_path / "rates.json", rates={NATIVE: "0.1"})
    with override_settings(FIAT_RATES_FILE=rates):
        text = html.unescape(Client().get(page).content.decode())
        chinese = html.unescape(Client().get(page, headers={"Accept-Language": "zh-hans"}).content.decode())
    assert "< 0.01 USD (rate of 26 Nov 2026)" in text
    assert "about <" not in text
    assert "0.00 USD" not in text
    assert "< 0.01 USD（按 2026年11月26日汇率）" in chinese


def test_a_new_file_is_read_and_a_broken_one_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rates.json"
    with override_settings(FIAT_RATES_FILE=path):
        assert current_rates() is None
        written(path)
        first = current_rates()
        written(path, currency="EUR", date="2026-11-27")
        second = current_rates()
        path.write_text("{")
        assert [current_rates() for _ in range(3)] == [None] * 3
    assert first is not None
    assert second is not None
    assert (first.currency, second.currency) == ("USD", "EUR")
    assert first.values[CHAIN_ID, ZERO_ADDRESS] == Decimal("2950.12")
    assert sum("rates.json cannot be used: write {" in line for line in caplog.messages) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"currency": "dollars"}, "three capitals"),
        ({"date": "26.11.2026"}, "no date"),
        ({"date": 5}, "no date"),
        ({"rates": []}, "write {"),
        ({"rates": {"ETH": "5"}}, "names no token"),
        ({"rates": {"1:0x12": "5"}}, "names no token"),
        ({"rates": {"1:native": 5.1}}, "digits in quotes"),
        ({"rates": {"1:native": "-5"}}, "digits in quotes"),
        ({"rates": {"1:native": "NaN"}}, "digits in quotes"),
        ({"rates": {"1:native": "1e9"}}, "digits in quotes"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(changes: dict[str, object], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_rates(written(tmp_path / "rates.json", **changes).read_text())
