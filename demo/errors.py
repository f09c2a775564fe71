"""Why a demo cannot go on."""


class DemoError(RuntimeError):
    """One sentence that says what is wrong and what to do."""
