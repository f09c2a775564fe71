"""The pages' addresses."""

from django.urls import URLPattern, URLResolver, path

from django_project.web.views import campaign, pledging, shop, visitor

app_name = "web"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", shop.home, name="home"),
    path("explore/", shop.explore_page, name="explore"),
    path("about/rankings/", shop.about_rankings, name="about-rankings"),
    path("campaigns/<str:slug>/", campaign.story, name="campaign"),
    path("campaigns/<str:slug>/rewards/", campaign.rewards, name="campaign-rewards"),
    path("campaigns/<str:slug>/updates/", campaign.updates_page, name="campaign-updates"),
    path("campaigns/<str:slug>/contributors/", campaign.contributors_page, name="campaign-contributors"),
    path(
        "campaigns/<str:slug>/contributors.csv", campaign.contributors_csv, name="campaign-contributors-csv"
    ),
    path("campaigns/<str:slug>/contract/", campaign.contract, name="campaign-contract"),
    path("campaigns/<str:slug>/pledge/", pledging.pledge, name="pledge"),
    path("campaigns/<str:slug>/pledge/review/", pledging.review, name="pledge-review"),
    path("pledges/<uuid:public_id>/", pledging.pledge_page, name="pledge-status"),
    path("me/", pledging.me, name="me"),
    path("sign-in/", visitor.sign_in, name="sign-in"),
    path("sign-out/", visitor.sign_out, name="sign-out"),
    path("consent/", visitor.answer_consent, name="consent"),
    path("theme/", visitor.theme, name="theme"),
    path("covers/<str:category>/<str:address>.svg", visitor.cover, name="cover"),
    path("mark.svg", visitor.mark, name="mark"),
]
