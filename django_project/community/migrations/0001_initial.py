"""Updates, comments, reports and follows come from `campaigns` with their tables, content types and permissions."""

import uuid

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import django_project.core.fields

MODELS = ("campaignupdate", "follow", "report", "supportermessage")


def take_over(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    relabel(apps, "campaigns", "community")


def give_back(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    relabel(apps, "community", "campaigns")


def relabel(apps: Apps, before: str, after: str) -> None:
    """Content types change their app, and what refers to them, permissions above all, stays with them.

    Code of the other version makes a content type of its own as soon as it asks for one on this schema: what
    was given by that one is kept, and it is removed.
    """
    content_types = apps.get_model("contenttypes", "ContentType").objects
    for model in MODELS:
        kept = content_types.filter(app_label=before, model=model).first()
        if kept is None:
            continue
        other = content_types.filter(app_label=after, model=model).first()
        if other is not None:
            merge(apps, other, kept)
            other.delete()
        kept.app_label = after
        kept.save(update_fields=["app_label"])


def merge(apps: Apps, other: models.Model, kept: models.Model) -> None:
    apps.get_model("admin", "LogEntry").objects.filter(content_type=other).update(content_type=kept)
    permissions = apps.get_model("auth", "Permission").objects
    for permission in permissions.filter(content_type=other):
        twin = permissions.filter(content_type=kept, codename=permission.codename).first()
        if twin is None:
            permission.content_type = kept
            permission.save(update_fields=["content_type"])
            continue
        for group in permission.group_set.all():
            group.permissions.add(twin)
        for user in permission.user_set.all():
            user.user_permissions.add(twin)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("campaigns", "0006_models_to_community"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="CampaignUpdate",
                    fields=[
                        (
                            "content_hash",
                            django_project.core.fields.HashField(primary_key=True, serialize=False),
                        ),
                        ("chain_id", models.BigIntegerField()),
                        ("address", django_project.core.fields.AddressField()),
                        ("title", models.CharField(max_length=120)),
                        ("body", models.TextField(help_text="Markdown.")),
                        (
                            "document",
                            models.BinaryField(help_text="Canonical JSON; its keccak-256 is the hash."),
                        ),
                        ("stored_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "db_table": "campaigns_campaignupdate",
                        "indexes": [
                            models.Index(
                                fields=["chain_id", "address"], name="campaigns_c_chain_i_51056f_idx"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Follow",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="followers",
                                to="campaigns.listing",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="follows",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "db_table": "campaigns_follow",
                        "constraints": [
                            models.UniqueConstraint(fields=("user", "listing"), name="follow_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Report",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                        (
                            "reason",
                            models.CharField(
                                choices=[
                                    ("fraud", "not what it says it is"),
                                    ("stolen", "somebody else's work or name"),
                                    ("forbidden", "against the law"),
                                    ("harmful", "hateful or dangerous"),
                                    ("other", "something else"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("text", models.TextField(max_length=2000)),
                        (
                            "state",
                            models.CharField(
                                choices=[("open", "Open"), ("upheld", "Upheld"), ("dismissed", "Dismissed")],
                                default="open",
                                max_length=10,
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="reports",
                                to="campaigns.listing",
                            ),
                        ),
                        (
                            "reporter",
                            models.ForeignKey(
                                blank=True,
                                help_text="Empty when it was anonymous, or the account is gone.",
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="reports",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "db_table": "campaigns_report",
                        "ordering": ["-created_at", "-pk"],
                        "indexes": [models.Index(fields=["state", "-created_at"], name="report_state")],
                    },
                ),
                migrations.CreateModel(
                    name="SupporterMessage",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                        ("text", models.TextField(max_length=500)),
                        (
                            "is_hidden",
                            models.BooleanField(
                                default=False, help_text="By moderators; its author cannot undo it."
                            ),
                        ),
                        ("written_at", models.DateTimeField()),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="messages",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="messages",
                                to="campaigns.listing",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "campaigns_supportermessage",
                        "ordering": ["-written_at", "-pk"],
                        "indexes": [models.Index(fields=["listing", "-written_at"], name="message_newest")],
                        "constraints": [
                            models.UniqueConstraint(fields=("listing", "author"), name="message_once")
                        ],
                    },
                ),
            ],
        ),
        migrations.RunPython(take_over, give_back),
    ]
