"""Whether a candidate may be shown: all gates about one run, and the choice among several."""

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.models.registry import model_type
from recommender.registry.artifact_gates import ErasedUsers, artifact_gates
from recommender.registry.gate_results import GateResult
from recommender.registry.metric_gates import BASELINE, metric_gates, quality
from recommender.registry.runs import RunInfo

NOBODY = ErasedUsers()


@dataclass(frozen=True)
class Verdict:
    """What the gates said about one run."""

    run: RunInfo
    is_accepted: bool
    results: list[GateResult]

    @property
    def sentences(self) -> list[str]:
        return [result.sentence for result in self.results]


@dataclass(frozen=True)
class PromotionDecision:
    """What should be live, and why."""

    run: RunInfo | None
    """The run to show; None: leave what is shown."""
    verdicts: list[Verdict]

    @property
    def results(self) -> list[GateResult]:
        return [result for verdict in self.verdicts for result in verdict.results]

    @property
    def sentences(self) -> list[str]:
        return [result.sentence for result in self.results]

    def accepted(self, model: str) -> RunInfo | None:
        """The accepted run of a kind."""
        return next((v.run for v in self.verdicts if v.is_accepted and v.run.model == model), None)


def judge(
    run: RunInfo,
    live: RunInfo | None = None,
    peers: Sequence[RunInfo] = (),
    erased_users: ErasedUsers = NOBODY,
) -> Verdict:
    """Ask every gate about a candidate.

    `peers` are runs measured on the same snapshot; `erased_users` are those whom the run need not know, or
    must not.
    """
    results = [*metric_gates(run, live, peers), *artifact_gates(run, live, erased_users)]
    return Verdict(run, all(result.passed for result in results), results)


def decide_promotion(
    runs: Sequence[RunInfo], live: RunInfo | None = None, erased_users: ErasedUsers = NOBODY
) -> PromotionDecision:
    """The accepted personal run with the best NDCG@10.

    Without one the live personal model stays, and where there is none the run of `pop` is shown, which is
    nobody's own list and is not called so.

    The live model is compared through the new run of its own kind: it may have learnt from what the new
    snapshot asks for.
    """
    personal = [run for run in runs if model_type(run.model).is_personal]
    verdicts = [judge(run, live, runs, erased_users) for run in personal]
    accepted = [verdict.run for verdict in verdicts if verdict.is_accepted]
    if accepted:
        return PromotionDecision(max(accepted, key=quality), verdicts)
    if live is not None and model_type(live.model).is_personal:
        return PromotionDecision(None, verdicts)
    return PromotionDecision(next((run for run in runs if run.model == BASELINE), None), verdicts)
