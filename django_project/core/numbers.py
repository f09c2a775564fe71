"""Numbers that strangers write into addresses."""

# What every integer column of the database holds.
MOST_DIGITS = 18


def whole_number(text: str, default: int, most: int) -> int:
    """The whole number that `text` is, or `most` when it is larger; the default for what is no such number.

    ASCII digits only: `int` also takes signs, underscores and the digits of other scripts, and raises for
    thousands of them.
    """
    if not (text.isascii() and text.isdecimal()):
        return default
    digits = text.lstrip("0") or "0"
    return min(int(digits), most) if len(digits) <= MOST_DIGITS else most
