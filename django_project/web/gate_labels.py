"""The gates' sentences about a run, in the reader's language.

The recommender writes them in English beside the run, as its record. A sentence that is not known here, of a
later gate or an older run, is shown as it was written.
"""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

# What a sentence begins with: the run it is about.
_RUN = r"(?P<run>\S+): "

# The sentences with which gates let pass: those of a live run.
_SENTENCES: tuple[tuple[str, str | Promise], ...] = (
    (r"its metrics are all finite\.", _("Its metrics are all finite.")),
    (
        r"measured on (?P<users>\d+) users, enough to tell\.",
        _("Measured on %(users)s users, enough to tell."),
    ),
    (r"it is pop itself, shown as what is popular\.", _("It is popularity itself, and shown as such.")),
    (
        (
            r"NDCG@10 against (?P<baseline>\S+) is (?P<mean>\S+) \((?P<low>\S+) to (?P<high>\S+)\): "
            r"better for certain\."
        ),
        _("NDCG@10 against %(baseline)s is %(mean)s (%(low)s to %(high)s): 95%% interval above zero."),
    ),
    (
        r"NDCG@10 on new campaigns (?P<mean>\S+), (?P<gain>\S+) against (?P<baseline>\S+): not worse\.",
        _("NDCG@10 on new campaigns is %(mean)s, %(gain)s against %(baseline)s: not worse."),
    ),
    (
        r"its lists show (?P<share>\S+)% of the campaigns with a Gini of (?P<gini>\S+): varied enough\.",
        _("Its lists show %(share)s%% of the campaigns with a Gini of %(gini)s: varied enough."),
    ),
    (
        r"nothing is live that it could be worse than\.",
        _("Nothing was live that it could have been worse than."),
    ),
    (
        r"NDCG@10 (?P<ours>\S+) beside (?P<theirs>\S+) of the live kind \((?P<kind>\S+)\): no worse\.",
        _("NDCG@10 %(ours)s beside %(theirs)s of the live kind (%(kind)s): no worse."),
    ),
    (
        r"the live (?P<kind>\S+) was not trained on this snapshot to compare with\.",
        _("The live %(kind)s was not trained on this snapshot to compare with."),
    ),
    (
        r"(?P<model>\S+) gives no probabilities that could be off\.",
        _("%(model)s gives no probabilities that could be off."),
    ),
    (
        r"its probabilities are off by (?P<ours>\S+); the live model has none\.",
        _("Its probabilities are off by %(ours)s; the live model has none."),
    ),
    (
        r"its probabilities are off by (?P<ours>\S+) beside (?P<theirs>\S+) of the live kind: no worse\.",
        _("Its probabilities are off by %(ours)s beside %(theirs)s of the live kind: no worse."),
    ),
    (
        r"95 % of lists take at most (?P<time>\S+) ms: in time\.",
        _("95%% of lists take at most %(time)s ms: in time."),
    ),
    (r"all of its weights are numbers\.", _("All of its weights are numbers.")),
    (
        r"snapshot (?P<hash>\S+) has the bytes it was trained on\.",
        _("Snapshot %(hash)s has the bytes it was trained on."),
    ),
    (
        r"nothing is live whose users and campaigns it would have to know\.",
        _("Nothing was live whose users and campaigns it would have to know."),
    ),
    (
        r"it knows all users and campaigns that (?P<live>\S+) knows\.",
        _("It knows all users and campaigns that %(live)s knows."),
    ),
)
_PATTERNS = tuple((re.compile(_RUN + pattern), words) for pattern, words in _SENTENCES)


@dataclass(frozen=True, slots=True)
class GateSentence:
    """`language` is the one that the text is in; `run` is empty where the text names it itself."""

    run: str
    text: str
    language: str


def gate_sentence(sentence: str) -> GateSentence:
    for pattern, words in _PATTERNS:
        found = pattern.fullmatch(sentence)
        if found:
            return GateSentence(found["run"], str(words) % found.groupdict(), get_language() or "en")
    return GateSentence("", sentence, "en")
