"""Stories are written by strangers: whatever they write, it reads and does not act."""

import re

import pytest

from django_project.web.markdown import render_markdown

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "![x](javascript:alert(1))",
    "![x](https://tracker.example/pixel.gif)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    '[x](https://a "onmouseover=alert(1)")',
    '[x](https://a" onmouseover="alert(1))',
    "<style>body{display:none}</style>",
    '<p style="position:fixed">x</p>',
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<form action=https://evil.example><input name=seed>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "```html\n<script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "# <script>alert(1)</script>",
    "| <script>alert(1)</script> | b |\n|---|---|\n| <b onclick=alert(1)>c</b> | d |",
    "<!-- --!><script>alert(1)</script> -->",
    "<x onclick=alert(1) data-x=\n>y",
    "<template shadowrootmode=open><slot></slot></template>",
]
ACTIVE = re.compile(
    r"<(?!/?(?:p|br|hr|h[2-5]|ul|ol|li|strong|em|s|code|pre|blockquote|a|table|thead|tbody|tr|th|td)\b)",
    re.IGNORECASE,
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_becomes_text(attack: str) -> None:
    html = render_markdown(attack)
    assert not ACTIVE.search(html), html
    inside_tags = " ".join(re.findall(r"<[^>]*>", html))
    assert not re.search(r"\son\w+=|style=|src=|javascript:|data:|vbscript:", inside_tags, re.IGNORECASE), (
        html
    )


def test_links_pass_on_neither_rank_nor_referrer() -> None:
    html = render_markdown("[a](https://example.org/?a=1&b=2)")
    assert html == (
        '<p><a href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer nofollow ugc">a</a></p>\n'
    )


def test_headings_leave_the_first_level_to_the_page() -> None:
    html = render_markdown("# One\n\n## Two\n\n##### Five")
    assert "<h1" not in html
    assert "<h2>One</h2>" in html
    assert "<h3>Two</h3>" in html


def test_what_creators_use_is_kept() -> None:
    html = render_markdown("**a** *b* ~~c~~\n\n1. d\n\n> e\n\n| f | g |\n|---|---|\n| h | i |")
    for kept in ("<strong>a", "<em>b", "<s>c", "<ol>", "<blockquote>", "<table>"):
        assert kept in html
