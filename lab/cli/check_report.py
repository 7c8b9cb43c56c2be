"""What `lab check` found: written into the run's folder, and shown on the screen."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from lab.check.causes import in_words
from lab.check.curl import as_curl
from lab.check.document import CheckDocument, document, text
from lab.check.judge import ASSERTION_FAILED, LEVEL_SIGNS, Finding, Level, Report
from lab.check.render import as_junit, explain
from lab.check.replicas.script import pair_lines, replicas_as_curl
from lab.check.sarif import Checked, as_sarif
from lab.check.start import Start
from lab.cli import kept
from lab.cli.output import screen
from lab.core.redaction import redact_text
from lab.core.text import counted

if TYPE_CHECKING:
    from rich.table import Table

    from lab.cli.check_batch import Batch


@dataclass(frozen=True)
class CiFiles:
    """The files that a CI system reads, None if none is asked for; and the conversation's."""

    junit: Path | None
    sarif: Path | None
    conversation: Path | None

    def write(self, found: CheckDocument) -> None:
        """Write the files that are asked for."""
        if self.junit:
            kept.write(self.junit, as_junit(found))
        if self.sarif:
            kept.write(self.sarif, as_sarif([Checked(found, self.from_here())]))

    def from_here(self) -> Path | None:
        """Return the conversation's file as seen from this folder, which a repository's is."""
        if self.conversation is None:
            return None
        with suppress(ValueError):
            return self.conversation.absolute().relative_to(Path.cwd())
        return self.conversation


def keep(
    report: Report,
    start: Start,
    folder: Path,
    allowed: frozenset[Level],
    files: CiFiles,
    batch: "Batch | None" = None,
) -> tuple[str, str]:
    """Write what was found into the run's folder; return the document, and cause and advice.

    Of a batch, the files for CI are written when all of it has been checked.
    """
    found = document(
        report,
        explain(report),
        allowed=allowed,
        command=start.command,
        script=_script(report, start),
        part_scripts={part.name: _script(part.report, start) for part in report.parts},
    )
    kept.leave_check(folder, found)
    if batch is None:
        files.write(found)
    else:
        batch.found.append((found, files.from_here()))
    likely = in_words(found.causes)
    return text(found), f"{likely}\n\n{found.explanation}" if likely else found.explanation


def show(report: Report, start: Start, folder: Path) -> None:
    """Print the verdict, what was found and the shortest script that shows it."""
    mark = ASSERTION_FAILED if report.failed else LEVEL_SIGNS[report.level]
    worst = ", ".join(each.name for each in report.parts if each.report.level is report.level)
    because = redact_text(report.because if report.failed or not worst else worst)
    headline = f"{mark.sign} {_headline(report)}  "
    screen.print(Text.assemble((headline, mark.style), because), soft_wrap=True)
    if report.partial and report.started:
        screen.print(Text("Cut short: this is what was known.", "yellow"))
    for part in report.parts:
        mark = LEVEL_SIGNS[part.report.level]
        said = f"  {redact_text(part.report.because)}"
        screen.print(
            Text.assemble((f"{mark.sign} {part.name}: {mark.word}", mark.style), said),
            soft_wrap=True,
        )
    if report.findings:
        screen.print(_table(report))
    if report.spread:
        for line in report.spread.lines():
            screen.print(plain_text(redact_text(line)), soft_wrap=True)
    for index, places in sorted(report.masked.items()):
        said = f"varies by itself, not compared: {index + 1} {', '.join(places)}"
        screen.print(plain_text(said, "dim"), soft_wrap=True)
    for note in report.notes:
        if note != report.because:
            screen.print(Text(f"! {redact_text(note)}", "yellow"), soft_wrap=True)
    for part in report.parts:
        _show_shortest(part.report, start, f", for the {part.name}")
    if not report.parts:
        _show_shortest(report, start)
    processes = "" if report.spread else f" {counted(report.processes, 'process', 'processes')},"
    spent = f"{counted(report.requests, 'request')},{processes} {report.seconds:.1f} s"
    screen.print(
        Text(f"{spent}; kept: {folder} (check.json, report.html, logs)", "dim"), soft_wrap=True
    )


def allowed_levels(allow: tuple[str, ...], *, running: bool = False) -> frozenset[Level]:
    """Return the levels that pass, with those that `--allow` names; of what runs already one."""
    if running:
        return frozenset({Level.ALIKE})
    named = {"backing-service": Level.BACKING_SERVICE, "disk": Level.DISK}
    return frozenset({Level.SELF_CONTAINED, *(named[each] for each in allow)})


def exit_status(report: Report, allowed: frozenset[Level]) -> int:
    """Return 0 if the report passes, 1 for state, 3 if it is not known."""
    if report.failed:
        return 1
    if report.passes(allowed):
        return 0
    return 3 if report.level in (Level.UNKNOWN, *allowed) else 1


def _headline(report: Report) -> str:
    return "A CHECK OF YOURS FAILED" if report.failed else str(report.level).upper()


def _show_shortest(report: Report, start: Start, of: str = "") -> None:
    if report.reproducer is None:
        return
    if report.reproducer.unprintable:
        screen.print(Text(f"\nTo see it{of}:", "bold"))
        screen.print(plain_text(report.reproducer.unprintable), soft_wrap=True)
        return
    times = f"{report.reproducer.confirmed} of {report.reproducer.tries}"
    if report.spread:
        screen.print(Text("\nThe requests that show it:", "bold"))
        for line in pair_lines(report):
            screen.print(plain_text(line), soft_wrap=True)
    said = f"\nThe shortest script that shows it{of} (seen again {times} times):"
    if report.reproducer.repeated:
        said = f"\nA script that shows it{of} ({times} answers differed):"
    screen.print(Text(said, "bold"))
    screen.print(plain_text(_script(report, start)), soft_wrap=True)


def _script(report: Report, start: Start) -> str:
    if report.reproducer is None or report.reproducer.unprintable:
        return ""
    return replicas_as_curl(report, start.host) if report.spread else as_curl(report, start)


def _table(report: Report) -> "Table":
    from rich.table import Table  # takes its time, which a first process can use

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "call", "status", "verdict", "needs", "first difference"):
        table.add_column(heading, overflow="fold")
    for finding in report.findings:
        needs = ", ".join(str(index + 1) for index in finding.needs or ())
        if finding.like is not None:
            needs = f"as {finding.like + 1}"
        difference = str(finding.differences[0]) if finding.differences else ""
        table.add_row(
            str(finding.index + 1),
            Text(finding.title),
            str(finding.status or "none"),
            _verdict(finding),
            needs,
            Text(difference),
        )
    return table


def _verdict(finding: Finding) -> Text:
    mark = LEVEL_SIGNS[finding.level]
    if finding.known:
        return Text(f"{mark}, {finding.known}", "dim")
    if finding.verdict != str(finding.level):
        return Text(finding.verdict, "dim")
    return Text(str(mark), mark.style)


def plain_text(text: str, style: str = "") -> Text:
    """Return text for the screen: nothing in it is markup, and all of it can be written."""
    return Text(text.encode("utf-8", "backslashreplace").decode(), style)
