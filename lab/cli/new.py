"""`lab new`: a script to begin with."""

from pathlib import Path

import click

from lab.cli.output import say
from lab.core.errors import LabError, reason
from lab.core.shell import quoted


@click.command()
@click.argument("file", default="mine.py", type=click.Path(path_type=Path))
def new(file: Path) -> None:
    """Write a script to begin with: a few requests, and comments that explain them.

    FILE is the name of the new file, mine.py if you give none. An existing file is never
    overwritten.

    Example:
        lab new mine.py && lab run ./mine.py
    """
    if file.name in ("", ".."):
        raise LabError(f"{str(file)!r} names no file: try `lab new mine.py`")
    path = file if file.suffix else file.with_suffix(".py")
    if path.suffix != ".py":
        raise LabError(f"a script is a Python file: name it {path.with_suffix('.py')}")
    _write(path, Path(__file__).parents[1].joinpath("experiments", "starter.txt"))
    shown = str(path) if path.is_absolute() else f"./{path.as_posix()}"
    say(f"written: {path}\nrun it:  lab run {quoted(shown)}\nread on: lab docs first-script")


def _write(path: Path, starter: Path) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter.read_text(encoding="utf-8"))
    except FileExistsError:
        raise LabError(f"{path} exists already: choose another name") from None
    except (OSError, ValueError) as error:
        raise LabError(f"cannot write {path}: {reason(error)}; choose another name") from None


COMMANDS = (new,)
