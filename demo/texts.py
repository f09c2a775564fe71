"""The documents behind the hashes on chain: campaigns' texts, their updates, and evidence for milestones."""

from demo.catalogue import Campaign, Language, Update

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


# Titles and bodies of evidence by language, told in general: the catalogue says nothing of milestones.
_EVIDENCE = {
    Language.ENGLISH: (
        "Milestone {number}: what is done",
        (
            "Part {number} of **{title}** is finished as promised in the story.\n\n"
            "- What was bought, from whom and for how much is listed in the accounts.\n"
            "- Photographs and measurements were taken on the day of delivery.\n\n"
            "If something is missing you can object while the window is open."
        ),
    ),
    Language.CHINESE: (
        "里程碑 {number}：已完成的工作",
        (
            "**{title}** 的第 {number} 部分已按项目介绍完成。\n\n"
            "- 账目列明了购买的物品、供应方和金额。\n"
            "- 照片和测量均在交付当天完成。\n\n"
            "如有缺漏，窗口开放期间可以提出异议。"
        ),
    ),
}


def evidence_document(campaign: Campaign, number: int) -> dict[str, object]:
    """What a creator hands in for milestone `number`, counted from 1; in the shape of an update."""
    title, body = _EVIDENCE[campaign.language]
    words = {"number": number, "title": campaign.title}
    return {"schema": SCHEMA, "title": title.format(**words), "body": body.format(**words)}
