"""What a backer reads about the money they have in campaigns."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from django_project.accounts.models import User, Wallet
from django_project.accounts.selectors import addresses_of
from django_project.campaigns import refund_words
from django_project.campaigns.selectors import (
    CampaignCard,
    CampaignKey,
    RefundTerms,
    cards,
    cards_of_own,
    refund_terms,
    visible,
)
from django_project.campaigns.selectors.refund_terms import REASONS
from django_project.core.addresses import format_address, format_hash
from django_project.ledger.clocks import chain_time
from django_project.ledger.models import Contribution, Refund
from django_project.ledger.returns import Return, returns_to, went_back
from django_project.ledger.selectors import Status, active_contributions, status_at


@dataclass(frozen=True, slots=True)
class BackedContribution:
    """`went_back` says how the money returned to its backer; empty while it stands."""

    amount: int
    amount_text: str
    tier_id: int
    block_number: int
    block_time: datetime
    tx_hash: str
    went_back: Literal["", "taken_back", "refunded"]


@dataclass(frozen=True, slots=True)
class BackedReturn:
    """What a wallet took back or was refunded, of all that it had in the campaign at once."""

    kind: Literal["taken_back", "refunded"]
    amount: int
    amount_text: str
    recipient: str
    block_number: int
    block_time: datetime
    tx_hash: str


@dataclass(frozen=True, slots=True)
class BackedCampaign:
    """One campaign that a wallet has contributed to.

    `contributed` is what the wallet's contributions come to, without what it took back before the end;
    `refund_due` is what `refund()` would send back now, `can_take_back` whether `takeBack()` would.
    """

    card: CampaignCard
    backer: str
    terms: RefundTerms
    contributed: int
    contributed_text: str
    refunded: int
    refunded_text: str
    taken_back: int
    taken_back_text: str
    refund_due: int
    refund_due_text: str
    contributions: tuple[BackedContribution, ...]
    returns: tuple[BackedReturn, ...]

    @property
    def sentences(self) -> list[str]:
        """When the backer can get it back, or why a refund waits, in the language of the request."""
        return refund_words.terms_now(self.terms)

    @property
    def because(self) -> str:
        """Why a refund waits, in the language of the request."""
        return refund_words.because(self.terms)

    @property
    def can_take_back(self) -> bool:
        return bool(self.contributed) and self.terms.firm is None


def contributions_by_campaign(user: User | AnonymousUser) -> list[BackedCampaign]:
    """What an account's wallets have in each campaign, the latest contribution first, in four queries.

    The amounts are the chain's: of a backer's contributions to a campaign the one with the highest `seq`
    carries their total, unless all was taken back after it; refunds are counted against it.
    """
    return contributions_of(addresses_of(user))


def contributions_of(backers: list[bytes]) -> list[BackedCampaign]:
    """The same for given addresses."""
    given: dict[tuple[CampaignKey, bytes], list[Contribution]] = defaultdict(list)
    rows = (
        Contribution.objects.filter(backer__in=backers)
        .select_related("campaign__totals")
        .order_by("-block_time", "-seq")
    )
    for row in rows:
        given[(row.campaign.chain_id, row.campaign.address), row.backer].append(row)
    returns = returns_to(backers)
    cards = cards_of_own(key for key, _ in given)
    return [
        _backed(cards[key], backer, contributions, returns.get((contributions[0].campaign_id, backer), []))
        for (key, backer), contributions in given.items()
        if key in cards
    ]


def backed_by(backer: bytes, limit: int) -> tuple[list[CampaignCard], int]:
    """Visible campaigns that an address gave to and left its pledge in, and how many there are in all.

    At most `limit` of them, the latest contribution first, in two queries.
    """
    backed = visible().filter(launched__contributions__in=active_contributions().filter(backer=backer))
    latest_first = backed.annotate(given_at=Max("launched__contributions__block_time")).order_by(
        "-given_at", "-pk"
    )
    return cards(latest_first[:limit]), backed.values("pk").distinct().count()


def has_contributed(backer: bytes) -> bool:
    """Whether an address ever gave to a campaign, whatever became of it."""
    return Contribution.objects.filter(backer=backer).exists()


def refunds_due(user: User | AnonymousUser) -> list[BackedCampaign]:
    """The campaigns that owe an account its money back."""
    return [backed for backed in contributions_by_campaign(user) if backed.refund_due]


def owed() -> QuerySet[Contribution]:
    """The newest contribution of each backer to each campaign that would send it a refund now.

    A share that rounds to nothing is none: the contract refuses it.
    """
    now = chain_time("campaign__chain")
    refunded = Refund.objects.filter(campaign=OuterRef("campaign"), backer=OuterRef("backer"))
    unpaid = F("campaign__totals__raised") - F("campaign__totals__withdrawn") - F("campaign__totals__fees")
    return (
        active_contributions()
        .annotate(status=status_at(now, "campaign"), share=F("backer_total") * unpaid)
        .filter(
            Q(status__in=REASONS) | Q(status=Status.WIND_DOWN, share__gte=F("campaign__totals__raised")),
            ~Exists(refunded),
        )
        .order_by("campaign", "backer", "-seq")
        .distinct("campaign", "backer")
    )


def refunds_to_claim(user: User) -> QuerySet[Contribution]:
    """The refunds that wait for an account's wallets, a contribution for each campaign and wallet.

    Nothing of it is kept: it is right from the moment that the index has a refund.
    """
    return owed().filter(backer__in=Wallet.objects.filter(user=user).values("address"))


def owing_campaigns(user: User) -> set[CampaignKey]:
    """The campaigns that owe an account a refund, in one query."""
    return set(refunds_to_claim(user).values_list("campaign__chain_id", "campaign__address"))


def _backed(
    card: CampaignCard, backer: bytes, contributions: list[Contribution], returns: list[Return]
) -> BackedCampaign:
    text = card.amount_text
    newest = max(contributions, key=lambda row: row.seq)
    terms = refund_terms(newest.campaign, card.status, card.now)
    taken_back = [each for each in returns if each.kind == "taken_back"]
    refunded = sum(each.amount for each in returns if each.kind == "refunded")
    contributed = 0 if went_back(taken_back, newest.seq) else newest.backer_total
    due = 0 if refunded else terms.refund_of(contributed)
    return BackedCampaign(
        card=card,
        backer=format_address(backer),
        terms=terms,
        contributed=contributed,
        contributed_text=text(contributed),
        refunded=refunded,
        refunded_text=text(refunded),
        taken_back=sum(each.amount for each in taken_back),
        taken_back_text=text(sum(each.amount for each in taken_back)),
        refund_due=due,
        refund_due_text=text(due),
        contributions=tuple(
            BackedContribution(
                amount=row.amount,
                amount_text=text(row.amount),
                tier_id=row.tier_id,
                block_number=row.block_number,
                block_time=row.block_time,
                tx_hash=format_hash(row.tx_hash),
                went_back=gone.kind if (gone := went_back(returns, row.seq)) else "",
            )
            for row in contributions
        ),
        returns=tuple(
            BackedReturn(
                kind=each.kind,
                amount=each.amount,
                amount_text=text(each.amount),
                recipient=format_address(each.recipient),
                block_number=each.block_number,
                block_time=each.block_time,
                tx_hash=format_hash(each.tx_hash),
            )
            for each in reversed(returns)
        ),
    )
