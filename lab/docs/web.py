"""The handbook as HTML: one page, or a folder of files. No scripts, no inline styles."""

import re
import shutil
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from lab.docs.handbook import HANDBOOK_FOLDER, INDEX_PAGE, Page, pages

STYLE_SHEET = "handbook.css"
PICTURES = ("architecture.svg",)
ASSETS = (STYLE_SHEET, *PICTURES)
LinkTo = Callable[[str], str]


def html_page(page: Page, address: LinkTo) -> str:
    """Return a page as an HTML document; `address(name)` is the address of another page."""
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(page.markdown)
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and after is not None:
            token.attrSet("id", anchor(after.content))
        _rewrite_links(token.children or [], address)
    body = parser.renderer.render(tokens, parser.options, {})
    return _DOCUMENT.format(
        title=escape(page.title),
        style=STYLE_SHEET,
        navigation=_navigation(page.name, address),
        body=body.replace("<table>", '<div class="wide"><table>').replace(
            "</table>", "</table></div>"
        ),
    )


def anchor(heading: str) -> str:
    """Return the id of a heading, as GitHub makes it: "A crowd: 5 of us" is "a-crowd-5-of-us"."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def write_folder(folder: Path) -> Path:
    """Write the whole handbook as files into `folder`; return the path of its first page."""
    for page in pages():
        text = html_page(page, lambda name: f"{name}.html")
        (folder / f"{page.name}.html").write_text(text, encoding="utf-8")
    for name in ASSETS:
        shutil.copyfile(HANDBOOK_FOLDER / name, folder / name)
    return folder / f"{INDEX_PAGE}.html"


def _rewrite_links(tokens: Sequence[Token], address: LinkTo) -> None:
    """Point links at pages where they are served; what lies outside the handbook becomes text."""
    outside = False
    for token in tokens:
        if token.type == "link_open":
            target, sharp, part = str(token.attrGet("href")).partition("#")
            outside = target.startswith("../")
            if outside:  # a file of the repository, which no page serves
                token.tag, token.attrs = "span", {}
            elif target.endswith(".md"):
                token.attrSet("href", address(target.removesuffix(".md")) + sharp + part)
        elif token.type == "link_close" and outside:
            token.tag, outside = "span", False
        elif token.type == "image" and str(token.attrGet("src")).startswith("../"):
            token.type = "text"  # its content is the alternative text


def _navigation(current: str, address: LinkTo) -> str:
    links = []
    for page in pages():
        here = ' aria-current="page"' if page.name == current else ""
        links.append(f'<li><a href="{address(page.name)}"{here}>{escape(page.title)}</a></li>')
    return "\n".join(links)


_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Two Desks</title>
<link rel="stylesheet" href="{style}">
</head>
<body>
<nav aria-label="Handbook">
<ol>
{navigation}
</ol>
</nav>
<main>
{body}</main>
</body>
</html>
"""
