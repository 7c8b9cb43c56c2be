"""`lab exercise`: the ladder of exercises, a starter for one, and the checks of what was made."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from lab.cli import options
from lab.cli.output import EXIT_INTERRUPTED, err, progress, say, screen, write_json
from lab.core.errors import STOPPED
from lab.core.json_object import json_text
from lab.core.shell import quoted

if TYPE_CHECKING:
    from lab.exercises.checking import Asked
    from lab.exercises.exercise import Exercise

_folder = click.Path(file_okay=False, path_type=Path)
_source = click.option(
    "--from",
    "source",
    type=_folder,
    metavar="DIR",
    help="Take the exercises of this folder instead of those that come with the lab.",
)


@click.group(invoke_without_command=True)
@_source
@options.as_json
@click.pass_context
def exercise(context: click.Context, source: Path | None, as_json: bool) -> None:
    """List the exercises, begin one, and check what you have made.

    Without a command it lists them, in the order in which they build on each other.

    Examples:
      lab exercise                    list the exercises
      lab exercise start punch-card   write its files into ./punch-card
      cd punch-card
      lab exercise check              check what you have written so far
      lab exercise check --hint       get a hint

    Instructors can write exercises of their own: see `lab docs own-exercise`.
    """
    context.obj = source
    if context.invoked_subcommand is None:
        from lab.cli import exercise_view
        from lab.exercises.exercise import ladder

        found = ladder(source)
        if as_json:
            write_json(json_text([exercise_view.listed(each) for each in found]))
        else:
            screen.print(exercise_view.ladder_table(found))
            say("\nbegin one:  lab exercise start NAME")


@exercise.command()
@click.argument("name")
@click.argument("folder", required=False, type=_folder)
@_source
@click.option("--force", is_flag=True, help="Keep files of the same name as NAME.old.")
@click.pass_obj
def start(
    above: Path | None, name: str, folder: Path | None, source: Path | None, force: bool
) -> None:
    """Write the files of an exercise into FOLDER, ./NAME if you give none.

    Read its README.md first. An existing file is never lost.
    """
    from lab.exercises.exercise import find
    from lab.exercises.folder import begin

    found = find(name, source or above)
    target = folder or Path(found.name)
    written = begin(found, target, source or above, force=force)
    warn_of_missing(found)
    for path in written:
        say(f"written: {path}")
    say(f"read:      {target / 'README.md'}")
    say(f"then:      cd {quoted(str(target))} && lab exercise check")


@exercise.command()
@click.argument("folder", default=".", type=_folder)
@click.option(
    "--exercise",
    "name",
    metavar="NAME",
    help="Name of the exercise, if FOLDER has no exercise.json.",
)
@_source
@click.option(
    "--start",
    "command",
    metavar="COMMAND",
    help='Command that starts your service, in any language: "node server.js {port}". The lab '
    "remembers it.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    help="Repeat the random choices of an earlier check.",
)
@click.option("--hint", is_flag=True, help="Show the next of three hints, and check nothing.")
@options.as_json
@click.pass_obj
def check(
    above: Path | None,
    folder: Path,
    name: str | None,
    source: Path | None,
    command: str | None,
    seed: int | None,
    hint: bool,
    as_json: bool,
) -> int:
    """Check what you have made in FOLDER, by default this one.

    Your service is started for real, on copies of your files. Each check passes, or says what
    it saw, how to see it again with curl, and what to try.

    Exit status:
      0    every check passed
      1    a check did not pass
      2    wrong usage
      130  stopped by Ctrl-C
    """
    from lab.exercises.checking import Asked, new_seed
    from lab.exercises.folder import exercise_of, next_hint, own_command

    found = exercise_of(folder, name, source or above)
    if hint:
        number, text = next_hint(folder, found)
        say(f"Hint {number} of 3: {text}")
        return 0
    own = own_command(folder, command)
    warn_of_missing(found)
    seed = new_seed() if seed is None else seed
    return _check(Asked(found, folder, seed, own), as_json=as_json)


def _check(asked: "Asked", *, as_json: bool) -> int:
    """Run the checks, print each as it ends; return the exit status."""
    import time

    from lab.cli import exercise_view
    from lab.exercises.checking import run_checks
    from lab.exercises.result import WorkResult

    checks = asked.checks()
    made = WorkResult(exercise=asked.exercise.name, folder=str(asked.folder), seed=asked.seed)
    began, status = time.monotonic(), 0
    if not as_json:
        screen.print(exercise_view.heading(asked, len(checks)), soft_wrap=True)
    with progress(quiet=as_json) as show:
        try:
            for result in run_checks(asked, checks, show):
                made.checks.append(result)
                show("")
                if not as_json:
                    screen.print(exercise_view.check_view(result), soft_wrap=True)
        except KeyboardInterrupt:
            made.trouble, status = STOPPED, EXIT_INTERRUPTED
    made.seconds = round(time.monotonic() - began, 3)
    if as_json:
        write_json(json_text(made))
    else:
        screen.print(exercise_view.closing(made, len(checks)), soft_wrap=True)
    return status or int(not made.passed)


def warn_of_missing(found: "Exercise") -> None:
    """Say on stderr what the exercise needs and this machine lacks."""
    if missing := found.missing():
        names = ", ".join(missing)
        err.print(Text(f"! {found.name} needs {names}: install it first", "yellow"), soft_wrap=True)


COMMANDS = (exercise,)
