"""A draft's pages: which fields each has, what they are called, and how they stand."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext_lazy as _

from django_project.campaigns.selectors import CategoryLabel
from django_project.studio.checks import MODES, Problem
from django_project.studio.content import MILESTONES, REWARDS, ROWS, ROWS_MOST
from django_project.studio.launching import LaunchCurrency
from django_project.studio.models import Draft
from django_project.web.labels import LANGUAGE, Word
from django_project.web.studio_posts import base_of

CHECK = "check"
STEPS: Mapping[str, Word] = {
    "story": _("Story"),
    "rewards": _("Rewards"),
    "terms": _("Goal and terms"),
    "milestones": _("Milestones"),
    CHECK: _("Check"),
}
_MODE: Mapping[str, tuple[Word, Word]] = {
    "all-or-nothing": (
        _("All or nothing"),
        _("If the goal is missed, every backer can claim a full refund."),
    ),
    "keep-what-you-raise": (
        _("Keep what you raise"),
        _("You are paid even below the goal."),
    ),
}
Choice = tuple[str, Word, Word]
"""Value, name, and a sentence about it."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a page. `theirs` is what somebody else wrote there meanwhile; `base`: see `base_of`."""

    name: str
    label: Word
    kind: str
    hint: Word = ""
    value: str = ""
    problem: Word = ""
    base: str = ""
    theirs: str | None = None
    is_contested: bool = False
    choices: tuple[Choice, ...] = ()
    rows: int = 4

    @property
    def id(self) -> str:
        """Without the points that selectors of style sheets would read as classes."""
        return self.name.replace(".", "-")


@dataclass(frozen=True, slots=True)
class RowView:
    """One row of a list, counted from 1."""

    key: str
    number: int
    fields: tuple[FieldView, ...]
    is_first: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class StepView:
    """A page of a draft: its own fields, or the rows of a list with the fields beside them."""

    fields: tuple[FieldView, ...] = ()
    rows: tuple[RowView, ...] = ()
    rows_name: str = ""
    can_add: bool = False


_LINE, _TEXT, _MARKDOWN, _SELECT, _RADIO, _MOMENT = "line", "text", "markdown", "select", "radio", "moment"

_STORY = (
    FieldView("title", _("Title"), _LINE, _("What you make, in a few words. At most 120 characters.")),
    FieldView("tagline", _("In one sentence"), _LINE, _("Stands below the title on every card.")),
    FieldView("publisher", _("Who you are"), _LINE, _("The name that backers know you by.")),
    FieldView("category", _("Category"), _SELECT),
    FieldView("language", _("Language of the text"), _SELECT),
    FieldView(
        "story",
        _("Story"),
        _MARKDOWN,
        _("What it is, who makes it, what the money is for, what could go wrong. Markdown, no pictures yet."),
        rows=18,
    ),
)
_TERMS = (
    FieldView("currency", _("Currency"), _SELECT, _("What backers pay in. It decides the network too.")),
    FieldView("goal", _("Goal"), _LINE, _("Such as 12.5 or 1,250.")),
    FieldView("mode", _("If the goal is missed"), _RADIO),
    FieldView(
        "deadline",
        _("Deadline (UTC)"),
        _MOMENT,
        _("From 1 day to 90 days after the launch. The contract does not extend it."),
    ),
    FieldView("minimum", _("Smallest contribution"), _LINE, _("Leave it empty for none.")),
    FieldView(
        "cap", _("Limit"), _LINE, _("Leave it empty for none: contributions above the goal are taken too.")
    ),
)
_OBJECTIONS = (
    FieldView(
        "objection_days",
        _("Days to object"),
        _LINE,
        _("For how long backers may object to each milestone's evidence: 3 to 30."),
    ),
    FieldView(
        "objection_percent",
        _("Objections that stop the payouts, in percent of the contributions"),
        _LINE,
        _("10 to 50. Above it, backers share what was not paid out."),
    ),
)
_ROW_FIELDS: Mapping[str, tuple[FieldView, ...]] = {
    REWARDS: (
        FieldView("title", _("Reward"), _LINE),
        FieldView("description", _("What backers get"), _TEXT),
        FieldView("price", _("Price"), _LINE, _("The least contribution that earns it.")),
        FieldView("supply", _("How many"), _LINE, _("Leave it empty for no limit.")),
    ),
    MILESTONES: (
        FieldView("share", _("Part of the money, in percent"), _LINE),
        FieldView("due", _("Evidence is due (UTC)"), _MOMENT),
    ),
}


@dataclass(frozen=True)
class StudioForm:
    """A draft as its pages show it, with what was typed just now in the place of what is stored."""

    draft: Draft
    problems: Iterable[Problem]
    currencies: Mapping[str, LaunchCurrency]
    categories: Iterable[CategoryLabel]
    typed: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)
    contested: Mapping[str, str | None] = field(default_factory=dict)

    def step(self, name: str) -> StepView:
        """The fields of a page, filled in."""
        if name == "story":
            return StepView(self._filled(_STORY))
        if name == "terms":
            return StepView(self._filled(_TERMS))
        if name == REWARDS:
            return self._list(REWARDS, ())
        return self._list(MILESTONES, _OBJECTIONS if self.draft.rows.get(MILESTONES) else ())

    def _list(self, rows: str, beside: tuple[FieldView, ...]) -> StepView:
        keys = self.draft.rows.get(rows, [])
        views = tuple(
            RowView(
                key,
                number,
                self._filled(replace(each, name=f"{rows}.{key}.{each.name}") for each in _ROW_FIELDS[rows]),
                is_first=number == 1,
                is_last=number == len(keys),
            )
            for number, key in enumerate(keys, start=1)
        )
        return StepView(self._filled(beside), views, rows, can_add=len(keys) < ROWS_MOST[rows])

    def _filled(self, fields: Iterable[FieldView]) -> tuple[FieldView, ...]:
        problems = {each.field: each for each in self.problems}
        return tuple(self._one(each, problems.get(each.name)) for each in fields)

    def _one(self, view: FieldView, problem: Problem | None) -> FieldView:
        choices = tuple(_CHOICES[view.name](self)) if view.name in _CHOICES else ()
        shown = _shown(str(self.draft.texts.get(view.name, "")), view.kind, choices)
        return replace(
            view,
            value=self.typed.get(view.name, shown),
            base=self.bases.get(view.name) or base_of(shown, self.draft.revision),
            # What nobody has typed yet is no mistake of theirs.
            problem=problem.message if problem and not problem.is_missing else "",
            is_contested=view.name in self.contested,
            theirs=self.contested.get(view.name),
            choices=choices,
        )


def _shown(stored: str, kind: str, choices: tuple[Choice, ...]) -> str:
    """What a browser has in the field, and sends back untouched."""
    if kind == _SELECT:
        return stored if stored in {value for value, *_ in choices} else ""
    return stored.replace(" ", "T", 1) if kind == _MOMENT else stored


def fields_of(step: str, draft: Draft) -> list[str]:
    """The names of a page's fields, for as many rows as the draft has."""
    own = {"story": _STORY, "terms": _TERMS, MILESTONES: _OBJECTIONS}.get(step, ())
    cells = [f"{step}.{key}.{name}" for key in draft.rows.get(step, []) for name in (ROWS.get(step) or ())]
    return [each.name for each in own] + cells


def step_of(field_name: str) -> str:
    """The page that has a field."""
    if field_name.partition(".")[0] in ROWS:
        return field_name.partition(".")[0]
    if field_name in {each.name for each in _OBJECTIONS}:
        return MILESTONES
    return "story" if field_name in {each.name for each in _STORY} else "terms"


def label_of(field_name: str, draft: Draft) -> tuple[Word, int]:
    """What a field is called, and the number of its row from 1; 0 outside lists."""
    rows, _point, rest = field_name.partition(".")
    if rows in ROWS:
        key, _point, name = rest.partition(".")
        label = next(each.label for each in _ROW_FIELDS[rows] if each.name == name)
        return label, draft.rows[rows].index(key) + 1
    return next(each.label for each in (*_STORY, *_TERMS, *_OBJECTIONS) if each.name == field_name), 0


_CHOICES: Mapping[str, Callable[[StudioForm], Iterable[Choice]]] = {
    "category": lambda form: ((each.slug, each.name, "") for each in form.categories),
    "language": lambda _form: ((code, name, "") for code, name in LANGUAGE.items()),
    "currency": lambda form: (
        (key, f"{each.info.symbol} · {each.network}", "") for key, each in form.currencies.items()
    ),
    "mode": lambda _form: ((mode, *_MODE[mode]) for mode in MODES),
}
