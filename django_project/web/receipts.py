"""What a backer contributed and got back, as a table. Amounts are the chain's, exact."""

from collections.abc import Iterator

from django_project.campaigns.selectors import CampaignCard
from django_project.pledges.selectors import BackedCampaign
from django_project.web.spreadsheets import csv_lines

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
    return "".join(csv_lines(COLUMNS, _rows(backed)))
