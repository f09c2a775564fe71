"""How money, time and addresses are written."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from django.utils.translation import override

from django_project.ledger.selectors import TokenInfo
from django_project.web import durations
from django_project.web.templatetags import site_text


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (0, 18, "0 ETH"),
        (1, 18, "0.000000000000000001 ETH"),
        (1_234_567_890_000, 6, "1,234,567.89 ETH"),
        (2**256 - 1, 0, f"{2**256 - 1:,} ETH"),
    ],
)
def test_money_is_exact(amount: int, decimals: int, text: str) -> None:
    assert f"{TokenInfo('ETH', decimals).text(amount)} ETH" == text


def test_a_hash_breaks_into_pieces_of_a_length() -> None:
    whole = "0x" + "ab" * 32
    pieces = str(site_text.in_pieces(whole)).split("<wbr>")
    assert "".join(pieces) == whole
    assert {len(piece) for piece in pieces} == {11}
    assert site_text.in_pieces("<b>") == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("left", "english", "chinese"),
    [
        (timedelta(days=12, hours=3), "12 days left", "剩余 12 天"),
        (timedelta(hours=47), "47 hours left", "剩余 47 小时"),
        (timedelta(minutes=100), "100 minutes left", "剩余 100 分钟"),
        (timedelta(seconds=20), "1 minute left", "剩余 1 分钟"),
    ],
)
def test_time_left_in_its_largest_whole_unit(left: timedelta, english: str, chinese: str) -> None:
    now = timezone.now()
    assert durations.time_left(now + left, now) == english
    with override("zh-hans"):
        assert durations.time_left(now + left, now) == chinese


def test_a_deadline_that_passed_is_a_date() -> None:
    assert durations.time_left(timezone.now() - timedelta(days=1), timezone.now()).startswith("Ended ")


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=5), "5 minutes ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_a_moment_ago(passed: timedelta, text: str) -> None:
    assert durations.ago(timezone.now() - passed) == text


def test_long_hex_is_shown_without_its_middle_and_carries_the_whole() -> None:
    address, tx_hash = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x" + "ab" * 32
    assert site_text.short_address(address) == f'<span class="hash" title="{address}">0x7099…79C8</span>'
    assert site_text.short_hash(tx_hash) == f'<span class="hash" title="{tx_hash}">0xabababab…ababab</span>'


@pytest.mark.parametrize(("percent", "shown"), [(-1, 0), (40, 40), (250, 100)])
def test_a_bar_never_leaves_its_frame(percent: int, shown: int) -> None:
    assert site_text.capped(percent, 100) == shown


def test_chinese_says_you_in_one_way() -> None:
    """你 throughout, never 您, which the style of the site leaves out."""
    catalogue = settings.BASE_DIR / "django_project/locale/zh_Hans/LC_MESSAGES/django.po"
    assert "你" in catalogue.read_text(encoding="utf-8")
    assert "您" not in catalogue.read_text(encoding="utf-8")
