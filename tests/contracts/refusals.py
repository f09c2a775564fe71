"""Which error a call has to be refused with, by the books (`book.py`); an empty name when it is accepted."""

from book import DAY, FUNDING, REFUNDABLE, RELEASING, SUCCEEDED, WIND_DOWN, Book


def contribution(book: Book, backer: str, amount: int, tier_id: int, now: int) -> str:
    if book.cancelled_at:
        return "Campaign_WrongState"
    if now >= book.promise.deadline:
        return "Campaign_DeadlinePassed"
    if book.paused:
        return "Campaign_ContributionsPaused"
    if amount == 0:
        return "Campaign_ZeroAmount"
    if amount < book.promise.minimum:
        return "Campaign_BelowMinimum"
    if book.raised == book.promise.limit:
        return "Campaign_CapExceeded"
    return _reward(book, backer, amount, tier_id) if tier_id else ""


def _reward(book: Book, backer: str, amount: int, tier_id: int) -> str:
    if tier_id > len(book.promise.tiers):
        return "Campaign_UnknownTier"
    price, supply = book.promise.tiers[tier_id - 1]
    if book.accepted(amount) < price:
        return "Campaign_BelowTierPrice"
    if supply and book.sold(tier_id) >= supply:
        return "Campaign_TierSoldOut"
    return "Campaign_TooManyRewards" if book.rewards[backer].count(tier_id) == 15 else ""


def take_back(book: Book, backer: str, now: int) -> str:
    if book.state(now) != FUNDING:
        return "Campaign_WrongState"
    if book.promise.keeps or now >= book.promise.deadline - DAY or book.raised >= book.promise.goal:
        return "Campaign_PledgeFirm"
    return "" if book.pledges[backer] else "Campaign_NothingToRefund"


def refund(book: Book, backer: str, now: int) -> str:
    if book.state(now) not in REFUNDABLE:
        return "Campaign_WrongState"
    return "" if book.share(backer, now) else "Campaign_NothingToRefund"


def refund_by_others(book: Book, backer: str, now: int) -> str:
    if book.state(now) not in REFUNDABLE:
        return "Campaign_WrongState"
    if now < book.refunds_since(now) + 30 * DAY:
        return "Campaign_RefundIsBackersOwn"
    return refund(book, backer, now)


def withdrawal(book: Book, caller: str, now: int) -> str:
    if caller != book.creator:
        return "Campaign_NotCreator"
    if book.state(now) != SUCCEEDED:
        return "Campaign_WrongState"
    return "" if book.raised else "Campaign_NothingToWithdraw"


def evidence(book: Book, caller: str, now: int) -> str:
    if caller != book.creator:
        return "Campaign_NotCreator"
    if book.state(now) != RELEASING:
        return "Campaign_WrongState"
    if book.window_end:
        return "Campaign_MilestoneAlreadySubmitted"
    if now < book.promise.milestones[book.released][2]:
        return "Campaign_EvidenceTooEarly"
    return "" if book.raised else "Campaign_NothingToWithdraw"


def objection(book: Book, backer: str, now: int) -> str:
    if backer in {book.creator, book.promise.creator}:
        return "Campaign_CreatorCannotObject"
    if closed := _window_closed(book, now):
        return closed
    if not book.pledges[backer]:
        return "Campaign_NotABacker"
    return "Campaign_AlreadyObjected" if book.objects(backer) else ""


def second_thought(book: Book, backer: str, now: int) -> str:
    return _window_closed(book, now) or ("" if book.objects(backer) else "Campaign_NotObjected")


def _window_closed(book: Book, now: int) -> str:
    if book.window_end and now >= book.window_end:
        return "Campaign_ObjectionWindowOver"
    if book.state(now) != RELEASING:
        return "Campaign_WrongState"
    return "" if book.window_end else "Campaign_MilestoneNotSubmitted"


def release(book: Book, caller: str, now: int) -> str:
    if caller != book.creator:
        return "Campaign_NotCreator"
    if book.state(now) != RELEASING:
        return "Campaign_WrongState"
    if not book.window_end:
        return "Campaign_MilestoneNotSubmitted"
    return "Campaign_ObjectionWindowOpen" if now < book.window_end else ""


def wind_down(book: Book, caller: str, now: int) -> str:
    state = book.state(now)
    if book.wound_down_at or state not in (WIND_DOWN, RELEASING):
        return "Campaign_WrongState"
    return "Campaign_NotCreator" if state == RELEASING and caller != book.creator else ""


def cancellation(book: Book, caller: str, now: int) -> str:
    if caller not in {book.creator, book.guardian}:
        return "Campaign_NotCreatorOrGuardian"
    state = book.state(now)
    allowed = state in (FUNDING, SUCCEEDED) or (state == RELEASING and not book.released)
    return "" if allowed else "Campaign_WrongState"


def update(book: Book, caller: str) -> str:
    return "" if caller == book.creator else "Campaign_NotCreator"


def offer(book: Book, caller: str, successor: str) -> str:
    if caller != book.creator:
        return "Campaign_NotCreator"
    return "Campaign_AlreadyCreator" if successor == caller else ""


def acceptance(book: Book, caller: str, now: int) -> str:
    if caller != book.pending:
        return "Campaign_NotPendingCreator"
    is_open = now < book.window_end and not (book.cancelled_at or book.wound_down_at)
    return "Campaign_ObjectionWindowOpen" if is_open else ""


def pause(book: Book, caller: str, *, paused: bool) -> str:
    if caller != book.guardian:
        return "Campaign_NotGuardian"
    return "Campaign_PauseUnchanged" if paused == book.paused else ""


def fees(book: Book) -> str:
    return "" if book.fees > book.claimed else "Campaign_NothingToClaim"


def sweep(book: Book) -> str:
    return "" if book.surplus else "Campaign_NothingToSweep"


def receipt(book: Book, caller: str) -> str:
    if not book.pledges[caller]:
        return "SupporterReceipt_NotABacker"
    if not book.paid_part(caller):
        return "SupporterReceipt_NothingPaidOut"
    return "SupporterReceipt_AlreadyClaimed" if caller in book.receipts else ""
