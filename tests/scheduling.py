"""Who runs which tests when there are several processes (`pytest -n 4`)."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ONE_SYSTEM = "tests/e2e/"
# Files of minutes, the longest first: begun before the others, so that none is alone at the end.
LONG = (
    "tests/integration/test_demo.py",
    "tests/faults/",
    "tests/integration/",
    "tests/recommender/test_processes.py",
    "tests/wallets/",
    "tests/recommender/",
)


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist is not typed
    """A worker takes one file after the other, so that what a file's fixtures made serves all of its tests.

    The files with a browser count as one, since they share a whole running system. Playwright keeps an event
    loop running for good, and Django touches no database beside one: where there are several workers, one
    begins with the browser and ends with it; a worker alone leaves it for the end.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._is_shuffled = config.pluginmanager.hasplugin("randomly")

    def _split_scope(self, nodeid: str) -> str:
        return ONE_SYSTEM if nodeid.startswith(ONE_SYSTEM) else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(self._next_for(node), last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if ONE_SYSTEM in self.assigned_work[node]:
            node.shutdown()
        else:
            super()._reschedule(node)

    def _next_for(self, node: WorkerController) -> str:
        is_fresh = not self.assigned_work[node] and len(self.nodes) > 1
        if is_fresh and ONE_SYSTEM in self.workqueue:
            return ONE_SYSTEM
        scopes: list[str] = list(self.workqueue)
        return min(scopes, key=self._rank)

    def _rank(self, scope: str) -> int:
        """The smaller the sooner; files of one rank go in the order of the collection."""
        if scope == ONE_SYSTEM:
            return len(LONG) + 1
        if self._is_shuffled:
            return 0
        return next((rank for rank, path in enumerate(LONG) if scope.startswith(path)), len(LONG))
