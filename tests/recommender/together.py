"""One of the processes that train together in tests: `torchrun … together.py MODEL DIRECTORY`.

Leaves in DIRECTORY what each process ended with, and the checkpoint's writers.
"""

import json
import sys
from pathlib import Path
from unittest.mock import patch

from safetensors.torch import save_file

from recommender.config.training import TrainingConfig
from recommender.data.context import context_of
from recommender.data.dataset import build_dataset
from recommender.data.reading import conform
from recommender.data.synthetic import synthesize
from recommender.device import seed_everything
from recommender.interface import Checkpoint, TrainingLog
from recommender.models.registry import make_config, make_model
from recommender.processes import processes
from recommender.training import trainer
from recommender.training.checkpoint import TrainingState, save_checkpoint
from recommender.training.trainable import TrainableModel
from tests.recommender.conftest import SMALL, word_vectors

SETTINGS = {
    "chainfund": {
        "token_dims": 16,
        "content_dims": 16,
        "head_dims": 4,
        "dropout": 0,
        "id_dropout": 0,
        "user_dropout": 0,
    },
    "pfcr": {"groups": 3, "centroids": 8, "code_dims": 2, "dims": 16, "layers": 1, "dropout": 0},
    "twotower": {"text_dims": 16, "dims": 16, "hidden": 32, "dropout": 0, "id_dropout": 0},
}
EPOCHS = 2


def train_small(name: str, directory: Path, batch_size: int = 0) -> tuple[TrainableModel, TrainingLog]:
    """Nothing is dropped out, so that nothing but rounding depends on the number of processes."""
    data = build_dataset(conform(synthesize(SMALL)))
    context = context_of(data, word_vectors(data.items.texts))
    seed_everything(0)
    model = make_model(name, make_config(name, SETTINGS[name]), context.sizes)
    if not isinstance(model, TrainableModel):
        raise TypeError(name)
    # The last batch has a single row: one process has none of it.
    size = batch_size or (len(data.pairs) - 1) // 4
    config = TrainingConfig(epochs=EPOCHS, batch_size=size, patience=EPOCHS, learning_rate=1e-3)
    values = iter([0.1, 0.2] if processes().is_main else [])
    checkpoint = Checkpoint(directory / "state.safetensors", "k")
    log = trainer.train(model, context, config, validate=lambda: next(values), checkpoint=checkpoint)
    return model, log


def main() -> None:
    name, directory = sys.argv[1], Path(sys.argv[2])
    rank, written = processes().rank, []

    def noted(checkpoint: Checkpoint, state: TrainingState) -> None:
        written.append(state.epoch)
        save_checkpoint(checkpoint, state)

    with patch.object(trainer, "save_checkpoint", noted):
        model, log = train_small(name, directory)
    save_file(model.state_dict(), directory / f"{rank}.safetensors")
    told = {"curve": log.curve, "best": log.best_epoch, "written": written, "count": processes().count}
    (directory / f"{rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
