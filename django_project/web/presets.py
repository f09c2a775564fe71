"""Amounts that the pledge form offers to begin with."""

# What few, more and many backers would each have to give to reach the goal.
BACKERS = (1000, 200, 50)
STEPS = (5, 2, 1)


def presets(goal: int, minimum: int) -> list[int]:
    """Round parts of the goal in base units, smallest first, none below the smallest contribution."""
    parts = {_rounded(goal // backers) for backers in BACKERS}
    return sorted(part for part in parts if part > 0 and part >= minimum)


def _rounded(amount: int) -> int:
    """The largest of 1, 2 or 5 times a power of ten that is not above `amount`; 0 for 0."""
    if amount == 0:
        return 0
    power = int("1".ljust(len(str(amount)), "0"))
    return next(step * power for step in STEPS if step * power <= amount)
