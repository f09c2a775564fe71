"""A run's training drawn: each loss by epoch, and what the validation part said.

The picture is made when somebody asks for it and is no part of the run: its bytes depend on fonts and on the
library's version, while the numbers it shows lie hashed in the run's metrics.json.
"""

import io

from recommender.errors import ConfigError
from recommender.evaluation.metrics import DECIDING
from recommender.registry.runs import RunInfo

VALIDATION = "validation"


def draw_curves(run: RunInfo) -> bytes:
    """A PNG.

    Raises:
        ConfigError: the run's model was not trained by epochs.
    """
    curve = run.metrics.curve
    if not curve:
        raise ConfigError(f"{run.id} was not trained by epochs: it has no curves")
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = range(1, len(curve) + 1)
    has_validation = all(VALIDATION in epoch for epoch in curve)
    figure = Figure(figsize=(7, 6 if has_validation else 3.5), layout="constrained")
    axes = figure.subplots(2 if has_validation else 1, 1, sharex=True, squeeze=False)[:, 0]
    losses = {name: [epoch[name] for epoch in curve] for name in curve[0] if name != VALIDATION}
    for name, values in losses.items():
        axes[0].plot(epochs, values, marker="o", markersize=3, label=name)
    if len(losses) > 1 and min(map(min, losses.values())) > 0:
        # Minutes squared and nats do not share a scale.
        axes[0].set_yscale("log")
    axes[0].set_ylabel("loss")
    axes[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(losses), frameon=False)
    if has_validation:
        values = [epoch[VALIDATION] for epoch in curve]
        axes[1].plot(epochs, values, color="black", marker="o", markersize=3)
        best = run.metrics.best_epoch
        axes[1].annotate(
            f"kept: epoch {best}, {values[best - 1]:.4f}", (best, values[best - 1]), (0, 10),
            textcoords="offset points", ha="center",
        )  # fmt: skip
        axes[1].margins(y=0.25)
        axes[1].set_ylabel(f"{DECIDING}, validation part")
    for panel in axes:
        panel.axvline(run.metrics.best_epoch, color="grey", linewidth=1, linestyle=":")
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(run.id, fontsize=10)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
