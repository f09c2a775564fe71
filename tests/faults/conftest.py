import pytest

from tasks.indexing.node.abilities import Pace


@pytest.fixture(autouse=True)
def _short_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Providers count calls by a clock that is ten times as fast, and so does the indexer."""
    monkeypatch.setattr(Pace, "SECOND", 0.1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `fault_seed` the seeds 1 to --fault-seeds; a failing one is in the test's name."""
    if "fault_seed" in metafunc.fixturenames:
        seeds = metafunc.config.getoption("--fault-seeds")
        metafunc.parametrize("fault_seed", range(1, seeds + 1))
