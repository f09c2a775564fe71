"""How spans of time and moments are written on pages, in the language of the request."""

from datetime import datetime, timedelta

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext, ngettext


def rough(duration: timedelta) -> str:
    """The largest whole unit of a duration, rounded down; under a minute counts as one."""
    if duration >= timedelta(days=2):
        return ngettext("%(count)d day", "%(count)d days", duration.days) % {"count": duration.days}
    if duration >= timedelta(hours=2):
        hours = int(duration.total_seconds() // 3600)
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    minutes = max(int(duration.total_seconds() // 60), 1)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def span(seconds: int) -> str:
    return rough(timedelta(seconds=seconds))


def wait(seconds: int) -> str:
    """How long to wait, rounded up: whoever waits that long is not refused again."""
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    if minutes < 120:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = -(-minutes // 60)
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}


def time_left(deadline: datetime, now: datetime) -> str:
    """How long it is to a moment on a chain, such as "12 days left", or when that was; `now` is its time."""
    left = deadline - now
    if left > timedelta(0):
        return gettext("%(span)s left") % {"span": rough(left)}
    return gettext("Ended %(date)s") % {"date": format_date(deadline, "DATE_FORMAT")}


def ago(moment: datetime) -> str:
    passed = timezone.now() - moment
    if passed < timedelta(minutes=1):
        return gettext("just now")
    if passed > timedelta(days=30):
        return str(format_date(moment, "DATE_FORMAT"))
    return gettext("%(span)s ago") % {"span": rough(passed)}
