"""Each command loads only what it needs; its help loads nothing that is heavy."""

import json
import os
import subprocess
import sys

import click
import pytest

from lab.cli.main import _SECTIONS, cli

HEAVY = frozenset(
    {
        *("flask", "gevent", "hypothesis", "jinja2", "locust", "psutil", "pygal", "pygments"),
        *("redis", "requests", "waitress", "werkzeug", "yaml"),
    }
)
# What a help may load of the lab besides `cli` and `core`; a command that is not here, nothing.
HELP_ROOMS = {
    "class": {"console", "shop"},
    "crowd": {"crowd", "shop"},
    "demo": {"shop"},
    "deploy": {"shop"},
    "reset": {"console"},
    "run": {"shop"},
    "up": {"console", "shop"},
}
MOST_OF_A_HELP = 32
# What else a command may load of the lab, and how many modules.
ROOMS = {
    ("--version",): (set(), 14),
    ("--help",): (set(), 14),
    ("check", "--version"): (set(), 24),
    ("list",): ({"evidence", "experiments", "shop"}, 60),
    ("doctor",): ({"processes", "shop", "stack"}, 30),
}


def helps():
    """Return the words that print a help, of every command and of those below it."""

    def below(words, command):
        yield (*words, "--help")
        if isinstance(command, click.Group):
            for name in command.list_commands(None):
                yield from below((*words, name), command.get_command(None, name))

    names = [name for section in _SECTIONS.values() for name in section]
    return [each for name in names for each in below((name,), cli.get_command(None, name))]


HELPS = helps()
# Runs each command in a process of its own, forked from one that has loaded the command line.
REPORTING = """
import json, os, sys
from contextlib import suppress
from lab.cli.main import main
loaded = {}
for command in json.loads(sys.argv[1]):
    reading, writing = os.pipe()
    if not os.fork():
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.argv = ["lab", *command]
        with suppress(SystemExit):
            main()
        with open(writing, "w") as pipe:
            json.dump(sorted(sys.modules), pipe)
        os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        loaded[" ".join(command)] = json.load(pipe)
    os.wait()
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def loaded():
    """The names of the modules that are loaded when a command ends."""
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    ended = subprocess.run(
        [sys.executable, "-c", REPORTING, json.dumps([*ROOMS, *HELPS])],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return json.loads(ended.stdout)


def require_no_more(modules, rooms, most):
    ours = {name for name in modules if name.split(".")[0] == "lab"}
    assert "click" in modules
    assert {name.split(".")[1] for name in ours if "." in name} <= {"cli", "core", *rooms}
    assert len(ours) <= most
    assert {name.split(".")[0] for name in modules} & HEAVY == set()


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_loads_nothing_heavy(words, loaded):
    require_no_more(loaded[" ".join(words)], HELP_ROOMS.get(words[0], set()), MOST_OF_A_HELP)


@pytest.mark.parametrize("command", ROOMS, ids=" ".join)
def test_command_loads_only_what_it_needs(command, loaded):
    require_no_more(loaded[" ".join(command)], *ROOMS[command])
