"""What stands between a draft and its launch, field by field, by the contract's own rules.

A draft keeps whatever was typed; this says what of it a campaign would not take, and why.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from django_project.campaigns import documents
from django_project.campaigns.models import Category
from django_project.core.errors import Message
from django_project.core.money import BASIS_POINTS, AmountTextError, parse_units
from django_project.core.names import NameRefusedError, checked_line, checked_name, checked_speaker
from django_project.ledger.selectors import TokenInfo
from django_project.pledges.errors import UnreadableAmountError
from django_project.studio import bounds
from django_project.studio.content import MILESTONES, REWARDS
from django_project.studio.launching import LaunchCurrency
from django_project.studio.models import Draft

LANGUAGES = ("en", "zh-hans")
MODES = ("all-or-nothing", "keep-what-you-raise")
DATE_FORM = "%Y-%m-%dT%H:%M"
"""As browsers write it; drafts keep moments in UTC."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a field stops the launch; `is_missing` while nothing was typed there."""

    field: str
    message: Message
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Checker:
    """Reads one draft. `now` is the chain's, as near as it is known."""

    draft: Draft
    currencies: Mapping[str, LaunchCurrency]
    now: datetime

    def problems(self) -> list[Problem]:
        """All that stops the launch, in the order of the pages."""
        return [*self._story(), *self._rewards(), *self._terms(), *self._milestones()]

    def _text(self, field: str) -> str:
        return str(self.draft.texts.get(field, "")).strip()

    def _missing(self, field: str) -> Problem:
        return Problem(field, _("This is still to be filled in."), is_missing=True)

    def _story(self) -> Iterator[Problem]:
        yield from self._line("title", checked_name, documents.TITLE_LENGTH)
        yield from self._line("tagline", checked_line, documents.TAGLINE_LENGTH, is_needed=False)
        yield from self._line("publisher", checked_speaker, documents.PUBLISHER_LENGTH)
        yield from self._body("story", documents.STORY_LENGTH)
        categories = set(Category.objects.values_list("slug", flat=True))
        yield from self._choice("category", categories)
        yield from self._choice("language", LANGUAGES)

    def _rewards(self) -> Iterator[Problem]:
        cap = self._amount_or_none("cap") or bounds.MAX_AMOUNT
        for key in self.draft.rows.get(REWARDS, []):
            yield from self._line(f"{REWARDS}.{key}.title", checked_name, documents.TITLE_LENGTH)
            yield from self._body(f"{REWARDS}.{key}.description", documents.REWARD_LENGTH, is_needed=False)
            yield from self._amount(f"{REWARDS}.{key}.price", 1, cap)
            yield from self._whole(f"{REWARDS}.{key}.supply", 1, bounds.MAX_SUPPLY, is_needed=False)

    def _terms(self) -> Iterator[Problem]:
        yield from self._choice("currency", self.currencies)
        yield from self._choice("mode", MODES)
        yield from self._amount("goal", 1, bounds.MAX_AMOUNT)
        goal = self._amount_or_none("goal")
        least = min(goal or bounds.MAX_AMOUNT, bounds.MAX_MIN_CONTRIBUTION)
        yield from self._amount("minimum", 0, least, is_needed=False)
        yield from self._amount("cap", goal or 1, bounds.MAX_AMOUNT - 1, is_needed=False)
        yield from self._moment(
            "deadline", self.now + bounds.MIN_FUNDING_PERIOD, self.now + bounds.MAX_FUNDING_PERIOD
        )

    def _milestones(self) -> Iterator[Problem]:
        keys: Sequence[str] = self.draft.rows.get(MILESTONES, [])
        if not keys:
            return
        yield from self._whole("objection_days", *bounds.OBJECTION_DAYS)
        least, most = (each // 100 for each in bounds.OBJECTION_THRESHOLD_BPS)
        yield from self._whole("objection_percent", least, most)
        window = timedelta(days=_whole_or_none(self._text("objection_days")) or 0)
        before = opens = self._moment_or_none("deadline")
        shares: list[int | None] = []
        for place, key in enumerate(keys):
            share, due = f"{MILESTONES}.{key}.share", f"{MILESTONES}.{key}.due"
            yield from self._share(share, BASIS_POINTS if place else bounds.MAX_FIRST_SHARE_BPS)
            shares.append(self._share_or_none(share))
            if before is None or opens is None:
                yield from self._moment(due, None, None)
            else:
                yield from self._moment(
                    due, opens + bounds.MIN_EVIDENCE_PERIOD, before + bounds.MAX_MILESTONE_PERIOD
                )
            before = self._moment_or_none(due)
            opens = before + window if before else None
        known = [share for share in shares if share is not None]
        if len(known) == len(shares) and sum(known) != BASIS_POINTS:
            told = TokenInfo("%", 2).text(sum(known))
            message = _("Together the parts are %(sum)s%%. They have to be 100%%.") % {"sum": told}
            yield Problem(f"{MILESTONES}.{keys[-1]}.share", message)

    def _line(
        self, field: str, rule: Callable[[str], str], longest: int, *, is_needed: bool = True
    ) -> Iterator[Problem]:
        yield from self._body(field, longest, is_needed=is_needed)
        try:
            rule(self._text(field))
        except NameRefusedError as error:
            yield Problem(field, error.message)

    def _body(self, field: str, longest: int, *, is_needed: bool = True) -> Iterator[Problem]:
        text = self._text(field)
        if not text and is_needed:
            yield self._missing(field)
        if len(text) > longest:
            yield Problem(
                field,
                _("A campaign takes at most %(most)s characters here, and this has %(count)s.")
                % {"most": f"{longest:,}", "count": f"{len(text):,}"},
            )

    def _choice(
        self, field: str, allowed: Sequence[str] | set[str] | Mapping[str, object]
    ) -> Iterator[Problem]:
        text = self._text(field)
        if not text:
            yield self._missing(field)
        elif text not in allowed:
            yield Problem(field, _("This is no longer offered. Choose again."))

    def _amount(self, field: str, least: int, most: int, *, is_needed: bool = True) -> Iterator[Problem]:
        text, currency = self._text(field), self._currency()
        if not text:
            if is_needed:
                yield self._missing(field)
            return
        if currency is None:
            return
        try:
            amount = parse_units(text, currency.decimals, currency.symbol)
        except AmountTextError as error:
            yield Problem(field, UnreadableAmountError(error, currency.symbol, currency.decimals).message)
            return
        if amount < least:
            told = f"{currency.text(least)} {currency.symbol}"
            yield Problem(field, _("This has to be at least %(amount)s.") % {"amount": told})
        elif amount > most:
            told = f"{currency.text(most)} {currency.symbol}"
            yield Problem(field, _("This can be at most %(amount)s.") % {"amount": told})

    def _currency(self) -> TokenInfo | None:
        found = self.currencies.get(self._text("currency"))
        return found.info if found else None

    def _amount_or_none(self, field: str) -> int | None:
        currency = self._currency()
        try:
            return parse_units(self._text(field), currency.decimals, currency.symbol) if currency else None
        except AmountTextError:
            return None

    def _whole(self, field: str, least: int, most: int, *, is_needed: bool = True) -> Iterator[Problem]:
        text = self._text(field)
        number = _whole_or_none(text)
        if not text:
            if is_needed:
                yield self._missing(field)
        elif number is None or not least <= number <= most:
            yield Problem(
                field,
                _("Enter a whole number from %(least)s to %(most)s.")
                % {"least": f"{least:,}", "most": f"{most:,}"},
            )

    def _share(self, field: str, most: int) -> Iterator[Problem]:
        if not self._text(field):
            yield self._missing(field)
            return
        share = self._share_or_none(field)
        if share is None or not 1 <= share <= most:
            yield Problem(
                field,
                _("Enter a percentage from 0.01 to %(most)s.") % {"most": TokenInfo("%", 2).text(most)},
            )

    def _share_or_none(self, field: str) -> int | None:
        """In hundredths of a percent."""
        try:
            return parse_units(self._text(field), 2, "%")
        except AmountTextError:
            return None

    def _moment(self, field: str, earliest: datetime | None, latest: datetime | None) -> Iterator[Problem]:
        if not self._text(field):
            yield self._missing(field)
            return
        moment = self._moment_or_none(field)
        if moment is None:
            yield Problem(field, _("Enter a date and a time, such as 2027-03-31 18:00."))
        elif earliest is not None and moment < earliest:
            # Told in whole minutes, of which the first is the one after.
            told = (earliest + timedelta(minutes=1, microseconds=-1)).strftime("%Y-%m-%d %H:%M")
            yield Problem(field, _("This has to be %(moment)s UTC or later.") % {"moment": told})
        elif latest is not None and moment > latest:
            told = latest.strftime("%Y-%m-%d %H:%M")
            yield Problem(field, _("This can be %(moment)s UTC at the latest.") % {"moment": told})

    def _moment_or_none(self, field: str) -> datetime | None:
        text = self._text(field).replace(" ", "T", 1)
        try:
            return datetime.strptime(text, DATE_FORM).replace(tzinfo=UTC)
        except ValueError:
            return None


def _whole_or_none(text: str) -> int | None:
    try:
        return parse_units(text, 0)
    except AmountTextError:
        return None
