"""What gates find, as codes with values: kept in tables, and put into words where somebody reads them.

A code says what was found and whether the gate lets pass; the values are numbers and names, as they are. The
sentences here are those of the command line. The site has its own, in the reader's language.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = str | int | float


@dataclass(frozen=True)
class GateCode:
    """What a code stands for."""

    passes: bool
    sentence: str
    """Of the values, in the form of `str.format`; what is refused says so at its end by itself."""


def _lets_pass(sentence: str) -> GateCode:
    return GateCode(passes=True, sentence=sentence)


def _refuses(sentence: str) -> GateCode:
    return GateCode(passes=False, sentence=sentence)


_BESIDE_BASELINE = "NDCG@10 against {baseline} is {mean:+.4f} ({low:+.4f} to {high:+.4f})"
_NEW_CAMPAIGNS = "NDCG@10 on new campaigns {ndcg:.4f}, {gain:+.4f} against {baseline}"
_VARIETY = "its lists show {coverage:.0%} of the campaigns with a Gini of {gini:.2f}"
_BESIDE_LIVE = "NDCG@10 {ndcg:.4f} beside {live_ndcg:.4f} of the live kind ({live_model})"
_CALIBRATION = "its probabilities are off by {error:.3f} beside {live_error:.3f} of the live kind"
_LATENCY = "95 % of lists take at most {milliseconds:.1f} ms"

GATE_CODES: dict[str, GateCode] = {
    "metrics_finite": _lets_pass("its metrics are all finite"),
    "metrics_missing": _refuses("its metrics are missing or not finite"),
    "users_enough": _lets_pass("measured on {users} users, enough to tell"),
    "users_too_few": _refuses("measured on {users} users, fewer than the {least} it takes to tell"),
    "better_than_baseline": _lets_pass(f"{_BESIDE_BASELINE}: better for certain"),
    "not_better_than_baseline": _refuses(f"{_BESIDE_BASELINE}: not better for certain"),
    "baseline_not_compared": _refuses("it was not compared with {baseline}"),
    "new_campaigns_too_few": _lets_pass("new campaigns are not asked for ({reason})"),
    "new_campaigns_no_worse": _lets_pass(f"{_NEW_CAMPAIGNS}: not worse"),
    "new_campaigns_worse": _refuses(f"{_NEW_CAMPAIGNS}: worse"),
    "new_campaigns_not_measured": _refuses("it was not measured on new campaigns"),
    "lists_varied": _lets_pass(f"{_VARIETY}: varied enough"),
    "lists_too_alike": _refuses(f"{_VARIETY}: too alike"),
    "variety_not_measured": _refuses("the variety of its lists was not measured"),
    "nothing_live": _lets_pass("nothing is live that it could be worse than"),
    "no_worse_than_live": _lets_pass(f"{_BESIDE_LIVE}: no worse"),
    "worse_than_live": _refuses(f"{_BESIDE_LIVE}: worse"),
    "live_not_comparable": _refuses("the live {live_model} was not trained on this snapshot to compare with"),
    "no_probabilities": _lets_pass("{model} gives no probabilities that could be off"),
    "calibration_alone": _lets_pass("its probabilities are off by {error:.3f}; the live model has none"),
    "calibration_no_worse": _lets_pass(f"{_CALIBRATION}: no worse"),
    "calibration_worse": _refuses(f"{_CALIBRATION}: worse"),
    "latency_in_budget": _lets_pass(f"{_LATENCY}: in time"),
    "latency_over_budget": _refuses(f"{_LATENCY}: over the {{budget:.0f}} ms it may take"),
    "latency_not_measured": _refuses("the time of a list was not measured"),
    "weights_finite": _lets_pass("all of its weights are numbers"),
    "weights_not_finite": _refuses("{parameter} has weights that are not a number"),
    "weights_unreadable": _refuses("its weights cannot be read ({error})"),
    "snapshot_verified": _lets_pass("snapshot {snapshot} has the bytes it was trained on"),
    "snapshot_differs": _refuses("it names snapshot {snapshot} but {found} lies there"),
    "snapshot_unverified": _refuses("its snapshot cannot be verified ({error})"),
    "nothing_live_to_know": _lets_pass("nothing is live whose users and campaigns it would have to know"),
    "vocabulary_kept": _lets_pass("it knows all users and campaigns that {live_run} knows"),
    "vocabulary_lost": _refuses("it does not know {count} that {live_run} knows ({examples})"),
    "vocabulary_unreadable": _refuses("vocabularies cannot be compared ({error})"),
    "erased_users_known": _refuses("it knows {count} who asked to be forgotten"),
}
"""By code. Codes stay: rows and records name them."""


@dataclass(frozen=True)
class GateResult:
    """What a gate found about a run."""

    run: str
    code: str
    """A key of GATE_CODES."""
    values: dict[str, Value]

    @classmethod
    def of(cls, run: str, code: str, **values: Value) -> "GateResult":
        """Raises KeyError for a code that is not in GATE_CODES."""
        _ = GATE_CODES[code]
        return cls(run, code, values)

    @property
    def passed(self) -> bool:
        return GATE_CODES[self.code].passes

    @property
    def sentence(self) -> str:
        """In English, for the command line and for what a job says at its end."""
        found = GATE_CODES[self.code]
        end = "" if found.passes else ", so it is refused"
        return f"{self.run}: {found.sentence.format_map(self.values)}{end}."

    def as_json(self) -> dict[str, Any]:
        """What is kept in tables."""
        return {"run": self.run, "code": self.code, "values": self.values}
