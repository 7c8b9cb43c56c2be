"""The handbook's pages and how they become HTML, in the browser and in the terminal."""

import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from click.testing import CliRunner
from documents import DOCS, REPOSITORY, fences

from lab import experiments
from lab.cli.docs import docs
from lab.console.routes_docs import PREFIX
from lab.core.errors import LabError
from lab.docs import handbook, web
from lab.docs.handbook import Page
from lab.evidence.run_document import json_schema

HOSTILE = ("", "..", "../pyproject.toml", "crowd\x00", "/etc/passwd", "CON", "é" * 500)


def made_of(markdown):
    return web.html_page(Page("crowd", "A crowd", markdown), lambda name: f"/docs/{name}")


def test_page_is_found_with_and_without_its_suffix():
    assert handbook.find("crowd") == handbook.find("crowd.md") == handbook.find("Crowd")
    assert handbook.find("crowd").title == "A crowd"


@pytest.mark.parametrize("name", HOSTILE)
def test_page_that_does_not_exist_is_refused(name):
    with pytest.raises(LabError, match="no page"):
        handbook.find(name)


def test_page_with_a_typing_mistake_is_answered_with_the_nearest():
    with pytest.raises(LabError, match="did you mean 'glossary'"):
        handbook.find("glosary")


def test_index_links_to_every_page_in_reading_order():
    linked = re.findall(r"\]\(([\w-]+)\.md\)", handbook.find("index").markdown)
    assert linked == [name for name in handbook.PAGES if name != "index"]


def test_readme_links_to_every_page_and_has_at_most_200_lines():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## The handbook")[2]
    assert set(re.findall(r"lab/docs/([\w-]+)\.md", table)) == set(handbook.PAGES)
    assert len(readme.splitlines()) <= 200


def test_decisions_stand_the_newest_first_in_each_section_and_give_a_reason():
    _, *sections = handbook.find("decisions").markdown.split("\n## ")
    for title, *records in (section.split("\n\n") for section in sections):
        dates = [re.match(r"\*\*(\d{4}-\d\d-\d\d) · ", each)[1] for each in records]
        assert dates == sorted(dates, reverse=True), title
        assert all("*Why:*" in each for each in records), title


def test_html_link_to_a_page_leads_to_where_that_page_is_served():
    text = made_of("[faults](glossary.md#faults), [here](#here), [web](https://example.org)")
    assert '<a href="/docs/glossary#faults">faults</a>' in text
    assert '<a href="#here">here</a>' in text
    assert '<a href="https://example.org">web</a>' in text


def test_html_link_out_of_the_handbook_becomes_text():
    text = made_of("see [the contract](../shop/openapi.yaml) and [a crowd](crowd.md)")
    assert "<span>the contract</span>" in text
    assert "openapi.yaml" not in text
    assert '<a href="/docs/crowd">a crowd</a>' in text


def test_html_picture_from_outside_the_handbook_becomes_its_description():
    text = made_of("| a |\n|---|\n| ![the crash](../../.github/crash.png) |")
    assert "<td>the crash</td>" in text
    assert "<img" not in text


def test_html_heading_has_the_id_that_github_gives_it():
    assert '<h2 id="what-was-run-and-what-not">' in made_of("## What was run, and what *not*")


@pytest.mark.parametrize("page", handbook.pages(), ids=lambda page: page.name)
def test_html_page_needs_no_inline_style_or_script(page):
    text = web.html_page(page, lambda name: name)
    tags = re.findall(r"<[a-z][^>]*>", text)
    assert not [tag for tag in tags if re.search(r"\sstyle=|\son\w+=|<script|<style", tag)]
    assert f"<title>{page.title}" in text


@pytest.mark.parametrize("page", handbook.pages(), ids=lambda page: page.name)
def test_html_page_shows_only_pictures_that_are_served(page):
    pictures = re.findall(r'<img src="([^"]*)"', web.html_page(page, lambda name: name))
    assert set(pictures) <= set(web.PICTURES)


def test_folder_of_files_holds_every_page_and_all_it_links_to(tmp_path):
    first = web.write_folder(tmp_path)
    assert first.name == "index.html"
    for page in handbook.PAGES:
        text = (tmp_path / f"{page}.html").read_text(encoding="utf-8")
        for target in re.findall(r'(?:href|src)="([^"#]+)', text):
            assert target.startswith("https://") or (tmp_path / target).exists(), target


def test_command_prints_markdown_into_a_pipe():
    done = CliRunner().invoke(docs, ["limits"])
    assert done.exit_code == 0
    assert done.output == handbook.find("limits").markdown


def test_command_prints_utf_8_into_a_pipe_of_any_encoding():
    done = CliRunner(charset="ascii").invoke(docs, ["crowd"])
    assert done.exit_code == 0
    assert done.stdout_bytes == handbook.find("crowd").markdown.encode()


def test_command_without_a_page_prints_the_list_of_pages():
    assert CliRunner().invoke(docs, []).output == handbook.find("index").markdown


def test_route_of_the_page_has_the_prefix_that_links_use():
    assert PREFIX == "/docs/"


def test_command_opens_the_page_as_files(monkeypatch):
    opened = []
    monkeypatch.setattr(
        "lab.cli.browser.open_page", lambda uri, environ: opened.append(uri) or True
    )
    assert CliRunner().invoke(docs, ["crowd", "--open"]).exit_code == 0
    (uri,) = opened
    file = Path(url2pathname(urlsplit(uri).path))
    assert "<title>A crowd" in file.read_text(encoding="utf-8")
    shutil.rmtree(file.parent)


def test_command_without_a_browser_names_the_file(monkeypatch):
    monkeypatch.setattr("lab.cli.browser.open_page", lambda uri, environ: False)
    error = CliRunner().invoke(docs, ["crowd", "--open"]).exception
    assert isinstance(error, LabError)
    file = Path(re.search(r"open (.*) yourself", str(error))[1])
    assert file.name == "crowd.html"
    shutil.rmtree(file.parent)


def test_tutorial_shows_the_script_that_lab_new_writes():
    starter = (Path(experiments.__file__).with_name("starter.txt")).read_text(encoding="utf-8")
    page = (DOCS / "first-script.md").read_text(encoding="utf-8")
    assert next(fence["text"] for fence in fences(page, "python")) == starter


def test_results_page_explains_every_field_that_a_result_can_have():
    explained = set(re.findall(r"`([\w ]+)`", (DOCS / "results.md").read_text(encoding="utf-8")))
    fields = set(named_in(json_schema()))
    assert len(fields) > 50
    assert not fields - explained


def named_in(schema):
    """The names of all fields of a JSON schema."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
        for part in schema.values():
            yield from named_in(part)


def test_architecture_page_names_files_and_functions_that_exist():
    page = handbook.find("architecture").markdown
    root = DOCS.parents[1]
    missing = []
    for line in page[page.index("## Where is") :].splitlines():
        text = ""
        for word in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(r"(lab|state\w+)/[\w/.]+\.\w+", word):
                text = (root / word).read_text("utf-8") if (root / word).is_file() else ""
                missing += [] if text else [word]
            elif line.startswith("|") and text and re.fullmatch(r"\w+", word):
                missing += [] if re.search(rf"\b{word}\b", text) else [f"{word} in {line}"]
    assert not missing
