"""`lab runs`: the kept runs, what each was and found; and their clean-up."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from lab.cli import options
from lab.cli.output import err, screen, write_json
from lab.cli.param_types import CountRange
from lab.core.json_object import json_text
from lab.core.shell import typed
from lab.core.text import counted
from lab.core.units import format_bytes

if TYPE_CHECKING:
    from lab.report.catalog import KeptRun

NEWEST_RUNS = 20


@click.command()
@click.option(
    "--all", "everything", is_flag=True, help=f"List all, not only the newest {NEWEST_RUNS}."
)
@click.option("--clean", is_flag=True, help="Delete all but the newest, after asking.")
@click.option(
    "--keep",
    type=CountRange(1),
    metavar="N",
    help="With --clean: how many runs with a report to keep.  [default: 10]",
)
@click.option("--yes", is_flag=True, help="With --clean: delete without asking.")
@options.as_json
@options.out
def runs(
    everything: bool, clean: bool, keep: int | None, yes: bool, as_json: bool, out: Path
) -> int:
    """List the kept runs, the newest first: what each one was, and what it found.

    A run, a check, a crowd or a plan has a report: `lab report NAME` shows it again. A recording
    has the lesson of `lab record`, a measurement the constants of `lab plan`, a page the logs of
    `lab up`, and a visit to the museum its tour.json. A run that was stopped before it found
    anything is unfinished.

    --clean keeps the newest ten runs that have a report, everything newer than these, the
    newest recording and measurement, and folders that you named yourself.

    Examples:
        lab runs
        lab runs --clean --keep 3
        lab report crash --open      the newest run of crash

    Exit status:
      0  done
      1  something could not be deleted
      2  wrong usage, or you did not confirm
    """
    if not clean and (keep is not None or yes):
        raise click.UsageError("--keep and --yes go with --clean: lab runs --clean --keep 3")
    from lab.report import catalog, runs_view  # `--help` needs none of it

    found = catalog.kept_runs(out)
    if clean:
        if as_json:
            raise click.UsageError("--json lists runs: leave out --clean")
        return _clean(found, out, 10 if keep is None else keep, yes)
    if as_json:
        write_json(json_text({"runs": runs_view.as_json(found)}))
        return 0
    if not found:
        makes = typed("lab run crash", out)
        screen.print(Text(f"no run in {out} yet: `{makes}` makes one"), soft_wrap=True)
        return 0
    shown = found if everything else found[:NEWEST_RUNS]
    screen.print(runs_view.runs_table(shown))
    if len(shown) < len(found):
        more = f"… {len(found) - len(shown)} older ones: {typed('lab runs --all', out)}"
        screen.print(Text(more, "dim"), soft_wrap=True)
    return 0


COMMANDS = (runs,)


def can_be_asked() -> bool:
    """Return True if stdin is a terminal, which can answer."""
    return sys.stdin.isatty()


def _clean(found: Sequence["KeptRun"], root: Path, keep: int, yes: bool) -> int:
    from lab.report import catalog, cleaning
    from lab.report.runs_view import runs_table

    going = cleaning.superfluous(found, keep, datetime.now())
    if not going:
        screen.print(Text(f"nothing to delete in {root}: {len(found)} kept"), soft_wrap=True)
        return 0
    size = format_bytes(sum(map(catalog.size_bytes, going)))
    runs = counted(len(going), "run")
    screen.print(runs_table(going[:NEWEST_RUNS]))
    if len(going) > NEWEST_RUNS:
        screen.print(f"… and {len(going) - NEWEST_RUNS} older ones", style="dim")
    said = f"{runs} of {len(found)} in {root}, {size}"
    if not yes:
        if not can_be_asked():
            raise click.UsageError(f"{said}: to delete them without being asked, add --yes")
        if not click.confirm(f"Delete {said}?"):
            screen.print("nothing was deleted")
            return 2
    trouble = [why for each in going if (why := cleaning.remove(each))]
    cleaning.drop_dangling_latest(root)
    for why in trouble:
        err.print(Text(f"could not delete {why}", "yellow"), soft_wrap=True)
    deleted = f"{len(going) - len(trouble)} of {said}" if trouble else said
    screen.print(Text(f"deleted {deleted}"), soft_wrap=True)
    return 1 if trouble else 0
