"""Rows for tests as the indexer would have written them: totals, seq and running sums agree.

world = World()
campaign = world.campaign(title="Honey", goal=10 * ETHER)
world.contribute(campaign, backer=address(1), amount=ETHER)
listing = world.listing(campaign)
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count, zip_longest

from django.utils import timezone

from django_project.accounts.models import User, Wallet
from django_project.campaigns import services
from django_project.campaigns.models import Listing, Metadata
from django_project.community import services as community_services
from django_project.core.addresses import ZERO_ADDRESS, ZERO_HASH
from django_project.core.metadata import canonical_json, metadata_hash, metadata_uri
from django_project.ledger.models import (
    SECOND_VERSION,
    CampaignLaunched,
    CampaignTotals,
    Cancellation,
    Chain,
    Contract,
    Contribution,
    ContributionPause,
    CreatorTransfer,
    Cursor,
    FeeAccrual,
    Milestone,
    MilestoneRelease,
    MilestoneSubmission,
    Objection,
    ObjectionWithdrawal,
    Refund,
    TakeBack,
    Tier,
    Token,
    UpdatePost,
    WindDown,
    Withdrawal,
)
from django_project.ledger.services import create_tokens, doubt_token, keep_token
from django_project.ledger.totals import recompute_totals

ETHER = 10**18
CHAIN_ID = 31337
FACTORY = bytes.fromhex("fac7" * 10)
TOKEN = bytes.fromhex("70ce" * 10)

CATEGORIES = [
    {"slug": "technology", "name_en": "Technology", "name_zh_hans": "科技", "icon": "cpu"},
    {"slug": "food", "name_en": "Food", "name_zh_hans": "饮食", "icon": "bowl"},
    {"slug": "games", "name_en": "Games", "name_zh_hans": "游戏", "icon": "dice"},
]


def address(number: int) -> bytes:
    """A different, recognisable address for each number."""
    return hashlib.sha256(f"address {number}".encode()).digest()[:20]


def reference(number: int) -> bytes:
    """A pledge reference, never the zero one."""
    return hashlib.sha256(f"reference {number}".encode()).digest()


def backer_user(number: int, display_name: str = "") -> User:
    """An account with the wallet `address(number)` and no password."""
    user = User.objects.create_user(username=f"backer-{number}", display_name=display_name)
    Wallet.objects.create(user=user, address=address(number))
    return user


class World:
    """One chain and its ledger, written event by event, each in a block of its own."""

    def __init__(
        self, chain_id: int = CHAIN_ID, *, finality_depth: int = 8, version: int = SECOND_VERSION
    ) -> None:
        self.chain = Chain.objects.create(
            chain_id=chain_id,
            name="Test chain",
            genesis_hash=reference(0),
            finality_depth=finality_depth,
            currency_symbol="ETH",
            currency_decimals=18,
            is_test_network=True,
        )
        self.token = self.add_token(TOKEN, "TUSD", 6)
        self.version = version
        Contract.objects.create(
            chain=self.chain, address=FACTORY, kind=Contract.Kind.FACTORY, start_block=0, version=version
        )
        services.ensure_categories(CATEGORIES)
        self.cursor = Cursor.objects.create(chain=self.chain, next_block=1, node_head=0)
        self._campaigns = count(1)

    def add_token(self, address: bytes, symbol: str, decimals: int) -> Token:
        """One that its contract has described."""
        create_tokens(self.chain.chain_id, {address})
        keep_token(self.chain.chain_id, address, symbol, decimals, block=0)
        return Token.objects.get(chain=self.chain, address=address)

    def add_unknown_token(self, address: bytes) -> Token:
        """One whose contract tells nothing that could be used."""
        create_tokens(self.chain.chain_id, {address})
        doubt_token(self.chain.chain_id, address, "its symbol is no text")
        return Token.objects.get(chain=self.chain, address=address)

    @property
    def block(self) -> int:
        """The number of the newest indexed block."""
        return self.cursor.next_block - 1

    def mine(self, blocks: int = 1) -> int:
        """Index more blocks, moving finality along; says the newest block's number."""
        self.cursor.next_block += blocks
        self.cursor.node_head = self.block
        depth = self.chain.finality_depth or 1
        self.cursor.finalized_block = max(self.cursor.finalized_block, self.block - depth)
        self.cursor.save()
        return self.block

    def metadata(self, **document: object) -> Metadata:
        return services.store_metadata(
            {
                "schema": 1,
                "title": "Honey from the roof",
                "tagline": "Bees above the tram depot",
                "story": "We keep **bees**.",
                "category": "food",
                "language": "en",
                "publisher": "Roof Apiary",
                "rewards": [],
                **document,
            }
        )

    def campaign(
        self,
        *,
        creator: bytes | None = None,
        goal: int = 10 * ETHER,
        token: bytes = ZERO_ADDRESS,
        all_or_nothing: bool = True,
        started: datetime | None = None,
        lasts: timedelta = timedelta(days=30),
        min_contribution: int = 0,
        cap: int = 0,
        tiers: Sequence[tuple[int, int]] = (),
        is_text_known: bool = True,
        **document: object,
    ) -> CampaignLaunched:
        """Launch a campaign; `tiers` are (price, supply), `document` overrides the text's fields.

        It started a day ago unless `started` says otherwise; give an old start for one that has ended.
        """
        number = next(self._campaigns)
        started = started or timezone.now() - timedelta(days=1)
        document = {"title": f"Honey from roof {number}", **document}
        digest = self._text(document, is_text_known=is_text_known)
        campaign = CampaignLaunched.objects.create(
            chain=self.chain,
            block_number=self.mine(),
            log_index=0,
            block_time=started,
            tx_hash=reference(1_000_000 + self.block),
            seq=number,
            factory=FACTORY,
            address=address(1_000_000 + number),
            creator=creator or address(900_000 + number),
            token=token,
            mode=CampaignLaunched.Mode.ALL_OR_NOTHING
            if all_or_nothing
            else CampaignLaunched.Mode.KEEP_WHAT_YOU_RAISE,
            goal=goal,
            start=started,
            deadline=started + lasts,
            fee_bps=250,
            min_contribution=min_contribution,
            cap=cap,
            metadata_uri=metadata_uri(digest),
            metadata_hash=digest,
        )
        CampaignTotals.objects.create(campaign=campaign)
        for tier_id, (price, supply) in enumerate(tiers, start=1):
            Tier.objects.create(**self._event(campaign), tier_id=tier_id, price=price, supply=supply)
        return campaign

    def listing(self, campaign: CampaignLaunched) -> Listing:
        """The campaign's place in the shop window."""
        services.sync_listings(self.chain.chain_id)
        return Listing.objects.get(chain_id=campaign.chain_id, address=campaign.address)

    def contribute(
        self,
        campaign: CampaignLaunched,
        *,
        backer: bytes,
        amount: int = ETHER,
        tier_id: int = 0,
        ref: bytes = ZERO_HASH,
        at: datetime | None = None,
    ) -> Contribution:
        totals = CampaignTotals.objects.get(campaign=campaign)
        back = TakeBack.objects.filter(campaign=campaign, backer=backer).order_by("-seq").first()
        given = Contribution.objects.filter(campaign=campaign, backer=backer, seq__gt=back.seq if back else 0)
        earlier = given.order_by("-seq").first()
        totals.raised += amount
        row = Contribution.objects.create(
            **self._event(campaign, at),
            backer=backer,
            payer=backer,
            token=campaign.token,
            tier_id=tier_id,
            ref=ref,
            amount=amount,
            backer_total=(earlier.backer_total if earlier else 0) + amount,
            total_raised=totals.raised,
        )
        totals.contributions += 1
        totals.backers += earlier is None
        totals.last_seq, totals.last_contribution_at = row.seq, row.block_time
        totals.save()
        return row

    def take_pledge_back(self, campaign: CampaignLaunched, *, backer: bytes) -> TakeBack:
        """Send a backer's whole pledge back before the end."""
        totals = CampaignTotals.objects.get(campaign=campaign)
        last = Contribution.objects.filter(campaign=campaign, backer=backer).latest("seq")
        totals.raised -= last.backer_total
        totals.backers -= 1
        row = TakeBack.objects.create(
            **self._event(campaign),
            backer=backer,
            recipient=backer,
            token=campaign.token,
            amount=last.backer_total,
            total_raised=totals.raised,
        )
        totals.last_seq = row.seq
        totals.save()
        return row

    def refund(self, campaign: CampaignLaunched, *, backer: bytes) -> Refund:
        """Send a backer's whole contribution back."""
        totals = CampaignTotals.objects.get(campaign=campaign)
        last = Contribution.objects.filter(campaign=campaign, backer=backer).latest("seq")
        totals.refunded += last.backer_total
        row = Refund.objects.create(
            **self._event(campaign),
            backer=backer,
            recipient=backer,
            token=campaign.token,
            amount=last.backer_total,
            total_refunded=totals.refunded,
        )
        totals.last_seq = row.seq
        totals.save()
        return row

    def cancel(self, campaign: CampaignLaunched, reason: str = "The roof leaks") -> Cancellation:
        row = Cancellation.objects.create(**self._event(campaign), by=campaign.creator, reason=reason)
        CampaignTotals.objects.filter(campaign=campaign).update(last_seq=row.seq, cancelled_at=row.block_time)
        return row

    def pause(self, campaign: CampaignLaunched) -> ContributionPause:
        row = ContributionPause.objects.create(**self._event(campaign), by=campaign.creator, paused=True)
        CampaignTotals.objects.filter(campaign=campaign).update(last_seq=row.seq, paused=True)
        return row

    def withdraw(self, campaign: CampaignLaunched) -> Withdrawal:
        """Pay a successful campaign out, its fee set aside."""
        totals = CampaignTotals.objects.get(campaign=campaign)
        fee = totals.raised * campaign.fee_bps // 10_000
        amount = totals.raised - fee
        row = Withdrawal.objects.create(
            **self._event(campaign),
            creator=campaign.creator,
            recipient=campaign.creator,
            token=campaign.token,
            amount=amount,
            total_withdrawn=amount,
        )
        accrual = FeeAccrual.objects.create(
            **self._event(campaign), token=campaign.token, amount=fee, total_fees=fee
        )
        totals.refresh_from_db()
        totals.withdrawn, totals.fees, totals.last_seq = amount, fee, accrual.seq
        totals.save()
        return row

    def post_update(
        self, campaign: CampaignLaunched, title: str = "News", body: str = "All is **well**."
    ) -> UpdatePost:
        text = community_services.store_update(
            {"schema": 1, "title": title, "body": body}, campaign.chain_id, campaign.address
        )
        row = UpdatePost.objects.create(
            **self._event(campaign),
            creator=campaign.creator,
            uri=metadata_uri(text.content_hash),
            content_hash=text.content_hash,
        )
        CampaignTotals.objects.filter(campaign=campaign).update(last_seq=row.seq)
        return row

    def milestones(
        self,
        campaign: CampaignLaunched,
        *terms: tuple[int, timedelta],
        threshold_bps: int = 2_000,
        window: timedelta = timedelta(days=3),
        not_before: Sequence[timedelta | None] = (),
    ) -> None:
        """Define milestones; `terms` are (share in basis points, due so long after the deadline).

        `not_before` tells for each how long after the deadline evidence is taken at the earliest.
        """
        for number, ((share_bps, after), earliest) in enumerate(
            zip_longest(terms, not_before[: len(terms)]), start=1
        ):
            Milestone.objects.create(
                **self._event(campaign),
                milestone_id=number,
                share_bps=share_bps,
                due=campaign.deadline + after,
                objection_window=int(window.total_seconds()),
                objection_threshold_bps=threshold_bps,
                not_before=campaign.deadline + earliest if earliest is not None else None,
            )
        recompute_totals([campaign.pk])

    def submit_milestone(
        self,
        campaign: CampaignLaunched,
        *,
        limit: int = ETHER,
        window_end: datetime | None = None,
        uri: str = "https://example.org/evidence",
        content_hash: bytes = b"\x01" * 32,
    ) -> MilestoneSubmission:
        """Evidence for the milestone under way, whose window is open for two days unless told otherwise."""
        row = MilestoneSubmission.objects.create(
            **self._event(campaign, timezone.now()),
            creator=campaign.creator,
            milestone_id=CampaignTotals.objects.get(campaign=campaign).milestones_released + 1,
            uri=uri,
            content_hash=content_hash,
            window_end=window_end or timezone.now() + timedelta(days=2),
            objection_limit=limit,
        )
        recompute_totals([campaign.pk])
        return row

    def raise_objection(self, campaign: CampaignLaunched, *, backer: bytes) -> None:
        self._judge(Objection, campaign, backer, 1)

    def withdraw_objection(self, campaign: CampaignLaunched, *, backer: bytes) -> None:
        self._judge(ObjectionWithdrawal, campaign, backer, -1)

    def _judge(
        self,
        model: type[Objection | ObjectionWithdrawal],
        campaign: CampaignLaunched,
        backer: bytes,
        sign: int,
    ) -> None:
        totals = CampaignTotals.objects.get(campaign=campaign)
        last = Contribution.objects.filter(campaign=campaign, backer=backer).latest("seq")
        model.objects.create(
            **self._event(campaign, timezone.now()),
            backer=backer,
            milestone_id=totals.milestones_released + 1,
            weight=last.backer_total,
            total_objections=totals.objections + sign * last.backer_total,
        )
        recompute_totals([campaign.pk])

    def release_milestone(self, campaign: CampaignLaunched, at: datetime | None = None) -> MilestoneRelease:
        """Pay the milestone under way, without a fee."""
        at = at or timezone.now()
        totals = CampaignTotals.objects.get(campaign=campaign)
        number = totals.milestones_released + 1
        terms = Milestone.objects.filter(campaign=campaign, milestone_id__lte=number)
        released = totals.raised * sum(each.share_bps for each in terms) // 10_000
        row = MilestoneRelease.objects.create(
            **self._event(campaign, at),
            milestone_id=number,
            token=campaign.token,
            amount=released - totals.withdrawn,
            total_released=released,
            next_due=self._next_due(campaign, number, at),
        )
        Withdrawal.objects.create(
            **self._event(campaign, at),
            creator=campaign.creator,
            recipient=campaign.creator,
            token=campaign.token,
            amount=row.amount,
            total_withdrawn=released,
        )
        recompute_totals([campaign.pk])
        return row

    def _next_due(self, campaign: CampaignLaunched, number: int, at: datetime) -> datetime | None:
        """As the second version of the contracts tells it."""
        dates = dict(Milestone.objects.filter(campaign=campaign).values_list("milestone_id", "due"))
        if self.version < SECOND_VERSION or number + 1 not in dates:
            return None
        window = timedelta(seconds=Milestone.objects.get(campaign=campaign, milestone_id=1).objection_window)
        return max(dates[number + 1], at + (dates[number + 1] - dates[number]) - window)

    def wind_down(self, campaign: CampaignLaunched, since: datetime) -> WindDown:
        """Payouts are over, which counts from `since`."""
        totals = CampaignTotals.objects.get(campaign=campaign)
        row = WindDown.objects.create(
            **self._event(campaign, timezone.now()),
            by=campaign.creator,
            since=since,
            token=campaign.token,
            remaining=totals.raised - totals.withdrawn - totals.fees,
        )
        recompute_totals([campaign.pk])
        return row

    def hand_over(self, campaign: CampaignLaunched, new_creator: bytes) -> None:
        """Make the campaign another account's."""
        CreatorTransfer.objects.create(
            **self._event(campaign), old_creator=campaign.creator, new_creator=new_creator
        )
        recompute_totals([campaign.pk])

    def take_back(self, row: Contribution) -> None:
        """A reorganisation that loses one contribution, the campaign's newest event."""
        campaign = row.campaign
        row.delete()
        left = Contribution.objects.filter(campaign=campaign).order_by("-seq")
        newest = left.first()
        CampaignTotals.objects.filter(campaign=campaign).update(
            last_seq=row.seq - 1,
            raised=newest.total_raised if newest else 0,
            contributions=left.count(),
            backers=left.order_by().values("backer").distinct().count(),
            last_contribution_at=newest.block_time if newest else None,
        )

    def _text(self, document: Mapping[str, object], *, is_text_known: bool) -> bytes:
        if is_text_known:
            return bytes(self.metadata(**document).hash)
        return metadata_hash(canonical_json(document))

    def _event(self, campaign: CampaignLaunched, at: datetime | None = None) -> dict[str, object]:
        """What every event row has; takes the campaign's next seq and a new block."""
        totals = CampaignTotals.objects.get(campaign=campaign)
        totals.last_seq += 1
        totals.save(update_fields=["last_seq"])
        block = self.mine()
        return {
            "chain": self.chain,
            "campaign": campaign,
            "block_number": block,
            "log_index": 0,
            "block_time": at or min(timezone.now(), campaign.deadline - timedelta(seconds=1)),
            "tx_hash": reference(1_000_000 + block),
            "seq": totals.last_seq,
        }
