from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "django_project.campaigns"
    label = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have `ledger check` ask for what would hide somebody's money: a campaign that no page shows."""
        from django_project.campaigns.models import Listing, Metadata
        from django_project.ledger.invariants import add_check
        from django_project.ledger.models import CampaignLaunched

        campaigns, texts, listings = (model._meta.db_table for model in (CampaignLaunched, Metadata, Listing))
        add_check(
            "every launch whose text is known has its listing",
            f"""
            SELECT campaign.id FROM {campaigns} campaign
            JOIN {texts} text ON text.hash = campaign.metadata_hash
            LEFT JOIN {listings} listing
                ON listing.chain_id = campaign.chain_id AND listing.address = campaign.address
            WHERE listing.id IS NULL
            """,  # noqa: S608  # our own tables
        )
