"""What the site refused, a line each that machines can count: `event=rate_limit.refused …`.

Events: `sign_in.refused`, `step_up.refused`, `rate_limit.refused`, `access.refused`. A line names no person
and no address: accounts by their public id, networks and recipients by a pseudonym that holds for a day.
"""

import structlog
from django.utils import timezone
from django.utils.crypto import salted_hmac

PSEUDONYM_LENGTH = 16


# Written in logfmt, to the loggers that `LOGGING` directs.
structlog.configure(
    processors=[structlog.processors.LogfmtRenderer(key_order=["event"])],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)


def log(event: str, **facts: str | int | bool) -> None:
    """Write one line about something that was refused."""
    structlog.get_logger(__name__).warning(event, **facts)


def pseudonym(subject: str) -> str:
    """The same for a subject all day long (UTC), and without the site's secret key nobody's name."""
    today = timezone.now().date().isoformat()
    return salted_hmac(f"chainfund.refusals.{today}", subject, algorithm="sha256").hexdigest()[
        :PSEUDONYM_LENGTH
    ]
