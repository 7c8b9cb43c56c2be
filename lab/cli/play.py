"""`lab play`: the page with the recorded lesson and kept runs, without servers."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
from rich.text import Text

from lab.cli import browser, options, signals
from lab.cli.output import err, say
from lab.core.errors import LabError
from lab.core.shell import typed

if TYPE_CHECKING:
    from lab.console.offline.recording import Recording


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@options.port
@options.no_open
@options.out
def play(run: str | None, port: int | None, no_open: bool, out: Path) -> None:
    """Show the recorded lesson and kept runs in the page, without servers, until Ctrl-C.

    All chapters work from the newest recording of `lab record` in --out: you predict, and
    watch what was recorded. Kept runs are under *Runs*.

    RUN, the folder of a run or its name in --out, is played first, step by step. Without a
    recording the page has the kept runs alone, and the newest one is played.

    Examples:
        lab record && lab play
        lab run crash && lab play latest
    """
    from lab.console import assembly, listening  # `--help` needs none of it
    from lab.console.offline import recording

    root, name = _find(run, out)
    lesson = _lesson(root, wanted=not name)
    if note := recording.outdated(lesson) if lesson else "":
        err.print(Text(note, "yellow"), soft_wrap=True)
    with assembly.playing(root, listening.choose_port(port), lesson) as origin:
        link = f"{origin}/?run={quote(name)}" if name else f"{origin}/"
        say(f"{link}\nNo servers run: {_shown(lesson, root)}.\nCtrl-C stops everything.")
        browser.open_private(link, no_open, root)
        signals.wait_for_stop()
    say("Stopped; nothing is left running.")


def _find(run: str | None, out: Path) -> tuple[Path, str]:
    """Return the folder of runs and the run to play first ("" for none), or raise LabError."""
    from lab.console.kept_runs import KeptRuns
    from lab.console.offline import recording

    if run is None:
        if recording.newest(out):
            return out, ""
        runs = KeptRuns(out).list().runs
        if not runs:
            raise LabError(
                f"nothing to play is kept in {out} yet: `{typed('lab record', out)}` records the "
                f"lesson, `{typed('lab run crash', out)}` an experiment"
            )
        return out, KeptRuns(out).outline(runs[0].name).name
    path = Path(run)
    folder = path.parent if path.is_file() else path
    if (folder / "result.json").is_file():
        folder = folder.resolve()  # gives "." a name, and `latest` its own
        return folder.parent, KeptRuns(folder.parent).outline(folder.name).name
    return out, KeptRuns(out).outline(run).name


def _lesson(root: Path, wanted: bool) -> "Recording | None":
    """Return the newest recording below `root`; only if it is `wanted` it must be readable."""
    from lab.console.offline import recording

    path = recording.newest(root)
    try:
        return recording.read(path) if path else None
    except LabError as error:
        if wanted:
            raise
        err.print(Text(f"the lesson is not played: {error}", "yellow"), soft_wrap=True)
        return None


def _shown(lesson: "Recording | None", root: Path) -> str:
    if lesson is None:
        record = typed("lab record", root)
        return f"the page shows kept runs; `{record}` makes the lesson playable, too"
    return f"the page plays the lesson as recorded on {lesson.made[:10]}, and kept runs"


COMMANDS = (play,)
