"""`lab report`: a kept run again, as a page, JUnit XML, an HTTP archive, or commands."""

import json
import webbrowser
from pathlib import Path

import click
from rich.text import Text

from lab.cli import options
from lab.cli.output import screen, write_document
from lab.core.errors import LabError
from lab.evidence.run_document import RunDocument
from lab.report import saved
from lab.report.terminal import verdicts_table

_file = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Show a kept run again: page, JUnit XML, HAR, curl.")
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--open", "open_it", is_flag=True, help="Open report.html in the browser.")
@click.option("--html", "html_file", type=_file, help="Write the page to FILE.")
@click.option("--junit", "junit_file", type=_file, help="Write JUnit XML to FILE; - is stdout.")
@click.option("--har", "har_file", type=_file, help="Write an HTTP archive to FILE; - is stdout.")
@click.option("--curl", "as_curl", is_flag=True, help="Print each request as a curl command.")
@click.option("--powershell", is_flag=True, help="Print each request as a PowerShell command.")
@options.out
def report(
    run: str | None,
    open_it: bool,
    html_file: Path | None,
    junit_file: Path | None,
    har_file: Path | None,
    as_curl: bool,
    powershell: bool,
    out: Path,
) -> int:
    """Show a kept run again: as a table, a page, JUnit XML, an HTTP archive, or commands.

    RUN is the folder of a run, its result.json, or its name in --out; the newest run if you
    name none. It may come from another machine.

    Without options, the verdicts are printed and report.html is written next to
    result.json: one page that needs no network and runs no scripts.

    Examples:
        lab report --open                 open the newest run in the browser
        lab report --junit results.xml    for CI: not met is a failure
        lab report RUN --curl | less      every request, to send it again
    """
    kept = saved.load(run, out)
    if junit_file:
        from lab.report.junit import junit_xml

        _write(junit_file, junit_xml(kept.document))
    if har_file:
        from lab.report.har import archive

        _write(har_file, json.dumps(archive(kept.document), indent=1) + "\n")
    if as_curl or powershell:
        _commands(kept.document, "powershell" if powershell else "posix")
    if html_file or open_it or not (junit_file or har_file or as_curl or powershell):
        page = _page(kept, html_file)
        if str(html_file) != "-":
            if not html_file and not open_it:
                screen.print(verdicts_table(kept.document.experiments))
            screen.print(Text(f"report: {page}"), soft_wrap=True)
        if open_it and not webbrowser.open(page.absolute().as_uri()):
            raise LabError(f"found no browser: open {page} in one")
    return 0


COMMANDS = (report,)


def _page(kept: saved.Saved, file: Path | None) -> Path:
    from lab.report.html import page  # loads templates and charts

    path = file or kept.folder / "report.html"
    _write(path, page(kept.document))
    return path


def _commands(document: RunDocument, form: str) -> None:
    from lab.report import curl

    write_document(curl.POWERSHELL_HEAD if form == "powershell" else curl.POSIX_HEAD)
    for experiment in document.experiments:
        for line in curl.lines(experiment, form):
            write_document(f"{line}\n")


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        write_document(text)
        return
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise LabError(f"cannot write {path}: {error}; choose another file") from None
