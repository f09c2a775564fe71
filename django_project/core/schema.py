"""Whether the database has the tables that this program expects.

Migrations are compared by name, from the folders and from Django's own record: a command asks at each start,
and listing folders takes a millisecond where importing every migration takes twenty-five.
"""

import pkgutil
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

# Of a PostgreSQL advisory lock, so that two programs which meet an empty database do not both fill it.
_CREATION_LOCK = 0x63686169


def unapplied_migrations() -> list[str]:
    """`app.migration` of those that the database has not seen, sorted; all of them when it is empty.

    Raises:
        django.db.DatabaseError: the database does not answer.
    """
    applied = set(MigrationRecorder(connection).applied_migrations())
    waiting = _known_migrations() - applied
    return sorted(f"{app}.{name}" for app, name in waiting if not _replaced(app, name) & applied)


def _replaced(app_label: str, name: str) -> set[tuple[str, str]]:
    """What a squashed migration stands for: where a part was applied one by one, the rest will be too."""
    if "_squashed_" not in name:
        return set()
    module = import_module(f"{apps.get_app_config(app_label).name}.migrations.{name}")
    return set(module.Migration.replaces)


def _known_migrations() -> set[tuple[str, str]]:
    return {
        (app.label, module.name)
        for app in apps.get_app_configs()
        for module in pkgutil.iter_modules(_migration_folders(app.name))
        if not module.ispkg and module.name[0] not in "_~"
    }


def _migration_folders(app_name: str) -> list[str]:
    spec = find_spec(f"{app_name}.migrations")
    return list(spec.submodule_search_locations or ()) if spec is not None else []


def create_if_empty() -> list[str]:
    """Create all tables when no migration was ever applied; returns those that still wait to be applied.

    Safe to be called by several programs at once: the later ones wait for the first.

    Raises:
        django.db.DatabaseError: the database does not answer, or refuses a table.
    """
    waiting = unapplied_migrations()
    if not waiting:
        return waiting
    with connection.cursor() as cursor:
        # Half of them may be applied because somebody is at it right now: the lock tells.
        cursor.execute("SELECT pg_advisory_lock(%s)", [_CREATION_LOCK])
        try:
            if not MigrationRecorder(connection).applied_migrations():
                call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_CREATION_LOCK])
    return unapplied_migrations()
