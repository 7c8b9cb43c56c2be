"""The command line: finds what was asked for, and says how it ended.

A command is imported when it is called, so that none waits for what only another one needs.
"""

import importlib
import signal
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click
from rich.text import Text

from lab.cli.output import INTERRUPTED, err, screen
from lab.core.errors import LabError

IMPATIENT_S = 3.0  # presses of Ctrl-C closer than this are one
AGAIN_S = 0.02


def main() -> NoReturn:
    """Run the command line; exit 0, 1 (expectation not met), 2 (usage), 3 (unknown) or 130."""
    # A closed terminal or a plain `kill` unwinds the `with` blocks too, so nothing is left.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _Stop())
    try:
        sys.exit(cli.main(prog_name="lab", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LabError as error:
        err.print(Text(f"lab: {error}", "red"), soft_wrap=True)  # a path stays in one piece
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)  # `lab show crash | head`
    except (KeyboardInterrupt, click.Abort):
        err.print("lab: stopped; nothing is left running")
        sys.exit(INTERRUPTED)


class _Stop:
    """Turns a signal into KeyboardInterrupt; an impatient second press is the same press.

    So the processes are ended and the partial report is written in peace. A later press
    counts again, for a script of somebody's own that swallowed the first.
    """

    _heard_at_s = -IMPATIENT_S

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if _in_finalizer(frame):  # it would be swallowed there: once more, when that is over
            threading.Timer(AGAIN_S, signal.raise_signal, [number]).start()
            return
        now_s = time.monotonic()
        if now_s - _Stop._heard_at_s > IMPATIENT_S:
            _Stop._heard_at_s = now_s
            # Raised between any two instructions, it leaves what was just being opened to the
            # collector, which closes it: the process is about to end, nothing leaks.
            warnings.simplefilter("ignore", ResourceWarning)
            raise KeyboardInterrupt


def _in_finalizer(frame: FrameType | None) -> bool:
    """Whether a `__del__` or a weak reference's callback runs: no exception comes out of those."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code is weakref.finalize.__call__.__code__:
            return True
        frame = frame.f_back
    return False


# Where the commands are: each of these modules has them in COMMANDS.
_MODULES = {
    "lab.cli.run": ("demo", "list", "show", "run"),
    "lab.cli.report": ("report",),
    "lab.cli.check": ("check",),
    "lab.cli.crowd": ("crowd",),
    "lab.cli.plan": ("plan",),
    "lab.cli.deploy": ("deploy",),
    "lab.cli.docs": ("docs",),
    "lab.cli.up": (
        *("up", "open", "play", "status", "reset"),
        *("kill", "restart", "pause", "resume", "drain", "add", "store"),
    ),
}


class LazyCommand(click.Command):
    """Stands for a command until it is wanted."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(name)
        self.module = module

    def found(self) -> click.Command:
        """Import its module; return the command itself."""
        commands: Sequence[click.Command] = importlib.import_module(self.module).COMMANDS
        return next(each for each in commands if each.name == self.name)


class Commands(click.Group):
    """Knows the names of all commands, and imports the one that is called."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of that name, None if there is none."""
        command = super().get_command(context, name)
        return command.found() if isinstance(command, LazyCommand) else command


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="two-desks", prog_name="lab")
@click.pass_context
def cli(context: click.Context) -> None:
    """Two Desks: what statelessness gives and what it costs, measured on real processes.

    One shop, two desks. At the stateful desk a clerk remembers you; at the stateless desk
    you carry a signed slip. The lab sends the same customers to both, makes clerks vanish,
    and shows what is left.

    Exit status: 0 every expectation met, 1 one was not, 3 nothing could be concluded,
    2 wrong usage or a lab that cannot start, 130 stopped by Ctrl-C.
    """
    if context.invoked_subcommand is None:
        screen.print(_WELCOME)


for module, names in _MODULES.items():
    for name in names:
        cli.add_command(LazyCommand(name, module))

_WELCOME = """\
Two Desks: one shop, two desks, the same customers.
The stateful desk keeps your cart; the stateless desk signs it and hands it out.
Real processes behind a real nginx: the lab kills some, measures what is left.
Everything runs on this machine, offline; nothing is left running afterwards.
`lab COMMAND --help` explains each command; runs are kept under lab-runs/.

  lab demo    a server is killed: whose cart is left? (a few seconds)
  lab list    the claims, and the script that puts each to the test
  lab diff    the two desks' code: what statelessness changes in the source"""


@cli.command()
@click.argument("file", type=click.Choice(["app.py", "state.py", "config.py"]), default="app.py")
def diff(file: str) -> None:
    """The lesson: the stateful desk's source against the stateless desk's."""
    from rich.syntax import Syntax

    from lab.experiments import app_diff

    lines = app_diff.diff(file)
    screen.print(Syntax("\n".join(lines), "diff", background_color="default", word_wrap=True))
    screen.print(
        f"{app_diff.changed_lines(lines)} changed lines. - stateful, + stateless", style="dim"
    )


@cli.command()
def doctor() -> int:
    """What is here, what is missing, what that costs, and the one command that fixes it."""
    from lab.stack.doctor import diagnose

    findings = diagnose()
    for finding in findings:
        text = Text.assemble(("✓ ", "green") if finding.ok else ("✕ ", "red"))
        text.append(f"{finding.name}: ", "bold").append(finding.what)
        if not finding.ok:
            text.append(f"\n    costs: {finding.costs}\n    fix:   {finding.fix}")
        screen.print(text)
    return 0 if all(finding.ok for finding in findings) else 1
