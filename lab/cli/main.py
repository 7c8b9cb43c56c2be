"""The `lab` command: finds the command that was asked for, runs it, sets the exit status.

A command is imported when it is called, so each one loads only what it needs.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from lab.cli import guard, plain_stream, signals
from lab.cli.help import Context, prepared
from lab.cli.output import screen
from lab.core.text import one_line

_MODULES = {"class": "classroom"}  # `class` is a word of Python's
_SERVER_FAULTS = ("kill", "restart", "pause", "resume", "drain", "add")  # FaultKind, not loaded
# The commands, in the order in which `lab --help` lists them, each with its line there.
_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Run the experiments": {
        "demo": "Kill a server, and see whose cart is left.",
        "list": "List the bundled scripts and what they test.",
        "show": "Explain a script, and show its source.",
        "new": "Write a script of your own to begin with.",
        "run": "Run scripts at both desks: bundled ones or your own.",
        "diff": "Compare the source code of the two desks.",
        "doctor": "Check what the lab needs, and how to install it.",
    },
    "Open the page, and break what runs there": {
        "up": "Run both desks and the page, until Ctrl-C.",
        "class": "Run both desks for a lecture: the room votes by phone.",
        "open": "Open the page of the running `lab up`.",
        "play": "Show kept runs in the page, without servers.",
        "record": "Record the page's lesson from real runs.",
        "export": "Write the page as one file that needs no server.",
        "status": "Show servers, settings and store of the running `lab up`.",
        "reset": "Restart every server with empty carts.",
        "kill": "Kill a server of the running `lab up`.",
        "restart": "Restart a server, with an empty memory.",
        "pause": "Freeze a server: it answers nothing until it is resumed.",
        "resume": "Resume a paused server.",
        "drain": "Stop a server when its last requests are done.",
        "add": "Start one more server at each desk.",
        "store": "Break or repair the session store.",
    },
    "Measure many customers": {
        "crowd": "Send many shoppers at once to both desks.",
        "plan": "Compute what many users need: memory, traffic, machines.",
    },
    "Check a service of your own": {
        "check": "Find out whether your own service is stateless.",
    },
    "Teach with it": {
        "museum": "Visit real outages caused by hidden state, with remedies.",
        "exercise": "List exercises, begin one, or check your work.",
        "grade": "Grade the submissions of a class.",
        "teach": "Print a handout, a worksheet or concept questions.",
    },
    "Look at what was kept": {
        "report": "Show a kept run again: page, JUnit XML, HAR, curl.",
        "runs": "List the kept runs, or delete the old ones.",
        "compare": "Compare two kept runs: what differs beyond chance.",
    },
    "Run both desks as containers": {
        "deploy": "Print compose.yaml or kubernetes.yaml for both desks.",
    },
    "Read the handbook": {
        "docs": "Read the handbook, offline.",
    },
}
_WELCOME = """\
Two Desks: one shop with two desks, and the same customers at both.
The stateful desk keeps your cart; the stateless desk signs it for you to carry.
The lab kills real servers behind a real nginx, and counts the carts left.
Everything runs offline on this machine, and nothing is left running afterwards.
`lab COMMAND --help` explains a command; every run is kept in lab-runs/.

  lab demo    kill a server and see whose cart is left (a few seconds)
  lab list    list the claims, and the script that tests each one
  lab diff    compare the two desks' code: what statelessness changes
  lab docs    read the handbook"""


def main() -> NoReturn:
    """Run the command line; exit 0, 1 (expectation not met), 2 (usage), 3 (unknown) or 130."""
    try:
        signals.install()
        plain_stream.prepare()
        status = cli.main(prog_name="lab", standalone_mode=False) or 0
    except BaseException as error:  # whatever it is: status 1 would be a finding
        status = guard.end(error)
    sys.exit(guard.status_after_output(status))


class LazyCommand(click.Command):
    """Stands for a command until it is called; `module` has the command in COMMANDS."""

    def __init__(self, name: str, module: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.module = module

    def found(self) -> click.Command:
        """Import the command's module; return the command itself."""
        commands: Sequence[click.Command] = importlib.import_module(self.module).COMMANDS
        return prepared(next(each for each in commands if each.name == self.name))


class Commands(click.Group):
    """Knows the names of all commands, and imports the one that is called."""

    context_class = Context

    def invoke(self, context: click.Context) -> Any:
        """Run the command; what it raises is for `guard`."""
        with guard.broken_pipes_are_errors():
            return super().invoke(context)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of that name, None if there is none."""
        command = super().get_command(context, name)
        return command.found() if isinstance(command, LazyCommand) else command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Read `lab version` and `lab help run` as the options that they mean."""
        match args:
            case ["version"]:
                args = ["--version"]
            case ["help", *words]:
                args = [*words, "--help"]
        return super().parse_args(context, args)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; say what a name that does not exist is called here."""
        name = args[0]
        if name in self.commands or name.startswith("-"):
            return super().resolve_command(context, args)
        from lab.cli import guesses
        from lab.experiments import names

        hint = guesses.answer(name, self.commands, names())
        raise click.UsageError(f"there is no `lab {one_line(name, 40)}`: {hint}", context)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, section by section; none is imported for it."""
        for heading, lines in _SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([*lines.items()])


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="two-desks", prog_name="lab")
@click.pass_context
def cli(context: click.Context) -> None:
    """Two Desks: a lab that measures what statelessness gives and what it costs.

    One shop has two desks. At the stateful desk, the server remembers your cart. At the
    stateless desk, you carry it yourself, in a signed token. The lab sends the same
    customers to both desks, kills servers, and shows which carts are left.

    Exit status:
      0    done; where something was tested, it passed
      1    something that was tested did not pass
      2    wrong usage, or the lab could not do its work
      3    unknown: too little evidence
      130  stopped by Ctrl-C

    The help of a command that can end with 1 or 3 says what each status means there.
    """
    if context.invoked_subcommand is None:
        screen.print(_WELCOME)


prepared(cli)
for lines in _SECTIONS.values():
    for name, line in lines.items():
        file = "server_faults" if name in _SERVER_FAULTS else _MODULES.get(name, name)
        cli.add_command(LazyCommand(name, f"lab.cli.{file}", line))
