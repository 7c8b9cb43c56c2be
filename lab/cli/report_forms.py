"""A kept run in the forms that `lab report` shows it in: table, page, JUnit XML, commands."""

import json
from functools import cached_property
from pathlib import Path

from rich.console import RenderableType

from lab.cli import kept
from lab.cli.output import write_document
from lab.core.page import ReportPage
from lab.evidence.run_document import RunDocument, json_schema
from lab.report import saved
from lab.report.page_terminal import page_view
from lab.report.terminal import verdicts_table


class RunForms:
    """A run of `lab run`, in the forms that it can be shown in."""

    def __init__(self, document: Path) -> None:
        self.run = saved.read(document).document

    def view(self) -> RenderableType:
        """Return the table for a terminal."""
        return verdicts_table(self.run.experiments)

    def html(self) -> str:
        """Return the page."""
        from lab.report.html import page  # loads templates and charts

        return page(self.run)

    def junit(self) -> str:
        """Return JUnit XML."""
        from lab.report.junit import junit_xml

        return junit_xml(self.run)


class PageForms:
    """A check, a crowd or a plan, in the forms that it can be shown in."""

    def __init__(self, kind: str, document: Path) -> None:
        self._kind, self._document = kind, document

    @cached_property
    def _page(self) -> ReportPage:
        return kept.page_of(self._kind, self._document)

    def view(self) -> RenderableType:
        """Return the table for a terminal."""
        return page_view(self._page)

    def html(self) -> str:
        """Return the page."""
        from lab.report.page_html import page_html

        return page_html(self._page)

    def junit(self) -> str:
        """Return JUnit XML."""
        return kept.junit_of(self._kind, self._document)


def schema_text() -> str:
    """Return the JSON Schema of a run's document, as text."""
    return json.dumps(json_schema(), indent=1) + "\n"


def write_commands(document: RunDocument, form: str) -> None:
    """Write each request of a run on stdout, as a command of a POSIX shell or of PowerShell."""
    from lab.report import curl

    write_document(curl.POWERSHELL_HEAD if form == "powershell" else curl.POSIX_HEAD)
    for experiment in document.experiments:
        for line in curl.lines(experiment, form):
            write_document(f"{line}\n")


def write(path: Path, text: str) -> None:
    """Write a text into a file; - is stdout."""
    if str(path) == "-":
        write_document(text)
    else:
        kept.write(path, text)
