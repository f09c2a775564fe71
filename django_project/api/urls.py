from django.urls import URLPattern, URLResolver, path

from django_project.api.behaviour import BeaconView, ConsentView
from django_project.api.session import ChallengeView, SessionView

app_name = "api"

urlpatterns: list[URLPattern | URLResolver] = [
    path("session", SessionView.as_view(), name="session"),
    path("session/challenge", ChallengeView.as_view(), name="challenge"),
    path("consent", ConsentView.as_view(), name="consent"),
    path("beacon", BeaconView.as_view(), name="beacon"),
]
