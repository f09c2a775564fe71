"""Domains in links that strangers write: where they lead, and how they may be shown (IDNA 2008 by UTS 46)."""

import idna
import regex

from django_project.core.folding import fold
from django_project.core.lookalikes import skeleton

# Scripts that Japanese and Chinese write within one word; all others stand alone in a label.
_WRITTEN_TOGETHER = ("Han", "Hiragana", "Katakana", "Latin")
_SCRIPTS = {
    name: regex.compile(rf"\p{{Script={name}}}")
    for name in (
        *_WRITTEN_TOGETHER,
        *("Cyrillic", "Greek", "Armenian", "Hebrew", "Arabic", "Devanagari", "Thai", "Hangul", "Georgian"),
    )
}


def ascii_domain(domain: str) -> str:
    """The domain as the DNS has it: faß.example is xn--fa-hia.example, not the fass.example of IDNA 2003.

    Raises:
        ValueError: there can be no such domain.
    """
    return idna.encode(domain, uts46=True).decode()


def shown_domain(domain: str) -> str:
    """A domain in its own script, or as the DNS has it where it could be taken for another one.

    Raises:
        ValueError: as `ascii_domain`.
    """
    ascii_form = ascii_domain(domain)
    labels = idna.decode(ascii_form).split(".")
    return ascii_form if any(map(_could_be_another, labels)) else ".".join(labels)


def _could_be_another(label: str) -> bool:
    if label.isascii():
        return False
    scripts = {name for name, script in _SCRIPTS.items() if script.search(label)}
    is_mixed = len(scripts) > 1 and not scripts.issubset(_WRITTEN_TOGETHER)
    return is_mixed or (skeleton(fold(label)).isascii() and scripts != {"Latin"})
