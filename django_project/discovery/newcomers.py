"""A list for who has no history: from their answers to two questions."""

from django.db.models import Case, Count, F, FloatField, Q, Sum, When

from django_project.campaigns.selectors import CampaignKey
from django_project.discovery.answers import Answers
from django_project.discovery.models import ModelVersion, NewcomerScore

Question = NewcomerScore.Question


def suited_to(answers: Answers, version: ModelVersion, limit: int) -> list[CampaignKey]:
    """The campaigns that suit these answers best, best first; none where the version knows none of them.

    A campaign's score is s = b + mean of c over the chosen categories + mean of l over the chosen languages,
    with b, c and l its rows of `NewcomerScore` and 0 for a row that is missing. One query.
    """
    chosen = {Question.CATEGORY: answers.categories, Question.LANGUAGE: answers.languages}
    asked = {question: values for question, values in chosen.items() if values}
    is_told = Q()
    for question, values in asked.items():
        is_told |= Q(question=question, answer__in=values)
    part = Case(
        *(When(question=question, then=F("score") / len(values)) for question, values in asked.items()),
        default=F("score"),
        output_field=FloatField(),
    )
    scored = (
        NewcomerScore.objects.filter(Q(question=Question.ANYONE, answer="") | is_told, version=version)
        .values("chain_id", "address")
        .annotate(suits=Sum(part), told=Count("pk", filter=~Q(question=Question.ANYONE)))
        .order_by("-suits", "chain_id", "address")
        .values_list("chain_id", "address", "told")[:limit]
    )
    best = list(scored)
    # Without a word about any of the answers, it would be everybody's order under their name.
    if not any(told for *_, told in best):
        return []
    return [(chain_id, address) for chain_id, address, _ in best]
