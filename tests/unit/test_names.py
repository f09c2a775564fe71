"""What people and things may be called."""

import re

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from django_project.campaigns import documents
from django_project.campaigns.errors import InvalidDocumentError
from django_project.campaigns.services import ensure_categories
from django_project.core import characters
from django_project.core.lookalikes import BADGES, claim
from django_project.core.names import NameRefusedError, checked_line, checked_name, checked_speaker
from tests.factories import CATEGORIES

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Ines",
            "O'Neill-Ødegård",
            "山田 太郎",
            "김민수",
            "Nguyễn Thị Ánh",
            "Þórdís",
            "½ Studio™",
            "茶·水，酒",
        ),
        *("می\u200cخواهم", "خانه\u200cها", "क्\u200dष", "नेपाल", "שָׁלוֹם", "مُحَمَّد", "ที่นี่", "ྲྀརྒྱལ"),
        *(FAMILY, ENGLAND, "❤️", "1️⃣ First", "👍🏽", "🇩🇪", "🏳️\u200d🌈", "🫨", "葛\U000e0100城", "🐝 Bees ⭐"),
        *(
            "Mountain Support Band",
            "Support Our School",
            "Modern Love",
            "Theo Desk",
            "Admiral",
            "Modesty",
            "Mood",
        ),
        *(
            "Staffordshire",
            "Chaim Fund",
            "Client Eastwood",
            "Chaingang",
            "Trainfund",
            "The Help Yourself Café",
            "王小明",
            "认证书店",
        ),
    ],
)
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert checked_speaker(name) == name
    assert characters.seen(name) == name


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("  Ines\u3000\u00a0Weiss ", "Ines Weiss"),
        ("Ine\u0301s", "Inés"),
        ("Ｉｎｅｓ", "Ｉｎｅｓ"),
        ("", ""),
    ],
)
def test_a_name_is_kept_composed_and_with_single_spaces(name: str, kept: str) -> None:
    assert checked_speaker(name) == kept


@pytest.mark.parametrize(
    "name",
    [
        *(
            " ",
            "\u3000",
            "\u00a0",
            "\u200b",
            "\u2800",
            "\u3164",
            "\uffa0",
            "\u115f\u1160",
            "\u00ad",
            "\ufeff",
        ),
        *(
            "\ufe0f",
            "\u180e",
            "\u034f",
            "\U000e0041",
            "\u2060\u2061",
            "\u200c\u200d",
            "\u0301",
            " \u2800\u200b ",
        ),
    ],
)
def test_a_name_that_nobody_sees_is_refused(name: str) -> None:
    with pytest.raises(NameRefusedError, match="Nobody could see this"):
        checked_name(name)
    assert characters.seen(name) == ""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("\u202eIne", r"Character 1 \(U\+202E\) turns"),
        ("Ines\u2067", r"Character 5 \(U\+2067\) turns"),
        ("In\u200fes", r"Character 3 \(U\+200F\) turns"),
        ("In\u061ces", r"Character 3 \(U\+061C\) turns"),
        ("In\u00ades", r"Character 3 \(U\+00AD\) cannot be seen"),
        ("In\u200bes", r"U\+200B\) cannot be seen"),
        ("In\u200des", r"U\+200D\) cannot be seen"),
        ("In\u200ces", r"U\+200C\) cannot be seen"),
        ("In\ufe0fes", r"U\+FE0F\) cannot be seen"),
        ("In\u3164es", r"U\+3164\) cannot be seen"),
        ("In\u2800es", r"U\+2800\) cannot be seen"),
        ("In\ue000es", r"U\+E000\) cannot be seen"),
        ("In\x07es", r"U\+0007\) cannot be seen"),
        ("Ines🏴\U000e0073\U000e0065\U000e0063\U000e007f", r"U\+E0073\) cannot be seen"),
        ("🐝\u200dInes", r"U\+200D\) cannot be seen"),
        ("Z\u0337\u0322\u031b", "Character 1 has too many accents"),
        ("In" + "e\u0301\u0301\u0301" + "s", "has too many accents"),
        ("ที" + "\u0e49" * 5, "has too many accents"),
    ],
)
def test_what_hides_turns_around_or_piles_up_is_told_by_its_place(name: str, told: str) -> None:
    for rule in (checked_line, checked_name, checked_speaker):
        with pytest.raises(NameRefusedError) as refused:
            rule(name)
        assert re.search(told, str(refused.value.message))


@pytest.mark.parametrize("sign", sorted(BADGES))
def test_a_mark_of_having_been_checked_is_refused(sign: str) -> None:
    with pytest.raises(NameRefusedError) as refused:
        checked_name(f"Ines {sign}")
    assert f"“{sign}” looks like a mark" in str(refused.value.message)
    assert checked_line(f"Ines {sign}") == f"Ines {sign}"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Support",
            "SUPPORT 24/7",
            "Support Team",
            "support1",
            "Customer Support",
            "Support Desk",
            "Your Support",
        ),
        *(
            "Ѕuрроrt",
            "Supp0rt",
            "5upport",
            "Ꮪupport",
            "ꓢupport",
            "𝐒upport",
            "Ｓｕｐｐｏｒｔ",
            "Ⓢⓤⓟⓟⓞⓡⓣ",
            "Šupport",
        ),
        *(
            "S u p p o r t",
            "S.u.p.p.o.r.t",
            "ChainFundSupport",
            "Custorner Support",
            "Refund Support",
            "Help",
        ),
        *(
            "Admin",
            "The Admin",
            "аdmіn",
            "Adm!n",
            "4dm1n",
            "Admin_7",
            "Administrator Ines",
            "Moderator",
        ),
        *("ChainFumd", "ChianFund", "Chainfun", "CchainFuned", "ChainnFumd Team", "Сhaimfund"),
        *("ChainFund", "Chain Fund", "Chаіn-Fund", "Ines of ChainFund", "C h a i n F u n d", "CHAINFUND®"),
        *(
            "supp᧐rt",
            "Suport",
            "Supporrt",
            "Support.eth",
            "S\u0336u\u0336p\u0336p\u0336o\u0336r\u0336t\u0336",
            "[Support]",
            "CհainFund",
        ),
        *("Админ", "Поддержка", "サポート", "고객센터", "Oficial"),
        *("Official", "0fficial Ines", "Verified Ines", "Security", "Staff", "Trust and Safety Team Support"),
        *("官方", "官 方", "茶园官方", "客服小王", "管理員", "管理员01", "系统通知", "平台认证", "退款中心"),
    ],
)
def test_nobody_speaks_for_the_site(name: str) -> None:
    with pytest.raises(NameRefusedError) as refused:
        checked_speaker(name)
    assert "taken for the site's own" in str(refused.value.message)
    assert claim(name)
    assert checked_name(name)


def test_a_refusal_is_told_in_the_language_of_the_request() -> None:
    with override("zh-hans"), pytest.raises(NameRefusedError) as refused:
        checked_speaker("官方")
    with override("zh-hans"):
        assert "官方" in str(refused.value.message)
        assert "This name" not in str(refused.value.message)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u202eevil\u202c tea", "evil tea"),
        ("T\u200be\u00ada", "Tea"),
        ("Tea\r\n\tand\x00 more", "Tea and more"),
        ("Z\u0337\u0322\u031b\u0301a", "\u0179\u0337\u0322a"),
        ("\u3164", ""),
        (FAMILY, FAMILY),
        ("‘می\u200cخواهم’", "‘می\u200cخواهم’"),
    ],
)
def test_what_cannot_be_refused_is_shown_clean(text: str, shown: str) -> None:
    assert characters.seen(text) == shown


@given(st.text(max_size=60))
def test_what_is_shown_is_one_line_that_could_have_been_written_here(text: str) -> None:
    shown = characters.seen(text)
    assert characters.bidi_control(shown) is None
    assert characters.seen(shown) == shown
    assert shown == "" or checked_line(shown) == shown


def test_words_that_run_to_the_left_are_isolated_and_others_left_alone() -> None:
    assert characters.isolated("Tea 茶") == "Tea 茶"
    assert characters.isolated("שלום") == "\u2068שלום\u2069"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"title": "\u200b"}, "title", "Nobody could see"),
        ({"title": "Tea \u202etsalb"}, "title", "turns the direction"),
        ({"title": "Tea ✅"}, "title", "mark of having been checked"),
        ({"tagline": "Tea \u2066x"}, "tagline", "turns the direction"),
        ({"publisher": "\u3000"}, "publisher", "Nobody could see"),
        ({"publisher": "ChainFund Support"}, "publisher", "site's own"),
        ({"rewards": [{"tier": 1, "title": "\u2800"}]}, "rewards.0.title", "Nobody could see"),
    ],
)
def test_a_documents_names_are_held_to_the_same(change: dict[str, object], field: str, told: str) -> None:
    ensure_categories(CATEGORIES)
    document = {"schema": 1, "title": "Tea", "category": "food", "language": "en", "publisher": "Ines"}
    with pytest.raises(InvalidDocumentError) as refused:
        documents.read_campaign(document | change)
    assert told in str(refused.value.fields[field])
    assert documents.read_campaign(document | {"title": " Te\u0301  a"}).title == "Té a"


def test_an_updates_title_is_held_to_the_same() -> None:
    with pytest.raises(InvalidDocumentError) as refused:
        documents.read_update({"schema": 1, "title": "\u2800", "body": "x"})
    assert "Nobody could see" in str(refused.value.fields["title"])
