"""Stories and updates: markdown written by strangers, made into HTML that cannot act.

Two independent walls: the parser passes no HTML through and makes no link against the policy, and nh3 then
keeps only the tags, attributes and URL schemes listed here.

Links lead to whole http(s) addresses and to mail, and say nothing but their text: no tooltip, no address
without a scheme or with a name and password in it. Of other links the words stay. A picture from elsewhere
would tell its host who reads: it becomes a link to it.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from django_project.core.characters import seen
from django_project.web.cjk_emphasis import cjk_friendly_emphasis
from django_project.web.domains import ascii_domain, shown_domain

# Texts whose HTML each process keeps; a story of the greatest length has some 100 kB.
KEPT = 256

ALLOWED_TAGS = {
    *("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "s", "code", "pre"),
    *("blockquote", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
# With "*" nothing is allowed on all tags: nh3 would keep `title` and `lang`.
ALLOWED_ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href"}, "ol": {"start"}}
LOWEST_HEADING = 6

_WEB_LINK = re.compile(r"(https?://)([^/?#\\]+)(.*)", re.IGNORECASE | re.DOTALL)
_MAIL_LINK = re.compile(r"mailto:[^@?#/\\]+@[^@?#/\\]+(?:\?[^#]*)?", re.IGNORECASE)


def _normalize(url: str) -> str:
    """The address with its domain as the DNS has it; an impossible one is left for the policy."""
    found = _WEB_LINK.fullmatch(url.strip())
    if found is None or "@" in found[2]:
        return str(normalizeLink(url))
    with suppress(ValueError):
        host, colon, port = found[2].partition(":")
        return str(normalizeLink(f"{found[1]}{ascii_domain(host)}{colon}{port}{found[3]}"))
    return url


def _is_allowed(url: str) -> bool:
    found = _WEB_LINK.fullmatch(url)
    if found is None:
        return _MAIL_LINK.fullmatch(url) is not None
    try:
        host = urlsplit(url).hostname or ""
        return "@" not in found[2] and bool(host) and ascii_domain(host) == host
    except ValueError:
        return False


def _link_text(url: str) -> str:
    """What a bare address is shown as: its domain in its own script where nobody could mistake it."""
    found = _WEB_LINK.fullmatch(url)
    if found is None:
        return seen(url)
    host, colon, port = found[2].partition(":")
    with suppress(ValueError):
        host = shown_domain(host)
    return seen(f"{found[1]}{host}{colon}{port}{found[3]}")


def _lower_headings(state: StateCore) -> None:
    """The page's own title is its only h1."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + 1, LOWEST_HEADING)}"


def _hold_to_policy(state: StateCore) -> None:
    for token in state.tokens:
        if token.children:
            token.children = list(_linked(token.children))


def _linked(tokens: Iterable[Token]) -> Iterator[Token]:
    """What a line is made of: pictures as links, and of links that the policy refuses the words alone."""
    is_in_link, is_refused = False, False
    for token in tokens:
        if token.type == "link_open":
            is_in_link, is_refused = True, not _is_allowed(str(token.attrGet("href") or ""))
        if token.type == "image":
            yield from _picture(token, is_in_link=is_in_link)
        elif not (is_refused and token.type in ("link_open", "link_close")):
            yield token
        if token.type == "link_close":
            is_in_link, is_refused = False, False


def _picture(token: Token, *, is_in_link: bool) -> Iterator[Token]:
    address = str(token.attrGet("src") or "")
    words = Token("text", "", 0, content=_plain(token.children or []) or _link_text(address))
    if is_in_link or not _is_allowed(address):
        yield words
    else:
        yield from (Token("link_open", "a", 1, attrs={"href": address}), words, Token("link_close", "a", -1))


def _plain(tokens: Iterable[Token]) -> str:
    """The words of a picture's description, without their emphasis."""
    return "".join(token.content or _plain(token.children or []) for token in tokens).strip()


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).use(cjk_friendly_emphasis)
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.push("lower_headings", _lower_headings)
    parser.core.ruler.push("hold_to_policy", _hold_to_policy)
    # The ways that the library leaves for them to be replaced. What it would refuse stays as it was typed;
    # refused by the policy above it is read without its marks.
    parser.normalizeLink = _normalize  # type: ignore[method-assign]
    parser.normalizeLinkText = _link_text  # type: ignore[method-assign, assignment]
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    return parser


_PARSER = _parser()


@lru_cache(maxsize=KEPT)
def render_markdown(text: str) -> str:
    """Safe HTML of a markdown text; its links go to http(s) and mail only, without rank or referrer."""
    return nh3.clean(
        _PARSER.render(text),
        tags=ALLOWED_TAGS,
        attributes=ALLOWED_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow ugc",
    )
