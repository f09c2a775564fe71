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
    "[x](//evil.example)",
    "[x](<//evil.example>)",
    "[x](&#47;&#47;evil.example)",
    "[x](/\\evil.example)",
    "[x](\\\\evil.example)",
    "[x](https:evil.example)",
    "[x](https:///evil.example)",
    "[x](https://good.example@evil.example)",
    "[x](https://good.example\\@evil.example)",
    "[x](https://)",
    "[x](https://exa mple)",
    "[x](https://a\u200bb.example)",
    "[x](https://\u202eelpmaxe.example)",
    "[x](/sign-in/)",
    "[x](?next=//evil.example)",
    "[x](#x)",
    "[x](ftp://evil.example)",
    "[x](blob:https://evil.example/1)",
    "[x](tel:+1900)",
    "[x](ethereum:0x1?value=1)",
    "[x](mailto:)",
    "[x][r]\n\n[r]: //evil.example 'onmouseover=alert(1)'",
    "![x](//evil.example/x.png)",
    "![x](x.png)",
    "![x](data:image/png;base64,AAAA)",
    "![![x](//evil.example)](//evil.example)",
    "[![x](//evil.example/x.png)](//evil.example)",
    '# [x](//evil.example "y")',
    "| [x](//evil.example) |\n|---|\n| ![x](//evil.example) |",
    "<//evil.example>",
    "###### <script>alert(1)</script>",
    "2147483648. <b onclick=alert(1)>x</b>",
    "**「<script>alert(1)</script>」**后",
]
ACTIVE = re.compile(
    r"<(?!/?(?:p|br|hr|h[2-6]|ul|ol|li|strong|em|s|code|pre|blockquote|a|table|thead|tbody|tr|th|td)\b)",
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
    # A link leads to a whole address or is none, and says nothing beside its words.
    assert not re.search(r'href="(?!https?://[^/?#@\\"]+(?:[/?#"]|$)|mailto:[^"]+@)', inside_tags), html
    assert not re.search(r"\b(?:title|lang|alt)=", inside_tags), html
    assert "![" not in html.replace("<code>", "")


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


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("[x](//evil.example)", "<p>x</p>\n"),
        ("[x **y**](javascript:alert(1)) z", "<p>x <strong>y</strong> z</p>\n"),
        ("a ![](x.png) b", "<p>a x.png b</p>\n"),
        ("![A *jar*](//evil.example/x.png)", "<p>A jar</p>\n"),
    ],
)
def test_of_a_link_that_is_none_the_words_stay(text: str, html: str) -> None:
    assert render_markdown(text) == html


REL = 'rel="noopener noreferrer nofollow ugc"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            '![A *jar*](https://a.example/x.png "t")',
            f'<p><a href="https://a.example/x.png" {REL}>A jar</a></p>',
        ),
        ("![](https://a.example)", f'<p><a href="https://a.example" {REL}>https://a.example</a></p>'),
        ("![jar][r]\n\n[r]: https://a.example", f'<p><a href="https://a.example" {REL}>jar</a></p>'),
        (
            "[![jar](https://a.example/x.png)](https://b.example)",
            f'<p><a href="https://b.example" {REL}>jar</a></p>',
        ),
    ],
)
def test_a_picture_is_a_link_to_it(text: str, html: str) -> None:
    assert render_markdown(text) == html + "\n"


@pytest.mark.parametrize(
    ("typed", "leads_to", "shown"),
    [
        ("https://faß.example", "https://xn--fa-hia.example", "https://faß.example"),
        ("https://BÜCHER.example/ä", "https://xn--bcher-kva.example/%C3%A4", "https://bücher.example/ä"),
        ("https://ｅｘａｍｐｌｅ．org", "https://example.org", "https://example.org"),
        ("https://茶园.example", "https://xn--fcs934h.example", "https://茶园.example"),
        ("https://ταβέρνα.example", "https://xn--ixahbc0dxar.example", "https://ταβέρνα.example"),
        ("https://аpple.example", "https://xn--pple-43d.example", "https://xn--pple-43d.example"),
        ("https://аррӏе.example", "https://xn--80ak6aa92e.example", "https://xn--80ak6aa92e.example"),
        ("https://xn--pple-43d.example", "https://xn--pple-43d.example", "https://xn--pple-43d.example"),
        ("https://bücherи.example", "https://xn--bcher-kva419c.example", "https://xn--bcher-kva419c.example"),
        ("https://a.example/\u202etxt", "https://a.example/%E2%80%AEtxt", "https://a.example/txt"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
    ],
)
def test_a_domain_leads_where_it_says(typed: str, leads_to: str, shown: str) -> None:
    assert render_markdown(f"<{typed}>") == f'<p><a href="{leads_to}" {REL}>{shown}</a></p>\n'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**「粗体」**后面", "<strong>「粗体」</strong>后面"),
        ("这是**“重点”**文字", "这是<strong>“重点”</strong>文字"),
        ('这是**"重点"**文字', '这是<strong>"重点"</strong>文字'),
        ("**重点。**后面", "<strong>重点。</strong>后面"),
        ("前面**（注）**后面", "前面<strong>（注）</strong>后面"),
        ("*《书》*后面", "<em>《书》</em>后面"),
        ("前面***“两样”***后面", "前面<em><strong>“两样”</strong></em>后面"),
        ("~~「删」~~后面", "<s>「删」</s>后面"),
        ("前面**`码`**后面", "前面<strong><code>码</code></strong>后面"),
        (
            "前面**[茶](https://a.example)**后面",
            f'前面<strong><a href="https://a.example" {REL}>茶</a></strong>后面',
        ),
        ("これは**「茶」**です", "これは<strong>「茶」</strong>です"),
        ("ﾃｽﾄ**(茶)**ﾃｽﾄ", "ﾃｽﾄ<strong>(茶)</strong>ﾃｽﾄ"),
        ("이것은 **`npm`**을", "이것은 <strong><code>npm</code></strong>을"),
        ("葛\U000e0100**「茶」**x", "葛\U000e0100<strong>「茶」</strong>x"),
        ("**茶“\ufe01**x", "<strong>茶“\ufe01</strong>x"),
        ("**茶**：后面", "<strong>茶</strong>：后面"),
        # As CommonMark has it everywhere else.
        ("**(a)**b", "**(a)**b"),
        ("a**(b)**", "a**(b)**"),
        ('a**"b"**c', 'a**"b"**c'),
        ("🐝**(b)**🐝", "🐝<strong>(b)</strong>🐝"),
        ("a * b * c", "a * b * c"),
        ("snake_case_name", "snake_case_name"),
        ("** 茶 **", "** 茶 **"),
        ("2**3**4", "2<strong>3</strong>4"),
    ],
)
def test_emphasis_needs_no_spaces_where_a_script_sets_none(text: str, html: str) -> None:
    assert render_markdown(text) == f"<p>{html}</p>\n"


def test_a_list_begins_at_its_number() -> None:
    assert '<ol start="3">' in render_markdown("3. c\n4. d")
    assert "start" not in render_markdown("1. a\n2. b")


def test_the_lowest_heading_stays_a_heading() -> None:
    html = render_markdown("##### Five\n\n###### Six\n\nText <h4>")
    assert html == "<h6>Five</h6>\n<h6>Six</h6>\n<p>Text &lt;h4&gt;</p>\n"
