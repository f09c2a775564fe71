from django.urls import URLPattern, URLResolver, path

from django_project.api.v1 import openapi  # noqa: F401  # importing registers its schemes
from django_project.api.v1.account import DeletionView, EmailView, WalletRemovalView, WalletsView
from django_project.api.v1.behaviour import BeaconView, ConsentView
from django_project.api.v1.campaigns import (
    CampaignsView,
    CampaignView,
    ContributionsView,
    IndexerStatusView,
    RankingsView,
    SimilarView,
)
from django_project.api.v1.docs import ReferenceView, SchemaView
from django_project.api.v1.drafts import DraftView
from django_project.api.v1.pledges import OpenedView, PledgesView, PledgeView, RejectedView, SubmittedView
from django_project.api.v1.session import ChallengeView, SessionView

app_name = "api"

_CAMPAIGN = "campaigns/<int:chain_id>/<str:address>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("session", SessionView.as_view(), name="session"),
    path("account/wallets", WalletsView.as_view(), name="wallets"),
    path("account/wallets/removal", WalletRemovalView.as_view(), name="wallet-removal"),
    path("account/email", EmailView.as_view(), name="email"),
    path("account/deletion", DeletionView.as_view(), name="deletion"),
    path("session/challenge", ChallengeView.as_view(), name="challenge"),
    path("consent", ConsentView.as_view(), name="consent"),
    path("beacon", BeaconView.as_view(), name="beacon"),
    path("pledges", PledgesView.as_view(), name="pledges"),
    path("pledges/<uuid:public_id>", PledgeView.as_view(), name="pledge"),
    path("pledges/<uuid:public_id>/opened", OpenedView.as_view(), name="pledge-opened"),
    path("pledges/<uuid:public_id>/submitted", SubmittedView.as_view(), name="pledge-submitted"),
    path("pledges/<uuid:public_id>/rejected", RejectedView.as_view(), name="pledge-rejected"),
    path("drafts/<uuid:public_id>", DraftView.as_view(), name="draft"),
    path("campaigns", CampaignsView.as_view(), name="campaigns"),
    path(_CAMPAIGN, CampaignView.as_view(), name="campaign"),
    path(f"{_CAMPAIGN}/contributions", ContributionsView.as_view(), name="contributions"),
    path(f"{_CAMPAIGN}/similar", SimilarView.as_view(), name="similar"),
    path("rankings", RankingsView.as_view(), name="rankings"),
    path("indexer/status", IndexerStatusView.as_view(), name="indexer-status"),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", ReferenceView.as_view(), name="docs"),
]
