"""What a backer gave, as a table and as a printed page. Amounts are the chain's, to the last unit."""

import csv
import io
from collections.abc import Iterator

from django.utils import timezone
from django.utils.translation import gettext as _
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from django_project.pledges.selectors import BackedCampaign
from django_project.web.spreadsheets import harmless

COLUMNS = (
    "campaign",
    "network",
    "contract",
    "backer",
    "time_utc",
    "block",
    "transaction",
    "amount",
    "currency",
)
# Of Adobe's collection for simplified Chinese: readers bring its glyphs, Latin ones included.
FONT = "STSong-Light"
LONGEST_TITLE = 120
# What a frame of the library keeps free at its left and right, in points.
FRAME_PADDING = 12


def _rows(backed: list[BackedCampaign]) -> Iterator[tuple[str, ...]]:
    for each in backed:
        for row in each.contributions:
            yield (
                *(each.card.title, str(each.card.chain_id), each.card.address, each.backer),
                *(row.block_time.isoformat(), str(row.block_number), row.tx_hash),
                *(row.amount_text.replace(",", ""), each.card.token_symbol),
            )


def as_csv(backed: list[BackedCampaign]) -> str:
    """One line for each contribution, the latest campaign first."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in _rows(backed):
        writer.writerow([harmless(cell) for cell in row])
    return text.getvalue()


def as_pdf(backed: list[BackedCampaign]) -> bytes:
    """The same for paper, in the language of the request."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    plain = ParagraphStyle("plain", fontName=FONT, fontSize=9, leading=12.5, wordWrap="CJK")
    large = ParagraphStyle("large", parent=plain, fontSize=18, leading=24)
    head = ParagraphStyle("head", parent=plain, fontSize=11.5, leading=16, spaceBefore=8)
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        title=_("Receipts"),
        author="ChainFund",
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 18 * mm),
    )
    written = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
    parts: list[object] = [
        Paragraph(_("Receipts for contributions"), large),
        Paragraph(_("Written on %(time)s from what the chain holds.") % {"time": written}, plain),
        Spacer(1, 6 * mm),
    ]
    for each in backed:
        parts += _campaign(each, head, plain)
    if not backed:
        parts.append(Paragraph(_("No contributions yet."), plain))
    document.build(parts, onFirstPage=_number, onLaterPages=_number)
    return buffer.getvalue()


def _campaign(each: BackedCampaign, head: ParagraphStyle, plain: ParagraphStyle) -> list[object]:
    card = each.card
    total = f"{each.contributed_text} {card.token_symbol}"
    figures = ParagraphStyle("figures", parent=plain, alignment=TA_RIGHT)
    lines = [
        [
            Paragraph(_("Time (UTC)"), plain),
            Paragraph(_("Block and transaction"), plain),
            Paragraph(_("Amount"), figures),
        ],
        *(
            [
                Paragraph(f"{row.block_time:%Y-%m-%d %H:%M}", plain),
                Paragraph(f"{row.block_number}<br/>{row.tx_hash}", plain),
                Paragraph(f"{row.amount_text} {card.token_symbol}", figures),
            ]
            for row in each.contributions
        ),
    ]
    table = Table(lines, colWidths=[30 * mm, 100 * mm, 44 * mm - FRAME_PADDING], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.grey),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ]
        )
    )
    contract = _("Contract %(address)s, chain %(chain)s") % {"address": card.address, "chain": card.chain_id}
    sentences = [
        contract,
        _("From %(backer)s") % {"backer": each.backer},
        _("Pledged at present: %(total)s") % {"total": total},
    ]
    if each.refunded:
        refunded = f"{each.refunded_text} {card.token_symbol}"
        sentences.append(_("Refunded: %(amount)s") % {"amount": refunded})
    about = [
        Paragraph(_escaped(card.title[:LONGEST_TITLE]), head),
        *(Paragraph(_escaped(sentence), plain) for sentence in sentences),
        Spacer(1, 2 * mm),
    ]
    # A campaign's name at the foot of a page and its sums on the next would be easy to misread.
    return [KeepTogether([*about, table]), Spacer(1, 5 * mm)]


def _number(canvas: Canvas, document: SimpleDocTemplate) -> None:
    """The page's number, at its foot."""
    canvas.setFont(FONT, 8)
    canvas.drawCentredString(A4[0] / 2, 10 * mm, str(document.page))


def _escaped(text: str) -> str:
    """Titles are strangers' words; the layout reads markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
