"""What happens in a scenario. Amounts are base units, people and campaigns are positions in its lists."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Launch:
    at: int
    campaign: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Contribute:
    """`tier` 0 asks for no reward; tiers are numbered from 1."""

    at: int
    campaign: int
    backer: int
    tier: int
    amount: int


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Before the end the backer changes its mind about the whole pledge: `amount`."""

    at: int
    campaign: int
    backer: int
    amount: int


@dataclass(frozen=True, slots=True)
class Refund:
    """After the end the backer takes all that is theirs: `amount`, in a wind-down a share of it."""

    at: int
    campaign: int
    backer: int
    amount: int


@dataclass(frozen=True, slots=True)
class Cancel:
    at: int
    campaign: int
    reason: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    at: int
    campaign: int


@dataclass(frozen=True, slots=True)
class ClaimFees:
    at: int
    campaign: int


@dataclass(frozen=True, slots=True)
class PostUpdate:
    """`number` counts the campaign's updates in the catalogue from 0."""

    at: int
    campaign: int
    number: int


@dataclass(frozen=True, slots=True)
class SubmitMilestone:
    """Evidence for the milestone of this number, from 1."""

    at: int
    campaign: int
    number: int


@dataclass(frozen=True, slots=True)
class Object:
    at: int
    campaign: int
    backer: int


@dataclass(frozen=True, slots=True)
class Release:
    at: int
    campaign: int


Action = (
    Launch
    | Contribute
    | TakeBack
    | Refund
    | Cancel
    | Withdraw
    | ClaimFees
    | PostUpdate
    | SubmitMilestone
    | Object
    | Release
)


@dataclass(frozen=True, slots=True)
class View:
    """A campaign's page, looked at. Readers below the number of backers are those backers, signed in."""

    at: int
    reader: int
    campaign: int
    dwell_seconds: int
