"""What can be wrong about the ledger, in sentences that say what to do."""


class LedgerError(Exception):
    """Something the ledger cannot do or does not have."""


class UnknownChainError(LedgerError):
    def __init__(self, chain_id: int) -> None:
        super().__init__(
            f"chain {chain_id} is not indexed: add deployments/{chain_id}.json, run `manage.py indexer run`"
        )


class UnusableTokenError(LedgerError):
    """What was told of a token cannot be used to show amounts in it."""


class RollbackRefusedError(LedgerError):
    """A rollback that would leave the ledger in a state that cannot be indexed from."""
