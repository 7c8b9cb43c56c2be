"""`lab report`: a kept run again, as a page, JUnit XML, an HTTP archive, or commands."""

import json
import webbrowser
from pathlib import Path

import click
from rich.text import Text

from lab.cli import kept, options
from lab.cli.output import err, screen, write_document
from lab.core.errors import LabError

_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--open", "open_it", is_flag=True, help="Open report.html in the browser.")
@click.option("--html", "html_file", type=_file, help="Write the page to FILE.")
@click.option("--junit", "junit_file", type=_file, help="Write JUnit XML to FILE; - is stdout.")
@click.option("--har", "har_file", type=_file, help="Write an HTTP archive to FILE; - is stdout.")
@click.option("--curl", "as_curl", is_flag=True, help="Print each request as a curl command.")
@click.option("--powershell", is_flag=True, help="Print each request as a PowerShell command.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of result.json, alone.")
@options.out
def report(
    run: str | None,
    open_it: bool,
    html_file: Path | None,
    junit_file: Path | None,
    har_file: Path | None,
    as_curl: bool,
    powershell: bool,
    schema: bool,
    out: Path,
) -> None:
    """Show a kept run again: as a table, a page, JUnit XML, an HTTP archive, or commands.

    RUN is the folder of a run, its document (result.json, check.json, crowd.json, plan.json), or
    its name in --out. It can also be what was run: crash, mine.py, check, crowd or plan stands
    for its newest run that has a report. Without RUN, this command shows the newest run of all.
    `lab runs` lists them. A run may come from another machine.

    Without options, this command prints what was found, and writes report.html next to the
    document: one page that needs no network and runs no scripts. --har and --curl work for
    runs of `lab run` only; a plan has no JUnit XML.

    Examples:
        lab report --open                 open the newest run in the browser
        lab report crash --open           the newest run of crash
        lab report --junit results.xml    for CI: an unmet expectation fails
        lab report RUN --curl | less      every request, to send it again
    """
    from lab.cli.report_forms import PageForms, RunForms, schema_text, write, write_commands
    from lab.report import catalog, summary

    if schema:
        write_document(schema_text())
        return
    document, passed_over = catalog.find(run, out)
    for each in passed_over:
        said = f"passed over {each.folder.name}: {each.found}"
        err.print(Text(f"· {said}", "dim"), soft_wrap=True)
    kind = summary.summary(document).kind
    if kind != "run" and (har_file or as_curl or powershell):
        raise LabError(
            f"{document} comes from lab {kind}, which keeps no requests to send again: leave out "
            "--har, --curl and --powershell"
        )
    shown = RunForms(document) if kind == "run" else PageForms(kind, document)
    if junit_file:
        write(junit_file, shown.junit())
    if isinstance(shown, RunForms):
        if har_file:
            from lab.report.har import archive

            write(har_file, json.dumps(archive(shown.run), indent=1) + "\n")
        if as_curl or powershell:
            write_commands(shown.run, "powershell" if powershell else "posix")
    if html_file or open_it or not (junit_file or har_file or as_curl or powershell):
        page = html_file or document.parent / kept.REPORT_PAGE
        write(page, shown.html())
        if str(page) != "-":
            if not html_file and not open_it:
                screen.print(shown.view())
            screen.print(Text(f"report: {page}"), soft_wrap=True)
        if open_it and not webbrowser.open(page.absolute().as_uri()):
            raise LabError(f"found no browser: open {page} in one")


COMMANDS = (report,)
