"""Several processes that train one model together: one for each GPU, or a few on a CPU.

They are started by `torchrun` or `accelerate launch`, which tell each its place through the environment; a
process that was started alone has nothing to do with any of this.
"""

import atexit
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import nn

from recommender.device import best_device

if TYPE_CHECKING:
    from accelerate import Accelerator

PATIENCE = timedelta(hours=2)
"""How long the others wait while the first one validates or writes."""


@dataclass(frozen=True)
class Processes:
    """Who takes part, seen from this process."""

    rank: int
    """Of this process, from 0."""
    count: int
    device: torch.device
    """This process's own."""
    _accelerator: "Accelerator | None" = None

    @property
    def is_main(self) -> bool:
        """Whether this is the one that writes files and speaks to people."""
        return self.rank == 0

    def wait(self) -> None:
        """Go on when all have come here."""
        if self._accelerator:
            self._accelerator.wait_for_everyone()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The others enter when the first one has left: they find what it has made."""
        if not self.is_main:
            self.wait()
        yield
        if self.is_main:
            self.wait()

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, on each of them; without a gradient."""
        if not self._accelerator:
            return values.detach()
        summed: torch.Tensor = self._accelerator.reduce(values.detach().clone(), "sum")
        return summed

    def broadcast(self, value: float) -> float:
        """The first one's value, on each of them."""
        mine = torch.tensor([value if self.is_main else 0.0], dtype=torch.float64, device=self.device)
        return float(self.sum(mine)) if self._accelerator else value

    def share(self, module: nn.Module, *, may_skip: bool) -> nn.Module:
        """The module with its gradients averaged over all processes.

        `may_skip` says that a process may have no gradient for some of its weights.
        """
        if not self._accelerator:
            return module
        from accelerate.utils import DistributedDataParallelKwargs

        self._accelerator.ddp_handler = DistributedDataParallelKwargs(
            # Buffers are either the same everywhere or set by the model itself.
            find_unused_parameters=may_skip,
            broadcast_buffers=False,
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            shared: nn.Module = self._accelerator.prepare_model(module)
        return shared


@lru_cache(maxsize=1)
def processes() -> Processes:
    """Join the others, or be alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(0, 1, best_device())
    from accelerate import Accelerator
    from accelerate.utils import InitProcessGroupKwargs

    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),
        mixed_precision="no",  # the trainer says what is computed in bfloat16
        kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
    )
    atexit.register(accelerator.end_training)
    return Processes(accelerator.process_index, accelerator.num_processes, accelerator.device, accelerator)
