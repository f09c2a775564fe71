"""What can be wrong with what the recommender is given; each message says what to do."""


class RecommenderError(Exception):
    """The base of all below; its text is one sentence for whoever runs the command."""


class DataError(RecommenderError):
    """The tables cannot be used."""


class DamagedError(RecommenderError):
    """A snapshot's or a run's files are not the ones its manifest names."""


class ConfigError(RecommenderError):
    """An unknown model, encoder, split or option."""
