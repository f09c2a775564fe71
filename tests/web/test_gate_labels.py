"""What the gates wrote about a run, told in the reader's language."""

import pytest
from django.utils.translation import override

from django_project.web.gate_labels import gate_sentence


@pytest.mark.parametrize(
    ("sentence", "chinese"),
    [
        ("r1: its metrics are all finite.", "各项指标均为有限值。"),
        ("r1: measured on 412 users, enough to tell.", "在 412 位用户上测量，足以判断。"),
        (
            "r1: NDCG@10 against pop is +0.0312 (+0.0201 to +0.0423): better for certain.",
            "NDCG@10 相对 pop 为 +0.0312（+0.0201 至 +0.0423）：95% 区间高于零。",
        ),
        (
            "r1: its lists show 83% of the campaigns with a Gini of 0.61: varied enough.",
            "推荐列表覆盖 83% 的项目，基尼系数 0.61：足够多样。",
        ),
    ],
)
def test_a_known_sentence_is_told_in_chinese(sentence: str, chinese: str) -> None:
    with override("zh-hans"):
        told = gate_sentence(sentence)
    assert (told.run, told.text, told.language) == ("r1", chinese, "zh-hans")


def test_an_unknown_sentence_stays_as_it_was_written() -> None:
    with override("zh-hans"):
        told = gate_sentence("r1: something that a later gate found.")
    assert (told.run, told.text, told.language) == ("", "r1: something that a later gate found.", "en")
