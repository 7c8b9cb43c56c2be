"""Files in the working folder that are named as a library break no command."""

import os
import sys
from pathlib import Path

import pytest

from lab.processes.spawn import HOME, module_command

LAB = str(Path(sys.executable).with_name("lab"))
NAMES = ("lab", "flask", "random", "json", "secrets", "stateful_app", "stateless_app", "locust")
TRAP = "raise SystemExit('imported from the working folder')\n"
SCRIPT = """\
import neighbour


def script(shopper, lab):
    import late_neighbour

    shopper.login(server="A")
    shopper.add(neighbour.SKU, server="A")
    shopper.view_cart(server=late_neighbour.SERVER)
"""


@pytest.fixture
def trapped(lab_here):
    """The installed `lab` in a folder with a trap for each name."""
    lab_here.command = (LAB,)
    for name in NAMES:
        lab_here.write(f"{name}.py", TRAP)
    return lab_here


def assert_not_trapped(ended, statuses=(0,)):
    assert ended.status in statuses, ended
    assert "imported from the working folder" not in ended.out + ended.err, ended


@pytest.mark.parametrize("search_path", ["", os.pathsep], ids=["plain", "empty-entry"])
@pytest.mark.parametrize("words", [["list"], ["doctor"], ["show", "crash"], ["deploy", "compose"]])
def test_command_does_not_import_from_the_working_folder(trapped, words, search_path):
    if search_path:
        (trapped.folder / "lab.py").unlink()  # before the lab can object, Python imports it
    assert_not_trapped(trapped(*words, env={"PYTHONPATH": search_path}))


def test_run_starts_servers_that_do_not_import_from_the_working_folder(trapped):
    assert_not_trapped(trapped("run", "first-visit", "--quick"))


@pytest.mark.long
def test_crowd_starts_workers_that_do_not_import_from_the_working_folder(trapped):
    short = ("--rate", "20", "--for", "2s", "--warm-up", "0s")
    ended = trapped("crowd", "--shoppers", "3", *short)
    # On a busy machine so small a crowd may show too little: then the status is 3.
    assert_not_trapped(ended, statuses=(0, 3))


@pytest.mark.parametrize("name", ["lab", "flask", "random"])
def test_script_named_as_a_library_runs_and_imports_its_neighbours(trapped, name):
    trapped.write("neighbour.py", "SKU = 'laptop'\n")
    trapped.write("late_neighbour.py", "SERVER = 'A'\n")
    assert_not_trapped(trapped("run", trapped.write(f"{name}.py", SCRIPT)))


def test_module_form_imports_from_the_working_folder_nothing_but_a_package_named_lab(trapped):
    (trapped.folder / "lab.py").unlink()
    trapped.command = (sys.executable, "-m", "lab")
    assert_not_trapped(trapped("run", "first-visit", "--quick"))


def test_sources_in_the_working_folder_are_still_found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert "-P" in module_command("stateful_app")
    monkeypatch.chdir(HOME)
    assert module_command("stateful_app") == [sys.executable, "-m", "stateful_app"]
