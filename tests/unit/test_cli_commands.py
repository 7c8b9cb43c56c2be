"""Every command is found where the command line looks for it, and its help can be read."""

import ast
import functools
import importlib
import inspect
import io
import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

import lab
from lab.cli import crowd_options, output, server_faults, stack_options, up
from lab.cli import main as command_line
from lab.cli.main import LazyCommand, cli
from lab.console.stack_state import MOST_PAGE_SERVERS
from lab.core.errors import LabError
from lab.core.faults import STORE_FAULTS, FaultKind
from lab.core.run_folder import DEFAULT_ROOT
from lab.core.units import format_duration
from lab.evidence.result import Settings
from lab.evidence.run_document import json_schema
from lab.experiments.script_file import SCRIPT_MAX_SECONDS

COMMANDS = sorted(cli.commands)
LAZY = [name for name in COMMANDS if isinstance(cli.commands[name], LazyCommand)]


def all_commands():
    """Every command with the words that call it: ("deploy", "compose")."""

    def below(words, command):
        yield words, command
        if isinstance(command, click.Group):
            for name in command.list_commands(None):
                yield from below((*words, name), command.get_command(None, name))

    return dict(below((), cli))


EVERY_COMMAND = all_commands()


def help_of(words):
    shown = CliRunner().invoke(cli, [*words, "--help"], prog_name="lab")
    assert shown.exit_code == 0
    return shown.output


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_help_fits_a_terminal_and_shows_no_mark_of_click_or_rich(words):
    shown = help_of(words)
    assert shown.startswith("Usage: " + " ".join(("lab", *words)))
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.replace("\n", "").isprintable()
    assert "\\b" not in shown


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_help_explains_the_command_and_each_of_its_options(words):
    command = EVERY_COMMAND[words]
    assert command.help
    unexplained = [
        each.opts[0]
        for each in command.params
        if isinstance(each, click.Option) and not (each.help or "").strip()
    ]
    assert unexplained == []


@pytest.mark.parametrize("words", [words for words in EVERY_COMMAND if words], ids=" ".join)
def test_help_lists_exit_statuses_if_the_command_returns_one(words):
    command = EVERY_COMMAND[words]
    assert inspect.signature(command.callback).return_annotation in (int, None)
    returns_one = inspect.signature(command.callback).return_annotation is int
    listed = re.search(r"^ *Exit status:\n((?: +[0-9]+  .*\n)+)", help_of(words), re.MULTILINE)
    assert bool(listed) is returns_one
    assert not listed or re.search(r"^ +[13]  ", listed[1], re.MULTILINE)


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_help_keeps_the_brackets_of_what_it_quotes(words):
    written = re.findall(r"\.\[\w+\]", EVERY_COMMAND[words].help or "")
    shown = help_of(words)
    assert [each for each in written if each not in shown] == []


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_help_breaks_no_word_at_a_hyphen(words):
    assert [line for line in help_of(words).splitlines() if re.search(r"\w-$", line)] == []


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_help_of_an_option_breaks_no_word_so_a_url_can_be_copied(words):
    shown = set(help_of(words).split())
    options = [each for each in EVERY_COMMAND[words].params if isinstance(each, click.Option)]
    assert not [word for each in options for word in each.help.split() if word not in shown]


@pytest.mark.parametrize("command", ["up", "reset"])
def test_page_has_one_limit_of_servers_for_every_command(command):
    refused = CliRunner().invoke(cli, [command, "--servers", str(MOST_PAGE_SERVERS + 1)])
    assert refused.exit_code == 2
    assert f"1<=x<={MOST_PAGE_SERVERS}" in refused.output


@pytest.mark.parametrize("name", ["--servers-min", "--replicas-min"])
def test_renamed_option_is_read_under_both_names_and_shown_under_the_new_one(name):
    plan = EVERY_COMMAND["plan",]
    assert plan.make_context("plan", [name, "7"]).params["replicas_min"] == 7
    assert "--servers-min N " in help_of(("plan",))
    assert "--replicas-min" not in help_of(("plan",))


def test_help_of_lab_has_one_line_for_each_command():
    shown = help_of(()).splitlines()
    for name in COMMANDS:
        line = next(line for line in shown if line.split()[:1] == [name])
        assert line.split(maxsplit=1)[1] == cli.commands[name].short_help


def test_short_help_is_one_sentence_that_is_never_cut():
    for name in COMMANDS:
        short = cli.commands[name].short_help
        assert re.fullmatch(r"[A-Z].*\.", short), (name, short)
        assert len(short) <= 60, (name, short)


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_help_keeps_each_indented_line_of_its_text(words):
    written = inspect.cleandoc(EVERY_COMMAND[words].callback.__doc__ or "").splitlines()
    shown = [line.strip() for line in help_of(words).splitlines()]
    assert [line for line in written if line[:1] == " " and line.strip() not in shown] == []


def test_help_keeps_the_lines_of_an_example():
    lines = [line.strip() for line in help_of(("run",)).splitlines()]
    start = lines.index("def script(shopper, lab):")
    assert lines[start + 1 : start + 3] == [
        'shopper.login(server="A")',
        'shopper.add("laptop", server="A")',
    ]


@pytest.mark.parametrize("module", sorted({cli.commands[name].module for name in LAZY}))
def test_module_of_commands_is_where_each_of_them_is_looked_for(module):
    theirs = {each.name: each for each in importlib.import_module(module).COMMANDS}
    called = {name: cli.get_command(None, name) for name in LAZY}
    assert theirs == {name: called.get(name) for name in theirs}


# --- what the lab prints is text, not markup


def nodes_of_files(*parts):
    """The file's name and each node of its syntax, for the files of the lab with such a text."""
    for path in sorted(Path(lab.__file__).parent.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(part in text for part in parts):
            yield from ((path.name, node) for node in ast.walk(ast.parse(text)))


@functools.cache
def hints():
    """Every string of the lab's sources that names an extra: ".[crowd]"."""
    return sorted(
        {
            node.value
            for _, node in nodes_of_files(".[")
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.search(r"\.\[\w+\]\"", node.value)
        }
    )


ODD = ["[bold]not bold[/]", "C:\\[red]\\runs", ":warning: is not a sign", "[/nothing]", "[link=x]y"]


@pytest.fixture
def printed(monkeypatch):
    """Let both consoles write into a text; return a function that reads it."""
    text = io.StringIO()
    for console in (output.screen, output.err):
        monkeypatch.setattr(console, "_file", text)
        monkeypatch.setattr(console, "_width", 400)
    return text.getvalue


def test_hints_that_name_an_extra_are_found():
    assert len(hints()) >= 3


@pytest.mark.parametrize("text", [*hints(), *ODD])
def test_output_prints_text_as_it_is(printed, text):
    expected = " ".join(text.split())
    for show in (output.say, output.screen.print, output.err.print):
        show(text)
        show(text, style="dim") if show != output.say else None
    with output.progress() as progress:
        progress(text)
    assert " ".join(printed().split()).count(expected) == 6


@pytest.mark.parametrize("text", ['pip install ".[crowd]"', *ODD])
def test_progress_on_a_terminal_shows_text_as_it_is(monkeypatch, text):
    kept = io.StringIO()
    terminal = Console(
        file=kept, force_terminal=True, color_system=None, width=120, markup=False, emoji=False
    )
    monkeypatch.setattr(output, "err", terminal)
    with output.progress() as progress:
        progress(text)
        terminal.print("")
    assert text in kept.getvalue()


@pytest.mark.parametrize("text", [*hints(), *ODD])
def test_error_of_the_lab_is_shown_as_it_is_with_status_2(printed, monkeypatch, text):
    def fail(**_):
        raise LabError(text)

    monkeypatch.setattr(command_line.signals, "install", lambda: None)
    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    assert " ".join(printed().split()) == "lab: " + " ".join(text.split())


def test_consoles_are_made_in_one_module_only():
    """So that their setting, no markup, holds for everything that is printed."""
    made = [
        name
        for name, node in nodes_of_files("Console", "from_markup")
        if isinstance(node, ast.Name | ast.Attribute)
        and getattr(node, "id", getattr(node, "attr", "")) in ("Console", "from_markup")
    ]
    assert set(made) == {"output.py"}


# --- usage


def test_run_shows_the_time_limit_of_a_script_of_your_own():
    assert f"[default for a file of your own: {format_duration(SCRIPT_MAX_SECONDS)}]" in " ".join(
        help_of(("run",)).split()
    )


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (["run"], "name a script"),
        (["run", "crash", "--all"], "give names or --all, not both"),
        (["check", "none.py"], "no such file: none.py"),
        (["check", "none.py", "--start", "true"], "no such file: none.py"),
    ],
)
def test_usage_error_names_what_is_wrong(given, answer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(cli, given, prog_name="lab")
    assert refused.exit_code == 2
    assert answer in refused.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (["museum", "nope"], "the museum has no 'nope': it has ctfd, "),
        (["museum", "ctfdd"], "the museum has no 'ctfdd': did you mean ctfd? It has ctfd, "),
        (["exercise", "start", "nope"], "(`lab exercise` lists them)"),
    ],
)
def test_name_that_is_none_is_answered_with_those_that_are(given, answer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert answer in str(CliRunner().invoke(cli, given, prog_name="lab").exception)


@pytest.mark.parametrize(
    ("command", "fits"),
    [
        ("run crash --servers", "from 1 to 26"),
        ("class --rehearse", "from 1 to 500"),
        ("check --max-requests", "from 1 on"),
    ],
)
def test_number_of_a_range_that_is_none_is_answered_with_the_range(command, fits):
    refused = CliRunner().invoke(cli, [*command.split(), "many"], prog_name="lab")
    assert f"'many': give a whole number {fits}" in " ".join(refused.output.split())


@pytest.mark.parametrize("users", ["-3", "many", "1.5.2"])
def test_number_of_users_that_is_none_is_answered_with_what_one_is(users):
    refused = CliRunner().invoke(cli, ["plan", "--users", users], prog_name="lab")
    assert refused.exit_code == 2
    assert f"'{users}': give a whole number above 0, such as 12" in " ".join(refused.output.split())


@pytest.mark.parametrize(("servers", "last"), [(1, "A"), (2, "B"), (5, "B")])
def test_up_names_its_servers_and_one_that_can_be_killed(servers, last):
    said = up._addresses("http://o", "http://o/x", Settings(servers=servers), DEFAULT_ROOT)
    assert said.count(f"{servers} server{'s' if servers > 1 else ''}, carts") == 2
    assert f"lab kill {last} · lab restart {last}\n" in said
    elsewhere = up._addresses("http://o", "http://o/x", Settings(servers=servers), Path("a b"))
    for command in ("lab open", "lab status", f"lab kill {last}", f"lab restart {last}"):
        assert f"{command} --out 'a b'" in elsewhere


def test_report_prints_the_schema_of_its_document(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where no run is kept
    shown = CliRunner().invoke(cli, ["report", "--schema"], prog_name="lab")
    assert json.loads(shown.output) == json.loads(json.dumps(json_schema()))


def test_run_with_a_crowd_needs_a_script_that_takes_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(cli, ["run", "any-server", "--crowd", "10"], prog_name="lab")
    assert shown.exit_code == 2
    assert "--crowd works with scale-out, storage, crash," in " ".join(shown.output.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "option"),
    [
        *((("run",), "max_seconds"), (("check",), "max_seconds"), (("check",), "timeout")),
        *((("check",), "wait"), (("crowd",), "for_s"), (("crowd",), "warm_up_s")),
        *((("plan",), "visit_length_s"), (("plan",), "session_lifetime_s")),
    ],
)
def test_every_option_that_is_a_duration_takes_all_units(words, option):
    (parameter,) = [each for each in EVERY_COMMAND[words].params if each.name == option]
    for text, seconds in (("90s", 90), ("1.5min", 90), ("90000ms", 90), ("90", 90), ("1h", 3600)):
        assert parameter.type.convert(text, parameter, None) == seconds
    with pytest.raises(click.BadParameter, match="duration"):
        parameter.type.convert("soon", parameter, None)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_is_a_command_with_a_line_of_its_own(kind):
    command = cli.get_command(click.Context(cli), kind)
    assert command in server_faults.COMMANDS


def test_store_takes_the_faults_of_a_store_as_words():
    refused = CliRunner().invoke(cli, ["store", "flush"])
    assert "'kill', 'restart', 'pause', 'resume'" in " ".join(refused.output.split())


def test_tables_of_faults_have_every_kind():
    assert {*server_faults._FAULTS} == {*FaultKind}
    assert {*stack_options._FAULT_COMMANDS} > {*FaultKind}
    assert {*stack_options._STORE_COMMANDS} == {*crowd_options._FAULT_HELP} == {*STORE_FAULTS}
