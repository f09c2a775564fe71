"""Where tensors live, how exactly they are computed, and from which seed they are drawn."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

THREADS_VARIABLE = "CHAINFUND_TORCH_THREADS"


def best_device() -> torch.device:
    """CUDA before Apple's MPS before the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def use_threads() -> int:
    """Set and return the number of CPU threads: CHAINFUND_TORCH_THREADS, else half of the cores we may use.

    Threads wait for each other by spinning, so that more of them than free cores make everything slower.
    """
    wanted = os.environ.get(THREADS_VARIABLE, "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = int(wanted) if wanted.isdecimal() and int(wanted) > 0 else max(cores // 2, 1)
    torch.set_num_threads(threads)
    return threads


def seed_everything(seed: int) -> None:
    """Make what follows repeatable on one device and number of threads."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where the hardware multiplies it faster: on CUDA."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (AVX-512 BF16 or AMX)."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """One thread, so that sums are taken in one order and give the same bits each time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
