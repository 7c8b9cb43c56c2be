"""What a lesson makes a browser load: plain files that students read, and few of them."""

import re
from pathlib import Path

from lab.console import room, words
from lab.console.routes_public import OFFLINE, STATIC
from lab.report.drawing import colours_css

MOST_BYTES = 250_000
_IMPORTS = re.compile(r"""^(?:import|export)\b[^;]*?["']\./([a-z-]+\.js)["'];""", re.MULTILINE)


def loaded(name, seen):
    """Every script that `name` loads with it, and itself; what is imported later is left out."""
    if name not in seen:
        text = words.script() if name == "words.js" else (STATIC / name).read_text("utf-8")
        seen[name] = len(text.encode())
        for other in _IMPORTS.findall(text):
            loaded(other, seen)
    return seen


def test_scripts_and_styles_of_a_lesson_are_small():
    """From its first chapter to the table at its end; a closer look and a menu have more."""
    scripts = loaded("ending.js", loaded("main.js", {}))
    assert {"lane.js", "words.js", "ending.js"} <= scripts.keys()
    page = (STATIC.parent / "templates" / "index.html").read_text("utf-8")
    sheets = re.findall(r'"([a-z]+)"', re.search(r"for sheet in \((.*?)\)", page)[1])
    styles = [len((STATIC / f"{name}.css").read_bytes()) for name in sheets]
    assert "evidence" not in sheets
    styles.append(len(colours_css().encode()))
    sizes = {"scripts": sum(scripts.values()), "styles": sum(styles)}
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_html_is_parsed_in_one_place_which_takes_out_what_opens_another_page():
    """A script of another page in it would run, in an exported page too."""
    parses = re.compile(r"DOMParser|(inner|outer)HTML|insertAdjacentHTML|srcdoc|HTMLUnsafe|setHTML")
    folders = (STATIC, OFFLINE, Path(room.__file__).parent / "static")
    scripts = {path.name: path.read_text("utf-8") for each in folders for path in each.glob("*.js")}
    assert len(scripts) > 20
    assert [name for name, text in scripts.items() if parses.search(text)] == ["dom.js"]


def test_every_script_is_loaded_by_the_lesson_a_closer_look_its_end_or_the_speaker():
    known = {}
    for name in ("main", "menu", "closer", "ending", "lead", "speaker", "what-if", "picture"):
        loaded(f"{name}.js", known)
    assert {path.name for path in STATIC.glob("*.js")} <= known.keys()
