"""What the code computes with."""

import pytest
import torch

from recommender import device


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_fastest_device_is_taken(
    cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device.best_device().type == expected


def test_only_cuda_computes_in_bfloat16() -> None:
    assert not device.autocast(torch.device("cpu"))._enabled
    weights = torch.ones(2, 2)
    with device.autocast(torch.device("cpu")):
        assert (weights @ weights).dtype == torch.float32


@pytest.mark.parametrize(("wanted", "expected"), [("3", 3), ("", 2), ("many", 2), ("0", 2)])
def test_threads_are_half_of_the_cores_unless_told(
    wanted: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv(device.THREADS_VARIABLE, wanted)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    try:
        assert device.use_threads() == expected == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def test_exact_arithmetic_takes_one_thread_and_gives_the_others_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with device.exact_arithmetic():
            assert torch.get_num_threads() == 1
            assert torch.is_inference_mode_enabled()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
