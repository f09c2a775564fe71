from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def take_powers_from_wallets(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """An account with a wallet stays its owner's; who worked with it gets a staff account of their own."""
    user = apps.get_model("accounts", "User")
    entry = apps.get_model("core", "AuditEntry")
    for found in user.objects.filter(is_staff=True, wallets__isnull=False).distinct():
        user.objects.filter(pk=found.pk).update(is_staff=False, is_superuser=False)
        found.groups.clear()
        found.user_permissions.clear()
        entry.objects.create(
            action="accounts.powers.changed",
            subject=str(found.public_id),
            details={"is_staff": [True, False], "reason": "Accounts with a wallet are not staff any more."},
        )
    user.objects.filter(is_staff=False, is_superuser=True).update(is_superuser=False)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_sessions_of_accounts"),
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(take_powers_from_wallets, migrations.RunPython.noop, elidable=True),
        # Constraints are checked before the table is altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_staff", True), ("is_superuser", False), _connector="OR"),
                name="superusers_are_staff",
            ),
        ),
        migrations.AddField(
            model_name="wallet",
            name="user_is_staff",
            field=models.GeneratedField(
                db_persist=True, expression=models.Value(value=False), output_field=models.BooleanField()
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE accounts_user ADD CONSTRAINT accounts_user_staff UNIQUE (id, is_staff);"
            "ALTER TABLE accounts_wallet ADD CONSTRAINT staff_have_no_wallets"
            " FOREIGN KEY (user_id, user_is_staff) REFERENCES accounts_user (id, is_staff)",
            "ALTER TABLE accounts_wallet DROP CONSTRAINT staff_have_no_wallets;"
            "ALTER TABLE accounts_user DROP CONSTRAINT accounts_user_staff",
        ),
    ]
