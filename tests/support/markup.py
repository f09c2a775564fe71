"""Pages as tests read them."""

import re


def flat(page: str) -> str:
    """A page on one line, without space at the inner edges of its elements.

    What a test finds in it depends on what is shown, and not on how the templates are indented.
    """
    line = re.sub(r"\s+", " ", page)
    return re.sub(r" (?=</|/?>)", "", re.sub(r"(<[a-zA-Z][^<>]*>) ", r"\1", line))
