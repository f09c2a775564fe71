"""What can go wrong between a chain and its index, in sentences that say what to do."""

from django_project.core.addresses import format_address
from django_project.ledger.models import Chain


class IndexerError(Exception):
    """The common ancestor; the message is for an operator."""


class ConfigurationError(IndexerError):
    """The set-up is wrong: registry, chain id or RPC URL. Nothing was written."""


class ChainHaltedError(IndexerError):
    """The chain stands still until an operator decides; `code` is one of `Chain.Halt`."""

    def __init__(self, code: Chain.Halt, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class ChainRetiredError(IndexerError):
    """The chain is not to be followed any more."""


class LeaseHeldError(IndexerError):
    """Another worker indexes the chain."""


class LeaseLostError(IndexerError):
    """Another worker took over while this one was away; its commit was refused."""


class RpcError(IndexerError):
    """A node could not be asked, or answered with an error."""


class EndpointError(RpcError):
    """One endpoint gave no usable answer: unreachable, overloaded, malformed.

    One that is overloaded asks for patience, perhaps for so many seconds, and is not to blame.
    """

    def __init__(
        self, endpoint: str, problem: str, *, retry_after: float = 0.0, is_overloaded: bool = False
    ) -> None:
        super().__init__(f"{endpoint}: {problem}")
        self.problem, self.retry_after, self.is_overloaded = problem, retry_after, is_overloaded


class CallRefusedError(RpcError):
    """Nodes understood the call and refused it, each for the reason that the message gives."""

    def __init__(self, reasons: str, *, is_lasting: bool = False) -> None:
        super().__init__(reasons)
        self.is_lasting = is_lasting


class RangeTooLargeError(RpcError):
    """Nobody answers a log query of so many blocks; `hint` is the span that was named, if any."""

    def __init__(self, endpoint: str, message: str, hint: int | None) -> None:
        super().__init__(f"{endpoint}: {message}")
        self.hint = hint


class ReplyTooLargeError(RpcError):
    """A reply of more bytes than its caller holds, left unread; `size` is None when nobody told it."""

    def __init__(self, endpoint: str, most_bytes: int, size: int | None) -> None:
        told = "an untold number of" if size is None else f"{size:,}"
        super().__init__(f"{endpoint}: a reply of {told} bytes, more than {most_bytes:,}")
        self.most_bytes, self.size = most_bytes, size


class TooManyLogsError(RpcError):
    """Blocks with more logs than this process holds at a time; about `fitting` of them would do."""

    def __init__(self, from_block: int, to_block: int, fitting: int) -> None:
        super().__init__(f"blocks {from_block} to {to_block} hold too many logs, {fitting} of them would do")
        self.fitting = fitting


class NoEndpointError(RpcError):
    """Every endpoint of the chain failed."""


class WrongChainError(NoEndpointError):
    """Every endpoint is left out for being on another chain; they are asked who they are again and again."""


class CannotTellError(RpcError):
    """The nodes do not have the blocks that would tell whether the chain has changed."""


class BadReplyError(RpcError):
    """A well-formed reply whose contents cannot be true together; another endpoint is asked."""


class ParentMismatchError(IndexerError):
    """The node's next block does not stand on ours: a reorganisation, or a node on another branch."""


class DecodeError(IndexerError):
    """A log whose data is not what its event's ABI says."""


class SeqGapError(IndexerError):
    """A contract's running number jumped: the node left events out."""

    def __init__(self, address: bytes, expected: int, found: int, block: int) -> None:
        super().__init__(
            f"{format_address(address)} should have emitted event {expected} but the node told of event "
            f"{found} (block {block})"
        )
        self.address, self.expected, self.found, self.block = address, expected, found, block


class StillInconsistentError(IndexerError):
    """Every endpoint keeps leaving the same events out; the range stays suspect and is tried again."""


class DatabaseRefusalError(IndexerError):
    """PostgreSQL refuses for a reason that passes or has to be mended; nothing was written."""
