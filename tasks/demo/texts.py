"""The documents behind the hashes on chain: campaigns' texts and their updates."""

from tasks.demo.catalogue import Campaign, Update

SCHEMA = 1


def campaign_document(campaign: Campaign) -> dict[str, object]:
    """What the metadata hash of a campaign is taken of."""
    return {
        "schema": SCHEMA,
        "title": campaign.title,
        "tagline": campaign.tagline,
        "story": campaign.story,
        "category": campaign.category.slug,
        "language": campaign.language.value,
        "publisher": campaign.creator.name,
        "rewards": [
            {"tier": tier, "title": reward.title, "description": reward.description}
            for tier, reward in enumerate(campaign.rewards, start=1)
        ],
    }


def update_document(update: Update) -> dict[str, object]:
    """What the content hash of an update is taken of."""
    return {"schema": SCHEMA, "title": update.title, "body": update.text}
