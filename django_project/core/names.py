"""What a person may be called, and a thing that a person names: one rule wherever a name is written.

Names are kept composed (NFC), not in compatibility form: NFKC would turn the full-width punctuation of
Chinese titles into another, ½ into 1⁄2 and ™ into TM. What looks alike is compared folded, and kept.
"""

import unicodedata

from django.utils.translation import gettext_lazy as _

from django_project.core import characters, lookalikes
from django_project.core.errors import InvalidInputError, Message


class NameRefusedError(InvalidInputError):
    """A name that cannot be taken; the message says what to change."""

    def __init__(self, message: Message) -> None:
        super().__init__("name_refused", message)


def checked_line(text: str) -> str:
    """A line of text as it is kept: composed, one space between words; an empty one stays empty.

    Raises:
        NameRefusedError: nobody would see it, it turns the line around it, or its accents are piled up.
    """
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if not text:
        return ""
    if (place := characters.bidi_control(line)) is not None:
        raise NameRefusedError(
            _("Character %(place)s (%(code)s) turns the direction of the text. Delete it.")
            % _told(line, place)
        )
    if not characters.is_visible(line):
        raise NameRefusedError(_("Nobody could see this. Write at least one letter or digit."))
    if (place := characters.hidden_character(line)) is not None:
        raise NameRefusedError(
            _("Character %(place)s (%(code)s) cannot be seen. Delete it.") % _told(line, place)
        )
    if (place := characters.pile_of_marks(line)) is not None:
        raise NameRefusedError(
            _("Character %(place)s has too many accents. Delete some.") % _told(line, place)
        )
    return line


def checked_name(text: str) -> str:
    """What something is called: a campaign, a reward, an update.

    Raises:
        NameRefusedError: as `checked_line`, or it has a sign that looks like a mark of having been checked.
    """
    name = checked_line(text)
    if sign := lookalikes.badge(name):
        raise NameRefusedError(
            _("“%(sign)s” looks like a mark of having been checked. This site gives none: delete it.")
            % {"sign": sign}
        )
    return name


def checked_speaker(text: str) -> str:
    """The name of somebody who speaks on the site.

    Raises:
        NameRefusedError: as `checked_name`, or the name says that it is the site's own.
    """
    name = checked_name(text)
    if word := lookalikes.claim(name):
        raise NameRefusedError(
            _("This name could be taken for the site's own (“%(word)s”). Choose another.") % {"word": word}
        )
    return name


def _told(name: str, place: int) -> dict[str, object]:
    """Which character is meant: counted from 1, as people count, and by its code point."""
    return {"place": place + 1, "code": f"U+{ord(name[place]):04X}"}
