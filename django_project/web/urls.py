"""The pages' addresses."""

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import StringConverter

from django_project.web import feeds, sitemaps
from django_project.web.views import (
    account,
    campaign,
    pledging,
    profile,
    reporting,
    sharing,
    shop,
    studio,
    visitor,
)

app_name = "web"


class TextConverter(StringConverter):
    """One part of a path, without the NUL that PostgreSQL holds in no text: no page has such an address."""

    regex = r"[^/\x00]+"


register_converter(TextConverter, "text")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", shop.home, name="home"),
    path("explore/", shop.explore_page, name="explore"),
    path("about/rankings/", shop.about_rankings, name="about-rankings"),
    path("campaigns/<text:slug>/", campaign.story, name="campaign"),
    path("campaigns/<text:slug>/rewards/", campaign.rewards, name="campaign-rewards"),
    path("campaigns/<text:slug>/milestones/", campaign.milestones_page, name="campaign-milestones"),
    path("campaigns/<text:slug>/updates/", campaign.updates_page, name="campaign-updates"),
    path(
        "campaigns/<text:slug>/updates.atom",
        feeds.served(feeds.CampaignUpdates()),
        name="campaign-updates-feed",
    ),
    path("campaigns/<text:slug>/messages/", campaign.messages_page, name="campaign-messages"),
    path("campaigns/<text:slug>/contributors/", campaign.contributors_page, name="campaign-contributors"),
    path(
        "campaigns/<text:slug>/contributors.csv", campaign.contributors_csv, name="campaign-contributors-csv"
    ),
    path("campaigns/<text:slug>/contract/", campaign.contract, name="campaign-contract"),
    path("campaigns/<text:slug>/pledge/", pledging.pledge, name="pledge"),
    path("campaigns/<text:slug>/pledge/review/", pledging.review, name="pledge-review"),
    path("people/<text:address>/", profile.profile, name="profile"),
    path("pledges/<uuid:public_id>/", pledging.pledge_page, name="pledge-status"),
    path("me/", pledging.me, name="me"),
    path("me/settings/", account.settings_page, name="settings"),
    path("me/settings/profile/", account.save_profile, name="settings-profile"),
    path("me/settings/mail/", account.ask_mail_again, name="settings-mail"),
    path("me/settings/notifications/", account.save_preferences, name="settings-notifications"),
    path("me/settings/sessions/end/", account.end_other_sessions, name="sessions-end"),
    path("me/settings/sessions/<uuid:public_id>/end/", account.end_session, name="session-end"),
    path("me/notifications/", account.notifications_page, name="notifications"),
    path("me/notifications/read/", account.read_notifications, name="notifications-read"),
    path("me/receipts.csv", account.receipts_csv, name="receipts-csv"),
    path("me/receipts.pdf", account.receipts_pdf, name="receipts-pdf"),
    path("me/data.json", account.export, name="export"),
    path("me/deletion/", account.ask_for_deletion, name="deletion"),
    path("me/deletion/off/", account.call_deletion_off, name="deletion-off"),
    path("studio/", studio.drafts, name="studio"),
    path("studio/new/", studio.new_draft, name="draft-new"),
    path("studio/<uuid:public_id>/delete/", studio.delete_draft, name="draft-delete"),
    path("studio/<uuid:public_id>/story-preview/", studio.preview_story, name="draft-story-preview"),
    path("studio/<uuid:public_id>/<text:step>/", studio.draft_page, name="draft"),
    path("mail/keep/<text:token>/", account.keep_account, name="keep-account"),
    path("mail/confirm/<text:token>/", account.mail_confirm, name="mail-confirm"),
    path("mail/unsubscribe/<text:token>/", account.mail_unsubscribe, name="mail-unsubscribe"),
    path("campaigns/<text:slug>/save/", account.follow, name="follow"),
    path("feeds/campaigns.atom", feeds.served(feeds.NewCampaigns()), name="feed"),
    path(
        "feeds/categories/<text:slug>.atom",
        feeds.served(feeds.NewCampaignsOfCategory()),
        name="feed-category",
    ),
    path("sitemap.xml", sitemaps.sitemap_index, name="sitemap"),
    path("sitemap-<text:section>.xml", sitemaps.sitemap_section, name="sitemap-section"),
    path("campaigns/<text:slug>/report/", reporting.report, name="report"),
    path("campaigns/<text:slug>/card.png", sharing.campaign_picture, name="campaign-picture"),
    path("card-<text:language>.png", sharing.site_picture, name="site-picture"),
    path("robots.txt", sharing.robots, name="robots"),
    path("sign-in/", visitor.sign_in, name="sign-in"),
    path("sign-out/", visitor.sign_out, name="sign-out"),
    path("consent/", visitor.answer_consent, name="consent"),
    path("interests/", visitor.interests, name="interests"),
    path("theme/", visitor.theme, name="theme"),
    path("covers/<text:category>/<text:address>.svg", visitor.cover, name="cover"),
    path("mark.svg", visitor.mark, name="mark"),
]
