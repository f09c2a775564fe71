import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import django_project.core.fields


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_contract_wallets"),
    ]

    operations = [
        # The framework's own table: its sessions name no account, and everybody signs in once more.
        migrations.RunSQL("DROP TABLE IF EXISTS django_session", migrations.RunSQL.noop),
        migrations.RenameField("signinchallenge", "session_digest", "browser_digest"),
        migrations.AlterField(
            model_name="signinchallenge",
            name="browser_digest",
            field=models.CharField(help_text="SHA-256 of the cookie it is bound to.", max_length=64),
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "session_key",
                    models.CharField(
                        max_length=40, primary_key=True, serialize=False, verbose_name="session key"
                    ),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "wallet",
                    django_project.core.fields.AddressField(
                        help_text="The wallet that signed in; staff have none.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "browser",
                    models.CharField(
                        blank=True, help_text="Its maker's name for it, no version.", max_length=30
                    ),
                ),
                ("system", models.CharField(blank=True, max_length=30)),
                (
                    "network",
                    models.CharField(
                        blank=True, help_text="The address, shortened to /24 or /48.", max_length=50
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
    ]
