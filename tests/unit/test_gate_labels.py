"""What gates and roll-out found about a run, in the reader's language."""

import string
from collections.abc import Mapping
from typing import Any

import pytest
from django.utils.translation import override

from django_project.discovery.gate_labels import GATE_LABELS, LABELS, english, result_line
from recommender.registry.gate_results import GATE_CODES

LANGUAGES = ("en", "zh-hans")


def fields(template: str) -> dict[str, str]:
    """The values a template names, with how each is written."""
    return {name: form or "" for _, name, form, _ in string.Formatter().parse(template) if name}


def sample(template: str) -> dict[str, Any]:
    """A value of the right kind for each."""
    return {name: 0.25 if form[-1:] in {"f", "%"} else 3 for name, form in fields(template).items()}


def result(code: str, values: Mapping[str, Any], run: str = "r1") -> dict[str, Any]:
    return {"run": run, "code": code, "values": dict(values)}


def test_every_code_of_the_gates_has_words_and_every_word_a_gate() -> None:
    assert set(GATE_LABELS) == set(GATE_CODES)


@pytest.mark.parametrize("code", list(GATE_CODES))
def test_words_name_only_values_that_the_gate_gives(code: str) -> None:
    given = fields(GATE_CODES[code].sentence)
    for language in LANGUAGES:
        with override(language):
            named = fields(str(GATE_LABELS[code]))
        assert named.items() <= given.items(), language


@pytest.mark.parametrize("code", list(LABELS))
def test_both_languages_name_the_same_values_and_can_be_written(code: str) -> None:
    texts = []
    for language in LANGUAGES:
        with override(language):
            texts.append(str(LABELS[code]))
    english_text, chinese_text = texts
    assert fields(english_text) == fields(chinese_text)
    assert english_text != chinese_text
    with override("zh-hans"):
        line = result_line(result(code, sample(english_text)))
    assert (line.run, line.language) == ("r1", "zh-hans")
    assert "{" not in line.text


@pytest.mark.parametrize(
    ("code", "values", "in_english", "in_chinese"),
    [
        ("metrics_finite", {}, "Its metrics are all finite.", "各项指标均为有限值。"),
        (
            "users_enough",
            {"users": 412},
            "Measured on 412 users, enough to tell.",
            "在 412 位用户上测量，足以判断。",
        ),
        (
            "better_than_baseline",
            {"baseline": "pop", "mean": 0.03124, "low": 0.0201, "high": 0.0423},
            "NDCG@10 against pop is +0.0312 (+0.0201 to +0.0423, 95%): above zero.",
            "NDCG@10 相对 pop 为 +0.0312（95% 区间 +0.0201 至 +0.0423）：高于零。",
        ),
        (
            "lists_varied",
            {"coverage": 0.834, "gini": 0.61},
            "Its lists show 83% of the campaigns with a Gini of 0.61: varied enough.",
            "推荐列表覆盖 83% 的项目，基尼系数 0.61：足够多样。",
        ),
        (
            "canary_clicks_fell",
            {"share": 0.02, "trials": 1250, "live_share": 0.12, "live_trials": 600},
            "At a tenth of the users, clicks fell to 2.00% of 1,250 from 12.00% of 600: taken back.",
            "面向十分之一用户时，点击率从 600 次中的 12.00% 降至 1,250 次中的 2.00%：已撤回。",
        ),
    ],
)
def test_a_result_is_put_into_the_readers_words(
    code: str, values: dict[str, Any], in_english: str, in_chinese: str
) -> None:
    found = result(code, values)
    with override("en"):
        assert result_line(found).text == in_english
    with override("zh-hans"):
        assert result_line(found).text == in_chinese
        assert english(found) == f"r1: {in_english}"


def test_a_sentence_from_before_there_were_codes_stays_as_it_was_written() -> None:
    with override("zh-hans"):
        line = result_line("r1: its metrics are all finite.")
    assert (line.run, line.text, line.language) == ("", "r1: its metrics are all finite.", "en")


@pytest.mark.parametrize(
    ("code", "values", "text"),
    [
        ("later", {}, "later"),
        ("later", {"a": 1, "b": "x"}, "later: a 1, b x"),
        ("users_enough", {"people": 3}, "users_enough: people 3"),
        ("latency_in_budget", {"milliseconds": "slow"}, "latency_in_budget: milliseconds slow"),
        ("latency_in_budget", {"milliseconds": None}, "latency_in_budget: milliseconds None"),
    ],
)
def test_what_a_later_version_left_behind_is_shown_as_it_is(
    code: str, values: dict[str, Any], text: str
) -> None:
    with override("zh-hans"):
        line = result_line(result(code, values))
    assert (line.run, line.text, line.language) == ("r1", text, "en")
