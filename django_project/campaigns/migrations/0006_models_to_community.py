"""What people write about campaigns belongs to `community` from here on; the tables stay as they are."""

import django.contrib.postgres.search
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0005_index_edition"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(name="CampaignUpdate"),
                migrations.DeleteModel(name="Follow"),
                migrations.DeleteModel(name="Report"),
                migrations.DeleteModel(name="SupporterMessage"),
            ],
        ),
        migrations.AlterField(
            model_name="metadata",
            name="search",
            field=django.contrib.postgres.search.SearchVectorField(
                editable=False, help_text="As `campaigns.text_index` has it.", null=True
            ),
        ),
    ]
