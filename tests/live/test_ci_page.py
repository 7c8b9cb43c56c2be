"""The handbook's way from nothing to a failing CI step, walked word for word."""

import shlex

import pytest
import yaml
from documents import DOCS, fences

PAGE = (DOCS / "ci.md").read_text("utf-8")


@pytest.fixture
def shop(lab_here):
    """A folder with the files of the page."""
    for fence in fences(PAGE, "python", "file "):
        lab_here.write(fence["note"].split()[1], fence["text"])
    return lab_here


def words(line):
    """The words after `lab` of a command line; `flask` is found where this Python is."""
    return shlex.split(line)[1:]


@pytest.mark.long
def test_page_shows_what_its_first_check_prints(shop):
    (command,) = fences(PAGE, "sh", "run, exits 1")
    (seen,) = fences(PAGE, "text", "seen")
    ended = shop(*words(command["text"]), env={"COLUMNS": "80"})
    assert ended.status == 1, ended
    assert ended.out.startswith(seen["text"]), ended


@pytest.mark.long
def test_page_recipe_for_gitlab_fails_on_the_shop_of_the_page(shop):
    (recipe,) = fences(PAGE, "yaml", "gitlab")
    job = yaml.safe_load(recipe["text"])["stateless"]
    (line,) = [each for each in job["script"] if each.startswith("lab ")]
    ended = shop(*words(line))
    assert ended.status == 1, ended
    assert (shop.folder / job["artifacts"]["reports"]["junit"]).is_file()
    assert all((shop.folder / each).exists() for each in job["artifacts"]["paths"])
