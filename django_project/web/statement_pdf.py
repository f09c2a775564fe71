"""A backer's statement for paper, in the language of the request. Amounts are the chain's, exact."""

import itertools
from collections.abc import Iterator

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from fpdf import FPDF, FontFace
from fpdf.enums import Align, TableBordersLayout, VAlign, XPos, YPos

from django_project.pledges.selectors import BackedCampaign, BackedContribution, BackedReturn
from django_project.web.labels import RETURNED
from django_project.web.pdf_fonts import MAIN, drawable, use_fonts
from django_project.web.typesetting import may_break

LONGEST_TITLE = 120
# In millimetres, and the sizes of letters in points.
MARGIN = 18.0
FOOT = 10.0
TEXT_SIZE, TITLE_SIZE, HEAD_SIZE, TABLE_SIZE, FOOT_SIZE = 9.0, 18.0, 11.5, 8.0, 8.0
# Of the size of letters, in millimetres to a point: room for the scripts that are set highest.
LINE = 1.5 * 25.4 / 72
# An amount with eighteen decimals goes on one line.
COLUMNS = (26, 72, 38, 38)
RIGHT, LEFT = Align.R, Align.L
# A campaign's name, its sums and the first rows of its table.
ROOM_TO_BEGIN = 62.0
GREY = 150


class _Statement(FPDF):
    def footer(self) -> None:
        """The page's number."""
        self.set_y(-FOOT - FOOT_SIZE * LINE / 2)
        self.set_font(MAIN, size=FOOT_SIZE)
        self.cell(0, FOOT_SIZE * LINE, str(self.page_no()), align=Align.C)

    def lines(self, text: str, size: float) -> None:
        """A paragraph over the whole width."""
        self.set_font(MAIN, size=size)
        broken = "\n".join(self._broken(text, self.epw - 2 * self.c_margin))
        self.multi_cell(0, size * LINE, broken, align=LEFT, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _broken(self, text: str, width: float) -> Iterator[str]:
        """In lines: the library breaks at spaces, of which Chinese has none."""
        line = ""
        for unit in _units(text):
            if line and self.get_string_width((line + unit).rstrip()) > width:
                yield line.rstrip()
                line = unit.lstrip()
            else:
                line += unit
        yield line.rstrip()


def _units(text: str) -> Iterator[str]:
    """The pieces between which a line may end."""
    ends = (end for end in range(1, len(text)) if may_break(text[end - 1], text[end]))
    for start, end in itertools.pairwise((0, *ends, len(text))):
        yield text[start:end]


def as_pdf(backed: list[BackedCampaign]) -> bytes:
    """Every contribution and each return of money by campaign, the latest campaign first."""
    heading = _("Statement of contributions")
    written = _("Made on %(time)s from what the chain holds.") % {
        "time": f"{timezone.now():%Y-%m-%d %H:%M} UTC"
    }
    parts = [(_about(each), _rows(each)) for each in backed]
    nothing = _("No contributions yet.")
    document = _Statement(format="A4", unit="mm")
    document.set_margins(MARGIN, MARGIN)
    document.set_auto_page_break(auto=True, margin=MARGIN)
    document.set_title(heading)
    document.set_author("ChainFund")
    document.set_lang(get_language() or "en")
    words = [heading, written, nothing, *(text for about, rows in parts for text in _texts(about, rows))]
    use_fonts(document, "".join(words))
    document.add_page()
    document.lines(heading, TITLE_SIZE)
    document.lines(written, TEXT_SIZE)
    for about, rows in parts:
        _campaign(document, about, rows)
    if not parts:
        document.ln(TEXT_SIZE * LINE)
        document.lines(nothing, TEXT_SIZE)
    return bytes(document.output())


def _texts(about: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield from about
    for row in rows:
        yield from row


def _about(each: BackedCampaign) -> list[str]:
    """The campaign's title, and what is to be said of all that the backer has in it."""
    card = each.card

    def amount(text: str) -> dict[str, str]:
        return {"amount": f"{text} {card.token_symbol}"}

    sentences = [
        card.title[:LONGEST_TITLE],
        _("Contract %(address)s on %(network)s, chain %(chain)s")
        % {"address": card.address, "network": card.network, "chain": card.chain_id},
        _("From %(backer)s") % {"backer": each.backer},
        _("Amounts in %(symbol)s") % {"symbol": card.token_symbol},
    ]
    if each.contributed and not each.refunded:
        sentences.append(_("In the campaign at present: %(amount)s") % amount(each.contributed_text))
    if each.refunded:
        sentences.append(_("Refunded: %(amount)s") % amount(each.refunded_text))
    if each.refund_due:
        sentences.append(_("Refund to claim: %(amount)s") % amount(each.refund_due_text))
    if each.refund_due or (each.contributed and not each.refunded):
        sentences.append(" ".join(each.sentences))
    return [drawable(sentence) for sentence in sentences]


def _rows(each: BackedCampaign) -> list[list[str]]:
    titles = [_("Time (UTC)"), _("Block and transaction"), _("Contributed"), _("Went back")]
    given = [_row(row, [row.amount_text], [_mark(row.went_back)]) for row in each.contributions]
    back = [_row(row, [], [_mark(row.kind), row.amount_text]) for row in each.returns]
    return [titles, *given, *back]


def _row(row: BackedContribution | BackedReturn, given: list[str], back: list[str]) -> list[str]:
    return [
        f"{row.block_time:%Y-%m-%d %H:%M}",
        f"{row.block_number}\n{row.tx_hash}",
        "\n".join(map(drawable, given)),
        "\n".join(map(drawable, back)),
    ]


def _mark(kind: str) -> str:
    """How money went back; nothing of what stands."""
    return str(RETURNED[kind]) if kind else ""


def _campaign(document: _Statement, about: list[str], rows: list[list[str]]) -> None:
    # A campaign's name at the foot of a page and its sums on the next would be easy to misread.
    if document.will_page_break(ROOM_TO_BEGIN):
        document.add_page()
    else:
        document.ln(TEXT_SIZE * LINE)
    title, *sentences = about
    document.lines(title, HEAD_SIZE)
    for sentence in sentences:
        document.lines(sentence, TEXT_SIZE)
    document.ln(TEXT_SIZE * LINE / 3)
    document.set_font(MAIN, size=TABLE_SIZE)
    document.set_draw_color(GREY)
    # Numbers and words of our own: unshaped they take a third of the time.
    document.set_text_shaping(use_shaping_engine=False)
    with document.table(
        rows,
        col_widths=COLUMNS,
        text_align=(LEFT, LEFT, RIGHT, RIGHT),
        line_height=TABLE_SIZE * LINE,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis=""),
        padding=(0.6, 0),
        v_align=VAlign.T,
    ):
        pass
    document.set_text_shaping(use_shaping_engine=True)
