"""What people guess works, or is answered with what it is called here."""

import re

import click
import pytest
from click.testing import CliRunner

from lab import experiments
from lab.cli import guesses
from lab.cli.main import cli
from lab.cli.param_types import AFFINITY, RETRY
from lab.core.faults import FaultKind, target_named
from lab.crowd.timetable import parse_planned_fault

HOSTILE = (
    "",
    " ",
    "-",
    "\x00",
    "é" * 999,
    "../../etc",
    "stateful/",
    "/B",
    "stateful/B/C",
    "1",
    "BB",
)


def answered(*words):
    return CliRunner().invoke(cli, words)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        *[("b", "B"), ("B", "B"), (" b ", "B"), ("stateful-B", "stateful/B"), ("STORE", "store")],
        *[
            ("stateless/c", "stateless/C"),
            ("Stateful_b", "stateful/B"),
            ("stateful:a", "stateful/A"),
        ],
        *[("server-b", "B"), ("stateful_app/b", "stateful/B"), ("stateful b", "stateful/B")],
        *[(text, text) for text in HOSTILE],
    ],
)
def test_server_may_be_written_in_several_ways(text, target):
    assert target_named(text) == target


def test_timetable_takes_small_letters():
    assert parse_planned_fault(FaultKind.KILL, "b@3s").target == "B"


@pytest.mark.parametrize("setting", [AFFINITY, RETRY], ids=["affinity", "retry"])
def test_setting_takes_on_and_off_in_many_words(setting):
    off, on = setting.choices
    assert {setting.convert(word, None, None) for word in ("on", "YES", "true", "1", on)} == {on}
    assert {setting.convert(word, None, None) for word in ("off", "No", "false", "0", off)} == {off}
    with pytest.raises(click.BadParameter, match=f"'{off}', '{on}'"):
        setting.convert("maybe", None, None)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("stop", "Ctrl-C there stops them"),
        ("start", "`lab up` runs both desks"),
        ("clean", "`lab runs --clean` keeps the newest ten"),
        ("crash", "`lab run crash` runs it"),
        ("restart_all", "`lab run restart-all` runs it"),
        ("mine.py", "`lab run ./mine.py`"),
        ("./mine.py", "`lab run ./mine.py`"),
        ("RUN", "`lab run`"),
        ("lits", "did you mean `lab list`?"),
        ("zzzzz", "`lab --help` lists the commands"),
        ("bogus", "`lab --help` lists the commands"),
        ("experimnts", "`lab list` lists the scripts"),
        ("a b;c.py", "`lab run './a b;c.py'`"),
    ],
)
def test_command_that_does_not_exist_is_answered_with_what_it_is_called_here(word, words):
    ended = answered(word)
    assert ended.exit_code == 2
    assert words in ended.output


@pytest.mark.parametrize("word", HOSTILE)
def test_word_that_is_no_command_gets_an_answer_with_status_2(word):
    assert answered(word).exit_code == 2


def test_version_and_help_are_commands_too():
    assert answered("version").output == answered("--version").output
    assert answered("help", "kill").output == answered("kill", "--help").output
    assert answered("help").output == answered("--help").output


def test_answers_name_commands_that_there_are():
    answers = [guesses.answer(word, cli.commands, experiments.names()) for word in guesses._MEANT]
    named = {name for text in answers for name in re.findall(r"`lab ([\w-]+)", text)}
    assert named <= cli.commands.keys()
    assert not guesses._MEANT.keys() & cli.commands.keys()
