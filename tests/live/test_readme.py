"""The README is held to its word: its two commands and its links."""

import hashlib
import re
import tomllib

import documents
from documents import FENCE, REPOSITORY

PATH = REPOSITORY / "README.md"
README = PATH.read_text(encoding="utf-8")
MOST_LINES = 200
OTHERS = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def test_readme_names_two_commands_on_its_first_screen():
    first_screen = README.partition("## ")[0]
    assert [fence["text"].splitlines() for fence in FENCE.finditer(first_screen)] == [
        ["pip install . && lab demo", 'pip install ".[test]" && pytest -n 2']
    ]
    for beside in (
        "python3 -m venv .venv && . .venv/bin/activate",
        r"py -m venv .venv; .venv\Scripts\Activate.ps1",
        "uv run lab demo",
        "uv run --extra test pytest -n 2",
    ):
        assert f"`{beside}`" in first_screen


def test_readme_is_short():
    assert len(README.splitlines()) <= MOST_LINES


def test_readme_says_what_the_article_is_where_it_first_names_it():
    first = README.index("article")
    assert (
        "a short text that explains stateless REST APIs to beginners" in README[first : first + 400]
    )


def test_readme_and_its_neighbours_have_no_broken_links():
    for path in (PATH, *(REPOSITORY / name for name in OTHERS)):
        assert not documents.broken_links(path), path.name


def test_version_is_the_same_wherever_it_stands():
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    citation = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [version]
    newest, date = re.findall(r"^## \[(\d.*?)\] - (\S+)$", changelog, re.MULTILINE)[0]
    assert newest == version
    assert f"date-released: {date}\n" in citation


def test_changelog_puts_what_is_new_under_the_newest_version_and_a_heading():
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    released = changelog[changelog.index("## [0.1.0]") :].encode()
    assert hashlib.sha256(released).hexdigest().startswith("fef02567"), "0.1.0 is released"
    assert not re.search(r"^- .*\n#", changelog, re.MULTILINE), "a line stands before its heading"
