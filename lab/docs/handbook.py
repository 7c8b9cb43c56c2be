"""The pages of the handbook in reading order: names, titles and Markdown."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from lab.core.errors import LabError

HANDBOOK_FOLDER = Path(__file__).parent
INDEX_PAGE = "index"
# The reading order. `index` lists the same pages, with a sentence about each.
PAGES = (
    INDEX_PAGE,
    *("first-script", "claims"),
    *("scripts", "results", "commands"),
    *(
        "ci",
        "check-conversation",
        "check-mcp",
        "check-replicas",
        "room",
        "class",
        "offline",
        "crowd",
        "deployment",
        "cost",
        "curl",
        "museum",
        "windows",
    ),
    *("teaching", "teaching-material", "exercises", "grading", "own-exercise"),
    *("check", "limits", "figures", "architecture", "glossary", "decisions"),
)


@dataclass(frozen=True)
class Page:
    """One page: its name (`crowd`), its title and its Markdown."""

    name: str
    title: str
    markdown: str


def find(name: str) -> Page:
    """Return a page by its name, with or without `.md`; LabError if there is none."""
    short = name.lower().removesuffix(".md")
    if short not in PAGES:
        close = get_close_matches(short, PAGES, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(PAGES)}"
        raise LabError(f"the handbook has no page {name[:60]!r}: {hint}")
    markdown = (HANDBOOK_FOLDER / f"{short}.md").read_text(encoding="utf-8")
    title = markdown.partition("\n")[0].removeprefix("# ").replace("`", "")
    return Page(short, title, markdown)


def pages() -> list[Page]:
    """Return all pages in reading order."""
    return [find(name) for name in PAGES]
