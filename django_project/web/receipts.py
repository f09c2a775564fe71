"""What a backer contributed and got back, as a table and for paper. Amounts are the chain's, exact."""

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

from django_project.campaigns.selectors import CampaignCard
from django_project.pledges.selectors import BackedCampaign, BackedContribution, BackedReturn
from django_project.web.spreadsheets import harmless
from django_project.web.words import RETURNED

COLUMNS = (
    "campaign",
    "network",
    "contract",
    "backer",
    "time_utc",
    "block",
    "transaction",
    "kind",
    "amount",
    "returned",
    "currency",
    "went_back",
    "network_name",
)
# Of Adobe's collection for simplified Chinese: readers bring its glyphs, Latin ones included.
FONT = "STSong-Light"
LONGEST_TITLE = 120
# What a frame of the library keeps free at its left and right, in points.
FRAME_PADDING = 12


def _rows(backed: list[BackedCampaign]) -> Iterator[tuple[str, ...]]:
    """Money that came in and money that went back, each in a column of its own."""
    for each in backed:
        card = each.card
        of_campaign = card.title, str(card.chain_id), card.address, each.backer
        for given in each.contributions:
            at = given.block_time.isoformat(), str(given.block_number), given.tx_hash
            amount = _plain(card, given.amount_text)
            yield (
                *of_campaign,
                *at,
                "contribution",
                amount,
                "",
                card.token_symbol,
                given.went_back,
                card.network,
            )
        for back in each.returns:
            at = back.block_time.isoformat(), str(back.block_number), back.tx_hash
            amount = _plain(card, back.amount_text)
            yield (*of_campaign, *at, back.kind, "", amount, card.token_symbol, "", card.network)


def _plain(card: CampaignCard, text: str) -> str:
    """An amount as programs read it; empty while nobody can say what it is."""
    return text.replace(",", "") if card.token else ""


def as_csv(backed: list[BackedCampaign]) -> str:
    """One line for each contribution and each return of money, the latest campaign first."""
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
        title=_("Statement of contributions"),
        author="ChainFund",
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 18 * mm),
    )
    written = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
    parts: list[object] = [
        Paragraph(_("Statement of contributions"), large),
        Paragraph(_("Made on %(time)s from what the chain holds.") % {"time": written}, plain),
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
    figures = ParagraphStyle("figures", parent=plain, alignment=TA_RIGHT)
    titles = _("Time (UTC)"), _("Block and transaction"), _("Contributed"), _("Went back")
    lines = [
        [Paragraph(title, figures if column > 1 else plain) for column, title in enumerate(titles)],
        *(_line(row, row.amount_text, _mark(row.went_back), plain, figures) for row in each.contributions),
        *(_line(row, "", f"{_mark(row.kind)}<br/>{row.amount_text}", plain, figures) for row in each.returns),
    ]
    table = Table(lines, colWidths=[28 * mm, 82 * mm, 32 * mm, 32 * mm - FRAME_PADDING], repeatRows=1)
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

    def amount(text: str) -> dict[str, str]:
        return {"amount": f"{text} {card.token_symbol}"}

    sentences = [
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
    about = [
        Paragraph(_escaped(card.title[:LONGEST_TITLE]), head),
        *(Paragraph(_escaped(sentence), plain) for sentence in sentences),
        Spacer(1, 2 * mm),
    ]
    # A campaign's name at the foot of a page and its sums on the next would be easy to misread.
    return [KeepTogether([*about, table]), Spacer(1, 5 * mm)]


def _line(
    row: BackedContribution | BackedReturn,
    given: str,
    back: str,
    plain: ParagraphStyle,
    figures: ParagraphStyle,
) -> list[Paragraph]:
    return [
        Paragraph(f"{row.block_time:%Y-%m-%d %H:%M}", plain),
        Paragraph(f"{row.block_number}<br/>{row.tx_hash}", plain),
        Paragraph(given, figures),
        Paragraph(back, figures),
    ]


def _mark(kind: str) -> str:
    """How money went back; nothing of what stands."""
    return str(RETURNED[kind]) if kind else ""


def _number(canvas: Canvas, document: SimpleDocTemplate) -> None:
    """The page's number, at its foot."""
    canvas.setFont(FONT, 8)
    canvas.drawCentredString(A4[0] / 2, 10 * mm, str(document.page))


def _escaped(text: str) -> str:
    """Titles are strangers' words; the layout reads markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
