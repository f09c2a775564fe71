import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import django_project.core.fields


class Migration(migrations.Migration):
    """All tables at once, for a new database: each step of the history for itself takes longer."""

    initial = True

    replaces = [
        ("ledger", "0001_initial"),
        ("ledger", "0002_halt_code"),
        ("ledger", "0003_campaign_names"),
        ("ledger", "0004_milestones_and_take_backs"),
        ("ledger", "0005_operating_and_cheaper_rows"),
    ]

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="CampaignLaunched",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("factory", django_project.core.fields.AddressField()),
                ("address", django_project.core.fields.AddressField()),
                ("creator", django_project.core.fields.AddressField()),
                (
                    "token",
                    django_project.core.fields.AddressField(
                        help_text="The zero address is the chain's own currency."
                    ),
                ),
                (
                    "mode",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "All Or Nothing"), (1, "Keep What You Raise")]
                    ),
                ),
                ("goal", django_project.core.fields.BaseUnitsField()),
                ("start", models.DateTimeField()),
                ("deadline", models.DateTimeField()),
                ("fee_bps", models.PositiveSmallIntegerField()),
                ("min_contribution", django_project.core.fields.BaseUnitsField()),
                ("cap", django_project.core.fields.BaseUnitsField(help_text="0: none.")),
                ("metadata_uri", models.TextField()),
                ("metadata_hash", django_project.core.fields.HashField(db_index=True)),
            ],
            options={
                "verbose_name": "campaign launched",
                "verbose_name_plural": "campaigns launched",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Chain",
            fields=[
                ("chain_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=50)),
                (
                    "genesis_hash",
                    django_project.core.fields.HashField(
                        blank=True, help_text="Pinned at first contact; another one halts.", null=True
                    ),
                ),
                (
                    "finality_depth",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Blocks after which a block is final; empty: the node's own `finalized` tag decides.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                ("currency_symbol", models.CharField(default="ETH", max_length=16)),
                ("currency_decimals", models.PositiveSmallIntegerField(default=18)),
                ("explorer_url", models.URLField(blank=True)),
                ("is_test_network", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("ok", "Ok"), ("halted", "Halted")], default="ok", max_length=10
                    ),
                ),
                (
                    "halt_code",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("identity", "no node is on the pinned chain"),
                            ("deep_reorg", "the chain changed below finality"),
                            ("contradiction", "the node contradicts rows that were stored"),
                        ],
                        max_length=20,
                    ),
                ),
                ("halt_reason", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="CampaignTotals",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="totals",
                        serialize=False,
                        to="ledger.campaignlaunched",
                    ),
                ),
                ("last_seq", models.BigIntegerField(default=0)),
                ("raised", django_project.core.fields.BaseUnitsField(default=0)),
                ("refunded", django_project.core.fields.BaseUnitsField(default=0)),
                ("withdrawn", django_project.core.fields.BaseUnitsField(default=0)),
                ("fees", django_project.core.fields.BaseUnitsField(default=0)),
                ("fees_claimed", django_project.core.fields.BaseUnitsField(default=0)),
                ("contributions", models.BigIntegerField(default=0)),
                ("backers", models.BigIntegerField(default=0)),
                ("last_contribution_at", models.DateTimeField(blank=True, null=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                ("paused", models.BooleanField(default=False)),
                ("wound_down_at", models.DateTimeField(blank=True, null=True)),
                (
                    "creator",
                    django_project.core.fields.AddressField(
                        blank=True, help_text="Empty while it is whoever launched the campaign.", null=True
                    ),
                ),
                ("milestones", models.PositiveSmallIntegerField(default=0)),
                ("milestones_released", models.PositiveSmallIntegerField(default=0)),
                (
                    "milestone_due",
                    models.DateTimeField(
                        blank=True,
                        help_text="Of the milestone under way; empty when there is none.",
                        null=True,
                    ),
                ),
                (
                    "window_end",
                    models.DateTimeField(
                        blank=True, help_text="Of its evidence; empty while there is none.", null=True
                    ),
                ),
                ("objections", django_project.core.fields.BaseUnitsField(default=0)),
                ("objection_limit", django_project.core.fields.BaseUnitsField(default=0)),
            ],
            options={
                "verbose_name_plural": "campaign totals",
            },
        ),
        migrations.CreateModel(
            name="Cursor",
            fields=[
                (
                    "chain",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="cursor",
                        serialize=False,
                        to="ledger.chain",
                    ),
                ),
                ("next_block", models.BigIntegerField(help_text="The first block not yet indexed.")),
                (
                    "head_hash",
                    django_project.core.fields.HashField(
                        blank=True, help_text="Hash of block next_block - 1.", null=True
                    ),
                ),
                (
                    "node_head",
                    models.BigIntegerField(default=0, help_text="The node's latest block when last asked."),
                ),
                (
                    "finalized_block",
                    models.BigIntegerField(default=-1, help_text="Highest indexed block that is final."),
                ),
                ("lease_owner", models.CharField(blank=True, max_length=100)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("fence", models.BigIntegerField(default=0)),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True, help_text="When the node last confirmed how far the index is."
                    ),
                ),
                (
                    "moved_at",
                    models.DateTimeField(blank=True, help_text="When blocks were last committed.", null=True),
                ),
                (
                    "commit_blocks",
                    models.BigIntegerField(default=0, help_text="Blocks of the last commit: the span."),
                ),
                (
                    "commit_seconds",
                    models.FloatField(default=0.0, help_text="What the last commit took to write its rows."),
                ),
            ],
        ),
        migrations.AddField(
            model_name="campaignlaunched",
            name="chain",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="ledger.chain",
            ),
        ),
        migrations.CreateModel(
            name="Block",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField()),
                ("hash", django_project.core.fields.HashField()),
                ("parent_hash", django_project.core.fields.HashField()),
                ("timestamp", models.DateTimeField()),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="ledger.chain"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Contract",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", django_project.core.fields.AddressField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("factory", "Factory"), ("campaign", "Campaign")], max_length=10
                    ),
                ),
                ("start_block", models.BigIntegerField()),
                (
                    "created_block",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Block of the event that created it; empty for the registry's own.",
                        null=True,
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contracts",
                        to="ledger.chain",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Contribution",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("backer", django_project.core.fields.AddressField()),
                ("payer", django_project.core.fields.AddressField()),
                ("token", django_project.core.fields.AddressField()),
                ("tier_id", models.BigIntegerField(help_text="0: no reward.")),
                (
                    "ref",
                    django_project.core.fields.HashField(
                        help_text="The pledge intent it names; strangers can copy it, so it proves nothing alone."
                    ),
                ),
                ("amount", django_project.core.fields.BaseUnitsField()),
                (
                    "backer_total",
                    django_project.core.fields.BaseUnitsField(
                        help_text="The backer's total in this campaign after this contribution."
                    ),
                ),
                (
                    "total_raised",
                    django_project.core.fields.BaseUnitsField(
                        help_text="The campaign's total after this contribution."
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ContributionPause",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("by", django_project.core.fields.AddressField()),
                ("paused", models.BooleanField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="CreatorTransfer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("old_creator", django_project.core.fields.AddressField()),
                ("new_creator", django_project.core.fields.AddressField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="CreatorTransferStart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("creator", django_project.core.fields.AddressField()),
                (
                    "new_creator",
                    django_project.core.fields.AddressField(
                        help_text="The zero address takes the offer back."
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FactoryEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("factory", django_project.core.fields.AddressField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("fee_updated", "Fee Updated"),
                            ("treasury_updated", "Treasury Updated"),
                            ("token_allowed", "Token Allowed"),
                            ("creation_paused", "Creation Paused"),
                        ],
                        max_length=20,
                    ),
                ),
                ("arguments", models.JSONField(help_text="The event's arguments by name; addresses as hex.")),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FeeAccrual",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("token", django_project.core.fields.AddressField()),
                ("amount", django_project.core.fields.BaseUnitsField()),
                ("total_fees", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FeeClaim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("treasury", django_project.core.fields.AddressField()),
                ("token", django_project.core.fields.AddressField()),
                ("amount", django_project.core.fields.BaseUnitsField()),
                ("total_fees_claimed", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="FetchedRange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_block", models.BigIntegerField()),
                ("to_block", models.BigIntegerField()),
                ("fetched_at", models.DateTimeField(blank=True, null=True)),
                ("endpoint", models.CharField(blank=True, max_length=255)),
                (
                    "is_refused",
                    models.BooleanField(default=False, help_text="The provider wants a smaller range."),
                ),
                (
                    "refusal_hint",
                    models.BigIntegerField(blank=True, help_text="Blocks that it would answer.", null=True),
                ),
                ("parent_hash", django_project.core.fields.HashField(blank=True, null=True)),
                (
                    "headers",
                    models.JSONField(
                        default=list, help_text="Number, hash, parent's hash, time, of each header."
                    ),
                ),
                (
                    "logs",
                    models.BinaryField(
                        default=bytes, help_text="As `tasks.indexing.wire.pack_logs` writes them."
                    ),
                ),
                ("seconds", models.FloatField(default=0.0, help_text="How long the nodes took.")),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="ledger.chain"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Milestone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("milestone_id", models.PositiveSmallIntegerField()),
                ("share_bps", models.PositiveSmallIntegerField()),
                ("due", models.DateTimeField(help_text="When it is too late to submit evidence.")),
                (
                    "objection_window",
                    models.PositiveIntegerField(help_text="Seconds in which backers may object."),
                ),
                ("objection_threshold_bps", models.PositiveSmallIntegerField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="MilestoneRelease",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("milestone_id", models.PositiveSmallIntegerField()),
                ("token", django_project.core.fields.AddressField()),
                ("amount", django_project.core.fields.BaseUnitsField(help_text="Fee included.")),
                ("total_released", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="MilestoneSubmission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("creator", django_project.core.fields.AddressField()),
                ("milestone_id", models.PositiveSmallIntegerField()),
                ("uri", models.TextField()),
                ("content_hash", django_project.core.fields.HashField()),
                ("window_end", models.DateTimeField()),
                (
                    "objection_limit",
                    django_project.core.fields.BaseUnitsField(
                        help_text="Objections above it stop the payouts."
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Objection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("backer", django_project.core.fields.AddressField()),
                ("milestone_id", models.PositiveSmallIntegerField()),
                ("weight", django_project.core.fields.BaseUnitsField()),
                ("total_objections", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ObjectionWithdrawal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("backer", django_project.core.fields.AddressField()),
                ("milestone_id", models.PositiveSmallIntegerField()),
                ("weight", django_project.core.fields.BaseUnitsField()),
                ("total_objections", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Outbox",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("topic", models.CharField(max_length=50)),
                ("payload", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="ledger.chain"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "outbox",
            },
        ),
        migrations.CreateModel(
            name="RawLog",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_hash", django_project.core.fields.HashField()),
                ("tx_hash", django_project.core.fields.HashField()),
                ("address", django_project.core.fields.AddressField()),
                ("topics", models.BinaryField(help_text="The topics, 32 bytes each, one after the other.")),
                ("data", models.BinaryField()),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("backer", django_project.core.fields.AddressField()),
                ("recipient", django_project.core.fields.AddressField()),
                ("token", django_project.core.fields.AddressField()),
                ("amount", django_project.core.fields.BaseUnitsField()),
                ("total_refunded", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ReorgEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("detected_at", models.DateTimeField(auto_now_add=True)),
                (
                    "ancestor_block",
                    models.BigIntegerField(help_text="The highest block both histories share."),
                ),
                ("depth", models.PositiveIntegerField(help_text="Indexed blocks taken back.")),
                ("old_head_hash", django_project.core.fields.HashField()),
                ("logs_removed", models.PositiveIntegerField()),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="reorgs", to="ledger.chain"
                    ),
                ),
            ],
            options={
                "ordering": ["-detected_at"],
            },
        ),
        migrations.CreateModel(
            name="RpcEndpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(help_text="What logs and pages call it.", max_length=50)),
                ("url", models.CharField(max_length=500)),
                ("weight", models.PositiveSmallIntegerField(default=1)),
                ("quarantined_until", models.DateTimeField(blank=True, null=True)),
                ("quarantine_reason", models.TextField(blank=True)),
                (
                    "latency_seconds",
                    models.FloatField(default=0.0, help_text="A running average of its replies."),
                ),
                (
                    "requests",
                    models.BigIntegerField(default=0, help_text="HTTP requests that indexers made, in all."),
                ),
                (
                    "errors",
                    models.BigIntegerField(default=0, help_text="Of them, those without a usable reply."),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="endpoints",
                        to="ledger.chain",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SurplusSweep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("treasury", django_project.core.fields.AddressField()),
                (
                    "token",
                    django_project.core.fields.AddressField(
                        help_text="Any token: what was never contributed need not be in the campaign's."
                    ),
                ),
                ("amount", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SuspectRange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_block", models.BigIntegerField()),
                ("to_block", models.BigIntegerField()),
                ("reason", models.TextField()),
                ("detected_at", models.DateTimeField(auto_now_add=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="suspect_ranges",
                        to="ledger.chain",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TakeBack",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("backer", django_project.core.fields.AddressField()),
                ("recipient", django_project.core.fields.AddressField()),
                ("token", django_project.core.fields.AddressField()),
                ("amount", django_project.core.fields.BaseUnitsField()),
                (
                    "total_raised",
                    django_project.core.fields.BaseUnitsField(help_text="The campaign's total after this."),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Tier",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("tier_id", models.BigIntegerField()),
                ("price", django_project.core.fields.BaseUnitsField()),
                ("supply", models.BigIntegerField(help_text="0: unlimited.")),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Token",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", django_project.core.fields.AddressField()),
                ("symbol", models.CharField(max_length=32)),
                ("decimals", models.PositiveSmallIntegerField()),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tokens", to="ledger.chain"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="UpdatePost",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("creator", django_project.core.fields.AddressField()),
                ("uri", models.TextField()),
                ("content_hash", django_project.core.fields.HashField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="WindDown",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("by", django_project.core.fields.AddressField()),
                ("since", models.DateTimeField()),
                ("token", django_project.core.fields.AddressField()),
                ("remaining", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("creator", django_project.core.fields.AddressField()),
                ("recipient", django_project.core.fields.AddressField()),
                ("token", django_project.core.fields.AddressField()),
                ("amount", django_project.core.fields.BaseUnitsField()),
                ("total_withdrawn", django_project.core.fields.BaseUnitsField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Cancellation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block_number", models.BigIntegerField()),
                ("log_index", models.IntegerField()),
                ("block_time", models.DateTimeField()),
                ("tx_hash", django_project.core.fields.HashField()),
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="The contract's own count of its events, from 1, without a gap."
                    ),
                ),
                ("by", django_project.core.fields.AddressField()),
                ("reason", models.TextField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="ledger.campaignlaunched",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ledger.chain",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chain", "block_number", "log_index"), name="ledger_cancellation_once"
                    ),
                    models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_cancellation_seq_once"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="campaignlaunched",
            index=models.Index(fields=["creator"], name="ledger_camp_creator_420d77_idx"),
        ),
        migrations.AddIndex(
            model_name="campaignlaunched",
            index=models.Index(fields=["deadline"], name="ledger_camp_deadlin_3ea2e9_idx"),
        ),
        migrations.AddConstraint(
            model_name="campaignlaunched",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_campaignlaunched_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignlaunched",
            constraint=models.UniqueConstraint(fields=("chain", "address"), name="campaign_once"),
        ),
        migrations.AddConstraint(
            model_name="block",
            constraint=models.UniqueConstraint(fields=("chain", "number"), name="block_once"),
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.UniqueConstraint(fields=("chain", "address"), name="contract_once"),
        ),
        migrations.AddIndex(
            model_name="contribution",
            index=models.Index(fields=["backer", "-block_time"], name="ledger_cont_backer_9d67e8_idx"),
        ),
        migrations.AddIndex(
            model_name="contribution",
            index=models.Index(
                condition=models.Q(
                    (
                        "ref",
                        b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
                    ),
                    _negated=True,
                ),
                fields=["ref"],
                name="contribution_ref",
            ),
        ),
        migrations.AddIndex(
            model_name="contribution",
            index=models.Index(fields=["block_time", "seq"], name="ledger_cont_block_t_823d65_idx"),
        ),
        migrations.AddConstraint(
            model_name="contribution",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_contribution_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="contribution",
            constraint=models.UniqueConstraint(
                fields=("campaign", "seq"), name="ledger_contribution_seq_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="contributionpause",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_contributionpause_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="contributionpause",
            constraint=models.UniqueConstraint(
                fields=("campaign", "seq"), name="ledger_contributionpause_seq_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="creatortransfer",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_creatortransfer_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="creatortransfer",
            constraint=models.UniqueConstraint(
                fields=("campaign", "seq"), name="ledger_creatortransfer_seq_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="creatortransferstart",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_creatortransferstart_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="creatortransferstart",
            constraint=models.UniqueConstraint(
                fields=("campaign", "seq"), name="ledger_creatortransferstart_seq_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="factoryevent",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_factoryevent_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="feeaccrual",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_feeaccrual_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="feeaccrual",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_feeaccrual_seq_once"),
        ),
        migrations.AddConstraint(
            model_name="feeclaim",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_feeclaim_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="feeclaim",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_feeclaim_seq_once"),
        ),
        migrations.AddConstraint(
            model_name="fetchedrange",
            constraint=models.UniqueConstraint(fields=("chain", "from_block", "to_block"), name="range_once"),
        ),
        migrations.AddConstraint(
            model_name="milestone",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_milestone_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="milestone",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_milestone_seq_once"),
        ),
        migrations.AddConstraint(
            model_name="milestonerelease",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_milestonerelease_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="milestonerelease",
            constraint=models.UniqueConstraint(
                fields=("campaign", "seq"), name="ledger_milestonerelease_seq_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="milestonesubmission",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_milestonesubmission_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="milestonesubmission",
            constraint=models.UniqueConstraint(
                fields=("campaign", "seq"), name="ledger_milestonesubmission_seq_once"
            ),
        ),
        migrations.AddIndex(
            model_name="objection",
            index=models.Index(fields=["backer"], name="ledger_obje_backer_a2360a_idx"),
        ),
        migrations.AddConstraint(
            model_name="objection",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_objection_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="objection",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_objection_seq_once"),
        ),
        migrations.AddIndex(
            model_name="objectionwithdrawal",
            index=models.Index(fields=["backer"], name="ledger_obje_backer_2a8587_idx"),
        ),
        migrations.AddConstraint(
            model_name="objectionwithdrawal",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_objectionwithdrawal_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="objectionwithdrawal",
            constraint=models.UniqueConstraint(
                fields=("campaign", "seq"), name="ledger_objectionwithdrawal_seq_once"
            ),
        ),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                condition=models.Q(("delivered_at", None)), fields=["id"], name="outbox_undelivered"
            ),
        ),
        migrations.AddConstraint(
            model_name="rawlog",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="raw_log_once"
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["backer"], name="ledger_refu_backer_826255_idx"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_refund_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_refund_seq_once"),
        ),
        migrations.AddConstraint(
            model_name="rpcendpoint",
            constraint=models.UniqueConstraint(fields=("chain", "url"), name="endpoint_once_per_chain"),
        ),
        migrations.AddConstraint(
            model_name="surplussweep",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_surplussweep_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="surplussweep",
            constraint=models.UniqueConstraint(
                fields=("campaign", "seq"), name="ledger_surplussweep_seq_once"
            ),
        ),
        migrations.AddIndex(
            model_name="takeback",
            index=models.Index(fields=["backer"], name="ledger_take_backer_9c1f84_idx"),
        ),
        migrations.AddConstraint(
            model_name="takeback",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_takeback_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="takeback",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_takeback_seq_once"),
        ),
        migrations.AddConstraint(
            model_name="tier",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_tier_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="tier",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_tier_seq_once"),
        ),
        migrations.AddConstraint(
            model_name="token",
            constraint=models.UniqueConstraint(fields=("chain", "address"), name="token_once"),
        ),
        migrations.AddConstraint(
            model_name="updatepost",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_updatepost_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="updatepost",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_updatepost_seq_once"),
        ),
        migrations.AddConstraint(
            model_name="winddown",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_winddown_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="winddown",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_winddown_seq_once"),
        ),
        migrations.AddConstraint(
            model_name="withdrawal",
            constraint=models.UniqueConstraint(
                fields=("chain", "block_number", "log_index"), name="ledger_withdrawal_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="withdrawal",
            constraint=models.UniqueConstraint(fields=("campaign", "seq"), name="ledger_withdrawal_seq_once"),
        ),
    ]
