"""The part that runs in fastai's own environment: learns from train.parquet, writes scores of test.parquet.

    python -P benchmarks/peers/fastai_side.py FOLDER --model dot --seeds 5

Needs fastai 2.8.12 and polars, and nothing of this project.
"""

import argparse
from pathlib import Path

import polars as pl
from fastai.collab import TabularCollab, collab_learner
from fastai.data.block import TransformBlock
from fastai.tabular.core import Categorify
from fastai.tabular.model import get_emb_sz
from fastai.torch_core import set_seed

STARS = (0, 5.5)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", choices=["dot", "nn"])
    parser.add_argument("--seeds", type=int)
    given = parser.parse_args()
    train, test = (pl.read_parquet(given.folder / f"{part}.parquet") for part in ("train", "test"))
    rows = pl.concat([train, test]).select("user", "item", pl.col("label").cast(pl.Float32)).to_pandas()
    parts = (list(range(len(train))), list(range(len(train), len(rows))))
    found = []
    for seed in range(given.seeds):
        set_seed(seed)
        table = TabularCollab(
            rows, [Categorify], ["user", "item"], y_names=["label"], y_block=TransformBlock(), splits=parts
        )
        loaders = table.dataloaders(bs=64)
        options = {"use_nn": True, "layers": [100]} if given.model == "nn" else {"n_factors": 50}
        learner = collab_learner(loaders, y_range=STARS, **options)
        with learner.no_bar(), learner.no_logging():
            learner.fit_one_cycle(5, 5e-3, wd=0.1)
            scores = learner.get_preds(dl=loaders.valid)[0].flatten().double().numpy()
        found.append(pl.DataFrame({"row_id": test["row_id"], "seed": [seed] * len(test), "score": scores}))
        print(f"{given.model}, seed {seed}, embeddings {get_emb_sz(loaders)}", flush=True)
    pl.concat(found).write_parquet(given.folder / f"{given.model}.parquet")


if __name__ == "__main__":
    main()
