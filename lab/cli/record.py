"""`lab record`: the lesson of the page, recorded from real runs."""

import shutil
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click
from rich.text import Text

from lab.cli import options
from lab.cli.output import err, progress, say
from lab.core.run_folder import new_run_folder
from lab.core.shell import typed


@click.command()
@options.out
def record(out: Path) -> None:
    """Record every script of the page's lesson, in about a minute.

    The lab starts both desks and runs each script as a click in the page would run it: once as
    the chapter has it, and once for each setting that changes what happens (affinity, store,
    retry); where a server is killed, with affinity and a shared store together, too. It keeps
    the servers' answers and nginx's log as walkthrough.json in a new folder of --out, with the
    versions of all programs. `lab play` plays it, `lab export` makes one file of it.

    Session ids are shortened. The tokens are whole, so that the page can take one apart: the
    key that signed them is thrown away with the servers.

    Example:
        lab record && lab export walkthrough.html
    """
    with progress() as show:
        file = make(out, show)
    play, export = (typed(each, out) for each in ("lab play", "lab export walkthrough.html"))
    say(f"Kept in {file}: `{play}` plays it, `{export}` makes one file of it.")


def make(out: Path, show: Callable[[str], None]) -> Path:
    """Record the lesson into a new folder of `out`; return the file."""
    from lab.console.offline import recording, session  # `--help` needs none of it

    began = time.monotonic()
    folder = new_run_folder(out, "walkthrough", latest=False)
    recorded = session.record(folder / "stack", show, datetime.now())
    shutil.rmtree(folder / "stack", ignore_errors=True)
    file = recording.keep(recorded, folder)
    show("")
    took_s = time.monotonic() - began
    say(f"{len(recorded.scripts)} runs recorded in {took_s:.0f} s.")
    for each in recorded.missing:
        err.print(Text(f"not recorded: {each}", "yellow"), soft_wrap=True)
    return file


COMMANDS = (record,)
