"""Work that is done for each chain in turn: one that fails keeps no other from its turn."""

from collections.abc import Callable, Iterable


def for_each_chain(work: Callable[[int], object], chain_ids: Iterable[int]) -> None:
    """Do the work for each chain.

    Raises:
        ExceptionGroup: what was raised for some of them, once all had their turn.
    """
    failures = []
    for chain_id in chain_ids:
        try:
            work(chain_id)
        except Exception as error:  # noqa: BLE001  # raised below
            error.add_note(f"chain {chain_id}")
            failures.append(error)
    if failures:
        raise ExceptionGroup("some chains were not served", failures)
