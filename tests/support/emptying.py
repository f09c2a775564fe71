"""Empties the tables after a test that has committed, in a tenth of the time that Django's own flush takes.

That truncates each of a hundred tables, and makes content types and permissions anew after every test.
"""

from django.db import connection
from django.test import TransactionTestCase

# What migrations have made, and no test changes.
KEPT = ("django_migrations", "django_content_type", "auth_permission")

EMPTY = """
DO $$
DECLARE
    name text;
    is_filled boolean;
BEGIN
    -- Rows go whatever points to them: so do those that point.
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL ({kept}) LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO is_filled;
        IF is_filled THEN
            EXECUTE format('DELETE FROM %I', name);
        END IF;
    END LOOP;
END $$
"""


def empty_tables(_case: TransactionTestCase) -> None:
    """In the place of `TransactionTestCase._fixture_teardown`."""
    kept = ", ".join(f"'{name}'" for name in KEPT)
    with connection.cursor() as cursor:
        cursor.execute(EMPTY.format(kept=f"ARRAY[{kept}]"))
