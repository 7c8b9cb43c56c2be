"""Every command is found where the command line says it is, and nobody pays for another's."""

import importlib
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lab.cli import main as command_line
from lab.cli.main import cli

COMMANDS = sorted(cli.commands)


def elsewhere(name):
    return isinstance(cli.commands[name], command_line.LazyCommand)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    told = CliRunner().invoke(cli, [command, "--help"], prog_name="lab")
    assert told.exit_code == 0
    assert f"Usage: lab {command}" in told.output
    assert max(map(len, told.output.splitlines())) <= 80


def test_the_help_names_every_command_with_its_first_words():
    told = CliRunner().invoke(cli, ["--help"], prog_name="lab").output
    for name in COMMANDS:
        first_words = cli.get_command(None, name).get_short_help_str().split()[:2]
        assert any(line.split()[:3] == [name, *first_words] for line in told.splitlines())


@pytest.mark.parametrize(
    "module", sorted({cli.commands[n].module for n in COMMANDS if elsewhere(n)})
)
def test_every_command_of_a_module_can_be_called(module):
    theirs = {each.name: each for each in importlib.import_module(module).COMMANDS}
    called = {name: cli.get_command(None, name) for name in COMMANDS if elsewhere(name)}
    assert theirs == {name: called.get(name) for name in theirs}


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("--version", {"flask", "jinja2", "psutil", "pygal", "pygments", "redis", "requests"}),
        ("list", {"flask", "hypothesis", "jinja2", "pygal", "pygments", "redis", "requests"}),
    ],
)
def test_nobody_waits_for_what_only_another_command_needs(command, heavy):
    asked = [sys.executable, "-X", "importtime", "-m", "lab", command]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in told.splitlines()}
    assert "click" in imported
    assert not heavy & imported


INTERRUPTED_IN_A_FINALIZER = """
import signal, time, weakref
from lab.cli.main import _Stop

def press():
    signal.raise_signal(signal.SIGINT)
    for _ in range(1000):
        pass

class Closed:
    def __del__(self):
        press()

class Finalized:
    def __init__(self):
        weakref.finalize(self, press)

signal.signal(signal.SIGINT, _Stop())
try:
    resource = KIND()
    del resource
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.01)
except KeyboardInterrupt:
    print("heard")
"""


@pytest.mark.parametrize("kind", ["Closed", "Finalized"])
def test_ctrl_c_is_heard_though_it_came_while_a_finalizer_ran(kind):
    asked = [sys.executable, "-c", INTERRUPTED_IN_A_FINALIZER.replace("KIND", kind)]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    assert (ended.stdout.strip(), ended.stderr) == ("heard", "")


def test_a_crowd_is_refused_where_no_script_lets_one_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(cli, ["run", "any-server", "--crowd", "10"], prog_name="lab")
    assert told.exit_code == 2
    assert "scale-out, storage, crash do" in " ".join(told.output.split())
    assert not list(tmp_path.iterdir())
