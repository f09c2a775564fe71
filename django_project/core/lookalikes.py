"""Names that speak for the site: nobody but the site may be called "Support", however it is spelt.

Letters of other alphabets that look alike (UTS 39, by `confusable_homoglyphs`), digits in the place of
letters, accents, spaces between letters and signs around them make no difference.
"""

import unicodedata
from functools import lru_cache

import regex

from django_project.core.folding import fold

# Claims to be the site, or to have been checked by it, wherever they stand in a name.
CLAIMS = (
    *("chainfund", "admin", "admins", "administrator", "administrators", "moderator", "moderators"),
    *("official", "verified", "helpdesk", "sysadmin", "webmaster"),
    *(
        "administrador",
        "administrateur",
        "oficial",
        "officiel",
        "offiziell",
        "админ",
        "администратор",
        "модератор",
    ),
)
# Roles that only make a claim where the name says nothing else: "Support", but not "Mountain Support Band".
ROLES = (
    *("support", "help", "helpline", "service", "staff", "security", "moderation", "system", "compliance"),
    *("soporte", "suporte", "assistance", "kundendienst", "поддержка", "postmaster", "noreply"),
)
BESIDE_ROLES = (
    *("the", "a", "an", "of", "and", "for", "to", "your", "our", "my", "i", "am", "is", "this", "we", "are"),
    *(
        "team",
        "desk",
        "center",
        "centre",
        "customer",
        "customers",
        "client",
        "user",
        "users",
        "backer",
        "backers",
    ),
    *(
        "care",
        "services",
        "tech",
        "technical",
        "live",
        "chat",
        "online",
        "safety",
        "trust",
        "fraud",
        "wallet",
    ),
    *(
        "account",
        "accounts",
        "payment",
        "payments",
        "refund",
        "refunds",
        "billing",
        "info",
        "notice",
        "alert",
    ),
    *("eth", "com", "org", "net", "io", "app", "xyz", "dao"),
    *("agent", "manager", "platform", "site", "website", "web", "bot", "real", "department", "dept"),
)
# Parts of names in scripts without spaces.
PART_CLAIMS = (
    *("官方", "客服", "管理员", "版主", "工作人员", "已认证", "认证用户", "平台认证", "认证账号", "系统消息"),
    *("系统通知", "平台公告", "站务", "技术支持", "退款中心"),
    *("サポート", "公式アカウント", "運営事務局", "管理者", "고객센터", "고객지원", "관리자", "운영자"),
)
# Drawn beside names elsewhere to say that somebody checked them: ticks, shields, diamonds of blue.
BADGES = frozenset("✓✔✅☑🗸🗹⍻√🛡🔰💠🔷🔹ⓥⓋ🅥🆅ꪜ")

_WORD = regex.compile(r"[\p{L}\p{N}\p{M}|!$@]+")
# One spelling for what is one to the eye; both sides of a comparison are brought to it.
_ALIKE = str.maketrans(
    {
        "i": "l",
        "1": "l",
        "|": "l",
        "!": "l",
        "0": "o",
        "5": "s",
        "$": "s",
        "3": "e",
        "4": "a",
        "@": "a",
        "7": "t",
    }
)
_REPEATED = regex.compile(r"(.)\1+")
_DIGITS_AROUND = "0123456789"


def badge(text: str) -> str:
    """The first sign of a text that looks like a mark of having been checked; empty without one."""
    return next((character for character in text if character in BADGES), "")


def claim(name: str) -> str:
    """What of a name says that it is the site's own, such as "support"; empty of any other name."""
    plain = fold(name)
    squeezed = "".join(character for character in plain if character.isalnum())
    part = next((word for word in PART_CLAIMS if fold(word) in squeezed), "")
    words = _WORD.findall(plain)
    return (
        part
        or _claim_in([skeleton(word) for word in words])
        or _claim_in([skeleton(word.strip(_DIGITS_AROUND)) for word in words])
    )


def skeleton(word: str) -> str:
    """A folded word as the eye takes it: in Latin letters, look-alikes as one, none of them doubled."""
    latin = "".join(map(_latin, word)).translate(_ALIKE)
    return _REPEATED.sub(r"\1", latin.replace("rn", "m").replace("vv", "w"))


def is_one_edit_apart(word: str, other: str) -> bool:
    """Whether one letter more, less or changed, or two neighbours in turn, make one word of the other."""
    short, long = sorted((word, other), key=len)
    if short == long or len(long) - len(short) > 1:
        return False
    start = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    is_turned = short[start : start + 2] == long[start : start + 2][::-1]
    return short[start + 1 :] == long[start + 1 :] or (is_turned and short[start + 2 :] == long[start + 2 :])


def _latin(character: str) -> str:
    # Other scripts' digits are told by their value, and a round one passes for an o.
    digit = unicodedata.decimal(character, None)
    return _latin_lookalikes().get(character, character) if digit is None else str(digit)


def _claim_in(words: list[str]) -> str:
    claims, roles, beside = _vocabulary()
    for word in words:
        if word in claims:
            return claims[word]
    # As words, and as letters that stand apart: in the latter a letter may be doubled between two of them.
    joined = "".join(words)
    speaking = claims | roles
    brand = skeleton("chainfund")
    # As one word alone: of two, "Chaim Fund" is somebody's honest name.
    if any(is_one_edit_apart(brand, word) for word in words):
        return claims[brand]
    for whole in (joined, _REPEATED.sub(r"\1", joined)):
        if brand in whole:
            return claims[brand]
        if role := _role_of(whole, speaking, beside):
            return role
    return ""


def _role_of(whole: str, speaking: dict[str, str], beside: frozenset[str]) -> str:
    """The role of a name that is made of words of roles throughout; empty of any other."""
    known = beside.union(speaking)
    # By end of a part that is made of such words: the role in it, or nothing yet.
    parts = {0: ""}
    for end in range(1, len(whole) + 1):
        for start in [start for start in parts if end - start <= _longest(known)]:
            word = whole[start:end]
            if word in known:
                parts[end] = parts.get(end) or parts[start] or speaking.get(word, "")
    return parts.get(len(whole), "") if whole else ""


@lru_cache(maxsize=1)
def _longest(words: frozenset[str]) -> int:
    return max(map(len, words))


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[dict[str, str], dict[str, str], frozenset[str]]:
    """Claims and roles by their skeletons, and the skeletons of what may stand beside a role."""
    claims = {skeleton(word): word for word in CLAIMS}
    roles = {skeleton(word): word for word in ROLES}
    return claims, roles, frozenset(map(skeleton, BESIDE_ROLES))


@lru_cache(maxsize=1)
def _latin_lookalikes() -> dict[str, str]:
    """{character: the Latin letter or digit that it looks like}; the table takes 0.2 s to read."""
    from confusable_homoglyphs import confusables

    found: dict[str, str] = {}
    for character, alike in confusables.confusables_data.items():
        if len(character) != 1 or character.isascii():
            continue
        letter = next((each["c"] for each in alike if each["c"].isascii() and each["c"].isalnum()), "")
        if len(letter) == 1:
            found[character] = letter.lower()
    return found
