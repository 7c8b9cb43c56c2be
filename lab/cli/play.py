"""`lab play`: the page with kept runs, without servers."""

from pathlib import Path

import click

from lab.cli import browser, options, signals
from lab.cli.output import say
from lab.core.errors import LabError


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@options.port
@options.no_open
@options.out
def play(run: str | None, port: int | None, no_open: bool, out: Path) -> None:
    """Show kept runs in the page, step by step, without servers, until Ctrl-C.

    RUN is the folder of a run, or its name in --out; the newest run if you name none.

    Example:
        lab run crash && lab play
    """
    from lab.console import assembly, listening  # `--help` needs none of it

    root, name = _find(run, out)
    with assembly.playing(root, listening.choose_port(port)) as origin:
        link = f"{origin}/?run={name}"
        say(f"{link}\nNo servers run: the page shows what was recorded.\nCtrl-C stops everything.")
        browser.open_private(link, no_open, root)
        signals.wait_for_stop()
    say("Stopped; nothing is left running.")


def _find(run: str | None, out: Path) -> tuple[Path, str]:
    """Return the folder that the run lies in and its name there; LabError if there is none."""
    from lab.console.kept_runs import KeptRuns

    if run is None:
        runs = KeptRuns(out).list().runs
        if not runs:
            raise LabError(f"no run is kept in {out} yet: `lab run crash` makes one")
        return out, KeptRuns(out).outline(runs[0].name).name
    path = Path(run)
    folder = path.parent if path.is_file() else path
    if (folder / "result.json").is_file():
        folder = folder.resolve()  # so that "." has a name, and `latest` its own
        return folder.parent, KeptRuns(folder.parent).outline(folder.name).name
    return out, KeptRuns(out).outline(run).name


COMMANDS = (play,)
