"""`lab export`: the page as one file that needs no server."""

from pathlib import Path

import click
from rich.text import Text

from lab.cli import options
from lab.cli import record as recorder
from lab.cli.kept import require_writable, write
from lab.cli.output import err, progress, say
from lab.core.units import format_bytes


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--recording",
    "source",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="A walkthrough.json of `lab record`, or its folder.  [default: the newest in --out]",
)
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="RUN",
    help="Let the page play this kept run too (a folder in --out); may be repeated.",
)
@options.out
def export(file: Path, source: Path | None, runs: tuple[str, ...], out: Path) -> None:
    """Write the page of `lab up` with recorded runs as one HTML file.

    A double click opens it, and any web server can publish it: it needs no lab, no network
    and no other file. All chapters work in it, with the choices that `lab record` has
    recorded; the badge says RECORDED, with the date and the versions. Without a recording in
    --out, one is made first, in about a minute.

    The file is never larger than 1 MB: of long kept runs it has the headers and bodies of the
    first requests only, and says so. If that is not enough, nothing is written.

    The handbook's page *Without a server* has a workflow that publishes it on GitHub Pages.

    Examples:
        lab export walkthrough.html
        lab export crash.html --run latest    with the newest kept run in it
    """
    from lab.console.kept_runs import KeptRuns  # `--help` needs none of it
    from lab.console.offline import fitting, recording

    kept = KeptRuns(out)
    for run in runs:  # before a recording is made, which takes a minute
        kept.outline(run)
    require_writable(file)
    path = source or recording.newest(out)
    if path is None:
        with progress() as show:
            path = recorder.make(out, show)
    recorded = recording.read(path)
    fitted = fitting.fitted(recorded, kept, runs)
    write(file, fitted.page)
    size = format_bytes(len(fitted.page.encode()))
    say(f"{file}: {size}, recorded on {recorded.made[:10]}. Open it in a browser.")
    for note in filter(None, (fitted.left_out, recording.outdated(recorded))):
        err.print(Text(note, "yellow"), soft_wrap=True)


COMMANDS = (export,)
