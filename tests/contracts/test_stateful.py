"""Random lives of campaigns on a real node: every call does what the books say, and the events tell all.

`CHAINFUND_STATEFUL_EXAMPLES=200 tools/test-contracts.sh stateful` lives more lives; hypothesis prints the
shortest one that goes wrong.
"""

import os
from collections.abc import Callable
from typing import Any

from conftest import Suite
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from life import Life

EXAMPLES = int(os.environ.get("CHAINFUND_STATEFUL_EXAMPLES", "50"))
STEPS = 30


def test_lives_of_campaigns(suite: Suite, launch: Callable[..., Any], receipt: Any) -> None:
    Life.suite, Life.launch, Life.receipts = suite, staticmethod(launch), receipt
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    every_event = {entry["name"] for entry in suite.contracts.Campaign.abi if entry["type"] == "event"}
    assert every_event - set(Life.events_seen) == set(), "no life came to this"
    assert set(range(8)) - set(Life.states_seen) == set(), "no life came to this"
