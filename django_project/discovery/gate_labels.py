"""What gates and the roll-out found about a run, in words: `{run, code, values}` in the reader's language.

The gates' codes are `GATE_CODES` of the recommender, which the site never loads; a test holds both equal.
Rows from before there were codes keep their English sentences, and these are shown as they were written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

Result: TypeAlias = Mapping[str, Any]
"""`run`, the id of the run it is about; `code`, a key of LABELS; `values`, numbers and names by name."""

GATE_LABELS: Mapping[str, str | Promise] = {
    "metrics_finite": _("Its metrics are all finite."),
    "metrics_missing": _("Its metrics are missing or not finite: refused."),
    "users_enough": _("Measured on {users} users, enough to tell."),
    "users_too_few": _("Measured on {users} users, fewer than the {least} it takes to tell: refused."),
    "better_than_baseline": _(
        "NDCG@10 against {baseline} is {mean:+.4f} ({low:+.4f} to {high:+.4f}, 95%): above zero."
    ),
    "not_better_than_baseline": _(
        "NDCG@10 against {baseline} is {mean:+.4f} ({low:+.4f} to {high:+.4f}, 95%): not above zero, refused."
    ),
    "baseline_not_compared": _("It was not compared with {baseline}: refused."),
    "new_campaigns_too_few": _("Too few campaigns could be hidden to measure it on new ones."),
    "new_campaigns_no_worse": _(
        "NDCG@10 on new campaigns is {ndcg:.4f}, {gain:+.4f} against {baseline}: not worse."
    ),
    "new_campaigns_worse": _(
        "NDCG@10 on new campaigns is {ndcg:.4f}, {gain:+.4f} against {baseline}: worse, refused."
    ),
    "new_campaigns_not_measured": _("It was not measured on new campaigns: refused."),
    "lists_varied": _(
        "Its lists show {coverage:.0%} of the campaigns with a Gini of {gini:.2f}: varied enough."
    ),
    "lists_too_alike": _(
        "Its lists show {coverage:.0%} of the campaigns with a Gini of {gini:.2f}: too alike, refused."
    ),
    "variety_not_measured": _("The variety of its lists was not measured: refused."),
    "nothing_live": _("Nothing was live that it could have been worse than."),
    "no_worse_than_live": _(
        "NDCG@10 {ndcg:.4f} beside {live_ndcg:.4f} of the live kind ({live_model}): no worse."
    ),
    "worse_than_live": _(
        "NDCG@10 {ndcg:.4f} beside {live_ndcg:.4f} of the live kind ({live_model}): worse, refused."
    ),
    "live_not_comparable": _(
        "The live {live_model} was not trained on this snapshot to compare with: refused."
    ),
    "no_probabilities": _("{model} gives no probabilities that could be off."),
    "calibration_alone": _("Its probabilities are off by {error:.3f}; the live model has none."),
    "calibration_no_worse": _(
        "Its probabilities are off by {error:.3f} beside {live_error:.3f} of the live kind: no worse."
    ),
    "calibration_worse": _(
        "Its probabilities are off by {error:.3f} beside {live_error:.3f} of the live kind: worse, refused."
    ),
    "latency_in_budget": _("A list takes at most {milliseconds:.1f} ms (95%): in time."),
    "latency_over_budget": _(
        "A list takes at most {milliseconds:.1f} ms (95%), over the {budget:.0f} ms it may take: refused."
    ),
    "latency_not_measured": _("The time of a list was not measured: refused."),
    "weights_finite": _("All of its weights are numbers."),
    "weights_not_finite": _("{parameter} has weights that are not a number: refused."),
    "weights_unreadable": _("Its weights cannot be read ({error}): refused."),
    "snapshot_verified": _("Snapshot {snapshot} has the bytes it was trained on."),
    "snapshot_differs": _("It names snapshot {snapshot}, but {found} lies there: refused."),
    "snapshot_unverified": _("Its snapshot cannot be verified ({error}): refused."),
    "nothing_live_to_know": _("Nothing was live whose users and campaigns it would have to know."),
    "vocabulary_kept": _("It knows all users and campaigns that {live_run} knows."),
    "vocabulary_lost": _("It does not know {count} that {live_run} knows ({examples}): refused."),
    "vocabulary_unreadable": _("Users and campaigns cannot be compared ({error}): refused."),
    "erased_users_known": _("It knows {count} who asked to be forgotten: refused."),
}

ROLLOUT_LABELS: Mapping[str, str | Promise] = {
    "shadow_fell": _(
        "In the shadow, its first ten held {share:.2%} of {trials:,} contributions, those of {live_run} "
        "{live_share:.2%} of {live_trials:,}: worse, taken back."
    ),
    "canary_clicks_fell": _(
        "At a tenth of the users, clicks fell to {share:.2%} of {trials:,} from {live_share:.2%} of "
        "{live_trials:,}: taken back."
    ),
    "canary_contributions_fell": _(
        "At a tenth of the users, contributions fell to {share:.2%} of {trials:,} from {live_share:.2%} of "
        "{live_trials:,}: taken back."
    ),
    "live_clicks_fell": _(
        "For all users, clicks fell to {share:.2%} of {trials:,} from {live_share:.2%} of {live_trials:,}: "
        "rolled back to {live_run}."
    ),
    "live_contributions_fell": _(
        "For all users, contributions fell to {share:.2%} of {trials:,} from {live_share:.2%} of "
        "{live_trials:,}: rolled back to {live_run}."
    ),
    "taken_back_by_operator": _("An operator took it back."),
}

LABELS: Mapping[str, str | Promise] = {**GATE_LABELS, **ROLLOUT_LABELS}


@dataclass(frozen=True, slots=True)
class ResultLine:
    """`language` is the one that the text is in; `run` is empty where the text names it itself."""

    run: str
    text: str
    language: str


def result_line(result: Result | str) -> ResultLine:
    """A result in the language of the request.

    A sentence from before there were codes is shown as it is written; so are a code and values that this
    version has no words for, which a later one may have left behind.
    """
    if isinstance(result, str):
        return ResultLine("", result, "en")
    run, code, values = result["run"], result["code"], result["values"]
    try:
        return ResultLine(run, str(LABELS[code]).format_map(values), get_language() or "en")
    except (KeyError, TypeError, ValueError):
        shown = ", ".join(f"{name} {value}" for name, value in values.items())
        return ResultLine(run, f"{code}: {shown}" if shown else code, "en")


def english(result: Result) -> str:
    """One sentence with its run, for the audit trail and for what a task says."""
    with override("en"):
        line = result_line(result)
    return f"{line.run}: {line.text}"
