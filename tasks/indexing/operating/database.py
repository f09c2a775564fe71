"""What PostgreSQL's refusals mean: nearly all pass or are mended, and nothing was written meanwhile."""

from django.db import DatabaseError, DataError, Error, IntegrityError

# Of these no retry makes anything better: a person has to decide.
CONTRADICTIONS = (IntegrityError, DataError)

# By SQLSTATE, or by its class (PostgreSQL's documentation, appendix A).
_CURES = {
    "53100": "its disk is full: make room, and indexing goes on by itself",
    "53200": "it is out of memory: give it more, or work_mem less",
    "53300": "it has too many connections: raise max_connections, or run fewer workers",
    "25006": "it is read-only, as a standby is: point DATABASE_URL to the primary",
    "42501": "its user may not do this: grant the rights on the tables of this program",
    "57014": "a statement took longer than statement_timeout allows: raise it, or see what keeps it busy",
    "55P03": "a lock was not to be had in time: see who holds it (pg_locks)",
    "25P03": "a transaction stood still for too long; it is tried again",
    "08": "it is away: start PostgreSQL, or correct DATABASE_URL",
    "28": "it does not let this user in: correct DATABASE_URL",
    "3D": "there is no such database: correct DATABASE_URL",
    "40": "another transaction was in the way; it is tried again",
    "42": "its tables are not those of this program: run `manage.py migrate`, and restart the workers",
    "53": "it lacks resources: see its log",
    "57": "it is stopping or starting: wait, or start it",
    "58": "its machine has a fault: see its log and its disk",
    "XX": "its files are damaged: see its log, and restore or REINDEX",
}


def sqlstate(error: Error) -> str:
    """Of the driver's error behind Django's; empty when the server has said nothing."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def in_words(error: Error) -> str:
    """What the database has said, and what to do."""
    state = sqlstate(error)
    cure = _CURES.get(state) or _CURES.get(state[:2]) or (_CURES["08"] if not state else "see its log")
    told = (str(error).splitlines() or [type(error).__name__])[0]
    return f"the database refuses ({told}): {cure}"


def no_database(error: DatabaseError) -> str:
    """The cure for a database that does not answer."""
    return (
        f"the database does not answer ({str(error).splitlines()[0]}): start PostgreSQL, or correct "
        "DATABASE_URL"
    )


def old_schema(waiting: list[str]) -> str:
    """The cure for tables that are not this program's."""
    named = ", ".join(waiting[:3]) + (", …" if len(waiting) > 3 else "")
    return f"{len(waiting)} migrations are not applied ({named}): run `manage.py migrate`"
