"""What cannot be done with rankings."""


class RolloutError(Exception):
    """A step that cannot be taken; the text says why."""
