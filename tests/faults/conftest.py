import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `fault_seed` the seeds 1 to --fault-seeds; a failing one is in the test's name."""
    if "fault_seed" in metafunc.fixturenames:
        seeds = metafunc.config.getoption("--fault-seeds")
        metafunc.parametrize("fault_seed", range(1, seeds + 1))
