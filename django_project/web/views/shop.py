"""The shop window: home, explore, the rankings explained."""

import secrets
from dataclasses import replace

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from django_project.catalog.selectors import (
    FACETS,
    SORTS,
    ExploreFilters,
    FacetOption,
    explore,
    misfits,
    trending,
)
from django_project.core.characters import isolated
from django_project.core.numbers import whole_number
from django_project.discovery import answers
from django_project.discovery.gate_labels import result_line
from django_project.discovery.selectors import live_model, recommended_for
from django_project.web import labels
from django_project.web.context import chain_ids_of
from django_project.web.home_data import home_data
from django_project.web.links import absolute_url
from django_project.web.lookups import reader_key
from django_project.web.metrics import metric_table
from django_project.web.shared_pages import shared_between_visitors

RECOMMENDED_SHOWN = 8
# Beneath a list that came out empty: one row, beside the filters or without them.
TRENDING_SHOWN = 3
# Behind the last page of any list.
PAGES_MAX = 10_000_000
SEED_MAX = 10**6


@require_safe
@shared_between_visitors(lambda _query: "")
def home(request: HttpRequest) -> HttpResponse:
    answered = answers.read(request)
    recommendations = recommended_for(reader_key(request), RECOMMENDED_SHOWN, answers=answered)
    follows_answers = any(each.follows_answers for each in recommendations)
    is_personal = any(not each.is_popular_fallback for each in recommendations)
    data = home_data()
    return render(
        request,
        "web/home.html",
        {
            "recommendations": recommendations,
            "is_personal": is_personal,
            "follows_answers": follows_answers,
            # Of no concern where the list is somebody's own.
            "answered": labels.answered(answered)
            if answered and (follows_answers or not is_personal)
            else [],
            "data": data,
            "chain_ids": chain_ids_of([*data.cards, *(each.card for each in recommendations)]),
        },
    )


class PastTheEndError(Exception):
    """A page of explore behind the last one."""

    def __init__(self, pages: int) -> None:
        super().__init__(pages)
        self.pages = pages


def _page_of(query: QueryDict) -> int:
    return whole_number(query.get("page", ""), 1, PAGES_MAX)


def _read_of(query: QueryDict) -> str:
    """What explore reads of a query, in one spelling."""
    return ExploreFilters.from_query(query).to_query(_page_of(query))


@require_safe
def explore_page(request: HttpRequest) -> HttpResponse:
    wrong = misfits(request.GET)
    if wrong:
        return _no_such_list(request, wrong)
    try:
        return _explore(request)
    except PastTheEndError as error:
        return _no_such_page(request, error.pages)


def _no_such_list(request: HttpRequest, wrong: tuple[tuple[str, str], ...]) -> HttpResponse:
    """Other campaigns than those asked for would be taken for them: what there is, to choose from."""
    filters = ExploreFilters.from_query(request.GET)
    known = explore(filters).facets
    facets = [facet for facet in FACETS if any(facet == name for name, _ in wrong)]
    choices = [
        (
            labels.FACET[facet],
            [(labels.facet_option(facet, each.value, each.label), each.query) for each in known[facet]],
        )
        for facet in facets
    ]
    if any(name == "sort" for name, _ in wrong):
        orders = [(labels.SORT[sort], replace(filters, sort=sort).to_query()) for sort in SORTS]
        choices.append((labels.SORT_LABEL, orders))
    context = {
        "wrong": [(labels.PARAMETER.get(name, name), value) for name, value in wrong],
        "choices": choices,
        "without": filters.to_query(),
    }
    return render(request, "web/errors/explore_unknown.html", context, status=404)


def _no_such_page(request: HttpRequest, pages: int) -> HttpResponse:
    filters = ExploreFilters.from_query(request.GET)
    context = {"pages": pages, "last_page": filters.to_query(pages)}
    return render(request, "web/errors/explore_page_out_of_range.html", context, status=404)


def _heading(filters: ExploreFilters) -> str:
    if not filters.query:
        return gettext("Explore campaigns")
    return gettext("Campaigns for “%(query)s”") % {"query": isolated(filters.query)}


@shared_between_visitors(_read_of)
def _explore(request: HttpRequest) -> HttpResponse:
    filters = ExploreFilters.from_query(request.GET)
    if filters.sort == "random" and not filters.seed:
        filters = replace(filters, seed=secrets.randbelow(SEED_MAX) + 1)
    result = explore(filters, _page_of(request.GET))
    if result.is_past_end:
        raise PastTheEndError(result.pages)
    instead = [] if result.cards else trending(TRENDING_SHOWN)
    facets = [
        (
            facet,
            labels.FACET[facet],
            [
                (option, labels.facet_option(facet, option.value, option.label))
                for option in result.facets[facet]
            ],
        )
        for facet in FACETS
        if _is_of_use(result.facets[facet])
    ]
    return render(
        request,
        "web/explore.html",
        {
            "heading": _heading(filters),
            "filters": filters,
            "result": result,
            "facets": facets,
            "chosen": [
                (option, title, word)
                for _, title, options in facets
                for option, word in options
                if option.is_selected
            ],
            "chosen_categories": [
                (option, option.label) for option in result.facets["category"] if option.is_selected
            ],
            "trending": instead,
            "chain_ids": chain_ids_of(result.cards or instead),
            # The same list in another order is the same page.
            "canonical": _canonical(filters, result.page),
            "sorts": [(sort, labels.SORT[sort]) for sort in SORTS],
            "shuffle": replace(filters, sort="random", seed=secrets.randbelow(SEED_MAX) + 1).to_query(),
            "next_query": filters.to_query(result.page + 1),
            "previous_query": filters.to_query(result.page - 1),
            "without_search": replace(filters, query="").to_query(),
        },
    )


def _is_of_use(options: tuple[FacetOption, ...]) -> bool:
    """Whether a facet has something to choose between, or to take back."""
    is_choice = len(options) > 1 and any(option.count for option in options)
    return is_choice or any(option.is_selected for option in options)


def _canonical(filters: ExploreFilters, page: int) -> str:
    query = replace(filters, sort="best", seed=0).to_query(page)
    return absolute_url("web:explore") + (f"?{query}" if query else "")


@require_safe
def about_rankings(request: HttpRequest) -> HttpResponse:
    model = live_model()
    return render(
        request,
        "web/about_rankings.html",
        {
            "model": model,
            "table": metric_table(model) if model else None,
            "findings": [result_line(each) for each in model.findings] if model else [],
        },
    )
