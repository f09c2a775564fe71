"""Stories and updates: markdown written by strangers, made into HTML that cannot act.

Two independent walls: the parser passes no HTML through, and nh3 then keeps only the tags, attributes and
URL schemes listed here.
"""

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

# Texts whose HTML each process keeps; a story of the greatest length has some 100 kB.
KEPT = 256

ALLOWED_TAGS = {
    *("p", "br", "hr", "h2", "h3", "h4", "h5", "ul", "ol", "li", "strong", "em", "s", "code", "pre"),
    *("blockquote", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
_parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
# The page's own title is its only h1, and pictures from elsewhere would tell their hosts who reads.
_parser.disable("image")


def _lower_headings(html: str) -> str:
    for level in (4, 3, 2, 1):
        html = html.replace(f"<h{level}>", f"<h{level + 1}>").replace(f"</h{level}>", f"</h{level + 1}>")
    return html


@lru_cache(maxsize=KEPT)
def render_markdown(text: str) -> str:
    """Safe HTML of a markdown text; its links go to http(s) and mail only, without rank or referrer."""
    return nh3.clean(
        _lower_headings(_parser.render(text)),
        tags=ALLOWED_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
    )
